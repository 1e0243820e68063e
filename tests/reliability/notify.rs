//! `isolde serve` under a service manager: what it is told, as `sd_notify(3)` has it.

use std::fs;
use std::os::unix::net::UnixDatagram;

use crate::support::process::Isolde;
use crate::support::{DEADLINE, scratch_folder};

struct Manager(UnixDatagram);

impl Manager {
    /// The next message that has this line.
    fn wait_for(&self, line: &str) -> String {
        let mut seen = Vec::new();
        let mut bytes = [0; 1_024];
        while let Ok(count) = self.0.recv(&mut bytes) {
            let text = String::from_utf8(bytes[..count].to_vec()).unwrap();
            if text.lines().any(|its| its == line) {
                return text;
            }
            seen.push(text);
        }
        panic!("{line} never came; {seen:?} did");
    }
}

#[test]
fn a_service_manager_is_told_of_start_reload_and_end() {
    let folder = scratch_folder("notify");
    // The path of a socket is short.
    let path = std::env::temp_dir().join(format!("isolde-notify-{}", std::process::id()));
    let _ = fs::remove_file(&path);
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(DEADLINE)).unwrap();
    fs::write(folder.join("a.js"), "export default { fetch: () => new Response() };").unwrap();
    let config = folder.join("isolde.toml");
    let text = "[listen]\nhttp = \"127.0.0.1:0\"\n\
        [[worker]]\nname = \"a\"\npath = \"a.js\"\nhosts = [\"a.example\"]\n";
    fs::write(&config, text).unwrap();
    let mut isolde = Isolde::serve_with_variable(&config, "NOTIFY_SOCKET", &path);
    let ready = manager.wait_for("READY=1");
    assert!(ready.contains("STATUS=1 Workers are served"), "{ready}");
    isolde.reload();
    let reloading = manager.wait_for("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.wait_for("READY=1");
    isolde.terminate();
    manager.wait_for("STOPPING=1");
    assert!(isolde.wait().success());
    fs::remove_file(&path).unwrap();
}
