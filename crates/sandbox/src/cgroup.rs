//! cgroups: limits on a process as a whole, whatever it does inside. Each process gets a group of
//! its own below the group that the supervisor was started in, in version 1, in version 2 or, on a
//! hybrid system, in both: each controller is where the system has it.
//!
//! Nothing here is fatal. What the system does not offer, or does not let this user write, is left
//! out, and said.
//!
//! Groups are named after the supervisor's process: `isolde-4711/runtime-3`. They go with it; what
//! a supervisor that was killed left behind is removed by the next one.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

mod mounts;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

/// The name of a supervisor's folder, before the number of its process.
const PREFIX: &str = "isolde-";
/// Processes that have been killed leave their group a moment later: how often it is tried to
/// remove the last groups, and the time between.
const REMOVALS_MAX: usize = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(10);
/// Descendants of a process that are moved with it.
const DESCENDANTS_MAX: usize = 4_096;

/// A kind of resource that a group limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Memory.
    Memory,
    /// Processes and threads.
    Pids,
    /// Shares of the processors.
    Cpu,
}

impl Controller {
    const ALL: [Self; 3] = [Self::Memory, Self::Pids, Self::Cpu];

    /// Its name in files of the kernel.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
        }
    }
}

/// What a group may use. What is not given is as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupLimits {
    /// Memory in bytes, with page cache and swap. Who needs more is killed.
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Share of the processors where they are scarce, from 1 to 10,000: twice as much gets twice as
    /// much. Groups without a weight have 100.
    pub cpu_weight: Option<u64>,
}

/// Why something is not limited.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// The kernel does not say where this process is.
    #[error("{} cannot be read: {cause}", .path.display())]
    Unreadable {
        /// The file of `/proc`.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// There is no such controller in this process's group.
    #[error("this process's cgroup has no controller for {}", .0.name())]
    NotOffered(Controller),
    /// The controller is there, but not where this process is.
    #[error("the cgroup of this process for {} is not mounted", .0.name())]
    NotMounted(Controller),
    /// No group can be made.
    #[error("the cgroup {} cannot be made: {cause}", .folder.display())]
    Make {
        /// The group.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Groups below this one get no such controller.
    #[error(
        "the cgroup {} cannot pass its controller for {} on: {cause}{}",
        .folder.display(), .controller.name(), advice(.cause)
    )]
    TurnOn {
        /// What for.
        controller: Controller,
        /// The group.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A limit cannot be set.
    #[error("{} cannot be set to {value}: {cause}", .path.display())]
    Limit {
        /// The file of the limit.
        path: PathBuf,
        /// Its value.
        value: u64,
        /// What the system said.
        cause: io::Error,
    },
    /// A process cannot be moved.
    #[error("process {pid} cannot be moved to the cgroup {}: {cause}", .folder.display())]
    Add {
        /// The process.
        pid: u32,
        /// The group.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// What to do about a group that others use, too.
fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::ResourceBusy => {
            " (other processes are in it: start this one as a service with Delegate=yes, or with \
             `systemd-run --scope -p Delegate=yes`)"
        }
        _ => "",
    }
}

/// A file of a group, and what to write to it.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    file: &'static str,
    value: u64,
    /// Whether the limit is worth nothing without.
    is_needed: bool,
}

impl Setting {
    fn must(file: &'static str, value: u64) -> Self {
        Self { file, value, is_needed: true }
    }

    fn may(file: &'static str, value: u64) -> Self {
        Self { file, value, is_needed: false }
    }
}

/// The groups that this process can make. Made once: it may move this process.
#[derive(Debug)]
pub struct Cgroups {
    pid: u32,
    /// The folder of all groups in a hierarchy of version 1.
    legacy: Vec<(Controller, PathBuf)>,
    unified: Option<v2::Unified>,
    problems: Vec<CgroupError>,
}

