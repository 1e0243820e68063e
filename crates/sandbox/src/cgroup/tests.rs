//! Groups of this machine, where it lets this user make some.

use std::process::{Child, Command, Stdio};

use super::*;

/// Groups for the supervisor with this number.
fn cgroups(pid: u32) -> Cgroups {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
    // In version 2 the process of all tests would move.
    let is_legacy = |line: &&str| !line.starts_with("0:");
    let groups: String = groups.lines().filter(is_legacy).flat_map(|it| [it, "\n"]).collect();
    Cgroups::open_in(&groups, &fs::read_to_string("/proc/self/mountinfo").unwrap(), pid)
}

/// A shell that has a child, until its standard input ends.
fn shell() -> Child {
    let script = "sleep 600 & echo; read line; kill $!; wait";
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn what_is_not_there_is_said() {
    let cgroups = Cgroups::open_in("0::/\n", "", 1);
    let said: Vec<String> = cgroups.problems().iter().map(ToString::to_string).collect();
    let none = |name: &str| format!("this process's cgroup has no controller for {name}");
    assert_eq!(said, ["memory", "pids", "cpu"].map(none));
    let (mut group, problems) = cgroups.group("runtime-1");
    assert!(problems.is_empty());
    let limits = GroupLimits { memory_bytes: Some(1), pids: Some(1), cpu_weight: Some(1) };
    assert!(group.limit(&limits).is_empty(), "there is nothing that could fail");
    assert!(group.add(std::process::id()).is_empty());
    assert_eq!((group.oom_kills(), group.memory_bytes()), (None, None));
}

#[test]
fn kills_are_counted_in_both_versions() {
    let legacy = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
    let unified = "low 0\nhigh 0\nmax 12\noom 4\noom_kill 2\noom_group_kill 1\n";
    assert_eq!(oom_kills(legacy), Some(3));
    assert_eq!(oom_kills(unified), Some(2));
    assert_eq!(oom_kills("oom_kill_disable 0\nunder_oom 0\n"), None, "Linux before 4.13");
}

#[test]
fn processes_with_their_children_are_limited_and_groups_go() {
    let cgroups = cgroups(std::process::id());
    if cgroups.legacy.is_empty() {
        println!("skipped: {:?}", cgroups.problems());
        return;
    }
    let (mut group, problems) = cgroups.group("build-1");
    assert!(problems.is_empty(), "{problems:?}");
    let limits =
        GroupLimits { memory_bytes: Some(64 << 20), pids: Some(100), cpu_weight: Some(200) };
    let problems = group.limit(&limits);
    assert!(problems.is_empty(), "{problems:?}");
    let mut child = shell();
    io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut [0]).unwrap();
    let problems = group.add(child.id());
    assert!(problems.is_empty(), "{problems:?}");
    let family = [child.id(), children(child.id())[0]];
    let folders: Vec<PathBuf> = group.parts.iter().map(|part| part.folder.clone()).collect();
    for part in &group.parts {
        let members = fs::read_to_string(part.folder.join("cgroup.procs")).unwrap();
        let members: BTreeSet<u32> = members.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(members, BTreeSet::from(family), "{}", part.folder.display());
        for controller in &part.controllers {
            for Setting { file, value, .. } in v1::settings(*controller, &limits) {
                let text = fs::read_to_string(part.folder.join(file)).unwrap_or_default();
                assert!(text.is_empty() || text.trim() == value.to_string(), "{file}: {text}");
            }
        }
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    drop(group);
    drop(cgroups);
    for folder in &folders {
        let base = folder.parent().expect("it has a base");
        assert!(!folder.exists() && !base.exists(), "{}", folder.display());
    }
}

#[test]
fn what_a_supervisor_left_is_removed_by_the_next() {
    let mut gone = Command::new("true").spawn().unwrap();
    let pid = gone.id();
    gone.wait().unwrap();
    let left = cgroups(pid);
    if left.legacy.is_empty() {
        println!("skipped: {:?}", left.problems());
        return;
    }
    let bases: Vec<PathBuf> = left.legacy.iter().map(|(_, base)| base.clone()).collect();
    let group = left.group("runtime-1");
    // As if it had been killed.
    std::mem::forget((left, group));
    drop(cgroups(std::process::id()));
    for base in &bases {
        assert!(!base.exists(), "{}", base.display());
    }
}
