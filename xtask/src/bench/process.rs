//! A server process and its children: start, CPU time, memory, end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::BenchError;

/// `USER_HZ`: the unit of the times in `/proc/<pid>/stat`, fixed on Linux.
const TICKS_PER_SECOND: u64 = 100;
const MICROSECONDS_PER_TICK: u64 = 1_000_000 / TICKS_PER_SECOND;

/// A running server. Dropping it ends it.
pub struct Server {
    /// In a cell, because to ask whether it has ended changes it.
    child: RefCell<Child>,
}

impl Server {
    /// Starts a program; what it prints goes to `log`.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, BenchError> {
        let program = Path::new(command.get_program()).to_path_buf();
        let write_error = |cause| BenchError::Write { path: log.to_path_buf(), cause };
        let output = File::create(log).map_err(write_error)?;
        let errors = output.try_clone().map_err(write_error)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().map_err(|cause| BenchError::Spawn { program, cause })?;
        Ok(Self { child: RefCell::new(child) })
    }

    /// The process id of the program that was started.
    pub fn id(&self) -> u32 {
        self.child.borrow().id()
    }

    /// Fails if the program has ended, which no server does by itself.
    pub fn check(&self) -> Result<(), BenchError> {
        match self.child.borrow_mut().try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(BenchError::Ended(status)),
            Err(_) => Err(BenchError::Proc(self.id())),
        }
    }

    /// The process and its descendants.
    pub fn pids(&self) -> Vec<u32> {
        tree(self.id())
    }

    /// Ends the program as Ctrl-C does, and waits until it has ended.
    pub fn interrupt(self) -> Result<(), BenchError> {
        let pid = self.id();
        let kill = Command::new("kill").args(["-INT", &pid.to_string()]).status();
        kill.and_then(|_| self.child.borrow_mut().wait())
            .map(|_| ())
            .map_err(|_| BenchError::Proc(pid))
    }

    /// User and system time of the process and its living descendants, in microseconds.
    pub fn cpu_microseconds(&self) -> Result<u64, BenchError> {
        self.check()?;
        let tree = tree(self.id());
        let mut ticks = 0;
        for pid in &tree {
            let Some(stat) = Stat::read(*pid) else { continue };
            ticks += stat.ticks;
        }
        if ticks == 0 && Stat::read(self.id()).is_none() {
            return Err(BenchError::Proc(self.id()));
        }
        Ok(ticks * MICROSECONDS_PER_TICK)
    }

    /// Proportional set size of the process and its descendants, in bytes.
    pub fn pss_bytes(&self) -> Result<u64, BenchError> {
        self.check()?;
        let pid = self.id();
        let sizes = tree(pid).into_iter().filter_map(|pid| {
            parse_pss(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
        });
        match sizes.sum() {
            0 => Err(BenchError::Proc(pid)),
            bytes => Ok(bytes),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let own = self.id();
        let children: Vec<u32> = self.pids().into_iter().filter(|pid| *pid != own).collect();
        let child = self.child.get_mut();
        // A process that has ended already is what we want, so errors do not matter here.
        let _ = child.kill();
        let _ = child.wait();
        for pid in children {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).output();
        }
    }
}

/// The fields of `/proc/<pid>/stat` that we need.
#[derive(Debug, PartialEq, Eq)]
pub struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Reads a line of `/proc/<pid>/stat`. The name in parentheses may hold spaces and parentheses.
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        // Counted from the state, which is field 3: ppid is 4, utime 14, stime 15.
        let parent = u32::try_from(number(1)?).ok()?;
        Some(Self { parent, ticks: number(11)? + number(12)? })
    }
}

/// The `Pss:` line of `/proc/<pid>/smaps_rollup`, in bytes.
pub fn parse_pss(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// A process and its descendants.
fn tree(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(stat) = Stat::read(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        found.extend(children.get(&found[next]).into_iter().flatten());
        next += 1;
    }
    found
}
