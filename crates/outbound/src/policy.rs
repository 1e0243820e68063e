//! The egress policy: which addresses the Workers of a node may reach, and which hosts of URLs are
//! addresses. A Worker's own lists (`lists`) narrow it.
//!
//! The policy judges addresses, never names: a name is resolved first, every address is judged, and
//! the connection goes to exactly the address that passed (`connect`). So no DNS answer, however it
//! changes, leads into a private network. A host that only a lenient resolver would read as an
//! address (`0x7f.1`, `127.1`) is refused here; the URL parser has already turned those into their
//! canonical form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
pub use program::{Host, parse_host};

/// The addresses that the Workers of this process may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The public Internet and nothing else.
    PublicOnly,
    /// The public Internet and this machine's loopback addresses: for `isolde dev`.
    AllowLoopback,
}

/// Why an address may not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is in a special range, which is named here.
    NotPublic(&'static str),
    /// The operator forbids it.
    Forbidden,
    /// The Worker's own list denies it.
    Denied,
    /// The Worker has a list of what it may reach, and this is not on it.
    NotAllowed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPublic(range) => write!(f, "not public ({range})"),
            Self::Forbidden => f.write_str("forbidden by the operator"),
            Self::Denied => f.write_str("denied to this Worker"),
            Self::NotAllowed => f.write_str("not among what this Worker may reach"),
        }
    }
}

/// A policy with the operator's own ranges.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    policy: Policy,
    forbidden: Vec<IpNet>,
    allowed: Vec<IpNet>,
}

impl Policy {
    /// Whether an address may be reached.
    pub fn check(self, address: IpAddr) -> Result<(), Refusal> {
        match self {
            Self::AllowLoopback if is_loopback(address) => Ok(()),
            Self::AllowLoopback | Self::PublicOnly => check(address),
        }
    }
}

impl Rules {
    /// The rules of these options.
    pub(crate) fn new(policy: Policy, forbidden: Vec<IpNet>, allowed: Vec<IpNet>) -> Self {
        Self { policy, forbidden, allowed }
    }

    /// Whether an address may be reached. Forbidden ranges win over allowed ones. An IPv6 address
    /// that leads to an IPv4 address is in the ranges of both.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        let v4 = match address {
            IpAddr::V6(v6) => leads_to_v4(v6).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        let is_forbidden = |range: &IpNet| {
            range.contains(&address) || v4.is_some_and(|address| range.contains(&address))
        };
        if self.forbidden.iter().any(is_forbidden) {
            return Err(Refusal::Forbidden);
        }
        if self.is_exempt(address) {
            return Ok(());
        }
        self.policy.check(address)
    }

    /// Whether an address may be reached although it is not public, or this machine's own. A range
    /// of IPv4 is one of the network here, not of the one behind a NAT64 gateway.
    pub(crate) fn is_exempt(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        let is_allowed = |range: &IpNet| range.contains(&address) || range.contains(&canonical);
        self.allowed.iter().any(is_allowed)
            || (self.policy == Policy::AllowLoopback && is_loopback(address))
    }
}

/// Ports that belong to other protocols, whose servers might take an HTTP request for commands.
/// <https://fetch.spec.whatwg.org/#port-blocking>
const BLOCKED_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
    465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
    993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
    6668, 6669, 6679, 6697, 10080,
];

/// Whether no request may go to a port.
pub fn is_blocked_port(port: u16) -> bool {
    BLOCKED_PORTS.binary_search(&port).is_ok()
}

/// Whether an address belongs to the public Internet.
pub fn check(address: IpAddr) -> Result<(), Refusal> {
    match address {
        IpAddr::V4(v4) => check_v4(v4),
        IpAddr::V6(v6) => check_v6(v6),
    }
}

/// Whether a name means this machine, whatever DNS answers for it (RFC 6761 section 6.3).
pub(crate) fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The IPv4 special-purpose addresses of IANA's registry that are not globally reachable, and
/// addresses of cloud metadata services.
const REFUSED_V4: &[([u8; 4], u32, &str)] = &[
    ([0, 0, 0, 0], 8, "this network"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "carrier-grade NAT"),
    ([127, 0, 0, 0], 8, "loopback"),
    ([168, 63, 129, 16], 32, "cloud metadata"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "IETF protocols"),
    ([192, 0, 2, 0], 24, "documentation"),
    ([192, 88, 99, 0], 24, "6to4 relay"),
    ([192, 168, 0, 0], 16, "private"),
    ([198, 18, 0, 0], 15, "benchmarking"),
    ([198, 51, 100, 0], 24, "documentation"),
    ([203, 0, 113, 0], 24, "documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "reserved or broadcast"),
];

fn check_v4(address: Ipv4Addr) -> Result<(), Refusal> {
    let bits = address.to_bits();
    for &(network, prefix, range) in REFUSED_V4 {
        let shift = 32 - prefix;
        if bits >> shift == Ipv4Addr::from(network).to_bits() >> shift {
            return Err(Refusal::NotPublic(range));
        }
    }
    Ok(())
}

/// Ranges that are not public inside 2000::/3, the only part of IPv6 that is assigned as global
/// unicast. 6to4 and Teredo are refused for any IPv4 address: they are no longer in use.
const REFUSED_V6: &[([u16; 8], u32, &str)] = &[
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
];

/// Names of ranges outside 2000::/3. An address in none of them is refused as "not assigned".
const NAMED_V6: &[([u16; 8], u32, &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible"),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discard-only"),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

const MAPPED_V4: ([u16; 8], u32) = ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const NAT64: ([u16; 8], u32) = ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const GLOBAL_UNICAST: ([u16; 8], u32) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

fn check_v6(address: Ipv6Addr) -> Result<(), Refusal> {
    if let Some(v4) = leads_to_v4(address) {
        return check_v4(v4);
    }
    if !is_in(address, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1) {
        let named = NAMED_V6.iter().find(|(network, prefix, _)| is_in(address, *network, *prefix));
        return Err(Refusal::NotPublic(named.map_or("not assigned", |(.., range)| *range)));
    }
    for &(network, prefix, range) in REFUSED_V6 {
        if is_in(address, network, prefix) {
            return Err(Refusal::NotPublic(range));
        }
    }
    // ISATAP (RFC 5214) tunnels to the IPv4 address in the last half, under any prefix.
    let segments = address.segments();
    if segments[4] & !0x0200 == 0 && segments[5] == 0x5efe {
        return Err(Refusal::NotPublic("ISATAP"));
    }
    Ok(())
}

fn is_in(address: Ipv6Addr, network: [u16; 8], prefix: u32) -> bool {
    let shift = 128 - prefix;
    address.to_bits() >> shift == Ipv6Addr::from(network).to_bits() >> shift
}

/// The IPv4 address that connections to an IPv6 address end at: one that is mapped, or one behind
/// NAT64 on networks that have no IPv4 of their own.
pub(crate) fn leads_to_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let leads = is_in(address, MAPPED_V4.0, MAPPED_V4.1) || is_in(address, NAT64.0, NAT64.1);
    leads.then(|| last_v4(address))
}

/// The IPv4 address in the last 32 bits.
fn last_v4(address: Ipv6Addr) -> Ipv4Addr {
    let bytes = address.octets();
    Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15])
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => {
            let is_mapped = is_in(v6, MAPPED_V4.0, MAPPED_V4.1);
            v6.is_loopback() || (is_mapped && last_v4(v6).is_loopback())
        }
    }
}

#[cfg(test)]
mod tests;
