//! Runs the vectors of web-platform-tests straight through the functions behind the ops, where
//! their folder lies beside the checkout. The parts of a URL are cut out of it by the offsets, as
//! `url.js` does it.

use ada_url::Url;
use serde_json::Value;

use super::ops::{
    HASH, HOST, HOSTNAME, MAX_INPUT_BYTES, PASSWORD, PATHNAME, PORT, PROTOCOL, SEARCH, USERNAME,
    form_decode, form_encode, offsets, parse, set,
};

const ABSENT: u32 = u32::MAX;

/// The vectors of a file, or `None`, said aloud, when there are none.
fn vectors(name: &str) -> Option<Value> {
    let path = format!("{}/../../../shared/wpt-data/{name}", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {path} is not there");
        return None;
    };
    Some(serde_json::from_str(&without_lone_surrogates(&text)).unwrap())
}

/// Replaces escapes of lone surrogates, which JSON allows and Rust's strings do not, as ops do with
/// those in a string.
fn without_lone_surrogates(text: &str) -> String {
    let unit_at = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(escape, 16).ok()
    };
    let mut output = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(next) = text[at..].find("\\").map(|found| at + found) {
        output.push_str(&text[at..next]);
        let low_follows = unit_at(next + 6).is_some_and(|unit| (0xDC00..0xE000).contains(&unit));
        let taken = match unit_at(next) {
            Some(0xD800..0xDC00) if low_follows => 12,
            Some(0xD800..0xE000) => {
                output.push('\u{FFFD}');
                at = next + 6;
                continue;
            }
            Some(_) => 6,
            None => 2,
        };
        output.push_str(&text[next..next + taken]);
        at = next + taken;
    }
    output + &text[at..]
}

/// Whether a vector is older than the standard: since June 2026 (commit a8d5ca3716 of the URL
/// standard) a domain of ASCII characters stays as it is, lower-cased, even where a label that
/// begins with `xn--` is no valid Punycode. (A `%` is refused in any domain.)
fn was_invalid_punycode(text: &str) -> bool {
    text.is_ascii() && text.to_ascii_lowercase().contains("xn--") && !text.contains('%')
}

/// The members of a list that are no comments.
fn cases(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().unwrap().iter().filter(|case| case.is_object())
}

/// The parts of a URL by their names in JavaScript, cut out by the offsets.
fn part(url: &Url, name: &str) -> String {
    let href = url.href();
    let [protocol_end, username_end, host_start, host_end, port, path, search, hash, _] =
        offsets(url);
    let slice = |from: u32, to: u32| href[from as usize..to as usize].to_owned();
    let end = u32::try_from(href.len()).unwrap();
    let search_end = if hash == ABSENT { end } else { hash };
    let host_begin = host_start
        + u32::from(host_end > host_start && href.as_bytes()[host_start as usize] == b'@');
    match name {
        "href" => href.to_owned(),
        "origin" => url.origin(),
        "protocol" => slice(0, protocol_end),
        "username" if protocol_end + 2 < username_end => slice(protocol_end + 2, username_end),
        "password" if username_end + 1 < host_start => slice(username_end + 1, host_start),
        "host" if host_begin != host_end => slice(host_begin, path),
        "hostname" => slice(host_begin, host_end),
        "port" if port != ABSENT => slice(host_end + 1, path),
        "pathname" => slice(path, search.min(search_end)),
        "search" if search != ABSENT && search + 1 < search_end => slice(search, search_end),
        "hash" if hash != ABSENT && hash + 1 < end => slice(hash, end),
        "username" | "password" | "host" | "port" | "search" | "hash" => String::new(),
        _ => panic!("a vector names the part {name}"),
    }
}

/// Collects what differs, so that one run shows all of it.
#[derive(Default)]
struct Differences(Vec<String>, usize);

impl Differences {
    fn compare(&mut self, what: &str, got: Option<&str>, expected: Option<&str>) {
        self.1 += 1;
        if got != expected {
            self.0.push(format!("{what}: got {got:?}, expected {expected:?}"));
        }
    }

    fn finish(self, at_least: usize) {
        assert!(self.1 >= at_least, "only {} comparisons", self.1);
        assert!(self.0.is_empty(), "{} differ:\n{}", self.0.len(), self.0.join("\n"));
    }
}

