//! Lists of what a Worker may reach and what not: addresses and hosts.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use crate::host::{Host, parse_host};

#[cfg(test)]
mod tests;

/// Bits in front of an IPv4 address in an IPv6 address that it is mapped to.
const MAPPED_BITS: u8 = 96;

/// What a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destinations {
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
pub struct NoDestinations;

/// The lists of a Worker. Those of most are empty: they forbid nothing. They narrow what the node
/// lets Workers reach, and never widen it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// What may be reached; `None`: everything, but for what is denied.
    pub allow: Option<Vec<Destinations>>,
    /// What may not be reached, although it is allowed.
    pub deny: Vec<Destinations>,
}

/// Text that is not what [`Lists`] are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lists of what a Worker may reach cannot be read")]
pub struct NoLists;

impl FromStr for Destinations {
    type Err = NoDestinations;

    /// Reads a range (`203.0.113.0/24`), an address, which may have the brackets of a URL, a host
    /// (`api.example.com`) or all hosts below one (`*.example.com`). Hosts are written as URLs have
    /// them: in ASCII.
    fn from_str(text: &str) -> Result<Self, NoDestinations> {
        if let Some(above) = text.strip_prefix("*.") {
            return match parse_host(above) {
                Some(Host::Name(name)) => Ok(Self::HostsBelow(name)),
                _ => Err(NoDestinations),
            };
        }
        if text.contains('/') {
            return text.parse().map(Self::range).map_err(|_| NoDestinations);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::range(address.into()));
        }
        match parse_host(text) {
            Some(Host::Name(name)) => Ok(Self::Host(name)),
            Some(Host::Address(address)) => Ok(Self::range(address.into())),
            None => Err(NoDestinations),
        }
    }
}

impl Destinations {
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
}

impl fmt::Display for Destinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Host(name) => f.write_str(name),
            Self::HostsBelow(above) => write!(f, "*.{above}"),
        }
    }
}

impl Lists {
    /// Lists that allow nothing.
    pub fn closed() -> Self {
        Self { allow: Some(Vec::new()), deny: Vec::new() }
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
