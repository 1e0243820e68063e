//! What the inbound proxy sends to a runtime process through its place's socket: connections, each
//! for one Worker, and hints. Runtimes send connections for service bindings through it to the
//! supervisor, which passes them on.

/// A Worker's key.
pub type Key = [u8; 32];

/// Something that goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// The socket beside it is a connection for requests to this Worker.
    Connection {
        /// The Worker's key.
        key: Key,
        /// Whether the requests' clients speak TLS.
        is_tls: bool,
    },
    /// The socket beside it is a connection for requests of another Worker to this one.
    Service {
        /// The Worker's key.
        key: Key,
        /// Whether the requests' URLs are of https.
        is_tls: bool,
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
            Self::Connection { key, is_tls } => (u8::from(is_tls), key),
            Self::Warm { key } => (2, key),
            Self::Service { key, is_tls } => (3 + u8::from(is_tls), key),
        };
        [&[kind][..], &key].concat()
    }

    /// Reads bytes; `None` when they are none of it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, key) = bytes.split_first()?;
        let key = key.try_into().ok()?;
        match kind {
            0 | 1 => Some(Self::Connection { key, is_tls: *kind == 1 }),
            2 => Some(Self::Warm { key }),
            3 | 4 => Some(Self::Service { key, is_tls: *kind == 4 }),
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
            Passage::Connection { key, is_tls: false },
            Passage::Connection { key, is_tls: true },
            Passage::Warm { key },
            Passage::Service { key, is_tls: false },
            Passage::Service { key, is_tls: true },
        ] {
            assert_eq!(Passage::from_bytes(&passage.to_bytes()), Some(passage));
        }
        assert_eq!(Passage::from_bytes(&[]), None);
        assert_eq!(Passage::from_bytes(&[5; 33]), None);
        assert_eq!(Passage::from_bytes(&[0; 32]), None);
    }
}
