//! Headers that say where a request came from. The Worker cannot forge them: a stamp replaces what
//! the Worker set under the same name.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers that every request of one client carries.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Stamp {
    /// A stamp of these headers, in this order.
    pub fn new(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { headers }
    }

    /// Whether the stamp sets this header.
    pub(crate) fn owns(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(own, _)| own == name)
    }

    /// Adds the headers at the end.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
    }
}
