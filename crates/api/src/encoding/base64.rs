//! Base64 as `atob` and `btoa` have it.

use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};

/// Whether a byte is ASCII whitespace of the Infra standard (which, unlike C, has no vertical tab).
fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// The usual alphabet without padding, where the bits of the last character that belong to no byte
/// may be anything.
static FORGIVING: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    specification.check_trailing_bits = false;
    specification.encoding().expect("64 different symbols are a valid alphabet")
});

/// <https://infra.spec.whatwg.org/#forgiving-base64-decode>; `None` for failure.
pub fn forgiving_decode(text: &str) -> Option<Vec<u8>> {
    let stripped: Vec<u8>;
    let mut symbols = text.as_bytes();
    if symbols.iter().copied().any(is_whitespace) {
        stripped = text.bytes().filter(|&byte| !is_whitespace(byte)).collect();
        symbols = &stripped;
    }
    if symbols.len() % 4 == 0 {
        symbols = symbols.strip_suffix(b"==").or(symbols.strip_suffix(b"=")).unwrap_or(symbols);
    }
    if symbols.len() % 4 == 1 {
        return None;
    }
    FORGIVING.decode(symbols).ok()
}

/// Encodes a string of code points below 256, a byte each; `None` when it has others.
pub fn encode_binary_string(text: &str) -> Option<String> {
    if text.is_ascii() {
        return Some(data_encoding::BASE64.encode(text.as_bytes()));
    }
    let bytes: Option<Vec<u8>> =
        text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    Some(data_encoding::BASE64.encode(&bytes?))
}

#[cfg(test)]
mod tests {
    use super::{encode_binary_string, forgiving_decode};

    #[test]
    fn decodes_as_the_standard_says() {
        assert_eq!(forgiving_decode(""), Some(vec![]));
        assert_eq!(forgiving_decode("YQ"), Some(vec![b'a']));
        assert_eq!(forgiving_decode("YR=="), Some(vec![b'a']), "trailing bits are dropped");
        assert_eq!(forgiving_decode(" Y\tW\nJ\x0c\r "), Some(b"ab".to_vec()));
        assert_eq!(forgiving_decode("YWI="), Some(b"ab".to_vec()));
        for bad in ["Y", "YQ=", "YQ===", "=", "YWI==", "Y=Q=", "YW\x0bI", "YW-_", "é"] {
            assert_eq!(forgiving_decode(bad), None, "{bad:?}");
        }
    }

    /// The vectors of web-platform-tests, where the folder lies beside the checkout.
    #[test]
    fn shared_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/wpt-data/base64.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("skipped: {path} is not there");
            return;
        };
        let vectors: Vec<(String, Option<Vec<u8>>)> = serde_json::from_str(&text).unwrap();
        assert!(vectors.len() > 50);
        for (input, expected) in vectors {
            assert_eq!(forgiving_decode(&input), expected, "{input:?}");
        }
    }

    #[test]
    fn encodes_bytes_only() {
        assert_eq!(encode_binary_string("a\u{ff}").as_deref(), Some("Yf8="));
        assert_eq!(encode_binary_string("ab").as_deref(), Some("YWI="));
        assert_eq!(encode_binary_string("\u{100}"), None);
    }
}