impl Cgroups {
    /// Finds out what there is, and removes what supervisors that are gone have left.
    pub fn open() -> Self {
        let read = |path: &str| {
            fs::read_to_string(path)
                .map_err(|cause| CgroupError::Unreadable { path: path.into(), cause })
        };
        let texts = read("/proc/self/cgroup")
            .and_then(|groups| Ok((groups, read("/proc/self/mountinfo")?)));
        match texts {
            Ok((groups, info)) => Self::open_in(&groups, &info, std::process::id()),
            Err(problem) => Self {
                pid: std::process::id(),
                legacy: Vec::new(),
                unified: None,
                problems: vec![problem],
            },
        }
    }

    fn open_in(groups: &str, info: &str, pid: u32) -> Self {
        let mounts = mounts::mounts(info);
        let own_unified = mounts::unified(groups, &mounts);
        let offered = own_unified.as_deref().map(v2::offered).unwrap_or_default();
        let name = format!("{PREFIX}{pid}");
        let mut cgroups = Self { pid, legacy: Vec::new(), unified: None, problems: Vec::new() };
        let mut wanted = Vec::new();
        for controller in Controller::ALL {
            let problem = match mounts::legacy(controller, groups, &mounts) {
                Some(Some(own)) => {
                    remove_left(&own);
                    match make(&own.join(&name)) {
                        Ok(()) => {
                            cgroups.legacy.push((controller, own.join(&name)));
                            continue;
                        }
                        Err(problem) => problem,
                    }
                }
                Some(None) => CgroupError::NotMounted(controller),
                None if offered.contains(&controller) => {
                    wanted.push(controller);
                    continue;
                }
                None => CgroupError::NotOffered(controller),
            };
            cgroups.problems.push(problem);
        }
        if let Some(own) = own_unified.filter(|_| !wanted.is_empty()) {
            remove_left(&own);
            let problems = &mut cgroups.problems;
            cgroups.unified = v2::Unified::open(own, &name, pid, &wanted, problems);
        }
        cgroups
    }

    /// What will not be limited, and why.
    pub fn problems(&self) -> &[CgroupError] {
        &self.problems
    }

    /// Makes a group, or takes the one of this name; a name is a single part of a path. What cannot
    /// be made is left out of it, and among the problems.
    pub fn group(&self, name: &str) -> (Group, Vec<CgroupError>) {
        let mut parts: Vec<Part> = self
            .legacy
            .iter()
            .map(|(controller, base)| Part {
                folder: base.join(name),
                version: Version::One,
                controllers: vec![*controller],
            })
            .collect();
        parts.extend(self.unified.iter().map(|unified| Part {
            folder: unified.base.join(name),
            version: Version::Two,
            controllers: unified.controllers.clone(),
        }));
        let mut problems = Vec::new();
        parts.retain(|part| make(&part.folder).map_err(|problem| problems.push(problem)).is_ok());
        let mut group = Group { parts, kills_before: 0, memory_bytes: None };
        group.kills_before = group.kills().unwrap_or(0);
        (group, problems)
    }

    /// Removes all groups, and takes this process back to where it was. Blocks for a moment where
    /// processes are about to end.
    pub fn close(&self) {
        let bases: Vec<&PathBuf> = self.legacy.iter().map(|(_, base)| base).collect();
        for _ in 0..REMOVALS_MAX {
            for base in &bases {
                remove(base);
            }
            if let Some(unified) = &self.unified {
                unified.close(self.pid);
            }
            let mut left = bases.iter().copied().chain(self.unified.iter().map(|it| &it.base));
            if !left.any(|base| base.exists()) {
                return;
            }
            std::thread::sleep(REMOVAL_PAUSE);
        }
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        self.close();
    }
}

#[derive(Debug, Clone, Copy)]
enum Version {
    One,
    Two,
}

/// A group in one hierarchy.
#[derive(Debug)]
struct Part {
    folder: PathBuf,
    version: Version,
    controllers: Vec<Controller>,
}

/// A group, in each hierarchy where it can be. It is removed when it is dropped, if its processes
/// have ended.
#[derive(Debug)]
pub struct Group {
    parts: Vec<Part>,
    /// Of a group of the same name that could not be removed.
    kills_before: u64,
    memory_bytes: Option<u64>,
}

