//! Limits of the machine and of this user, and what they mean in isolates and connections.

use std::fs;

use sandbox::cgroup::{self, CgroupError, Offer, Survey};

use super::{Finding, Verdict};

/// Isolates that a process should have room for: more Workers than that have to take turns.
const ISOLATES_WANTED: usize = 1_000;
/// Connections that a process should have room for.
const CONNECTIONS_WANTED: usize = 1_000;
/// What an idle isolate takes, in KiB: see `docs/performance.md`.
const ISOLATE_KIB: u64 = 600;
/// The kernel with all that the jail asks for.
const KERNEL: (u32, u32) = (6, 7);

/// Looks at the machine.
pub fn findings() -> Vec<Finding> {
    let mut findings = vec![kernel()];
    findings.extend(user_namespaces());
    let survey = cgroup::survey();
    findings.extend([isolates(), connections(), threads(), memory(survey.as_ref().ok())]);
    findings.extend(cgroups(survey));
    findings
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &str) -> Option<u64> {
    read(path)?.parse().ok()
}

fn kernel() -> Finding {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let finding = Finding::ok("kernel", format!("Linux {release}"));
    if version >= KERNEL {
        return finding;
    }
    let advice = "the jail asks for Linux 6.7: older ones have parts of Landlock only";
    finding.not(Verdict::Low, advice)
}

/// The settings that forbid user namespaces, where this kernel has them.
fn user_namespaces() -> Vec<Finding> {
    let settings = [
        ("user.max_user_namespaces", "/proc/sys/user/max_user_namespaces", 0, "1024"),
        ("kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone", 0, "1"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            1,
            "0",
        ),
    ];
    let finding = |(name, path, forbids, good): (&str, &str, u64, &str)| {
        let value = number(path)?;
        let finding = Finding::ok(name, value.to_string());
        Some(if value == forbids {
            finding.not(Verdict::Low, format!("ordinary users need `sysctl -w {name}={good}`"))
        } else {
            finding
        })
    };
    settings.into_iter().filter_map(finding).collect()
}

fn isolates() -> Finding {
    let (isolates, mappings) = (runtime::isolates_max(), runtime::mappings_max());
    let found =
        format!("{isolates} in a runtime process (vm.max_map_count is {mappings}); others wait");
    let finding = Finding::ok("isolates", found);
    if isolates >= ISOLATES_WANTED {
        return finding;
    }
    let advice = "raise vm.max_map_count and the limit of descriptors (LimitNOFILE, ulimit -n): \
                  an isolate takes 20 mappings and 3 descriptors of half of what there is";
    finding.not(Verdict::Low, advice)
}

fn connections() -> Finding {
    let connections = runtime::ClientLimits::default().connections_max;
    let finding = Finding::ok("connections", format!("{connections} of clients in a process"));
    if connections >= CONNECTIONS_WANTED {
        return finding;
    }
    let advice = "raise the limit of descriptors (LimitNOFILE, ulimit -n): clients get three \
                  eighths of them";
    finding.not(Verdict::Low, advice)
}

fn threads() -> Finding {
    let limits = read("/proc/self/limits").unwrap_or_default();
    let own = limits.lines().find_map(|line| line.strip_prefix("Max processes"));
    let own = own.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let all = [number("/proc/sys/kernel/threads-max"), number("/proc/sys/kernel/pid_max"), own];
    let threads = all.into_iter().flatten().min().unwrap_or(u64::MAX);
    let finding = Finding::ok("threads", format!("{threads} for this user"));
    let wanted = u64::try_from(runtime::isolates_max()).unwrap_or(u64::MAX);
    if threads >= wanted {
        return finding;
    }
    let advice = "each isolate is a thread: raise kernel.threads-max, kernel.pid_max, and the \
                  limit of processes (TasksMax, ulimit -u)";
    finding.not(Verdict::Low, advice)
}

fn memory(survey: Option<&Survey>) -> Finding {
    // A container may have less than the machine.
    let own = survey.and_then(|survey| survey.memory_bytes);
    let bytes = sandbox::machine_memory_bytes().into_iter().chain(own).min().unwrap_or(0);
    let kib = bytes >> 10;
    let (gib, idle) = (kib as f64 / f64::from(1 << 20), kib / 2 / ISOLATE_KIB);
    Finding::ok("memory", format!("{gib:.1} GiB: about {idle} idle isolates in half of it"))
}

/// What limits processes as a whole, for each controller.
fn cgroups(survey: Result<Survey, CgroupError>) -> Vec<Finding> {
    let survey = match survey {
        Ok(survey) => survey,
        Err(problem) => {
            let finding = Finding::ok("cgroups", "unknown");
            return vec![finding.not(Verdict::Low, unlimited(&problem))];
        }
    };
    survey.offers.iter().map(controller).collect()
}

fn controller(offer: &Offer) -> Finding {
    let found = match &offer.place {
        Some((version, folder)) => format!("version {}: {}", version.number(), folder.display()),
        None => "not there".to_owned(),
    };
    let finding = Finding::ok(&format!("cgroup: {}", offer.controller.name()), found);
    match &offer.problem {
        None => finding,
        Some(problem) => finding.not(Verdict::Low, unlimited(problem)),
    }
}

/// It is no reason not to start: limits of Workers hold without it.
fn unlimited(problem: &CgroupError) -> String {
    format!("{problem}; `isolde serve` runs without this limit on processes as a whole")
}

#[cfg(test)]
mod tests {
    use sandbox::cgroup::{Controller, Version};

    use super::*;

    #[test]
    fn a_controller_that_cannot_be_used_is_low_and_says_why() {
        let controller = Controller::Memory;
        let place = Some((Version::Two, "/sys/fs/cgroup/a".into()));
        let good = super::controller(&Offer { controller, place, problem: None });
        assert_eq!((good.verdict, &*good.found), (Verdict::Ok, "version 2: /sys/fs/cgroup/a"));
        let problem = Some(CgroupError::NotOffered(controller));
        let bad = super::controller(&Offer { controller, place: None, problem });
        assert_eq!((bad.verdict, &*bad.found), (Verdict::Low, "not there"));
        let advice = bad.advice.unwrap();
        assert!(advice.starts_with("this process's cgroup has no controller for memory; "));
    }
}
