//! The recipes of `packaging/`: the service is one for systemd, the container can be built.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{repository, scratch_folder};

/// Where the service expects the program.
const INSTALLED: &str = "/usr/local/bin/isolde";

/// Whether a program is on this machine.
fn is_here(program: &str) -> bool {
    let mut command = Command::new(program);
    let command = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn systemd_takes_the_service() {
    let unit = fs::read_to_string(repository("packaging/isolde.service")).unwrap();
    assert!(unit.contains(&format!("ExecStart={INSTALLED} serve ")), "{unit}");
    if !is_here("systemd-analyze") {
        return println!("skipped: there is no systemd-analyze");
    }
    let path = scratch_folder("packaging").join("isolde.service");
    fs::write(&path, unit.replace(INSTALLED, env!("CARGO_BIN_EXE_isolde"))).unwrap();
    let output = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    // A key that it does not know is a complaint, but no failure.
    let ours: Vec<_> = complaints.lines().filter(|line| line.contains("isolde.service")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn the_container_is_built() {
    if std::env::var_os("ISOLDE_TEST_CONTAINER").is_none() {
        return println!("skipped: ISOLDE_TEST_CONTAINER is not set, and a build takes long");
    }
    let Some(program) = ["podman", "docker"].into_iter().find(|program| is_here(program)) else {
        return println!("skipped: there is neither podman nor docker");
    };
    let output = Command::new(program)
        .args(["build", "--tag", "isolde-test", "--file", "packaging/Containerfile", "."])
        .current_dir(repository("."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
