//! Workers for tests and fuzz targets.

use std::sync::Arc;

use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind, Worker};

/// A Worker with this code.
pub fn worker(name: &str, code: &str) -> Worker {
    let code = Content::new(code.to_owned());
    let parts = ArtifactParts {
        main: "index.js".to_owned(),
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: Vec::new(),
        modules: vec![Module::new("index.js", ModuleKind::EsModule, code)],
    };
    let artifact = Artifact::new(parts).expect("it has its main module");
    Worker::local(0, name, Arc::new(artifact))
}
