//! Counts connections, of all clients and of each: a connection takes a file descriptor and some
//! memory, which isolates need, too. Those that Workers make to one another are counted by owner.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bits of an IPv6 address that identify a client: a client may have a whole /64 network.
const IPV6_PREFIX: u128 = !(u64::MAX as u128);

/// Connections of one owner's Workers to one another.
const PER_OWNER_MAX: usize = 512;

/// Whom a connection is counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Address(IpAddr),
    Owner(Arc<str>),
}

/// The connections of a process.
#[derive(Debug)]
pub struct ClientConnections {
    process_max: usize,
    per_address_max: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_subject: HashMap<Subject, usize>,
}

/// Counts a connection for as long as it exists.
#[derive(Debug)]
pub struct ClientGuard {
    connections: Arc<ClientConnections>,
    subject: Option<Subject>,
}

impl ClientConnections {
    /// At most so many connections, and so many of one client.
    pub fn new(process_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { process_max, per_address_max, counts: Mutex::default() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more connection; `None` when there are too many. Clients without an address are
    /// limited together only.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<ClientGuard> {
        let subject = address.map(|address| Subject::Address(client_of(address)));
        self.admit_subject(subject, self.per_address_max)
    }

    /// Counts one more connection that another Worker of this owner has made; `None` when there are
    /// too many.
    pub fn admit_owner(self: &Arc<Self>, owner: &str) -> Option<ClientGuard> {
        self.admit_subject(Some(Subject::Owner(owner.into())), PER_OWNER_MAX)
    }

    fn admit_subject(
        self: &Arc<Self>,
        subject: Option<Subject>,
        max: usize,
    ) -> Option<ClientGuard> {
        let mut counts = self.counts();
        if counts.total >= self.process_max {
            return None;
        }
        if let Some(subject) = &subject {
            let count = counts.by_subject.entry(subject.clone()).or_default();
            if *count >= max {
                return None;
            }
            *count += 1;
        }
        counts.total += 1;
        Some(ClientGuard { connections: self.clone(), subject })
    }
}

impl Drop for ClientGuard {
    fn drop(&mut self) {
        let mut counts = self.connections.counts();
        counts.total = counts.total.saturating_sub(1);
        let Some(subject) = &self.subject else { return };
        if let Some(count) = counts.by_subject.get_mut(subject) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_subject.remove(subject);
            }
        }
    }
}

/// The part of an address that identifies a client.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & IPV6_PREFIX)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("this is an address"))
    }

    #[test]
    fn connections_are_counted_until_they_end() {
        let connections = ClientConnections::new(4, 2);
        let first = connections.admit(address("192.0.2.1")).expect("there is room");
        let second = connections.admit(address("::ffff:192.0.2.1")).expect("there is room");
        assert!(connections.admit(address("192.0.2.1")).is_none(), "the address has its two");
        let other = connections.admit(address("192.0.2.2")).expect("another has none");
        let unnamed = connections.admit(None).expect("there is room");
        assert!(connections.admit(address("192.0.2.3")).is_none(), "the process has its four");
        drop(second);
        let again = connections.admit(address("192.0.2.1")).expect("there is room again");
        drop((first, other, unnamed, again));
        let counts = connections.counts();
        assert_eq!((counts.total, counts.by_subject.len()), (0, 0));
    }

    #[test]
    fn an_owner_has_a_share_of_its_own() {
        let connections = ClientConnections::new(PER_OWNER_MAX * 2, 1);
        let all: Vec<_> = (0..PER_OWNER_MAX).map(|_| connections.admit_owner("eve")).collect();
        assert!(all.iter().all(Option::is_some));
        assert!(connections.admit_owner("eve").is_none());
        assert!(connections.admit_owner("anna").is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let connections = ClientConnections::new(10, 1);
        let _first = connections.admit(address("2001:db8:1:2::1")).expect("there is room");
        assert!(connections.admit(address("2001:db8:1:2:ffff::2")).is_none());
        assert!(connections.admit(address("2001:db8:1:3::1")).is_some());
    }
}
