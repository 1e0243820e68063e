//! Spellings of addresses, and whether they are refused.

use super::*;

/// Hosts that must be read as an address and refused.
const REFUSED: &[&str] = &[
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.0.0.53",
    "127.1.1.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.253",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.0",
    "172.17.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.0",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    "224.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "239.255.255.255",
    "240.0.0.0",
    "240.0.0.1",
    "255.255.255.254",
    "255.255.255.255",
    "[::]",
    "[::0]",
    "[0:0:0:0:0:0:0:0]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[::0.0.0.1]",
    "[::2]",
    "[::7f00:1]",
    "[::127.0.0.1]",
    "[::10.0.0.1]",
    "[::169.254.169.254]",
    "[::8.8.8.8]",
    "[::808:808]",
    "[::ffff:0.0.0.0]",
    "[::ffff:0:0]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a00:1]",
    "[::ffff:100.64.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:172.16.0.1]",
    "[::ffff:192.168.0.1]",
    "[::ffff:c0a8:1]",
    "[::ffff:198.18.0.1]",
    "[::ffff:224.0.0.1]",
    "[::ffff:255.255.255.255]",
    "[::ffff:168.63.129.16]",
    "[::ffff:0:127.0.0.1]",
    "[::ffff:0:8.8.8.8]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::192.168.1.1]",
    "[0064:ff9b:0:0:0:0:c0a8:101]",
    "[64:ff9b::0.0.0.0]",
    "[64:ff9b:0:0:0:1:808:808]",
    "[64:ff9b:1::1]",
    "[64:ff9b:1::8.8.8.8]",
    "[64:ff9b:1:ffff:ffff:ffff:a00:1]",
    "[100::]",
    "[100::1]",
    "[100:0:0:1::1]",
    "[1000::1]",
    "[1fff:ffff::1]",
    "[2001::]",
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:0:0:0:0:0:80ff:fffe]",
    "[2001:1::1]",
    "[2001:2::1]",
    "[2001:3::1]",
    "[2001:4:112::1]",
    "[2001:10::1]",
    "[2001:1f:ffff::1]",
    "[2001:20::1]",
    "[2001:2f:ffff::1]",
    "[2001:30::1]",
    "[2001:1ff:ffff::1]",
    "[2001:db8::]",
    "[2001:db8::1]",
    "[2001:0db8:0000:0000:0000:0000:0000:0001]",
    "[2001:DB8:ffff:ffff:ffff:ffff:ffff:ffff]",
    "[2002::]",
    "[2002:7f00:1::]",
    "[2002:7f00:1::1]",
    "[2002:a00:1::1]",
    "[2002:a9fe:a9fe::1]",
    "[2002:c0a8:101::1]",
    "[2002:808:808::1]",
    "[2a00:1450:4001:81b:0:5efe:a00:1]",
    "[2a00:1450:4001:81b:200:5efe:808:808]",
    "[3fff::1]",
    "[3fff:fff:ffff::1]",
    "[4000::1]",
    "[5f00::1]",
    "[5f00:ffff::1]",
    "[8000::1]",
    "[e000::1]",
    "[fbff::1]",
    "[fc00::]",
    "[fc00::1]",
    "[fd00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
    "[fe00::1]",
    "[fe80::]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
    "[febf:ffff::1]",
    "[fec0::1]",
    "[feff::1]",
    "[ff00::1]",
    "[ff01::1]",
    "[ff02::1]",
    "[ff05::2]",
    "[ff0e::1]",
    "[ffff::1]",
    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
];

/// Hosts that must be refused: other programs read many of these as 127.0.0.1 or another address.
const NOT_A_HOST: &[&str] = &[
    "", ".", "..", "0", "1", "127.1", "127.0.1", "127.0.0.1.", "127.0.0.1..", "127.0.0.01",
    "127.0.0.001", "0127.0.0.1", "0177.0.0.1", "0177.0.0.01", "0177.1", "017700000001",
    "0x7f.0.0.1", "0x7F.0.0.1", "0x7f.1", "0x7f000001", "0x7f.0x0.0x0.0x1", "0X7F000001", "0x",
    "2130706433", "2852039166", "4294967295", "4294967296", "3232235777", "0xa9fea9fe",
    "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "169.16689662", "256.0.0.1",
    "127.0.0.256", "1.2.3.4.5", "1.2.3", "127.0.0.1:80", "127.0.0.1 ", " 127.0.0.1",
    "127.0.0.1%00", "127.0.0.1\0", "127。0。0。1", "127%2e0%2e0%2e1", "%31%32%37.0.0.1",
    "①②⑦.⓪.⓪.①", "example.0x7f", "example.1", "example.00", "foo.127.0.0.1", "::1",
    "::ffff:127.0.0.1", "[::1", "::1]", "[]", "[127.0.0.1]", "[::1%25lo]", "[::1%lo]",
    "[fe80::1%eth0]", "[::ffff:127.1]", "[::ffff:0x7f.0.0.1]", "[::ffff:0177.0.0.1]",
    "[::ffff:2130706433]", "[0:0:0:0:0:0:0:0:1]", "[1::2::3]", "[::10000]", "[v1.fe80::a]",
    "[::1].", "[[::1]]", "exa mple.com", "example..com", ".example.com", "exämple.com",
    "user@127.0.0.1", "127.0.0.1#.example.com", "127.0.0.1/x", "127.0.0.1\\.example.com",
];

const PUBLIC: &[&str] = &[
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255",
    "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255",
    "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
    "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
    "[2001:200::1]", "[2001:4860:4860::8888]", "[2001:db7::1]", "[2001:db9::1]", "[2003::1]",
    "[2600::1]", "[2606:4700:4700::1111]", "[2a00:1450:4001:81b::200e]", "[3ffe::1]",
    "[3fff:1000::1]", "[::ffff:8.8.8.8]", "[::ffff:808:808]", "[64:ff9b::8.8.8.8]",
    "[64:ff9b::101:101]",
];

