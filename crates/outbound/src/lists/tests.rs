//! What lists let pass.

use super::*;
use crate::policy::parse_host;

/// Why no connection to a host that resolves to an address is made; `None` where one is.
fn refusal(lists: &str, host: &str, address: &str) -> Option<Refusal> {
    let lists: Lists = lists.parse().expect("lists");
    let host = parse_host(host).expect("the host of a URL");
    match judge(&lists, &host) {
        Ok(judged) => judged.check(address.parse().expect("an address")).err(),
        Err(refusal) => Some(refusal),
    }
}

#[test]
fn without_lists_everything_passes() {
    assert_eq!(refusal("", "example.com", "203.0.113.7"), None);
    assert_eq!(refusal("", "203.0.113.7", "203.0.113.7"), None);
}

#[test]
fn an_empty_list_of_what_is_allowed_allows_nothing() {
    for host in ["example.com", "203.0.113.7", "[2001:db8::1]", "localhost"] {
        assert_eq!(refusal("+", host, "203.0.113.7"), Some(Refusal::NotAllowed), "{host}");
    }
}

#[test]
fn a_host_is_itself_and_nothing_else() {
    let lists = "+api.example.com";
    for host in ["api.example.com", "API.EXAMPLE.COM", "Api.Example.Com."] {
        assert_eq!(refusal(lists, host, "203.0.113.7"), None, "{host}");
    }
    for host in [
        "example.com", "v1.api.example.com", "xapi.example.com", "api.example.com.evil.test",
        "api-example.com", "apixexample.com", "203.0.113.7", "[2001:db8::1]",
    ] {
        assert_eq!(refusal(lists, host, "203.0.113.7"), Some(Refusal::NotAllowed), "{host}");
    }
}

#[test]
fn a_star_means_the_hosts_below() {
    let lists = "+*.example.com";
    for host in ["a.example.com", "a.b.example.com", "A.EXAMPLE.com.", "_x.example.com"] {
        assert_eq!(refusal(lists, host, "203.0.113.7"), None, "{host}");
    }
    for host in ["example.com", "notexample.com", "a.example.com.evil.test", "a.example.org"] {
        assert_eq!(refusal(lists, host, "203.0.113.7"), Some(Refusal::NotAllowed), "{host}");
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
        assert_eq!(refusal(lists, host, address), None, "{host} at {address}");
    }
    for (host, address) in [
        ("any.example", "203.0.112.255"),
        ("any.example", "203.0.114.0"),
        ("any.example", "::ffff:203.0.114.0"),
        ("any.example", "2001:db9::"),
        ("198.51.100.1", "198.51.100.1"),
        ("localhost", "127.0.0.1"),
    ] {
        let refused = refusal(lists, host, address);
        assert_eq!(refused, Some(Refusal::NotAllowed), "{host} at {address}");
    }
}

#[test]
fn a_name_or_a_range_is_enough() {
    let lists = "+api.example.com +203.0.113.0/24";
    assert_eq!(refusal(lists, "api.example.com", "198.51.100.1"), None);
    assert_eq!(refusal(lists, "other.example", "203.0.113.7"), None);
    assert_eq!(refusal(lists, "other.example", "198.51.100.1"), Some(Refusal::NotAllowed));
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
        assert_eq!(refusal(lists, host, address), Some(Refusal::Denied), "{host} at {address}");
    }
    for host in ["www.example.com", "old.example.com", "v1.api.example.com"] {
        assert_eq!(refusal(lists, host, "203.0.113.7"), None, "{host}");
        assert_eq!(refusal(lists, host, "192.0.2.1"), None, "{host}");
    }
}

#[test]
fn what_is_denied_alone_leaves_the_rest() {
    let lists = "-evil.example -*.evil.example -203.0.113.0/24";
    assert_eq!(refusal(lists, "evil.example", "198.51.100.1"), Some(Refusal::Denied));
    assert_eq!(refusal(lists, "a.b.evil.example", "198.51.100.1"), Some(Refusal::Denied));
    assert_eq!(refusal(lists, "harmless.example", "203.0.113.1"), Some(Refusal::Denied));
    assert_eq!(refusal(lists, "notevil.example", "198.51.100.1"), None);
}