#[test]
fn urltestdata() {
    let Some(list) = vectors("urltestdata.json") else { return };
    let mut differences = Differences::default();
    for case in cases(&list) {
        let input = case["input"].as_str().unwrap();
        let base = case["base"].as_str();
        let url = parse(input, base);
        let what = format!("{input:?} against {base:?}");
        if case["failure"] == true && was_invalid_punycode(input) {
            let host = url.map(|url| part(&url, "hostname")).unwrap_or_default();
            differences.compare(&what, Some("xn--"), host.find("xn--").map(|at| &host[at..at + 4]));
            continue;
        }
        if case["failure"] == true {
            differences.compare(&what, url.as_ref().map(Url::href), None);
            continue;
        }
        let Some(url) = url else {
            differences.compare(&what, None, case["href"].as_str());
            continue;
        };
        for name in [
            "href", "origin", "protocol", "username", "password", "host", "hostname", "port",
            "pathname", "search", "hash",
        ] {
            let Some(expected) = case[name].as_str() else { continue };
            let what = format!("{what}: {name}");
            differences.compare(&what, Some(&part(&url, name)), Some(expected));
        }
    }
    differences.finish(5_000);
}

#[test]
fn setters() {
    let Some(groups) = vectors("setters_tests.json") else { return };
    let mut differences = Differences::default();
    let parts = [
        ("protocol", PROTOCOL),
        ("username", USERNAME),
        ("password", PASSWORD),
        ("host", HOST),
        ("hostname", HOSTNAME),
        ("port", PORT),
        ("pathname", PATHNAME),
        ("search", SEARCH),
        ("hash", HASH),
    ];
    for (name, number) in parts {
        for case in cases(&groups[name]) {
            let href = case["href"].as_str().unwrap();
            let value = case["new_value"].as_str().unwrap();
            let mut url = parse(href, None).unwrap();
            set(&mut url, number, value);
            if was_invalid_punycode(value) {
                differences.compare(value, Some(&part(&url, "hostname")), Some(value));
                continue;
            }
            for (part_name, expected) in case["expected"].as_object().unwrap() {
                let what = format!("{href:?}.{name} = {value:?}: {part_name}");
                differences.compare(&what, Some(&part(&url, part_name)), expected.as_str());
            }
        }
    }
    differences.finish(600);
}

/// Files of inputs that are host names and what they become.
fn host_vectors(file: &str, at_least: usize) {
    let Some(list) = vectors(file) else { return };
    let mut differences = Differences::default();
    for case in cases(&list) {
        let input = case["input"].as_str().unwrap();
        if input.is_empty() {
            continue;
        }
        let url = parse(&format!("https://{input}/x"), None);
        let lowered = was_invalid_punycode(input).then(|| input.to_ascii_lowercase());
        let expected = case["output"].as_str().or(lowered.as_deref());
        differences.compare(input, url.map(|url| part(&url, "hostname")).as_deref(), expected);

        let mut url = parse("https://x/x", None).unwrap();
        set(&mut url, HOSTNAME, input);
        // The setter stops at what ends a host; the constructor takes the rest for other parts.
        if !input.contains(['/', '?', '#', '\\', '@', ':']) {
            let what = format!("hostname = {input:?}");
            let expected = expected.unwrap_or("x");
            differences.compare(&what, Some(&part(&url, "hostname")), Some(expected));
        }
    }
    differences.finish(at_least);
}

#[test]
fn toascii() {
    host_vectors("toascii.json", 100);
}

#[test]
fn idna() {
    host_vectors("IdnaTestV2.json", 4_000);
}

#[test]
fn percent_encoding_is_utf8_in_paths_queries_and_fragments() {
    let Some(list) = vectors("percent-encoding.json") else { return };
    let mut differences = Differences::default();
    for case in cases(&list) {
        let input = case["input"].as_str().unwrap();
        let mut url = parse("data:x", None).unwrap();
        set(&mut url, SEARCH, input);
        set(&mut url, HASH, input);
        let expected = case["output"]["utf-8"].as_str().unwrap();
        differences.compare(input, Some(&part(&url, "search")[1..]), Some(expected));
        differences.compare(input, Some(&part(&url, "hash")[1..]), Some(expected));
    }
    differences.finish(10);
}

#[test]
fn form_decoding() {
    assert_eq!(form_decode("a+b%20c"), "a b c");
    assert_eq!(form_decode("%2%2af%2a%"), "%2*f*%");
    assert_eq!(form_decode("%+1%-1%g1"), "% 1%-1%g1");
    assert_eq!(form_decode("%EF%BB%BFx"), "\u{FEFF}x", "a byte order mark stays");
    assert_eq!(form_decode("%FE%C2x"), "\u{FFFD}\u{FFFD}x");
    assert_eq!(form_decode("møø%c3%b8"), "møøø");
}

#[test]
fn form_encoding() {
    assert_eq!(form_encode("aZ09*-._ ~"), "aZ09*-._+%7E");
    assert_eq!(form_encode("ø&=\0"), "%C3%B8%26%3D%00");
}

#[test]
fn inputs_have_a_bound() {
    let long = format!("data:{}", "x".repeat(MAX_INPUT_BYTES));
    assert!(parse(&long, None).is_none());
    assert!(parse("x", Some(&long)).is_none());
    let mut url = parse("data:x", None).unwrap();
    set(&mut url, HASH, &long);
    assert_eq!(url.href(), "data:x");
}
