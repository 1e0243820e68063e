//! cgroups around the processes of `isolde serve`: where the memory controller of version 1 can be
//! written, as by root in a container or on a hybrid system. Elsewhere these tests say that they
//! are skipped.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::process::{Isolde, child};
use crate::support::{repository, scratch_folder, signal, until};
use crate::suspects::processes;

/// What runtimes may use here, in MiB.
const MEMORY_MB: u64 = 256;

/// The group of this process with a controller of version 1, if groups can be made in it.
fn own_group(controller: &str) -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
    let path = groups.lines().find_map(|line| {
        let (names, path) = line.split_once(':')?.1.split_once(':')?;
        (names == controller).then(|| path.trim_start_matches('/').to_owned())
    });
    let folder = Path::new("/sys/fs/cgroup").join(controller).join(path?);
    let probe = folder.join(format!("probe-{}", std::process::id()));
    let made = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
    match made {
        Ok(()) => Some(folder),
        Err(error) => {
            println!("{}: {error}", probe.display());
            None
        }
    }
}

/// One Worker in the shared process, and two in another.
fn node(name: &str) -> PathBuf {
    let folder = scratch_folder(name);
    let code = repository("tests/reliability/cgroups/eats.js");
    let mut text = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\ncontrol = \"control.sock\"\n\
         [processes]\nruntime_memory_mb = {MEMORY_MB}\nruntime_pids = 2000\n"
    );
    for (worker, owner, more) in [
        ("good", "anna", ""),
        ("bad", "eve", "trust = \"low\""),
        ("near", "ben", "trust = \"low\""),
    ] {
        fs::copy(&code, folder.join(format!("{worker}.js"))).unwrap();
        text.push_str(&format!(
            "[[worker]]\nname = \"{worker}\"\npath = \"{worker}.js\"\n\
             hosts = [\"{worker}.example\"]\nowner = \"{owner}\"\n{more}\n\
             [worker.limits]\ncpu_ms = 60000\nmemory_mb = 1024\n"
        ));
    }
    let path = folder.join("isolde.toml");
    fs::write(&path, text).unwrap();
    path
}

/// What the status says of the runtime of a cordon, when it runs.
fn runtime(config: &Path, cordon: &str) -> serde_json::Value {
    until("the runtime", || {
        let runtimes = processes(config, "runtime").into_iter();
        runtimes.filter(|it| it["pid"].is_number()).find(|it| it["cordon"] == cordon)
    })
}

fn pid(process: &serde_json::Value) -> u32 {
    process["pid"].as_u64().and_then(|pid| pid.try_into().ok()).expect("it runs")
}

/// Sends a request of which no answer is expected.
fn send(isolde: &Isolde, path: &str) -> crate::support::http::Connection {
    let mut client = isolde.connect();
    client.send(format!("GET {path} HTTP/1.1\r\nhost: bad.example\r\n\r\n").as_bytes());
    client
}

#[test]
fn each_process_is_in_a_group_which_goes_with_it() {
    let Some(memory) = own_group("memory") else { return println!("skipped: no cgroups") };
    let config = node("cgroups_groups");
    let mut isolde = Isolde::serve(&config);
    assert_eq!(isolde.get_from("bad.example", "/").text(), "fine");
    let base = memory.join(format!("isolde-{}", isolde.id()));
    let members = |group: &str| {
        let text = fs::read_to_string(base.join(group).join("cgroup.procs")).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect::<Vec<u32>>()
    };
    for (group, cordon) in [("runtime-1", "shared"), ("runtime-2", "low")] {
        let outside = pid(&runtime(&config, cordon));
        // The first process of a runtime waits for the one in the jail.
        let jailed = child(outside, "runtime");
        assert_eq!(members(group), [outside, jailed], "{group}");
        let limit = fs::read_to_string(base.join(group).join("memory.limit_in_bytes")).unwrap();
        assert_eq!(limit.trim(), (MEMORY_MB << 20).to_string());
    }
    for role in ["inbound", "outbound"] {
        assert!(members(role).contains(&child(isolde.id(), role)), "{role}");
    }
    if let Some(pids) = own_group("pids") {
        let group = pids.join(format!("isolde-{}/runtime-1", isolde.id()));
        assert_eq!(fs::read_to_string(group.join("pids.max")).unwrap(), "2000\n");
    }
    if let Some(cpu) = own_group("cpu") {
        let group = cpu.join(format!("isolde-{}/runtime-2", isolde.id()));
        let shares = fs::read_to_string(group.join("cpu.shares")).unwrap();
        assert_eq!(shares, "2048\n", "the process has Workers of two owners");
    }
    isolde.terminate();
    assert!(isolde.wait().success());
    for controller in ["memory", "pids", "cpu"] {
        let Some(own) = own_group(controller) else { continue };
        let base = own.join(format!("isolde-{}", isolde.id()));
        assert!(!base.exists(), "{}", base.display());
    }
}