impl Group {
    /// Sets limits; gives those that could not be set.
    pub fn limit(&mut self, limits: &GroupLimits) -> Vec<CgroupError> {
        let mut problems = Vec::new();
        for part in &self.parts {
            for controller in &part.controllers {
                let problem = part.limit(*controller, limits);
                if problem.is_none() && *controller == Controller::Memory {
                    self.memory_bytes = limits.memory_bytes.or(self.memory_bytes);
                }
                problems.extend(problem);
            }
        }
        problems
    }

    /// Moves a process that has been started, and what it has started itself meanwhile; gives what
    /// could not be. Whatever it starts afterwards is in the group from the beginning.
    pub fn add(&mut self, pid: u32) -> Vec<CgroupError> {
        let mut problems = Vec::new();
        self.parts.retain(|part| match part.add_family(pid) {
            Ok(()) => true,
            Err(cause) => {
                let folder = part.folder.clone();
                remove(&folder);
                problems.push(CgroupError::Add { pid, folder, cause });
                false
            }
        });
        problems
    }

    /// How many of its processes the kernel has killed because there was no memory for them since
    /// the group was made; nothing where that is not counted.
    pub fn oom_kills(&self) -> Option<u64> {
        Some(self.kills()?.saturating_sub(self.kills_before))
    }

    fn kills(&self) -> Option<u64> {
        let part = self.parts.iter().find(|part| part.controllers.contains(&Controller::Memory))?;
        let file = match part.version {
            Version::One => v1::OOM_FILE,
            Version::Two => v2::OOM_FILE,
        };
        oom_kills(&fs::read_to_string(part.folder.join(file)).ok()?)
    }

    /// Its limit of memory in bytes, if it has one.
    pub fn memory_bytes(&self) -> Option<u64> {
        let has_memory = |part: &Part| part.controllers.contains(&Controller::Memory);
        self.memory_bytes.filter(|_| self.parts.iter().any(has_memory))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for part in &self.parts {
            remove(&part.folder);
        }
    }
}

impl Part {
    fn limit(&self, controller: Controller, limits: &GroupLimits) -> Option<CgroupError> {
        let settings = match self.version {
            Version::One => v1::settings(controller, limits),
            Version::Two => v2::settings(controller, limits),
        };
        settings.into_iter().find_map(|Setting { file, value, is_needed }| {
            let path = self.folder.join(file);
            let cause = write(&path, &value.to_string()).err().filter(|_| is_needed)?;
            Some(CgroupError::Limit { path, value, cause })
        })
    }

    /// Moves a process, then the children that it has by then, and so on. A child that was not
    /// there yet when its parent was moved begins in the group.
    fn add_family(&self, pid: u32) -> io::Result<()> {
        let file = self.folder.join("cgroup.procs");
        write(&file, &pid.to_string())?;
        let mut seen = BTreeSet::from([pid]);
        let mut parents = vec![pid];
        while let Some(parent) = parents.pop() {
            for child in children(parent) {
                if seen.len() < DESCENDANTS_MAX && seen.insert(child) {
                    // It may have ended.
                    let _ = write(&file, &child.to_string());
                    parents.push(child);
                }
            }
        }
        Ok(())
    }
}

/// The children of all threads of a process.
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = threads.flatten().map(|thread| fs::read_to_string(thread.path().join("children")));
    let parse = |list: String| list.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    lists.flatten().flat_map::<Vec<u32>, _>(parse).collect()
}

/// Processes killed for want of memory, in a text of either version's file.
fn oom_kills(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// Writes to a file of the kernel. It is never made: there it would be no limit.
fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

fn make(folder: &Path) -> Result<(), CgroupError> {
    match fs::create_dir(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            Err(CgroupError::Make { folder: folder.to_path_buf(), cause })
        }
        _ => Ok(()),
    }
}

/// Removes a group and those directly below it, as far as no process is in them.
fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

/// Removes the groups of supervisors that are gone. Only empty groups can be.
fn remove_left(own: &Path) {
    for entry in fs::read_dir(own).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let pid = pid.and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            remove(&entry.path());
        }
    }
}
