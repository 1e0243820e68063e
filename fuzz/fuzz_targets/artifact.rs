//! Any bytes are an artifact or a Worker or an error, and what is read is written as it was.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind, Worker};

fuzz_target!(|bytes: &[u8]| {
    let bytes = Bytes::copy_from_slice(bytes);
    // Most inputs fail at a checksum. What is behind it is reached with parts made of the input.
    if let Ok(artifact) = Artifact::decode(&bytes) {
        assert_eq!(artifact.encode(), bytes);
    }
    let _ = Worker::decode(&bytes, 1, |_| None);
    let names = bytes.chunks(5).take(64).map(|chunk| String::from_utf8_lossy(chunk).into_owned());
    let module = |name: String| {
        Module::new(name, ModuleKind::Text, Content::new(bytes.slice(..1.min(bytes.len()))))
    };
    let mut modules: Vec<Module> = names.map(module).collect();
    modules.push(Module::new("main", ModuleKind::EsModule, Content::new(bytes.clone())));
    let Ok(artifact) = Artifact::new(ArtifactParts {
        main: "main".to_owned(),
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: modules.iter().map(|module| module.name.clone()).collect(),
        modules,
    }) else {
        return;
    };
    let read = Artifact::decode(&artifact.encode().into());
    assert!(read.is_ok_and(|read| read == artifact));
    let worker = Worker::local(1, "fuzz", Arc::new(artifact));
    let written = Bytes::from(worker.encode().unwrap_or_default());
    let read = Worker::decode(&written, 1, |_| Some(worker.artifact.clone()));
    assert!(read.is_ok_and(|read| read == worker));
});