fn address(text: &str) -> IpAddr {
    match parse_host(text) {
        Some(Host::Address(address)) => address,
        other => panic!("{text} is {other:?}, not an address"),
    }
}

#[test]
fn inside_addresses_are_refused_in_every_spelling() {
    for text in REFUSED {
        assert!(check(address(text)).is_err(), "{text} passed");
        assert!(Policy::PublicOnly.check(address(text)).is_err(), "{text} passed");
    }
    assert!(REFUSED.len() >= 150, "{} spellings", REFUSED.len());
}

#[test]
fn public_addresses_pass() {
    for text in PUBLIC {
        assert_eq!(check(address(text)), Ok(()), "{text}");
        assert_eq!(Policy::AllowLoopback.check(address(text)), Ok(()), "{text}");
    }
}

#[test]
fn odd_literals_are_no_hosts() {
    for text in NOT_A_HOST {
        assert_eq!(parse_host(text), None, "{text}");
    }
    assert_eq!(parse_host(&format!("{}.com", "a".repeat(64))), None);
    assert_eq!(parse_host(&["abcdefg"; 40].join(".")), None);
}

#[test]
fn names_are_names() {
    let names =
        ["localhost", "example.com", "EXAMPLE.com.", "a_b.example", "xn--bcher-kva.example"];
    for text in names {
        let want = text.trim_end_matches('.').to_lowercase();
        assert_eq!(parse_host(text), Some(Host::Name(want)), "{text}");
    }
    for text in ["1.example", "0x7f.example", "127.0.0.1.nip.io", "0xg", "1a", "a1", "dead.beef"] {
        assert_eq!(parse_host(text), Some(Host::Name(text.into())), "{text}");
    }
}

#[test]
fn loopback_is_all_that_dev_adds() {
    let loopback = ["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"];
    for text in loopback {
        assert_eq!(Policy::AllowLoopback.check(address(text)), Ok(()), "{text}");
    }
    for text in REFUSED {
        let allowed = Policy::AllowLoopback.check(address(text)).is_ok();
        let is_loopback = match address(text) {
            IpAddr::V4(v4) => v4.octets()[0] == 127,
            IpAddr::V6(v6) => {
                v6 == Ipv6Addr::LOCALHOST
                    || v6.to_ipv4_mapped().is_some_and(|v4| v4.octets()[0] == 127)
            }
        };
        assert_eq!(allowed, is_loopback, "{text}");
    }
}

#[test]
fn local_names_are_known() {
    for (name, local) in [
        ("localhost", true),
        ("a.b.localhost", true),
        ("localhost.com", false),
        ("xlocalhost", false),
    ] {
        assert_eq!(is_local_name(name), local, "{name}");
    }
}

#[test]
fn operators_forbid_and_allow_ranges_of_their_own() {
    let ranges = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a range")).collect();
    let forbidden = ranges(&["93.184.216.0/24", "2606:2800::/32", "10.9.0.0/16"]);
    let rules = Rules::new(Policy::PublicOnly, forbidden, ranges(&["10.0.0.0/8", "fd00:1::/32"]));
    let check = |text: &str| rules.check(text.parse().expect("an address"));
    for allowed in ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5", "1.1.1.1"] {
        assert_eq!(check(allowed), Ok(()), "{allowed}");
    }
    for forbidden in
        ["93.184.216.34", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2606:2800::1", "10.9.1.1"]
    {
        assert_eq!(check(forbidden), Err(Refusal::Forbidden), "{forbidden}");
    }
    for special in ["192.168.1.1", "127.0.0.1", "fd00:2::1", "64:ff9b::a01:203"] {
        assert!(matches!(check(special), Err(Refusal::NotPublic(_))), "{special}");
    }
    let dev = Rules::new(Policy::AllowLoopback, ranges(&["127.0.0.2/32"]), Vec::new());
    assert_eq!(dev.check(IpAddr::from([127, 0, 0, 1])), Ok(()));
    assert_eq!(dev.check(IpAddr::from([127, 0, 0, 2])), Err(Refusal::Forbidden));
}

#[test]
fn ports_of_other_protocols_are_blocked() {
    assert!(BLOCKED_PORTS.is_sorted());
    for port in [0, 22, 25, 53, 143, 587, 6000, 6667, 10080] {
        assert!(is_blocked_port(port), "{port}");
    }
    for port in [80, 443, 8080, 3000, 5432, 6379, 8443, 10081, 65535] {
        assert!(!is_blocked_port(port), "{port}");
    }
}

/// The lists beside the tests of the program: see their heads.
fn listed(text: &str) -> Vec<IpAddr> {
    let urls = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let hosts = urls.filter_map(|url| {
        let uri: http::Uri = url::Url::parse(url).ok()?.as_str().parse().ok()?;
        match parse_host(uri.host()?) {
            Some(Host::Address(address)) => Some(address),
            _ => None,
        }
    });
    hosts.collect()
}

#[test]
fn no_spelling_of_an_inside_address_is_public() {
    let rules = Rules::new(Policy::PublicOnly, Vec::new(), Vec::new());
    let forbidden = listed(include_str!("../../../../tests/security/addresses/forbidden.txt"));
    assert!(forbidden.len() > 400, "{}", forbidden.len());
    for address in forbidden {
        assert!(rules.check(address).is_err(), "{address}");
    }
    let allowed = listed(include_str!("../../../../tests/security/addresses/allowed.txt"));
    assert!(allowed.len() > 40, "{}", allowed.len());
    for address in allowed {
        assert_eq!(rules.check(address), Ok(()), "{address}");
    }
}
