//! A Worker's own lists of what it may reach. They narrow the policy and never widen it: what they
//! let pass is judged by the policy as well.
//!
//! A list names addresses and hosts. A host counts as it stands in the URL, whatever it resolves
//! to; an address counts as the one that the connection goes to, however its host is written.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use crate::policy::{Host, Refusal, leads_to_v4, parse_host};

/// Bits in front of an IPv4 address in an IPv6 address that it is mapped to.
const MAPPED_BITS: u8 = 96;

/// What a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Addresses.
    Range(IpNet),
    /// A host: lower case, without the final dot.
    Host(String),
    /// All hosts below this one.
    HostsBelow(String),
}

/// Text that names neither addresses nor hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no range of addresses, address or host, such as 203.0.113.0/24 or *.example.com")]
pub struct NoEntry;

/// The lists of a Worker. Those of most are empty: they forbid nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// What may be reached; `None`: everything, but for what is denied.
    allow: Option<Vec<Entry>>,
    /// What may not be reached, although it is allowed.
    deny: Vec<Entry>,
}

/// Text that is not what [`Lists`] are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lists of what a Worker may reach cannot be read")]
pub struct NoLists;

impl FromStr for Entry {
    type Err = NoEntry;

    /// Reads a range (`203.0.113.0/24`), an address, which may have the brackets of a URL, a host
    /// (`api.example.com`) or all hosts below one (`*.example.com`). Hosts are written as URLs have
    /// them: in ASCII.
    fn from_str(text: &str) -> Result<Self, NoEntry> {
        if let Some(above) = text.strip_prefix("*.") {
            return match parse_host(above) {
                Some(Host::Name(name)) => Ok(Self::HostsBelow(name)),
                _ => Err(NoEntry),
            };
        }
        if text.contains('/') {
            return text.parse().map(Self::range).map_err(|_| NoEntry);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::range(address.into()));
        }
        match parse_host(text) {
            Some(Host::Name(name)) => Ok(Self::Host(name)),
            Some(Host::Address(address)) => Ok(Self::range(address.into())),
            None => Err(NoEntry),
        }
    }
}

impl Entry {
    /// A range without what is behind its prefix. One of mapped addresses is the range of IPv4
    /// that they are mapped from: connections to both end there.
    fn range(range: IpNet) -> Self {
        let mapped = match range {
            IpNet::V6(v6) if v6.prefix_len() >= MAPPED_BITS => v6.network().to_ipv4_mapped(),
            _ => None,
        };
        let bits = range.prefix_len().saturating_sub(MAPPED_BITS);
        let v4 = mapped.and_then(|address| Ipv4Net::new(address, bits).ok());
        Self::Range(v4.map_or(range, IpNet::V4).trunc())
    }

    fn has_host(&self, host: &str) -> bool {
        match self {
            Self::Range(_) => false,
            Self::Host(name) => name == host,
            Self::HostsBelow(above) => {
                let below = host.strip_suffix(above.as_str());
                below.and_then(|below| below.strip_suffix('.')).is_some_and(|it| !it.is_empty())
            }
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        let Self::Range(range) = self else { return false };
        range.contains(&address)
            || end_of(address).is_some_and(|v4| range.contains(&IpAddr::V4(v4)))
    }
}

/// The IPv4 address that a connection to an IPv6 address ends at.
fn end_of(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V6(v6) => leads_to_v4(v6),
        IpAddr::V4(_) => None,
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Host(name) => f.write_str(name),
            Self::HostsBelow(above) => write!(f, "*.{above}"),
        }
    }
}

impl Lists {
    /// Lists of what may be reached and of what may not. An `allow` that is empty allows nothing.
    pub fn new(allow: Option<Vec<Entry>>, deny: Vec<Entry>) -> Self {
        Self { allow, deny }
    }

    /// Lists that allow nothing.
    pub fn closed() -> Self {
        Self::new(Some(Vec::new()), Vec::new())
    }

    /// Judges the host of a URL; gives what is left to be judged of its addresses.
    pub(crate) fn check_host(&self, host: &Host) -> Result<Judged<'_>, Refusal> {
        let has_host = |list: &[Entry]| match host {
            Host::Name(name) => list.iter().any(|entry| entry.has_host(name)),
            Host::Address(_) => false,
        };
        if has_host(&self.deny) {
            return Err(Refusal::Denied);
        }
        let ranges = match &self.allow {
            Some(allow) if !has_host(allow) => Some(&allow[..]),
            _ => None,
        };
        // Then no address can be right, and no name server is asked.
        if ranges.is_some_and(|allow| !allow.iter().any(|it| matches!(it, Entry::Range(_)))) {
            return Err(Refusal::NotAllowed);
        }
        Ok(Judged { ranges, deny: &self.deny })
    }
}

/// As they are written: `+` before what is allowed and `-` before what is denied, with spaces
/// between; a `+` alone for an `allow` that is empty.
impl fmt::Display for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = self.allow.iter().flatten().map(|entry| format!("+{entry}"));
        let nothing = self.allow.as_ref().filter(|allow| allow.is_empty()).map(|_| "+".to_owned());
        let denied = self.deny.iter().map(|entry| format!("-{entry}"));
        f.write_str(&nothing.into_iter().chain(allowed).chain(denied).collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Lists {
    type Err = NoLists;

    fn from_str(text: &str) -> Result<Self, NoLists> {
        let mut lists = Self::default();
        for part in text.split(' ').filter(|_| !text.is_empty()) {
            match part.split_at_checked(1) {
                Some(("+", "")) => drop(lists.allow.get_or_insert_default()),
                Some(("+", entry)) => {
                    let entry = entry.parse().map_err(|_| NoLists)?;
                    lists.allow.get_or_insert_default().push(entry);
                }
                Some(("-", entry)) => lists.deny.push(entry.parse().map_err(|_| NoLists)?),
                _ => return Err(NoLists),
            }
        }
        Ok(lists)
    }
}

/// What is left of a Worker's lists for the addresses of a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    /// Where its addresses have to be; `None`: anywhere.
    ranges: Option<&'a [Entry]>,
    deny: &'a [Entry],
}

impl Judged<'_> {
    /// Whether the lists let an address of the host be reached.
    pub(crate) fn check(self, address: IpAddr) -> Result<(), Refusal> {
        if self.deny.iter().any(|entry| entry.has_address(address)) {
            return Err(Refusal::Denied);
        }
        match self.ranges {
            Some(ranges) if !ranges.iter().any(|entry| entry.has_address(address)) => {
                Err(Refusal::NotAllowed)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
