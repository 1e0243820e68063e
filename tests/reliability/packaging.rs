//! The files of `packaging/`.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{repository, scratch_folder};

fn exists(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn systemd_understands_the_unit() {
    if !exists("systemd-analyze") {
        return println!("skipped: there is no systemd-analyze");
    }
    let unit = fs::read_to_string(repository("packaging/isolde.service")).unwrap();
    // It looks for the programs, too.
    let unit = unit.replace("/usr/bin/isolde", env!("CARGO_BIN_EXE_isolde"));
    let path = scratch_folder("packaging").join("isolde.service");
    fs::write(&path, unit).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output();
    let output = output.unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    let own: Vec<&str> =
        complaints.lines().filter(|line| line.contains("isolde.service")).collect();
    assert!(own.is_empty() && output.status.success(), "{complaints}");
}

/// It takes long and needs a network, so it is asked for: `ISOLDE_TEST_CONTAINER=1`.
#[test]
fn the_container_is_built() {
    let tool = ["podman", "docker"].into_iter().find(|tool| exists(tool));
    let (Some(tool), Some(_)) = (tool, std::env::var_os("ISOLDE_TEST_CONTAINER")) else {
        return println!(
            "skipped: there is no podman or docker, or ISOLDE_TEST_CONTAINER is unset"
        );
    };
    let status = Command::new(tool)
        .args(["build", "-f", "packaging/Containerfile", "-t", "isolde-test", "."])
        .current_dir(repository("."))
        .status();
    assert!(status.unwrap().success());
    let output =
        Command::new(tool).args(["run", "--rm", "isolde-test", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("--config"), "{output:?}");
}
