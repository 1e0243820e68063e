//! Workers: canonical bytes, damaged bytes, secrets.

use std::time::Duration;

use super::*;
use crate::artifact::ArtifactParts;
use crate::module::{Format, Module, ModuleKind};

fn artifact(code: &'static str) -> Arc<Artifact> {
    let modules = vec![Module::new("a.js", ModuleKind::EsModule, Content::new(code))];
    Arc::new(
        Artifact::new(ArtifactParts {
            main: "a.js".to_owned(),
            format: Format::Module,
            compatibility_date: None,
            compatibility_flags: Vec::new(),
            modules,
        })
        .unwrap(),
    )
}

fn worker() -> Worker {
    let service = |entrypoint: Option<&str>| {
        let entrypoint = entrypoint.map(str::to_owned);
        Binding::Service(Service { worker: "auth".to_owned(), entrypoint })
    };
    let bindings = [
        ("TEXT", Binding::text("größe")),
        ("JSON", Binding::Json(r#"{"a":[1]}"#.into())),
        ("DATA", Binding::Data(Content::new(vec![0, 255]))),
        ("WASM", Binding::Wasm(Content::new(vec![0, 97, 115, 109]))),
        ("KEY", Binding::secret("hunter2")),
        ("AUTH", service(None)),
        ("ADMIN", service(Some("Admin"))),
    ];
    Worker {
        owner: Owner::new("account-1"),
        cordon: Cordon::new("own"),
        version: "7f3a".to_owned(),
        bindings: bindings.map(|(name, binding)| (name.to_owned(), binding)).into(),
        limits: Limits {
            wait_until_max: Duration::from_millis(1500),
            requests_per_day_max: Some(100_000),
            ..Limits::default()
        },
        entrypoints: ["default", "Admin"].map(str::to_owned).into(),
        ..Worker::local(5, "shop", artifact("export default {}"))
    }
}

fn decode(bytes: &[u8]) -> Result<Worker, WorkerError> {
    Worker::decode(&Bytes::copy_from_slice(bytes), 5, |_| Some(artifact("export default {}")))
}

#[test]
fn encoding_round_trips() {
    let worker = worker();
    let bytes = worker.encode().unwrap();
    let read = decode(&bytes).unwrap();
    assert_eq!(read, worker);
    assert_eq!(read.encode().unwrap(), bytes);
    let renumbered = Worker { id: 6, ..worker };
    assert_eq!(renumbered.encode().unwrap(), bytes, "the number is this process's alone");
}

#[test]
fn every_truncation_and_every_flipped_bit_is_an_error() {
    let bytes = worker().encode().unwrap();
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "{length} bytes of {}", bytes.len());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn what_an_older_version_has_written_is_refused() {
    let old = Kind { version: KIND.version - 1, ..KIND };
    let bytes = Sealed::new(&old, &()).unwrap().write(std::iter::empty());
    let error = decode(&bytes).unwrap_err();
    assert!(matches!(error, WorkerError::Frame(FrameError::Version(1))), "{error}");
}

#[test]
fn the_artifact_is_the_one_that_is_named() {
    let bytes = Bytes::from(worker().encode().unwrap());
    let wanted = worker().artifact.id();
    let error = Worker::decode(&bytes, 1, |id| {
        assert_eq!(id, wanted);
        None
    });
    assert!(matches!(error, Err(WorkerError::NoArtifact(id)) if id == wanted));
    let other = artifact("export default 1");
    let error = Worker::decode(&bytes, 1, |_| Some(other.clone()));
    assert!(matches!(error, Err(WorkerError::WrongArtifact(id)) if id == other.id()));
}

#[test]
fn the_same_worker_in_other_bytes_is_refused() {
    let worker = worker();
    let mut manifest = Manifest {
        artifact: *worker.artifact.id().0.as_bytes(),
        name: "a",
        owner: "o",
        cordon: "c",
        version: "v",
        limits: Limits::default(),
        entrypoints: vec!["a", "b"],
        bindings: vec![("X", BindingEntry::Text("1")), ("Y", BindingEntry::Text("2"))],
    };
    let read = |manifest: &Manifest<'_>| {
        decode(&Sealed::new(&KIND, manifest).unwrap().write(std::iter::empty()))
    };
    assert!(read(&manifest).is_ok());
    manifest.bindings.reverse();
    assert!(matches!(read(&manifest), Err(WorkerError::NotCanonical)));
    manifest.bindings = vec![("X", BindingEntry::Text("1")), ("X", BindingEntry::Text("1"))];
    assert!(matches!(read(&manifest), Err(WorkerError::NotCanonical)));
    manifest.bindings.clear();
    manifest.entrypoints.reverse();
    assert!(matches!(read(&manifest), Err(WorkerError::NotCanonical)));
}

#[test]
fn too_many_bindings_are_an_error_both_ways() {
    let many = (0..=BINDINGS_MAX).map(|number| (format!("N{number}"), Binding::text("")));
    let worker = Worker { bindings: many.collect(), ..worker() };
    assert!(matches!(worker.encode(), Err(WorkerError::TooLarge)));
    let bytes = worker.seal().unwrap().write(std::iter::empty());
    assert!(matches!(decode(&bytes), Err(WorkerError::TooLarge)));
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {:#?}", worker(), worker());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("größe"));
    let Some(Binding::Secret(secret)) = worker().bindings.remove("KEY") else {
        panic!("no secret")
    };
    assert_eq!(secret.reveal(), "hunter2");
}
