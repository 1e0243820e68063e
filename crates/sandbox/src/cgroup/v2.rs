//! Version 2 of cgroups: one hierarchy. A group whose children have controllers holds no process
//! itself, so the supervisor moves to a leaf before it turns controllers on:
//!
//! ```text
//! own group (a service of systemd, with Delegate)
//! └── isolde-4711
//!     ├── supervisor     this process
//!     └── runtime-3 …    the groups that are asked for
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::{CgroupError, Controller, GroupLimits, Setting, make, remove, write};

/// The file that counts processes killed for want of memory.
pub const OOM_FILE: &str = "memory.events";
/// The leaf of the supervisor.
const LEAF: &str = "supervisor";
const SUBTREE: &str = "cgroup.subtree_control";
const PROCESSES: &str = "cgroup.procs";

/// Smallest and largest `cpu.weight`.
const WEIGHT_MIN: u64 = 1;
const WEIGHT_MAX: u64 = 10_000;

/// What to write for a controller, in this order.
pub fn settings(controller: Controller, limits: &GroupLimits) -> Vec<Setting> {
    let all = match controller {
        Controller::Memory => [
            limits.memory_bytes.map(|bytes| Setting::must("memory.max", bytes)),
            // Not every kernel counts swap.
            limits.memory_bytes.map(|_| Setting::may("memory.swap.max", 0)),
            // The process that waits outside of a jail is nothing without the one inside.
            limits.memory_bytes.map(|_| Setting::may("memory.oom.group", 1)),
        ],
        Controller::Pids => [limits.pids.map(|pids| Setting::must("pids.max", pids)), None, None],
        Controller::Cpu => {
            let weight = limits.cpu_weight.map(|weight| weight.clamp(WEIGHT_MIN, WEIGHT_MAX));
            [weight.map(|weight| Setting::must("cpu.weight", weight)), None, None]
        }
    };
    all.into_iter().flatten().collect()
}

/// The group that this process started in, and what was made below it.
#[derive(Debug)]
pub struct Unified {
    own: PathBuf,
    /// The folder of all groups.
    pub base: PathBuf,
    /// The controllers that groups have.
    pub controllers: Vec<Controller>,
    /// Those that its children had not had before.
    turned_on: Vec<Controller>,
}

/// The controllers that the group `own` may give to its children.
pub fn offered(own: &Path) -> Vec<Controller> {
    read_controllers(&own.join("cgroup.controllers"))
}

fn read_controllers(path: &Path) -> Vec<Controller> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let names: Vec<&str> = text.split_whitespace().collect();
    Controller::ALL.into_iter().filter(|it| names.contains(&it.name())).collect()
}

impl Unified {
    /// Moves this process, `pid`, to a leaf below its group `own` and turns on what is wanted as
    /// far as it can be. Nothing is changed where that is nothing.
    pub fn open(
        own: PathBuf,
        name: &str,
        pid: u32,
        wanted: &[Controller],
        problems: &mut Vec<CgroupError>,
    ) -> Option<Self> {
        let base = own.join(name);
        let mut unified = Self { own, base, controllers: Vec::new(), turned_on: Vec::new() };
        let leaf = unified.base.join(LEAF);
        let moved =
            make(&unified.base).and_then(|()| make(&leaf)).and_then(|()| move_to(&leaf, pid));
        if let Err(problem) = moved {
            problems.push(problem);
            remove(&unified.base);
            return None;
        }
        let had = read_controllers(&unified.own.join(SUBTREE));
        for controller in wanted {
            match unified.turn_on(*controller, had.contains(controller)) {
                Ok(()) => unified.controllers.push(*controller),
                Err(problem) => problems.push(problem),
            }
        }
        if unified.controllers.is_empty() {
            unified.close(pid);
            return None;
        }
        Some(unified)
    }

