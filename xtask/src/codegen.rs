//! `cargo xtask codegen`: makes the Rust code of the Cap'n Proto schemas. It is committed, with the
//! hash of its schema, so that no build needs the tool `capnp`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use sha2::{Digest, Sha256};

/// The folder of the generated code.
pub const GENERATED: &str = "crates/rpc/src/gen/";
/// The folder of the schemas.
const SCHEMAS: &str = "crates/rpc/schema";
/// The beginning of the first line of generated code.
const HASH_LINE: &str = "// The SHA-256 of its schema: ";

/// Why no code was made.
#[derive(Debug, thiserror::Error)]
pub enum CodegenError {
    /// A file could not be read or written.
    #[error("{}: {cause}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The tool failed.
    #[error("{0}; it needs the tool `capnp`: apt-get install capnproto")]
    Capnp(capnp::Error),
}

/// Makes the code of the project at `root`.
pub fn run(root: &Path) -> ExitCode {
    match generate(root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("codegen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(root: &Path) -> Result<(), CodegenError> {
    let folder = root.join(GENERATED);
    for (schema, name) in schemas(root)? {
        println!("$ capnp compile -o rust {}", schema.display());
        capnpc::CompilerCommand::new()
            .src_prefix(root.join(SCHEMAS))
            .file(&schema)
            .output_path(&folder)
            .run()
            .map_err(CodegenError::Capnp)?;
        let path = folder.join(format!("{name}_capnp.rs"));
        let code = format!("{HASH_LINE}{}\n{}", hash(&read(&schema)?), read(&path)?);
        fs::write(&path, code).map_err(|cause| CodegenError::File { path, cause })?;
    }
    Ok(())
}

/// The schemas, with their names.
fn schemas(root: &Path) -> Result<Vec<(PathBuf, String)>, CodegenError> {
    let folder = root.join(SCHEMAS);
    let entries = fs::read_dir(&folder);
    let entries = entries.map_err(|cause| CodegenError::File { path: folder, cause })?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let named = paths.filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        path.extension().is_some_and(|ending| ending == "capnp").then_some((path, name))
    });
    Ok(named.collect())
}

fn read(path: &Path) -> Result<String, CodegenError> {
    let failed = |cause| CodegenError::File { path: path.to_path_buf(), cause };
    fs::read_to_string(path).map_err(failed)
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_code_is_of_the_schemas_that_there_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder");
        let schemas = schemas(root).unwrap();
        assert!(!schemas.is_empty());
        for (schema, name) in schemas {
            let code = read(&root.join(GENERATED).join(format!("{name}_capnp.rs"))).unwrap();
            let line = format!("{HASH_LINE}{}", hash(&read(&schema).unwrap()));
            assert_eq!(code.lines().next(), Some(&*line), "run `cargo xtask codegen`");
        }
    }
}
