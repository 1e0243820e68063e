//! The host of a URL: a name, or an address in its canonical form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name, lower case, without the final dot.
    Name(String),
    /// An address that was written in its canonical form.
    Address(IpAddr),
}

/// Reads the host of a URL as `http::Uri` gives it: an IPv6 address in brackets, an IPv4 address of
/// four decimal numbers, or a DNS name. Anything else is refused, above all spellings that only
/// some programs would read as an address.
pub fn parse_host(text: &str) -> Option<Host> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
        return Some(Host::Address(IpAddr::V6(address)));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(Host::Address(IpAddr::V4(address)));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let labels_fit = name.split('.').all(is_label);
    let last = name.rsplit('.').next().unwrap_or_default();
    (name.len() <= HOST_BYTES_MAX && labels_fit && !is_number(last)).then_some(Host::Name(name))
}

/// Longest name of a host in bytes.
///
/// <https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4>
pub const HOST_BYTES_MAX: usize = 253;
/// The same of one of its labels.
const LABEL_BYTES_MAX: usize = 63;

fn is_label(label: &str) -> bool {
    let fits = (1..=LABEL_BYTES_MAX).contains(&label.len());
    fits && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whether `inet_aton` and similar functions would read a last label as part of an IPv4 address:
/// the "ends in a number" checker of the URL standard.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}