#[test]
fn a_runtime_without_memory_is_ended_and_comes_back_and_others_go_on() {
    if own_group("memory").is_none() {
        return println!("skipped: no cgroups");
    }
    let config = node("cgroups_memory");
    let isolde = Isolde::serve(&config);
    assert_eq!(isolde.get_from("good.example", "/count").text(), "1");
    assert_eq!(isolde.get_from("near.example", "/count").text(), "1");
    let before = runtime(&config, "low");
    assert_eq!(before["memory_bytes_max"], MEMORY_MB << 20);
    assert_eq!(before["oom_kills"], 0);
    let mut client = send(&isolde, "/eat");
    let said = format!(
        "runtime of low ended: it used more memory than its cgroup allows ({MEMORY_MB} MiB) \
         while it ran bad of eve; it is started"
    );
    until("the end of its process", || isolde.complaints().contains(&said).then_some(()));
    assert!(client.try_response("GET").is_none_or(|answer| answer.error_code() == Some(1101)));
    let moved = "bad of eve is suspicious and runs by itself";
    until("the move", || isolde.complaints().contains(moved).then_some(()));
    // A new process has new isolates.
    assert_eq!(isolde.get_from("near.example", "/count").text(), "1");
    assert_eq!(isolde.get_from("bad.example", "/").text(), "fine");
    assert_eq!(isolde.get_from("good.example", "/count").text(), "2");
    let after = runtime(&config, "low");
    assert_ne!(after["pid"], before["pid"]);
    assert_eq!(after["oom_kills"], 1);
    assert_eq!(runtime(&config, "shared")["oom_kills"], 0);
}

#[test]
fn nobody_is_blamed_for_a_kill_by_somebody_else() {
    if own_group("memory").is_none() {
        return println!("skipped: no cgroups");
    }
    let config = node("cgroups_killed");
    let isolde = Isolde::serve(&config);
    let _client = send(&isolde, "/loop");
    let victim = until("the loop", || {
        let runtime = runtime(&config, "low");
        (runtime["in_flight"].as_u64() >= Some(1)).then(|| pid(&runtime))
    });
    signal("KILL", victim);
    let said = "runtime of low ended (signal: 9 (SIGKILL)); it is started";
    until("the notice", || isolde.complaints().contains(said).then_some(()));
    assert_eq!(isolde.get_from("bad.example", "/").text(), "fine");
    assert_eq!(runtime(&config, "low")["oom_kills"], 0);
    assert!(!isolde.complaints().contains("suspicious"), "{}", isolde.complaints());
}

#[test]
fn a_build_that_takes_too_much_memory_fails_and_harms_no_other() {
    if own_group("memory").is_none() {
        return println!("skipped: no cgroups");
    }
    let config = node("cgroups_build");
    let folder = config.parent().unwrap();
    fs::create_dir(folder.join("project")).unwrap();
    // The last line of what has none is kept until the end.
    let project = "name = \"a\"\nmain = \"a.js\"\n[build]\ncommand = \"tail /dev/zero\"\n";
    fs::write(folder.join("project/wrangler.toml"), project).unwrap();
    let worker = "[[worker]]\nname = \"big\"\npath = \"project\"\nhosts = [\"big.example\"]\n";
    let text = fs::read_to_string(&config).unwrap() + worker;
    let limited = text.replace("[processes]\n", "[processes]\nbuild_memory_mb = 128\n");
    fs::write(&config, limited).unwrap();
    let isolde = Isolde::serve(&config);
    assert_eq!(isolde.get_from("good.example", "/").text(), "fine");
    assert_eq!(isolde.get_from("big.example", "/").status, 404);
    let said = "big: the build used more memory than its cgroup allows (128 MiB)";
    assert!(isolde.complaints().contains(said), "{}", isolde.complaints());
}
