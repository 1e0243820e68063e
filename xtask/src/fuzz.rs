//! `cargo xtask fuzz`: builds the fuzz targets and runs each for a while.
//!
//! It drives libFuzzer with the stable compiler: coverage is an option of LLVM. There is no address
//! sanitizer, because the parsers are safe Rust: what they do wrong is a panic, an endless loop, or
//! too much memory.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{fs, io};

use clap::Args;

/// What makes LLVM count edges and comparisons for libFuzzer, and the compiler check arithmetic.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cdebug-assertions -Coverflow-checks --cfg=fuzzing";
/// Memory of a fuzz target in MiB; V8's heaps are a part of it.
const MEMORY_MIB_MAX: u32 = 2_048;
/// Longest time for one input in seconds.
const INPUT_SECONDS_MAX: u32 = 20;
/// Longest input in bytes.
const INPUT_BYTES_MAX: u32 = 16 << 10;

/// What `cargo xtask fuzz` is told.
#[derive(Args)]
pub struct Arguments {
    /// Only these targets; all without it
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u32,
}

/// Why nothing was fuzzed.
#[derive(Debug, thiserror::Error)]
pub enum FuzzError {
    /// A file could not be read or written.
    #[error("{}: {cause}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Cargo's configuration is not as expected.
    #[error(".cargo/config.toml has no flags for the linker under [target.{0}]")]
    LinkerFlags(String),
    /// A target that is not in `fuzz/Cargo.toml`.
    #[error("there is no fuzz target {name}; there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The targets that there are.
        known: String,
    },
    /// The targets do not build.
    #[error("the fuzz targets do not build")]
    Build,
}

/// Builds the targets below `root` and runs them.
pub fn run(root: &Path, arguments: &Arguments) -> ExitCode {
    match fuzz(root, arguments) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The names of the targets that found something.
fn fuzz(root: &Path, arguments: &Arguments) -> Result<Vec<String>, FuzzError> {
    let known = targets(root)?;
    if let Some(name) = arguments.targets.iter().find(|name| !known.contains(name)) {
        return Err(FuzzError::Unknown { name: name.clone(), known: known.join(", ") });
    }
    let chosen = if arguments.targets.is_empty() { &known } else { &arguments.targets };
    let programs = build(root)?;
    let mut findings = Vec::new();
    for target in chosen {
        if !run_target(root, &programs, target, arguments.seconds)? {
            findings.push(target.clone());
        }
    }
    let clean = chosen.len() - findings.len();
    println!("{clean} targets without a finding, {} with one: {findings:?}", findings.len());
    Ok(findings)
}

/// The platform that is built for. It has to be named: build scripts and procedural macros are
/// then built without coverage.
fn platform() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// The targets that `fuzz/Cargo.toml` names.
fn targets(root: &Path) -> Result<Vec<String>, FuzzError> {
    let manifest = read_toml(&root.join("fuzz/Cargo.toml"))?;
    let programs = manifest.get("bin").and_then(toml::Value::as_array);
    let names = programs.into_iter().flatten().filter_map(|program| program.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Builds all targets; gives the folder of the programs.
fn build(root: &Path) -> Result<PathBuf, FuzzError> {
    let folder = root.join("target/fuzz");
    let linker = write_linker(root, &folder)?;
    let platform = platform();
    let variable = platform.to_uppercase().replace('-', "_");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &platform])
        .arg("--target-dir")
        .arg(&folder)
        .current_dir(root)
        .env("RUSTFLAGS", COVERAGE)
        .env(format!("CARGO_TARGET_{variable}_LINKER"), linker);
    println!("$ RUSTFLAGS=\"{COVERAGE}\" {cargo:?}");
    match cargo.status() {
        Ok(status) if status.success() => Ok(folder.join(platform).join("release")),
        _ => Err(FuzzError::Build),
    }
}

/// A linker with the flags that `.cargo/config.toml` has for everything that links V8. `RUSTFLAGS`
/// replaces those flags, and would not reach the build script that makes the snapshot.
fn write_linker(root: &Path, folder: &Path) -> Result<PathBuf, FuzzError> {
    let platform = platform();
    let configuration = read_toml(&root.join(".cargo/config.toml"))?;
    let flags = configuration.get("target").and_then(|all| all.get(&platform)?.get("rustflags"));
    let flags = flags.and_then(toml::Value::as_array).into_iter().flatten();
    let flags = flags.filter_map(|flag| flag.as_str()?.strip_prefix("link-arg="));
    let flags = flags.collect::<Vec<_>>().join(" ");
    if flags.is_empty() {
        return Err(FuzzError::LinkerFlags(platform));
    }
    let path = folder.join("linker.sh");
    let failed = |cause| FuzzError::File { path: path.clone(), cause };
    fs::create_dir_all(folder).map_err(failed)?;
    // What does not link V8 has none of the functions that the flags name.
    let script = format!(
        "#!/bin/sh\n\
         case \"$*\" in\n\
         */libv8-*) exec cc \"$@\" {flags} ;;\n\
         *) exec cc \"$@\" ;;\n\
         esac\n"
    );
    fs::write(&path, script).map_err(failed)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    Ok(path)
}

/// Runs one target; whether it found nothing. Inputs that reach new code are kept in
/// `target/fuzz/corpus`, for the next run.
fn run_target(root: &Path, programs: &Path, target: &str, seconds: u32) -> Result<bool, FuzzError> {
    let findings = root.join("target/fuzz/findings").join(target);
    let corpus = root.join("target/fuzz/corpus").join(target);
    for folder in [&findings, &corpus] {
        let failed = |cause| FuzzError::File { path: folder.clone(), cause };
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut program = Command::new(programs.join(target));
    program.arg(&corpus);
    let seeds = root.join("fuzz/seeds").join(target);
    if seeds.exists() {
        program.arg(seeds);
    }
    program.args([
        format!("-max_total_time={seconds}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-artifact_prefix={}/", findings.display()),
        "-print_final_stats=1".to_owned(),
    ]);
    println!("$ {program:?}");
    let is_clean = program.status().is_ok_and(|status| status.success());
    if !is_clean {
        println!("fuzz: {target} found something: the input is in {}", findings.display());
        println!("fuzz: run it again with {} FILE", programs.join(target).display());
    }
    Ok(is_clean)
}

fn read_toml(path: &Path) -> Result<toml::Value, FuzzError> {
    let failed = |cause| FuzzError::File { path: path.to_path_buf(), cause };
    let text = fs::read_to_string(path).map_err(failed)?;
    toml::from_str(&text).map_err(|error| failed(io::Error::other(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the project's folder")
    }

    #[test]
    fn every_target_has_its_file_and_every_file_is_a_target() {
        let mut named = targets(root()).unwrap();
        named.sort();
        let files = fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
        let mut files: Vec<String> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        assert_eq!(named, files);
    }

    #[test]
    fn the_linker_has_the_flags_of_every_program_that_links_v8() {
        let folder = std::env::temp_dir().join(format!("isolde-fuzz-{}", std::process::id()));
        let linker = write_linker(root(), &folder).unwrap();
        let script = fs::read_to_string(linker).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(script.contains("--wrap=_ZN2v84base2OS17TimeCurrentMillisEv"), "{script}");
    }
}
