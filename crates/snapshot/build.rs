//! Makes the startup snapshot, and in a second process the bytecode of what is evaluated later: the
//! process that makes a snapshot must not use it, and V8 takes bytecode only from one that does.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells this program that it is the second process.
const SECOND: &str = "ISOLDE_LAZY_CODE";

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by Cargo"));
    let made = match std::env::var_os(SECOND) {
        Some(_) => make_code(&out),
        None => make_snapshot(&out),
    };
    if let Err(error) = made {
        eprintln!("the startup snapshot could not be made: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprintln!("  because: {error}");
            cause = error.source();
        }
        std::process::exit(1);
    }
}

fn make_snapshot(out: &Path) -> Result<(), Box<dyn Error>> {
    let snapshot = isolate::make_snapshot(&api::sources(), Box::new(api::null_host()))?;
    std::fs::write(out.join("snapshot.bin"), &snapshot.blob)?;
    std::fs::write(out.join("fingerprint.bin"), snapshot.fingerprint)?;
    let status = Command::new(std::env::current_exe()?).env(SECOND, "1").status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the second process ended: {status}").into())
    }
}

fn make_code(out: &Path) -> Result<(), Box<dyn Error>> {
    let api = api::sources();
    let blob: &'static [u8] = Vec::leak(std::fs::read(out.join("snapshot.bin"))?);
    let code = isolate::make_lazy_code(&api, blob, Box::new(api::null_host()))?;
    let mut rust = String::from("&[\n");
    for (index, code) in code.iter().enumerate() {
        let path = out.join(format!("code-{index}.bin"));
        std::fs::write(&path, code)?;
        let source = api.joined.and_then(|joined| joined.lazy.get(index));
        let source = source.ok_or("there is more code than text")?;
        writeln!(
            rust,
            "    LazyCode {{ source_sha256: {:?}, code: include_bytes!({path:?}) }},",
            source.sha256,
        )?;
    }
    rust.push(']');
    std::fs::write(out.join("code.rs"), rust)?;
    Ok(())
}
