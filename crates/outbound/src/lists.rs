//! Judges by a Worker's own lists. They narrow the policy and never widen it: what they let pass is
//! judged by the policy as well.
//!
//! A host counts as it stands in the URL, whatever it resolves to; an address counts as the one
//! that the connection goes to, however its host is written.

use std::net::IpAddr;

use program::{Destinations, Lists};

use crate::policy::{Host, Refusal, leads_to_v4};

#[cfg(test)]
mod tests;

/// What is left of a Worker's lists for the addresses of a host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    /// Where its addresses have to be; `None`: anywhere.
    allow: Option<&'a [Destinations]>,
    deny: &'a [Destinations],
}

/// Judges the host of a URL; gives what is left to be judged of its addresses.
pub(crate) fn judge<'a>(lists: &'a Lists, host: &Host) -> Result<Judged<'a>, Refusal> {
    let is_on = |list: &[Destinations]| match host {
        Host::Name(name) => list.iter().any(|entry| has_host(entry, name)),
        Host::Address(_) => false,
    };
    if is_on(&lists.deny) {
        return Err(Refusal::Denied);
    }
    let allow = lists.allow.as_deref().filter(|allow| !is_on(allow));
    // Without a range no address can be right, and no name server is asked.
    let is_range = |entry: &Destinations| matches!(entry, Destinations::Range(_));
    if allow.is_some_and(|allow| !allow.iter().any(is_range)) {
        return Err(Refusal::NotAllowed);
    }
    Ok(Judged { allow, deny: &lists.deny })
}

impl Judged<'_> {
    /// Whether the lists let an address of the host be reached.
    pub(crate) fn check(self, address: IpAddr) -> Result<(), Refusal> {
        let is_on = |list: &[Destinations]| list.iter().any(|entry| has_address(entry, address));
        if is_on(self.deny) {
            return Err(Refusal::Denied);
        }
        match self.allow {
            Some(allow) if !is_on(allow) => Err(Refusal::NotAllowed),
            _ => Ok(()),
        }
    }
}

fn has_host(entry: &Destinations, host: &str) -> bool {
    match entry {
        Destinations::Range(_) => false,
        Destinations::Host(name) => name == host,
        Destinations::HostsBelow(above) => {
            let below = host.strip_suffix(above.as_str());
            below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
    }
}

/// Whether a range has an address, or the IPv4 address that connections to it end at.
fn has_address(entry: &Destinations, address: IpAddr) -> bool {
    let Destinations::Range(range) = entry else { return false };
    let end = match address {
        IpAddr::V6(v6) => leads_to_v4(v6),
        IpAddr::V4(_) => None,
    };
    range.contains(&address) || end.is_some_and(|end| range.contains(&IpAddr::V4(end)))
}
