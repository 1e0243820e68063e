//! What the inbound proxy sends to a runtime process through its place's socket: connections, each
//! for one Worker, and hints.

use ingress::peer::Scheme;

/// A Worker's key.
pub type Key = [u8; 32];

/// Something that goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// The socket beside it is a connection for requests to this Worker.
    Connection {
        /// The Worker's key.
        key: Key,
        /// The scheme of the requests' URLs.
        scheme: Scheme,
    },
    /// This Worker will be asked for soon.
    Warm {
        /// The Worker's key.
        key: Key,
    },
}

impl Passage {
    /// Its bytes: the kind, and the key.
    pub fn to_bytes(self) -> Vec<u8> {
        let (kind, key) = match self {
            Self::Connection { key, scheme: Scheme::Http } => (0, key),
            Self::Connection { key, scheme: Scheme::Https } => (1, key),
            Self::Warm { key } => (2, key),
        };
        [&[kind][..], &key].concat()
    }

    /// Reads bytes; `None` when they are none of it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, key) = bytes.split_first()?;
        let key = key.try_into().ok()?;
        match kind {
            0 => Some(Self::Connection { key, scheme: Scheme::Http }),
            1 => Some(Self::Connection { key, scheme: Scheme::Https }),
            2 => Some(Self::Warm { key }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let key = [9; 32];
        for passage in [
            Passage::Connection { key, scheme: Scheme::Http },
            Passage::Connection { key, scheme: Scheme::Https },
            Passage::Warm { key },
        ] {
            assert_eq!(Passage::from_bytes(&passage.to_bytes()), Some(passage));
        }
        assert_eq!(Passage::from_bytes(&[]), None);
        assert_eq!(Passage::from_bytes(&[3; 33]), None);
        assert_eq!(Passage::from_bytes(&[0; 32]), None);
    }
}
