//! Admission: how many isolates a process takes. V8 ends the process when it gets no memory mapping
//! or no address space for a heap, so these must not run out.

use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use scheduler::Options;

/// Memory mappings of one isolate and its thread, measured: 17 to 18.
const MAPPINGS_PER_ISOLATE: usize = 20;
/// File descriptors of one isolate: those of its event loop.
const DESCRIPTORS_PER_ISOLATE: usize = 3;
/// Default of Linux for the mappings of a process (`vm.max_map_count`).
const MAPPINGS_MAX_DEFAULT: usize = 65_530;
/// Isolates that a process may have in any case.
const ISOLATES_MIN: usize = 64;
/// Isolates that may be about to end in any case while others start.
const ENDING_MIN: usize = 4;
/// Connections and other threads' requests of one isolate above which its Worker gets another
/// one, as long as there are processors for it.
const WORK_PER_ISOLATE_MAX: usize = 64;
/// Heap of an owner that is never too much, in bytes.
const HEAP_BYTES_SHARE_MIN: u64 = 8 << 20;
/// Most isolates that are evicted in one tick.
const EVICTIONS_PER_TICK_MAX: usize = 8;
/// Stuck threads of an owner after which it gets no more isolates.
const STUCK_PER_OWNER_MAX: usize = 8;
/// Wait after a first start that failed for a temporary reason, in milliseconds.
const BACK_OFF_MS_MIN: u64 = 100;
/// Longest such wait in milliseconds.
const BACK_OFF_MS_MAX: u64 = 10_000;
/// Failed starts that are remembered.
const RECORDS_MAX: usize = 4_096;
/// How long a request is in flight that counts as a stream, in milliseconds.
const STREAM_MS_MIN: u64 = 5_000;

/// Heaps of stuck threads after which a process is worn: an eighth of the room for all heaps.
pub(crate) const LOST_BYTES_MAX: usize = isolate::CAGE_BYTES / 8;

/// The numbers of this process, which keeps `pool_size` isolates ready besides.
pub(crate) fn options(pool_size: usize) -> Options {
    let all_max = isolates_max();
    let isolates_max = (all_max - pool_size.min(all_max / 2)).max(1);
    let margin = (all_max / 2).max(ENDING_MIN);
    let cage_bytes = isolate::CAGE_BYTES as u64;
    Options {
        isolates_max,
        isolates_hard_max: isolates_max + margin,
        isolates_per_worker_max: std::thread::available_parallelism().map_or(1, usize::from),
        work_per_isolate_max: WORK_PER_ISOLATE_MAX,
        heaps_bytes_max: cage_bytes / 2,
        heaps_bytes_hard_max: cage_bytes / 4 * 3,
        heap_bytes_share_min: HEAP_BYTES_SHARE_MIN,
        evictions_per_tick_max: EVICTIONS_PER_TICK_MAX,
        stuck_per_owner_max: STUCK_PER_OWNER_MAX,
        back_off_ms_min: BACK_OFF_MS_MIN,
        back_off_ms_max: BACK_OFF_MS_MAX,
        records_max: RECORDS_MAX,
        stream_ms_min: STREAM_MS_MIN,
    }
}

/// Number of isolates from which on new ones replace old ones: they take half of the process's
/// mappings or half of its file descriptors.
pub fn isolates_max() -> usize {
    let by_mappings = mappings_max() / 2 / MAPPINGS_PER_ISOLATE;
    let by_descriptors = descriptors_max() / 2 / DESCRIPTORS_PER_ISOLATE;
    by_mappings.max(ISOLATES_MIN).min(by_descriptors.max(1))
}

/// Memory mappings that a process may have. The system is asked once: a process in a jail has to
/// ask before it enters.
pub fn mappings_max() -> usize {
    static MAPPINGS_MAX: OnceLock<usize> = OnceLock::new();
    *MAPPINGS_MAX.get_or_init(|| {
        let file = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        file.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(MAPPINGS_MAX_DEFAULT)
    })
}

/// File descriptors that the process may have. Raises the soft limit, which is often 1,024 for
/// programs that use `select`, to the hard limit.
fn descriptors_max() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let max = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    };
    usize::try_from(max).unwrap_or(usize::MAX)
}

/// Whether all heaps together take half of their address space or more.
pub(crate) fn heaps_are_full() -> bool {
    isolate::heaps_bytes() >= isolate::CAGE_BYTES / 2
}
