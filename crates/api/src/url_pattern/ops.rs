//! Ops of the URL Pattern standard: what the parser of URLs makes of one component, and the
//! components of a URL. They ask the library that `URL` asks, so both agree on every URL.

use std::fmt::Write;

use ada_url::Url;
use isolate::{Field, List};

use crate::url::parse;

/// Longest value of one component, in bytes of UTF-8. JavaScript refuses longer patterns before.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// The components by the numbers of `components.js`.
const PROTOCOL: u32 = 0;
const USERNAME: u32 = 1;
const PASSWORD: u32 = 2;
const HOSTNAME: u32 = 3;
const PORT: u32 = 4;
const PATHNAME: u32 = 5;
const SEARCH: u32 = 6;
const HASH: u32 = 7;
/// A pathname of a URL whose path is opaque.
const OPAQUE_PATHNAME: u32 = 8;
/// A hostname that is an address of IPv6, or a part of one.
const IPV6_HOSTNAME: u32 = 9;

/// The canonical form of a component; `None` when it is not valid. `protocol` matters to a port.
/// <https://urlpattern.spec.whatwg.org/#canon-encoding-callbacks>
pub fn canonicalize(component: u32, value: &str, protocol: &str) -> Option<String> {
    if value.is_empty() {
        return Some(String::new());
    }
    if value.len() > VALUE_BYTES_MAX {
        return None;
    }
    match component {
        PROTOCOL => {
            let url = Url::parse(format!("{value}://dummy.invalid/"), None).ok()?;
            Some(scheme(&url))
        }
        USERNAME => {
            let url = dummy(|url| url.set_username(Some(value)).is_ok())?;
            Some(url.username().to_owned())
        }
        PASSWORD => {
            let url = dummy(|url| url.set_password(Some(value)).is_ok())?;
            Some(url.password().to_owned())
        }
        HOSTNAME => {
            let url = dummy(|url| url.set_hostname(Some(value)).is_ok())?;
            Some(url.hostname().to_owned())
        }
        PORT => port(value, protocol),
        PATHNAME => pathname(value),
        // The setters take one mark away, and the value may begin with another.
        SEARCH => {
            let url = dummy(|url| {
                url.set_search(Some(&format!("?{value}")));
                true
            })?;
            Some(without('?', url.search()))
        }
        HASH => {
            let url = dummy(|url| {
                url.set_hash(Some(&format!("#{value}")));
                true
            })?;
            Some(without('#', url.hash()))
        }
        OPAQUE_PATHNAME => Some(opaque_pathname(value)),
        IPV6_HOSTNAME => ipv6_hostname(value),
        _ => None,
    }
}

/// A part without the mark that stands before it.
fn without(mark: char, part: &str) -> String {
    part.strip_prefix(mark).unwrap_or(part).to_owned()
}

/// A URL of which one part was set. <https://urlpattern.spec.whatwg.org/#create-a-dummy-url>
fn dummy(set: impl FnOnce(&mut Url) -> bool) -> Option<Url> {
    let mut url = Url::parse("https://dummy.invalid/", None).ok()?;
    set(&mut url).then_some(url)
}

/// The scheme without its colon.
fn scheme(url: &Url) -> String {
    let protocol = url.protocol();
    protocol.strip_suffix(':').unwrap_or(protocol).to_owned()
}

/// What the parser of URLs takes out of every input.
fn is_tab_or_newline(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r')
}

/// <https://urlpattern.spec.whatwg.org/#canonicalize-a-port>
fn port(value: &str, protocol: &str) -> Option<String> {
    let digits: String =
        value.chars().filter(|c| !is_tab_or_newline(*c)).take_while(char::is_ascii_digit).collect();
    // Zeros may stand before it.
    let digits = match digits.trim_start_matches('0') {
        "" if digits.is_empty() => return None,
        "" => "0",
        digits => digits,
    };
    let number: u16 = digits.parse().ok()?;
    let usual = match protocol {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        _ => None,
    };
    Some(if usual == Some(number) { String::new() } else { number.to_string() })
}

/// <https://urlpattern.spec.whatwg.org/#canonicalize-a-pathname>
fn pathname(value: &str) -> Option<String> {
    // Without a slash it is the end of a path: a dot segment is none then.
    let lead = if value.starts_with('/') { "" } else { "/-" };
    let url = dummy(|url| url.set_pathname(Some(&format!("{lead}{value}"))).is_ok())?;
    url.pathname().get(lead.len()..).map(str::to_owned)
}

/// <https://urlpattern.spec.whatwg.org/#canonicalize-an-opaque-pathname>
fn opaque_pathname(value: &str) -> String {
    let mut path = String::with_capacity(value.len());
    for c in value.chars().filter(|c| !is_tab_or_newline(*c)) {
        match c {
            '?' | '#' => break,
            ' '..='~' => path.push(c),
            _ => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    write!(path, "%{byte:02X}").expect("a String takes everything");
                }
            }
        }
    }
    path
}

/// <https://urlpattern.spec.whatwg.org/#canonicalize-an-ipv6-hostname>
fn ipv6_hostname(value: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, '[' | ']' | ':');
    value.chars().all(is_part).then(|| value.to_ascii_lowercase())
}

/// The components of a URL, in the order of their numbers, and `/` if its path is not opaque.
pub fn components(url: &Url) -> [String; 9] {
    let is_opaque = !url.href()[url.protocol().len()..].starts_with('/');
    [
        scheme(url),
        url.username().to_owned(),
        url.password().to_owned(),
        url.hostname().to_owned(),
        url.port().to_owned(),
        url.pathname().to_owned(),
        without('?', url.search()),
        without('#', url.hash()),
        if is_opaque { "" } else { "/" }.to_owned(),
    ]
}

isolate::ops! {
    /// The canonical form of a component; undefined when it is not valid.
    fn url_component(cx: &mut OpContext<'_>, component: u32, value: String, protocol: String)
        -> Option<String> {
        canonicalize(component, &value, &protocol)
    }

    /// The components of a URL; undefined when it is not valid.
    fn url_components(cx: &mut OpContext<'_>, input: String, base: Option<String>)
        -> Option<List> {
        let url = parse(&input, base.as_deref())?;
        Some(List(components(&url).map(Field::Text).into()))
    }
}
