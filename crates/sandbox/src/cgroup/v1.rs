//! Version 1 of cgroups: a hierarchy, with files of its own, for each controller.

use super::{Controller, GroupLimits, Setting};

/// `cpu.shares` of a group that has no weight of its own, for which `cpu.weight` is 100.
const SHARES_DEFAULT: u64 = 1_024;
/// Smallest `cpu.shares`.
const SHARES_MIN: u64 = 2;
/// Largest `cpu.shares`.
const SHARES_MAX: u64 = 262_144;

/// The file that counts processes killed for want of memory.
pub const OOM_FILE: &str = "memory.oom_control";

/// What to write for a controller, in this order.
pub fn settings(controller: Controller, limits: &GroupLimits) -> Vec<Setting> {
    let all = match controller {
        Controller::Memory => [
            limits.memory_bytes.map(|bytes| Setting::must("memory.limit_in_bytes", bytes)),
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
}
