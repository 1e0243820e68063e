//! Any output of a build is a Worker or an error, and what is read is written as it was.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind, Worker};
use supervisor::fuzzing::built;
use supervisor::write_program;

fuzz_target!(|input: (&[u8], &str, usize, u8)| {
    let (bytes, name, place, change) = input;
    check(bytes.to_vec());
    // Most bytes fail at the first length. What is behind it is reached with one byte changed.
    let code = Content::new(Bytes::copy_from_slice(bytes));
    let Ok(artifact) = Artifact::new(ArtifactParts {
        main: "main".to_owned(),
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: Vec::new(),
        modules: vec![Module::new("main".to_owned(), ModuleKind::EsModule, code)],
    }) else {
        return;
    };
    let Ok(mut written) = write_program(&Worker::local(0, name, Arc::new(artifact))) else {
        return;
    };
    let place = place % written.len();
    written[place] ^= change;
    let is_read = check(written);
    assert!(is_read || change != 0);
});

/// Whether it is a Worker.
fn check(bytes: Vec<u8>) -> bool {
    let bytes = Bytes::from(bytes);
    let Some((_, again)) = built(&bytes) else { return false };
    assert_eq!(again, bytes);
    true
}
