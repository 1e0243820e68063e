//! `isolde doctor`: what it finds, as JSON and as text.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use crate::support::scratch_folder;

fn doctor(arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_isolde")).arg("doctor").args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {report}"))
}

#[test]
fn each_step_of_the_jail_is_tried() {
    let (code, text) = doctor(&["--json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    for step in [
        "descriptors", "limits", "user", "namespaces", "root", "privileges", "landlock",
        "system calls",
    ] {
        // The other tests start strict nodes, so this machine has it all.
        assert_eq!(finding(&report, &format!("jail: {step}"))["verdict"], "ok", "{report}");
    }
    for name in ["kernel", "isolates", "connections", "threads", "memory", "cgroups"] {
        assert!(!finding(&report, name)["found"].as_str().unwrap().is_empty());
    }
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()), "{report}");
    let (code, text) = doctor(&[]);
    assert_eq!(code, Some(0));
    assert!(text.contains("ok       jail: namespaces"), "{text}");
    assert!(text.ends_with("`isolde serve` can run here with the strict sandbox.\n"), "{text}");
}

#[test]
fn a_configuration_that_cannot_be_served_is_told_of() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let path = scratch_folder("doctor").join("isolde.toml");
    let report = |text: &str| {
        fs::write(&path, text).unwrap();
        let (code, text) = doctor(&["--json", "--config", path.to_str().unwrap()]);
        (code, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (code, told) = report(&format!("[listen]\nhttp = \"{address}\"\n"));
    assert_eq!((code, &finding(&told, "listen.http")["verdict"]), (Some(1), &"missing".into()));
    let (code, told) = report("[listen]\nhttp = \"nowhere\"\n");
    let advice = finding(&told, "configuration")["advice"].as_str().unwrap().to_owned();
    assert!(code == Some(1) && advice.contains(":2:8: "), "{advice}");
    let (code, _) = report("[listen]\nhttp = \"127.0.0.1:0\"\n");
    assert_eq!(code, Some(0));
}
