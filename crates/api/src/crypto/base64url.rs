//! Base64url, as JSON Web Keys have their numbers.

use std::sync::LazyLock;

use data_encoding::{BASE64URL_NOPAD, Encoding};
use isolate::OpError;

use super::errors::data_error;

/// As the standard's, but bits behind the last byte may be set: others write such keys.
static BASE64URL: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = BASE64URL_NOPAD.specification();
    specification.check_trailing_bits = false;
    specification.encoding().expect("it only loses a check")
});

/// The bytes of a text without padding. <https://www.rfc-editor.org/rfc/rfc7515#section-2>
pub(super) fn decode_base64url(text: &str) -> Result<Vec<u8>, OpError> {
    let bytes = BASE64URL.decode(text.as_bytes());
    bytes.map_err(|_| data_error("A member of the JSON Web Key is not Base64url."))
}
