//! Version 1 of cgroups: a hierarchy, with files of its own, for each controller.

use super::{Controller, GroupLimits, Setting};

/// `cpu.shares` of a group that has no weight of its own, for which `cpu.weight` is 100.
const SHARES_DEFAULT: u64 = 1_024;
/// Smallest `cpu.shares`.
const SHARES_MIN: u64 = 2;
/// Largest `cpu.shares`.
const SHARES_MAX: u64 = 262_144;

/// The file that limits memory.
pub const MEMORY_FILE: &str = "memory.limit_in_bytes";
/// The file that counts processes killed for want of memory.
pub const OOM_FILE: &str = "memory.oom_control";

/// The file with the most memory that a group has ever used.
pub const PEAK_FILE: &str = "memory.max_usage_in_bytes";
/// Memory in bytes that a group whose processes are killed may have left: less than one allocation.
const LEFT_MAX: u64 = 4 << 20;

/// Whether a group has used all that it may, by its texts of peak and limit. The kernel counts
/// failures too, but not those where swap is part of the limit.
pub fn has_used_all(peak: &str, limit: &str) -> Option<bool> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    Some(number(peak)?.saturating_add(LEFT_MAX) >= number(limit)?)
}

/// What to write for a controller, in this order.
pub fn settings(controller: Controller, limits: &GroupLimits) -> Vec<Setting> {
    let all = match controller {
        Controller::Memory => [
            limits.memory_bytes.map(|bytes| Setting::must(MEMORY_FILE, bytes)),
            // With swap: not every kernel counts that.
            limits.memory_bytes.map(|bytes| Setting::may("memory.memsw.limit_in_bytes", bytes)),
        ],
        Controller::Pids => [limits.pids.map(|pids| Setting::must("pids.max", pids)), None],
        Controller::Cpu => {
            [limits.cpu_weight.map(|weight| Setting::must("cpu.shares", shares(weight))), None]
        }
    };
    all.into_iter().flatten().collect()
}

fn shares(weight: u64) -> u64 {
    (weight.saturating_mul(SHARES_DEFAULT) / 100).clamp(SHARES_MIN, SHARES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_become_files() {
        let limits =
            GroupLimits { memory_bytes: Some(1 << 20), pids: Some(7), cpu_weight: Some(200) };
        let memory = settings(Controller::Memory, &limits);
        assert_eq!(
            memory,
            [
                Setting::must("memory.limit_in_bytes", 1 << 20),
                Setting::may("memory.memsw.limit_in_bytes", 1 << 20)
            ]
        );
        assert_eq!(settings(Controller::Pids, &limits), [Setting::must("pids.max", 7)]);
        assert_eq!(settings(Controller::Cpu, &limits), [Setting::must("cpu.shares", 2_048)]);
        let none = GroupLimits::default();
        assert!(Controller::ALL.iter().all(|it| settings(*it, &none).is_empty()));
        assert_eq!([shares(0), shares(10_000), shares(u64::MAX)], [2, 102_400, 262_144]);
    }

    #[test]
    fn a_peak_at_the_limit_is_all() {
        let limit = "268435456\n";
        assert_eq!(has_used_all(limit, limit), Some(true));
        assert_eq!(has_used_all("268431360\n", limit), Some(true));
        assert_eq!(has_used_all("134217728\n", limit), Some(false));
        assert_eq!(has_used_all("134217728\n", "9223372036854771712\n"), Some(false));
        assert_eq!(has_used_all("", limit), None);
    }
}
