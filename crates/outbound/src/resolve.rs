//! From a host to a bounded list of addresses that the policy allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use program::Lists;

use crate::error::OutboundError;
use crate::lists::{Judged, judge};
use crate::policy::{Host, Refusal, Rules, is_local_name, parse_host};
use crate::resolver::{LookUpError, Resolver};

/// An address that has passed the policy. Only this module makes one, and `connect` takes nothing
/// else: a connection goes to the address that was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AllowedAddress(SocketAddr);

impl AllowedAddress {
    /// The address to connect to.
    pub(crate) fn socket_address(self) -> SocketAddr {
        self.0
    }
}

/// Where a connection is to go, and for whom.
pub(crate) struct Destination<'a> {
    pub(crate) owner: &'a Arc<str>,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// What judges where a connection may go: the rules of the node, and the Worker's own lists.
#[derive(Clone, Copy)]
pub(crate) struct Judges<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) lists: &'a Lists,
}

/// The allowed addresses of a host, in the resolver's order, at most `addresses_max` of them.
/// Without judges all of them are.
pub(crate) async fn resolve(
    to: Destination<'_>,
    resolver: &Resolver,
    judges: Option<Judges<'_>>,
    addresses_max: usize,
) -> Result<Vec<AllowedAddress>, OutboundError> {
    let Destination { owner, host, port } = to;
    let Some(parsed) = parse_host(host) else {
        return Err(OutboundError::InvalidHost { host: host.into() });
    };
    // Before its look-up: a name that is refused is not told to any name server.
    let judged = judges.map(|Judges { rules, lists }| {
        let refused = |refusal| OutboundError::RefusedHost { host: host.into(), refusal };
        judge(lists, &parsed).map(|judged| (rules, judged)).map_err(refused)
    });
    let judged = judged.transpose()?;
    let addresses: Arc<[IpAddr]> = match parsed {
        Host::Address(address) => [address].into(),
        // Never sent to DNS: the answer is known, and no name server may give another one.
        Host::Name(name) if is_local_name(&name) => {
            [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].into()
        }
        Host::Name(name) => {
            let failed = |source: LookUpError| OutboundError::Resolve { host: host.into(), source };
            resolver.look_up(owner, &name).await.map_err(failed)?
        }
    };
    match judged {
        Some(judged) => filter(host, port, judged, &addresses, addresses_max),
        None => {
            let all = addresses.iter().take(addresses_max);
            Ok(all.map(|address| AllowedAddress(SocketAddr::new(*address, port))).collect())
        }
    }
}

/// Whether an address may be reached: the answer of rules and lists, but for this machine's own
/// addresses, which no firewall protects from it.
fn check((rules, lists): (&Rules, Judged<'_>), address: IpAddr) -> Result<(), Refusal> {
    rules.check(address)?;
    lists.check(address)?;
    if !rules.is_exempt(address) && is_own(address) {
        return Err(Refusal::NotPublic("this machine"));
    }
    Ok(())
}

/// Whether the system would reach an address through itself: then it is its own source. Nothing is
/// sent to find out.
fn is_own(address: IpAddr) -> bool {
    let unspecified: SocketAddr = match address {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let source = || {
        let socket = UdpSocket::bind(unspecified)?;
        socket.connect((address, DISCARD_PORT))?;
        socket.local_addr()
    };
    source().is_ok_and(|source: SocketAddr| source.ip() == address)
}

/// A port for a socket that sends nothing.
const DISCARD_PORT: u16 = 9;

/// A name with both public and other addresses keeps the public ones.
fn filter(
    host: &str,
    port: u16,
    judged: (&Rules, Judged<'_>),
    addresses: &[IpAddr],
    addresses_max: usize,
) -> Result<Vec<AllowedAddress>, OutboundError> {
    let mut allowed = Vec::new();
    let mut refused = None;
    for &address in addresses {
        match check(judged, address) {
            Ok(()) if allowed.len() < addresses_max => {
                allowed.push(AllowedAddress(SocketAddr::new(address, port)));
            }
            Ok(()) => {}
            Err(refusal) if refused.is_none() => refused = Some((address, refusal)),
            Err(_) => {}
        }
    }
    match (allowed.is_empty(), refused) {
        (false, _) => Ok(allowed),
        (true, Some((address, refusal))) => {
            Err(OutboundError::Refused { host: host.into(), address, refusal })
        }
        (true, None) => Err(OutboundError::NoAddress { host: host.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn filtered(lists: &str, addresses: &[&str], max: usize) -> Result<Vec<String>, OutboundError> {
        let addresses: Vec<IpAddr> =
            addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let rules = Rules::new(Policy::PublicOnly, Vec::new(), Vec::new());
        let lists: Lists = lists.parse().expect("lists");
        let host = Host::Name("a.test".to_owned());
        let judged = judge(&lists, &host).expect("an allowed name");
        let allowed = filter("a.test", 80, (&rules, judged), &addresses, max)?;
        Ok(allowed.iter().map(|address| address.socket_address().to_string()).collect())
    }

    #[test]
    fn an_address_of_this_machine_is_its_own() {
        assert!(is_own(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert!(!is_own("192.0.2.1".parse().expect("an address")));
    }

    #[test]
    fn inside_addresses_are_dropped_from_an_answer() {
        let got = filtered("", &["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1", "8.8.8.8"], 2);
        assert_eq!(got.expect("public addresses"), ["1.1.1.1:80", "[2606:4700::1]:80"]);
    }

    #[test]
    fn lists_narrow_what_the_rules_let_pass() {
        let addresses = ["10.0.0.1", "1.1.1.1", "8.8.8.8"];
        let of = |lists: &str| filtered(lists, &addresses, 4).map_err(|error| error.to_string());
        assert_eq!(of("-1.0.0.0/8"), Ok(vec!["8.8.8.8:80".to_owned()]));
        assert_eq!(of("+1.0.0.0/8 +10.0.0.0/8"), Ok(vec!["1.1.1.1:80".to_owned()]));
        assert_eq!(of("+a.test -8.0.0.0/8"), Ok(vec!["1.1.1.1:80".to_owned()]));
        let refused = of("+10.0.0.0/8").expect_err("the rules forbid it");
        assert_eq!(refused, "refused by policy: a.test is 10.0.0.1: not public (private)");
        let own = filtered("+10.0.0.0/8", &["8.8.8.8"], 4).expect_err("it is not on the list");
        assert_eq!(own.client_message(), "Refused by policy: a.test may not be reached.");
    }

    #[test]
    fn an_answer_of_inside_addresses_is_refused() {
        let error = filtered("", &["10.0.0.1", "127.0.0.1"], 2).expect_err("nothing public");
        let OutboundError::Refused { address, .. } = error else { panic!("{error}") };
        assert_eq!(address.to_string(), "10.0.0.1");
        assert!(matches!(filtered("", &[], 2), Err(OutboundError::NoAddress { .. })));
    }
}
