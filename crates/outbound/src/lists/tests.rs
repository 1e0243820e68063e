//! Lists: how entries are written, and what they let pass.

use super::*;

/// What a connection to a host that resolves to an address is: `None` where it may be made.
fn judge(lists: &str, host: &str, address: &str) -> Option<Refusal> {
    let lists: Lists = lists.parse().expect("lists");
    let host = parse_host(host).expect("the host of a URL");
    let judged = match lists.check_host(&host) {
        Ok(judged) => judged,
        Err(refusal) => return Some(refusal),
    };
    judged.check(address.parse().expect("an address")).err()
}

#[test]
fn entries_are_read_in_many_spellings_and_written_in_one() {
    for (text, written) in [
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.77/24", "203.0.113.0/24"),
        ("203.0.113.7", "203.0.113.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("[2001:db8::1]", "2001:db8::1/128"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("[::ffff:cb00:7107]", "203.0.113.7/32"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("64:ff9b::/96", "64:ff9b::/96"),
        ("api.example.com", "api.example.com"),
        ("API.Example.COM.", "api.example.com"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("_srv.example.com", "_srv.example.com"),
        ("*.example.com", "*.example.com"),
        ("*.EXAMPLE.com.", "*.example.com"),
        ("*.com", "*.com"),
    ] {
        let entry: Entry = text.parse().unwrap_or_else(|_| panic!("{text} is an entry"));
        assert_eq!(entry.to_string(), written, "{text}");
        assert_eq!(written.parse(), Ok(entry), "{text}");
    }
}

#[test]
fn what_could_mean_several_things_is_no_entry() {
    for text in [
        "",
        " ",
        ".",
        "*",
        "*.",
        "**.example.com",
        "*example.com",
        "api.*.com",
        "*.*.com",
        "*.203.0.113.7",
        "*.[::1]",
        "203.0.113.0/33",
        "203.0.113.0/",
        "203.0.113.0/-1",
        "203.0.113.0/255.255.255.0",
        "203.0.113/24",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.07",
        "0x7f.1",
        "2130706433",
        "127.1",
        "::1/129",
        "[::1]/128",
        "[::1",
        "fe80::1%eth0",
        "example.com:443",
        "203.0.113.7:80",
        "https://example.com",
        "example.com/path",
        "user@example.com",
        "example..com",
        ".example.com",
        "bücher.example",
        "exa mple.com",
        "example.com ",
        "+example.com",
        "a\0b",
    ] {
        assert_eq!(text.parse::<Entry>(), Err(NoEntry), "{text:?}");
    }
    let long = format!("{}.example", "a".repeat(64));
    assert_eq!(long.parse::<Entry>(), Err(NoEntry));
}

#[test]
fn lists_are_written_and_read_back() {
    for text in [
        "",
        "+",
        "+203.0.113.0/24 +*.example.com",
        "-10.0.0.0/8 -api.example.com",
        "+203.0.113.0/24 -203.0.113.7/32",
        "+ -203.0.113.7/32",
    ] {
        let lists: Lists = text.parse().expect("lists");
        assert_eq!(lists.to_string(), text);
    }
    assert_eq!("".parse(), Ok(Lists::default()));
    assert_eq!("+".parse(), Ok(Lists::closed()));
    for text in [" ", "a", "+a  -b", "-", "+a +", "ä", "+127.1", "+a,b"] {
        if text == "+a +" {
            assert_eq!(text.parse::<Lists>().map(|lists| lists.to_string()), Ok("+a".to_owned()));
            continue;
        }
        assert_eq!(text.parse::<Lists>(), Err(NoLists), "{text:?}");
    }
}

#[test]
fn without_lists_everything_passes() {
    assert_eq!(judge("", "example.com", "203.0.113.7"), None);
    assert_eq!(judge("", "203.0.113.7", "203.0.113.7"), None);
}

#[test]
fn an_empty_list_of_what_is_allowed_allows_nothing() {
    for host in ["example.com", "203.0.113.7", "[2001:db8::1]", "localhost"] {
        assert_eq!(judge("+", host, "203.0.113.7"), Some(Refusal::NotAllowed), "{host}");
    }
}

#[test]
fn a_host_is_itself_and_nothing_else() {
    let lists = "+api.example.com";
    for host in ["api.example.com", "API.EXAMPLE.COM", "Api.Example.Com."] {
        assert_eq!(judge(lists, host, "203.0.113.7"), None, "{host}");
    }
    for host in [
        "example.com",
        "v1.api.example.com",
        "xapi.example.com",
        "api.example.com.evil.test",
        "api-example.com",
        "apixexample.com",
        "203.0.113.7",
        "[2001:db8::1]",
    ] {
        assert_eq!(judge(lists, host, "203.0.113.7"), Some(Refusal::NotAllowed), "{host}");
    }
}

#[test]
fn a_star_means_the_hosts_below() {
    let lists = "+*.example.com";
    for host in ["a.example.com", "a.b.example.com", "A.EXAMPLE.com.", "_x.example.com"] {
        assert_eq!(judge(lists, host, "203.0.113.7"), None, "{host}");
    }
    for host in ["example.com", "notexample.com", "a.example.com.evil.test", "a.example.org"] {
        assert_eq!(judge(lists, host, "203.0.113.7"), Some(Refusal::NotAllowed), "{host}");
    }
}

#[test]
fn an_allowed_range_judges_the_address_that_is_used() {
    let lists = "+203.0.113.0/24 +2001:db8::/32";
    for (host, address) in [
        ("any.example", "203.0.113.0"),
        ("any.example", "203.0.113.255"),
        ("203.0.113.7", "203.0.113.7"),
        ("any.example", "::ffff:203.0.113.7"),
        ("[::ffff:203.0.113.7]", "::ffff:203.0.113.7"),
        ("any.example", "64:ff9b::203.0.113.7"),
        ("any.example", "2001:db8::7"),
    ] {
        assert_eq!(judge(lists, host, address), None, "{host} at {address}");
    }
    for (host, address) in [
        ("any.example", "203.0.112.255"),
        ("any.example", "203.0.114.0"),
        ("any.example", "::ffff:203.0.114.0"),
        ("any.example", "2001:db9::"),
        ("198.51.100.1", "198.51.100.1"),
        ("localhost", "127.0.0.1"),
    ] {
        let refusal = judge(lists, host, address);
        assert_eq!(refusal, Some(Refusal::NotAllowed), "{host} at {address}");
    }
}

#[test]
fn a_name_or_a_range_is_enough() {
    let lists = "+api.example.com +203.0.113.0/24";
    assert_eq!(judge(lists, "api.example.com", "198.51.100.1"), None);
    assert_eq!(judge(lists, "other.example", "203.0.113.7"), None);
    assert_eq!(judge(lists, "other.example", "198.51.100.1"), Some(Refusal::NotAllowed));
}

#[test]
fn what_is_denied_is_denied_although_it_is_allowed() {
    let lists = "+*.example.com +203.0.113.0/24 -api.example.com -*.old.example.com \
                 -203.0.113.128/25 -::ffff:198.51.100.0/120";
    for (host, address) in [
        ("api.example.com", "203.0.113.7"),
        ("API.example.com.", "203.0.113.7"),
        ("a.old.example.com", "203.0.113.7"),
        ("www.example.com", "203.0.113.200"),
        ("www.example.com", "::ffff:203.0.113.200"),
        ("www.example.com", "64:ff9b::cb00:71c8"),
        ("203.0.113.200", "203.0.113.200"),
        ("[::ffff:203.0.113.200]", "::ffff:203.0.113.200"),
        ("www.example.com", "198.51.100.1"),
    ] {
        assert_eq!(judge(lists, host, address), Some(Refusal::Denied), "{host} at {address}");
    }
    for host in ["www.example.com", "old.example.com", "v1.api.example.com"] {
        assert_eq!(judge(lists, host, "203.0.113.7"), None, "{host}");
        assert_eq!(judge(lists, host, "192.0.2.1"), None, "{host}");
    }
}

#[test]
fn what_is_denied_alone_leaves_the_rest() {
    let lists = "-evil.example -*.evil.example -203.0.113.0/24";
    assert_eq!(judge(lists, "evil.example", "198.51.100.1"), Some(Refusal::Denied));
    assert_eq!(judge(lists, "a.b.evil.example", "198.51.100.1"), Some(Refusal::Denied));
    assert_eq!(judge(lists, "harmless.example", "203.0.113.1"), Some(Refusal::Denied));
    assert_eq!(judge(lists, "notevil.example", "198.51.100.1"), None);
}
