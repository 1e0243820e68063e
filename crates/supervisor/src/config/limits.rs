//! The table `[worker.limits]`: what a Worker may use.

use std::ops::RangeInclusive;
use std::time::Duration;

use program::Limits;
use serde::Deserialize;
use toml::Spanned;

use super::{Wrong, check_number as check};

/// CPU time of a request, in milliseconds; the longest is the platform's.
const CPU_MS: RangeInclusive<u64> = 1..=300_000;
/// CPU time of the start, in milliseconds. Few programs start in less; a start is over after 10
/// seconds in any case.
const STARTUP_CPU_MS: RangeInclusive<u64> = 10..=10_000;
/// Memory of an isolate, in MiB.
const MEMORY_MB: RangeInclusive<u64> = 16..=1_024;
/// Subrequests of a request.
const SUBREQUESTS: RangeInclusive<u64> = 0..=1_000_000;
/// Responses of subrequests that a request has open at a time. All requests of an isolate together
/// have 256.
const CONNECTIONS: RangeInclusive<u64> = 1..=256;
/// Body of a request, in MiB.
const REQUEST_BODY_MB: RangeInclusive<u64> = 1..=10_240;
/// How long `waitUntil` goes on, in seconds.
const WAIT_UNTIL_S: RangeInclusive<u64> = 0..=900;
/// Console output of a request, in KiB.
const LOG_KB: RangeInclusive<u64> = 0..=16_384;
/// Requests of clients in a minute.
const REQUESTS_PER_MINUTE: RangeInclusive<u64> = 1..=10_000_000;
/// Requests of clients in a day.
const REQUESTS_PER_DAY: RangeInclusive<u64> = 1..=4_000_000_000;

/// Limits that an operator sets for a Worker, instead of the project's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitsConfig {
    cpu_ms: Option<u64>,
    startup_cpu_ms: Option<u64>,
    memory_bytes: Option<usize>,
    subrequests: Option<u32>,
    connections: Option<usize>,
    request_body_bytes: Option<u64>,
    wait_until: Option<Duration>,
    log_bytes: Option<usize>,
    pub(super) requests_per_minute: Option<u32>,
    pub(super) requests_per_day: Option<u32>,
    /// Whether requests beyond those of a day go to the origin.
    pub(super) fails_open: bool,
}

impl LimitsConfig {
    /// Sets what is given. How many requests come is the operator's choice alone.
    pub fn apply(&self, limits: &mut Limits) {
        fn set<T: Clone>(value: &Option<T>, limit: &mut T) {
            if let Some(value) = value {
                limit.clone_from(value);
            }
        }
        set(&self.cpu_ms, &mut limits.cpu_ms_max);
        set(&self.startup_cpu_ms, &mut limits.startup_cpu_ms_max);
        set(&self.memory_bytes, &mut limits.memory_bytes_max);
        set(&self.subrequests, &mut limits.subrequests_max);
        set(&self.connections, &mut limits.open_connections_max);
        set(&self.request_body_bytes, &mut limits.request_body_bytes_max);
        set(&self.wait_until, &mut limits.wait_until_max);
        set(&self.log_bytes, &mut limits.log_bytes_max);
        limits.requests_per_minute_max = self.requests_per_minute;
        limits.requests_per_day_max = self.requests_per_day;
        limits.fails_open = self.fails_open;
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsEntry {
    cpu_ms: Option<Spanned<u64>>,
    startup_cpu_ms: Option<Spanned<u64>>,
    memory_mb: Option<Spanned<u64>>,
    subrequests: Option<Spanned<u64>>,
    connections: Option<Spanned<u64>>,
    request_body_mb: Option<Spanned<u64>>,
    wait_until_s: Option<Spanned<u64>>,
    log_kb: Option<Spanned<u64>>,
    requests_per_minute: Option<Spanned<u64>>,
    requests_per_day: Option<Spanned<u64>>,
}

pub(super) fn check_limits(entry: &LimitsEntry) -> Result<LimitsConfig, Wrong> {
    let megabytes = |value: u64| value << 20;
    Ok(LimitsConfig {
        cpu_ms: check("cpu_ms", &entry.cpu_ms, CPU_MS)?,
        startup_cpu_ms: check("startup_cpu_ms", &entry.startup_cpu_ms, STARTUP_CPU_MS)?,
        memory_bytes: as_size(check("memory_mb", &entry.memory_mb, MEMORY_MB)?.map(megabytes)),
        subrequests: as_count(check("subrequests", &entry.subrequests, SUBREQUESTS)?),
        connections: as_size(check("connections", &entry.connections, CONNECTIONS)?),
        request_body_bytes: check("request_body_mb", &entry.request_body_mb, REQUEST_BODY_MB)?
            .map(megabytes),
        wait_until: check("wait_until_s", &entry.wait_until_s, WAIT_UNTIL_S)?
            .map(Duration::from_secs),
        log_bytes: as_size(check("log_kb", &entry.log_kb, LOG_KB)?.map(|value| value << 10)),
        requests_per_minute: as_count(check(
            "requests_per_minute", &entry.requests_per_minute, REQUESTS_PER_MINUTE,
        )?),
        requests_per_day: as_count(check(
            "requests_per_day", &entry.requests_per_day, REQUESTS_PER_DAY,
        )?),
        fails_open: false,
    })
}

/// The ranges above fit.
fn as_count(value: Option<u64>) -> Option<u32> {
    value.map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

/// The same for sizes.
fn as_size(value: Option<u64>) -> Option<usize> {
    value.map(|value| usize::try_from(value).unwrap_or(usize::MAX))
}
