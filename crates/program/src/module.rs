//! Modules: the files that a program is made of.

use serde::{Deserialize, Serialize};

use crate::content::Content;

/// How the main module is meant to be run.
// The order of the variants is part of the serialised form: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// An ES module whose exports are handlers and classes.
    Module,
    /// A classic script that calls `addEventListener`.
    ServiceWorker,
}

/// How the content of a module is to be understood.
// The order of the variants is part of the serialised form: new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleKind {
    /// JavaScript with `import` and `export`.
    EsModule,
    /// JavaScript with `require` and `module.exports`.
    CommonJs,
    /// A classic script: the main module of the service-worker format, and no other.
    Script,
    /// UTF-8, imported as a string.
    Text,
    /// Bytes, imported as an `ArrayBuffer`.
    Data,
    /// JSON, imported as a value.
    Json,
    /// WebAssembly, imported as a `WebAssembly.Module`.
    CompiledWasm,
}

/// One file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The path that others import it by, relative to the root of the program.
    pub name: String,
    /// How to understand the content.
    pub kind: ModuleKind,
    /// The content.
    pub content: Content,
    /// The source map as JSON, for JavaScript that was made from other files.
    pub source_map: Option<Content>,
}

impl Module {
    /// A module without a source map.
    pub fn new(name: impl Into<String>, kind: ModuleKind, content: Content) -> Self {
        Self { name: name.into(), kind, content, source_map: None }
    }
}
