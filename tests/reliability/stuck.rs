//! Processes that neither work nor end: each is found, killed and replaced.

use std::fs;

use crate::support::process::{Isolde, child, children};
use crate::support::{repository, scratch_folder, signal, until};

/// The process of a role that does the work: in its jail, where it has one of its own.
fn worker_of(node: u32, role: &str) -> u32 {
    let outer = child(node, role);
    children(outer, role).first().copied().unwrap_or(outer)
}

#[test]
fn a_process_that_does_not_answer_is_replaced() {
    let folder = scratch_folder("stuck");
    fs::copy(repository("tests/reliability/suspects/loops.js"), folder.join("it.js")).unwrap();
    let mut text = "[listen]\nhttp = \"127.0.0.1:0\"\n".to_owned();
    // Of two cordons, so that there is an inbound proxy.
    for cordon in ["free", "paid"] {
        text.push_str(&format!(
            "[[worker]]\nname = \"{cordon}\"\npath = \"it.js\"\nhosts = [\"{cordon}.example\"]\n\
             trust = \"{cordon}\"\n"
        ));
    }
    let config = folder.join("isolde.toml");
    fs::write(&config, text).unwrap();
    let isolde = Isolde::serve(&config);
    let is_served = |host: &str| isolde.get_from(host, "/").text() == "fine";
    assert!(is_served("free.example") && is_served("paid.example"));
    let roles = ["inbound", "outbound", "runtime"];
    let before = roles.map(|role| worker_of(isolde.id(), role));
    for pid in before {
        signal("STOP", pid);
    }
    for (role, stuck) in roles.iter().zip(before) {
        let said = format!(
            "{role}{} ended: it did not answer any more and was killed",
            match *role {
                "runtime" => " of free",
                _ => "",
            }
        );
        until(&said, || isolde.complaints().contains(&said).then_some(()));
        until("the next one", || {
            let now = children(isolde.id(), role);
            (!now.is_empty() && worker_of(isolde.id(), role) != stuck).then_some(())
        });
        assert!(!fs::exists(format!("/proc/{stuck}")).unwrap(), "{role} is gone");
    }
    assert!(is_served("free.example") && is_served("paid.example"));
    let said = isolde.complaints().matches("did not answer").count();
    assert_eq!(said, roles.len(), "the other runtime has answered: {}", isolde.complaints());
}
