//! The cgroups of the node: a group for each process, with the limits of the configuration.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use sandbox::cgroup::{CgroupError, Cgroups, Group, GroupLimits};
use sandbox::machine_memory_bytes;

use crate::config::ProcessesConfig;

/// Share of the memory that there is which a runtime may use, in percent: the rest is for the other
/// processes, and for the system.
const RUNTIME_MEMORY_PERCENT: u64 = 80;
/// The same for a proxy: bodies pass through it in pieces, and its connections are counted.
const PROXY_MEMORY_PERCENT: u64 = 25;
/// Memory for which a cordon may have one process.
const PROCESS_BYTES: u64 = 2 << 30;
/// Weight of a process among those that want the processors, for each owner whose Workers it has.
const OWNER_WEIGHT: u64 = 100;
/// Largest weight.
const WEIGHT_MAX: u64 = 10_000;
/// Weight of a proxy: every request waits for it.
const PROXY_WEIGHT: u64 = 200;
/// Processes and threads of a build, which may run a compiler.
const BUILD_PIDS_MAX: u64 = 4_096;
/// Problems that are remembered, so that each is told once.
const TOLD_MAX: usize = 1_024;

/// Makes groups, and tells what is not limited.
pub struct Groups {
    cgroups: Cgroups,
    config: ProcessesConfig,
    last_build: Cell<u64>,
    told: RefCell<BTreeSet<String>>,
    tell: Box<dyn Fn(&str)>,
}

impl Groups {
    /// Finds out what this system lets the supervisor limit. What turns out later not to be
    /// limited is told.
    pub fn open(config: ProcessesConfig, tell: impl Fn(&str) + 'static) -> Self {
        Self {
            cgroups: Cgroups::open(),
            config,
            last_build: Cell::new(0),
            told: RefCell::default(),
            tell: Box::new(tell),
        }
    }

    /// What will not be limited, and why; nothing when everything is.
    pub fn left_out(&self) -> Option<String> {
        let problems = self.cgroups.problems().iter().map(ToString::to_string);
        let problems = problems.collect::<Vec<_>>().join("; ");
        (!problems.is_empty())
            .then(|| format!("cgroups do not limit everything of processes: {problems}"))
    }

    /// What the processes are limited to.
    pub fn config(&self) -> &ProcessesConfig {
        &self.config
    }

    /// How many processes may share the Workers of a cordon.
    pub fn processes_per_cordon_max(&self) -> usize {
        processes_in(self.memory_bytes())
    }

    /// The memory that the node may use: the machine's, or less where a cgroup around it says so.
    fn memory_bytes(&self) -> Option<u64> {
        let total = machine_memory_bytes()?;
        Some(self.cgroups.memory_bytes().map_or(total, |own| own.min(total)))
    }

    /// A group for a proxy with this name.
    pub fn of_proxy(&self, name: &str) -> Group {
        let limits = GroupLimits {
            memory_bytes: self.percent_of_memory(PROXY_MEMORY_PERCENT),
            cpu_weight: Some(PROXY_WEIGHT),
            ..GroupLimits::default()
        };
        self.group(name, &limits)
    }

    /// A group for the next process of a place, which has the Workers of so many owners.
    pub fn of_runtime(&self, place: u32, owners: usize) -> Group {
        let limits = GroupLimits {
            memory_bytes: self.runtime_memory_bytes(),
            pids: Some(self.config.runtime_pids),
            cpu_weight: Some(weight(owners)),
        };
        self.group(&format!("runtime-{place}"), &limits)
    }

    /// A group for a build.
    pub fn of_build(&self) -> Group {
        let number = self.last_build.get() + 1;
        self.last_build.set(number);
        let limits = GroupLimits {
            memory_bytes: Some(self.config.build_memory_mb << 20),
            pids: Some(BUILD_PIDS_MAX),
            cpu_weight: Some(OWNER_WEIGHT),
        };
        self.group(&format!("build-{number}"), &limits)
    }

    fn group(&self, name: &str, limits: &GroupLimits) -> Group {
        let (mut group, problems) = self.cgroups.group(name);
        self.tell(problems);
        self.tell(group.limit(limits));
        group
    }

    /// Moves a process that has just been started to its group.
    pub fn admit(&self, group: &mut Group, pid: u32) {
        self.tell(group.add(pid));
    }

    /// The Workers of a runtime have so many owners from now on.
    pub fn weigh(&self, group: &mut Group, owners: usize) {
        let limits = GroupLimits { cpu_weight: Some(weight(owners)), ..GroupLimits::default() };
        self.tell(group.limit(&limits));
    }

    /// Removes all groups, when their processes have ended.
    pub fn close(&self) {
        self.cgroups.close();
    }

    /// Tells problems that have not been told yet.
    fn tell(&self, problems: Vec<CgroupError>) {
        for problem in problems {
            let text = problem.to_string();
            let mut told = self.told.borrow_mut();
            if told.len() < TOLD_MAX && told.insert(text.clone()) {
                (self.tell)(&text);
            }
        }
    }

    fn runtime_memory_bytes(&self) -> Option<u64> {
        let configured = self.config.runtime_memory_mb.map(|megabytes| megabytes << 20);
        configured.or_else(|| self.percent_of_memory(RUNTIME_MEMORY_PERCENT))
    }

    fn percent_of_memory(&self, percent: u64) -> Option<u64> {
        Some(self.memory_bytes()? / 100 * percent)
    }
}

fn processes_in(memory_bytes: Option<u64>) -> usize {
    let processes = memory_bytes.unwrap_or(0) / PROCESS_BYTES;
    usize::try_from(processes).unwrap_or(usize::MAX).max(1)
}

fn weight(owners: usize) -> u64 {
    let owners = u64::try_from(owners).unwrap_or(WEIGHT_MAX);
    owners.saturating_mul(OWNER_WEIGHT).clamp(OWNER_WEIGHT, WEIGHT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_weigh_the_same_as_far_as_weights_go() {
        assert_eq!([0, 1, 3, 100, 101].map(weight), [100, 100, 300, 10_000, 10_000]);
    }

    #[test]
    fn a_cordon_has_a_process_for_each_two_gibibytes() {
        let in_gibibytes = |gibibytes: u64| processes_in(Some(gibibytes << 30));
        assert_eq!([1, 2, 3, 24].map(in_gibibytes), [1, 1, 1, 12]);
        assert_eq!(processes_in(None), 1, "the machine does not say");
    }
}