    fn turn_on(&mut self, controller: Controller, is_on: bool) -> Result<(), CgroupError> {
        let change = |folder: &Path| {
            let text = format!("+{}", controller.name());
            write(&folder.join(SUBTREE), &text).map_err(|cause| CgroupError::TurnOn {
                controller,
                folder: folder.to_path_buf(),
                cause,
            })
        };
        if !is_on {
            change(&self.own)?;
            self.turned_on.push(controller);
        }
        change(&self.base)
    }

    /// Leaves everything as it was found, as far as it can be: where another supervisor uses the
    /// same group, its children keep their controllers and this process its leaf.
    pub fn close(&self, pid: u32) {
        let off = |folder: &Path, controller: &Controller| {
            write(&folder.join(SUBTREE), &format!("-{}", controller.name()))
        };
        for controller in &self.controllers {
            let _ = off(&self.base, controller);
        }
        for controller in &self.turned_on {
            let _ = off(&self.own, controller);
        }
        let _ = move_to(&self.own, pid);
        remove(&self.base);
    }
}

fn move_to(folder: &Path, pid: u32) -> Result<(), CgroupError> {
    let moved = write(&folder.join(PROCESSES), &pid.to_string());
    moved.map_err(|cause| CgroupError::Add { pid, folder: folder.to_path_buf(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_become_files() {
        let limits =
            GroupLimits { memory_bytes: Some(1 << 20), pids: Some(7), cpu_weight: Some(20_000) };
        assert_eq!(
            settings(Controller::Memory, &limits),
            [
                Setting::must("memory.max", 1 << 20),
                Setting::may("memory.swap.max", 0),
                Setting::may("memory.oom.group", 1)
            ]
        );
        assert_eq!(settings(Controller::Pids, &limits), [Setting::must("pids.max", 7)]);
        assert_eq!(settings(Controller::Cpu, &limits), [Setting::must("cpu.weight", 10_000)]);
        let none = GroupLimits::default();
        assert!(Controller::ALL.iter().all(|it| settings(*it, &none).is_empty()));
    }

    /// A folder that stands for a group: the kernel would make these files.
    fn fake(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for file in [SUBTREE, PROCESSES] {
            fs::write(folder.join(file), "").unwrap();
        }
    }

    #[test]
    fn the_supervisor_moves_to_a_leaf_before_controllers_are_turned_on() {
        let own = std::env::temp_dir().join(format!("isolde-cgroup-{}", std::process::id()));
        let (base, leaf) = (own.join("isolde-7"), own.join("isolde-7/supervisor"));
        for folder in [&own, &base, &leaf] {
            fake(folder);
        }
        fs::write(own.join("cgroup.controllers"), "cpuset cpu io memory\n").unwrap();
        assert_eq!(offered(&own), [Controller::Memory, Controller::Cpu]);
        let mut problems = Vec::new();
        let wanted = [Controller::Memory];
        let unified = Unified::open(own.clone(), "isolde-7", 7, &wanted, &mut problems).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        let read = |path: &Path, file: &str| fs::read_to_string(path.join(file)).unwrap();
        assert_eq!(read(&leaf, PROCESSES), "7");
        assert_eq!([read(&own, SUBTREE), read(&base, SUBTREE)], ["+memory", "+memory"]);
        unified.close(7);
        assert_eq!(read(&own, PROCESSES), "7", "it goes back");
        assert_eq!([read(&own, SUBTREE), read(&base, SUBTREE)], ["-memory", "-memory"]);
        // What cannot be turned on is said, and nothing stays changed.
        fs::remove_file(base.join(SUBTREE)).unwrap();
        fs::write(own.join(PROCESSES), "").unwrap();
        let opened = Unified::open(own.clone(), "isolde-7", 7, &wanted, &mut problems);
        assert!(opened.is_none());
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.to_string().contains("its controller for memory"), "{problem}");
        assert_eq!(read(&own, PROCESSES), "7");
        fs::remove_dir_all(&own).unwrap();
    }
}
