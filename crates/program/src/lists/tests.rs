//! Lists: how they are written.

use super::*;

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
        let entry: Destinations = text.parse().unwrap_or_else(|_| panic!("{text} is an entry"));
        assert_eq!(entry.to_string(), written, "{text}");
        assert_eq!(written.parse(), Ok(entry), "{text}");
    }
}

#[test]
fn what_could_mean_several_things_is_no_entry() {
    for text in [
        "", " ", ".", "*", "*.", "**.example.com", "*example.com", "api.*.com", "*.*.com",
        "*.203.0.113.7", "*.[::1]", "203.0.113.0/33", "203.0.113.0/", "203.0.113.0/-1",
        "203.0.113.0/255.255.255.0", "203.0.113/24", "203.0.113", "203.0.113.256", "203.0.113.07",
        "0x7f.1", "2130706433", "127.1", "::1/129", "[::1]/128", "[::1", "fe80::1%eth0",
        "example.com:443", "203.0.113.7:80", "https://example.com", "example.com/path",
        "user@example.com", "example..com", ".example.com", "bücher.example", "exa mple.com",
        "example.com ", "+example.com", "a\0b",
    ] {
        assert_eq!(text.parse::<Destinations>(), Err(NoDestinations), "{text:?}");
    }
    let long = format!("{}.example", "a".repeat(64));
    assert_eq!(long.parse::<Destinations>(), Err(NoDestinations));
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
    for text in [" ", "a", "+a  -b", "+a ", "-", "ä", "+127.1", "+a,b"] {
        assert_eq!(text.parse::<Lists>(), Err(NoLists), "{text:?}");
    }
}
