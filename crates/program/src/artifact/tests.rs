//! Artifacts: ids, canonical bytes, damaged bytes.

use super::*;
use crate::frame::MANIFEST_BYTES_MAX;

fn parts() -> ArtifactParts {
    let mut main = Module::new(
        "index.js",
        ModuleKind::EsModule,
        Content::new("import './lib/a.txt'; export default {}"),
    );
    main.source_map = Some(Content::new(r#"{"version":3,"sources":["src/index.ts"]}"#));
    ArtifactParts {
        main: "index.js".to_owned(),
        format: Format::Module,
        compatibility_date: Some("2026-11-01".to_owned()),
        compatibility_flags: vec!["nodejs_compat".to_owned(), "a_flag".to_owned()],
        modules: vec![
            Module::new("lib/a.txt", ModuleKind::Text, Content::new("grün")),
            main,
            Module::new("empty.bin", ModuleKind::Data, Content::new("")),
            Module::new("add.wasm", ModuleKind::CompiledWasm, Content::new(vec![0, 97, 115, 109])),
        ],
    }
}

fn artifact() -> Artifact {
    Artifact::new(parts()).unwrap()
}

#[test]
fn the_main_module_comes_first_and_the_others_by_name() {
    let artifact = artifact();
    let names: Vec<_> = artifact.modules().iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["index.js", "add.wasm", "empty.bin", "lib/a.txt"]);
    assert_eq!(artifact.main().name, "index.js");
    assert_eq!(artifact.compatibility_flags(), ["a_flag", "nodejs_compat"]);
}

#[test]
fn encoding_round_trips_and_shares_the_bytes() {
    let artifact = artifact();
    let bytes = Bytes::from(artifact.encode());
    let read = Artifact::decode(&bytes).unwrap();
    assert_eq!(read, artifact);
    assert_eq!(read.encode(), bytes);
    let range = bytes.as_ptr_range();
    assert!(range.contains(&read.main().content.bytes().as_ptr()), "the content is not a copy");
}

#[test]
fn equal_code_has_one_id_and_other_code_another() {
    let id = artifact().id();
    let mut shuffled = parts();
    shuffled.modules.reverse();
    shuffled.compatibility_flags.reverse();
    shuffled.compatibility_flags.push("a_flag".to_owned());
    assert_eq!(Artifact::new(shuffled).unwrap().id(), id);
    let changes: [fn(&mut ArtifactParts); 6] = [
        |parts| parts.modules[0].content = Content::new("grau"),
        |parts| parts.modules[0].name = "lib/b.txt".to_owned(),
        |parts| parts.modules[0].kind = ModuleKind::Data,
        |parts| parts.modules[1].source_map = None,
        |parts| parts.compatibility_date = None,
        |parts| parts.compatibility_flags.clear(),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut parts = parts();
        change(&mut parts);
        assert_ne!(Artifact::new(parts).unwrap().id(), id, "change {index}");
    }
}

/// The form on disk. A change of it needs another version.
#[test]
fn the_id_of_version_1_is_fixed() {
    assert_eq!(
        artifact().id().to_string(),
        "9c73ff7cb402363cebfd5fd541e83c8c04b9431b1e4dfb552cfbf514d5810d6f"
    );
}

#[test]
fn parts_that_are_no_program() {
    let error = |change: fn(&mut ArtifactParts)| {
        let mut parts = parts();
        change(&mut parts);
        Artifact::new(parts).unwrap_err().to_string()
    };
    assert_eq!(
        error(|parts| parts.main = "other.js".to_owned()),
        "there is no module `other.js`, which should be the main one"
    );
    assert_eq!(
        error(|parts| parts.format = Format::ServiceWorker),
        "the main module `index.js` is not of a kind that its format runs"
    );
    assert_eq!(
        error(|parts| parts.modules[0].kind = ModuleKind::Script),
        "the module `lib/a.txt` is a classic script, which nothing can import"
    );
    for name in ["empty.bin", "index.js"] {
        let mut parts = parts();
        parts.modules[0].name = name.to_owned();
        let message = Artifact::new(parts).unwrap_err().to_string();
        assert_eq!(message, format!("there are two modules `{name}`"));
    }
    assert!(error(|parts| parts.modules[0].name.clear()).starts_with("a module has no name"));
    assert!(error(|parts| parts.compatibility_flags[0] = "x".repeat(1000)).contains("flags"));
}

#[test]
fn every_truncation_and_every_flipped_bit_is_an_error() {
    let bytes = artifact().encode();
    for length in 0..bytes.len() {
        let cut = Bytes::copy_from_slice(&bytes[..length]);
        assert!(Artifact::decode(&cut).is_err(), "{length} bytes of {}", bytes.len());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Artifact::decode(&Bytes::from(flipped)).is_err(), "bit {bit}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    let error = Artifact::decode(&Bytes::from(longer)).unwrap_err();
    assert!(matches!(error, ArtifactError::Frame(FrameError::Trailing(1))), "{error}");
}

#[test]
fn another_version_is_named() {
    let mut bytes = artifact().encode();
    bytes[8] = 2;
    let error = Artifact::decode(&Bytes::from(bytes)).unwrap_err();
    assert!(matches!(error, ArtifactError::Frame(FrameError::Version(2))), "{error}");
}

/// A frame whose checksum is right, around any manifest.
fn framed(manifest: &[u8], contents: &[u8]) -> Bytes {
    let mut head = b"IsoldeAr\x01\x00".to_vec();
    head.extend((manifest.len() as u32).to_le_bytes());
    let digest = Digest::of(&[&head, manifest]);
    [&head[..], digest.as_bytes(), manifest, contents].concat().into()
}

#[test]
fn manifests_that_claim_too_much_are_errors() {
    // A list of 2^63 flags, of 2^28 modules, a name of 2^40 bytes.
    let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    for manifest in [
        [&[0, 0][..], &huge].concat(),
        [0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x01].to_vec(),
        [0, 0, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20].to_vec(),
        Vec::new(),
        [7].to_vec(),
    ] {
        let error = Artifact::decode(&framed(&manifest, b"")).unwrap_err();
        assert!(matches!(error, ArtifactError::Frame(FrameError::Manifest(_))), "{error}");
    }
    let mut head = b"IsoldeAr\x01\x00".to_vec();
    head.extend((MANIFEST_BYTES_MAX as u32 + 1).to_le_bytes());
    let error = Artifact::decode(&head.into()).unwrap_err();
    assert!(matches!(error, ArtifactError::Frame(FrameError::TooLarge)), "{error}");
}

#[test]
fn the_same_value_in_other_bytes_is_refused() {
    let entry = ContentEntry::from(&Content::new("x"));
    let module = |name| ModuleEntry {
        name,
        kind: ModuleKind::EsModule,
        content: ContentEntry::from(&Content::new("x")),
        source_map: None,
    };
    let manifest = |flags: Vec<&'static str>, modules| Manifest {
        format: Format::Module,
        compatibility_date: None,
        compatibility_flags: flags,
        modules,
    };
    let decode = |manifest: &Manifest<'_>, extra: &[u8]| {
        let mut bytes = postcard::to_allocvec(manifest).unwrap();
        bytes.extend_from_slice(extra);
        Artifact::decode(&framed(&bytes, &b"xxx"[..manifest.modules.len()]))
    };
    assert!(decode(&manifest(vec!["a", "b"], vec![module("m")]), b"").is_ok());
    for refused in [
        decode(&manifest(vec!["b", "a"], vec![module("m")]), b""),
        decode(&manifest(vec!["a", "a"], vec![module("m")]), b""),
        decode(&manifest(vec![], vec![module("m"), module("z"), module("a")]), b""),
        decode(&manifest(vec![], vec![module("m")]), b"\0"),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, ArtifactError::NotCanonical), "{error}");
    }
    drop(entry);
}
