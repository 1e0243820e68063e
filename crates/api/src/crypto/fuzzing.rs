//! Parsers of keys, for the fuzz targets.

use super::keys::{Format, Key, Kind, import, rsa_from_members};

/// The key in these bytes, written again; kinds and formats are numbers of `keys.rs`.
pub fn import_key(kind: u32, format: u32, bytes: &[u8]) -> Option<Vec<u8>> {
    let (kind, format) = (Kind::of(kind % 6).ok()?, Format::of(format % 3).ok()?);
    let key = import(kind, format, bytes).ok()?;
    Some(key.export(format).expect("what was read in a format can be written in it"))
}

/// The members of the RSA key of these ones, as `n, e, d, p, q, dp, dq, qi`.
pub fn import_rsa_members(texts: [&str; 8]) -> Option<[String; 8]> {
    let key = rsa_from_members(texts).ok()?;
    let is_public = matches!(key, Key::RsaPublic(_));
    Some(["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(|name| match key.member(name) {
        Ok(bytes) => data_encoding::BASE64URL_NOPAD.encode(bytes),
        Err(_) => {
            assert!(is_public, "a private key has all members");
            String::new()
        }
    }))
}
