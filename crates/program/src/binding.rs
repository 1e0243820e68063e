//! Bindings: what a Worker finds in `env`, or as globals in a service worker.

use std::fmt;
use std::sync::Arc;

use crate::content::Content;

/// The value of a name in `env`. More kinds come with storage; code that must treat every kind
/// matches without a wildcard, so that the compiler finds it then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// A string.
    Text(Arc<str>),
    /// A value, as the text of its JSON.
    Json(Arc<str>),
    /// An `ArrayBuffer`.
    Data(Content),
    /// A `WebAssembly.Module`.
    Wasm(Content),
    /// A string that nobody may read but the Worker.
    Secret(Secret),
    /// Another Worker of the same owner.
    Service(Service),
}

impl Binding {
    /// A string.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A secret.
    pub fn secret(text: &str) -> Self {
        Self::Secret(Secret(text.into()))
    }
}

/// A text that does not show in `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Another Worker, as a binding names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The Worker's name.
    pub worker: String,
    /// The exported class to call; its default export where none is named.
    pub entrypoint: Option<String>,
}
