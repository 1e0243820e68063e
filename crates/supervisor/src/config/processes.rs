//! The table `[processes]`: what processes of the node may use as a whole.

use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::{Wrong, check_number as check};

/// Memory of a runtime process or a build, in MiB. Less, and none could start.
const MEMORY_MB: RangeInclusive<u64> = 128..=16 << 20;
/// Processes and threads of a runtime; the most are Linux's.
const PIDS: RangeInclusive<u64> = 256..=4 << 20;
/// Threads that no runtime needs: it has one for each isolate, and the number of isolates is
/// bounded by memory mappings, of which Linux grants enough for less than 3,000.
const RUNTIME_PIDS_DEFAULT: u64 = 32_768;
/// Memory of a build, in MiB.
const BUILD_MEMORY_MB_DEFAULT: u64 = 2_048;

/// What processes may use as a whole, where cgroups can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessesConfig {
    /// Memory of a runtime process in MiB; none: most of the memory that there is.
    pub runtime_memory_mb: Option<u64>,
    /// Processes and threads of a runtime.
    pub runtime_pids: u64,
    /// Memory of a build in MiB.
    pub build_memory_mb: u64,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessesEntry {
    runtime_memory_mb: Option<Spanned<u64>>,
    runtime_pids: Option<Spanned<u64>>,
    build_memory_mb: Option<Spanned<u64>>,
}

pub(super) fn check_processes(entry: &ProcessesEntry) -> Result<ProcessesConfig, Wrong> {
    let build_memory_mb = check("processes.build_memory_mb", &entry.build_memory_mb, MEMORY_MB)?;
    let runtime_memory_mb = &entry.runtime_memory_mb;
    Ok(ProcessesConfig {
        runtime_memory_mb: check("processes.runtime_memory_mb", runtime_memory_mb, MEMORY_MB)?,
        runtime_pids: check("processes.runtime_pids", &entry.runtime_pids, PIDS)?
            .unwrap_or(RUNTIME_PIDS_DEFAULT),
        build_memory_mb: build_memory_mb.unwrap_or(BUILD_MEMORY_MB_DEFAULT),
    })
}
