//! Stamps: what a runtime shows to the outbound proxy for a Worker's subrequests. The supervisor
//! makes them and the proxy checks them, so that a runtime can speak for no Worker but those whose
//! programs it was given.

use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a code.
const CODE_BYTES: usize = 32;

/// The version of a Worker that subrequests come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The account that is charged.
    pub owner: Arc<str>,
    /// The Worker's name.
    pub worker: Arc<str>,
    /// The version's name.
    pub version: Arc<str>,
    /// The URL of its origin, which is exempt from the policy; empty where it has none.
    pub origin: Arc<str>,
    /// The lists of what it may reach, as the outbound proxy reads them; empty where it has none.
    pub lists: Arc<str>,
    /// Its hosts, if it has an origin: what is asked of them goes there, and nothing else does.
    pub hosts: Vec<Arc<str>>,
}

/// Makes and checks stamps.
pub struct StampKey(hmac::Key);

impl StampKey {
    /// Random bytes for [`StampKey::new`].
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random_bytes() -> Result<[u8; KEY_BYTES], Unspecified> {
        let mut bytes = [0; KEY_BYTES];
        rand::fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes a key that the supervisor and the proxy share.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The stamp of a Worker; `None` when one of the names has a NUL.
    pub fn stamp(&self, identity: &Identity) -> Option<Vec<u8>> {
        let Identity { owner, worker, version, origin, lists, hosts } = identity;
        let names = [owner, worker, version, origin, lists];
        let names: Vec<&str> = names.into_iter().chain(hosts).map(|name| &**name).collect();
        if names.iter().any(|name| name.contains('\0')) {
            return None;
        }
        let text = names.join("\0");
        let mut stamp = hmac::sign(&self.0, text.as_bytes()).as_ref().to_vec();
        stamp.extend_from_slice(text.as_bytes());
        Some(stamp)
    }

    /// The Worker that a stamp is for; `None` when the supervisor has not made it.
    pub fn check(&self, stamp: &[u8]) -> Option<Identity> {
        let (code, text) = stamp.split_at_checked(CODE_BYTES)?;
        hmac::verify(&self.0, text, code).ok()?;
        let mut names = std::str::from_utf8(text).ok()?.split('\0').map(Arc::from);
        Some(Identity {
            owner: names.next()?,
            worker: names.next()?,
            version: names.next()?,
            origin: names.next()?,
            lists: names.next()?,
            hosts: names.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(owner: &str) -> Identity {
        Identity {
            owner: owner.into(),
            worker: "shop".into(),
            version: "1".into(),
            origin: "http://127.0.0.1:3000".into(),
            lists: "+*.example.com -203.0.113.0/24".into(),
            hosts: vec!["shop.example".into(), "www.shop.example".into()],
        }
    }

    #[test]
    fn a_stamp_is_for_one_worker() {
        let key = StampKey::new(&StampKey::random_bytes().unwrap());
        let stamp = key.stamp(&identity("a")).unwrap();
        assert_eq!(key.check(&stamp), Some(identity("a")));
        for place in 0..stamp.len() {
            let mut forged = stamp.clone();
            forged[place] ^= 1;
            assert_eq!(key.check(&forged), None, "byte {place}");
        }
        for length in 0..stamp.len() {
            assert_eq!(key.check(&stamp[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn another_key_makes_another_stamp() {
        let (one, other) = (StampKey::new(&[1; KEY_BYTES]), StampKey::new(&[2; KEY_BYTES]));
        assert_eq!(other.check(&one.stamp(&identity("a")).unwrap()), None);
    }

    #[test]
    fn names_cannot_run_into_each_other() {
        let key = StampKey::new(&[1; KEY_BYTES]);
        assert_eq!(key.stamp(&identity("a\0b")), None);
        let hosts = vec!["shop.example\0other.example".into()];
        assert_eq!(key.stamp(&Identity { hosts, ..identity("a") }), None);
        let lists = "+a\0b".into();
        assert_eq!(key.stamp(&Identity { lists, ..identity("a") }), None);
        let bare =
            Identity { origin: "".into(), lists: "".into(), hosts: Vec::new(), ..identity("a") };
        assert_eq!(key.check(&key.stamp(&bare).unwrap()), Some(bare));
    }
}
