//! How many isolates a process takes: what they share must not run out, for V8 ends the process
//! when a mapping or the heaps' address space is refused.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Memory mappings of one isolate and its thread, measured: 17 to 18.
const MAPPINGS_PER_ISOLATE: usize = 20;
/// Descriptors of one isolate: those of its event loop.
const DESCRIPTORS_PER_ISOLATE: usize = 3;
/// What Linux allows a process where nothing says otherwise (`vm.max_map_count`).
const MAPPINGS_MAX_DEFAULT: usize = 65_530;
/// Isolates that a process may have in any case.
const ISOLATES_MIN: usize = 64;

/// Isolates at which new ones replace old ones: they take half of the process's mappings or half of
/// its descriptors.
pub(crate) fn isolates_max() -> usize {
    let file = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let mappings = file.ok().and_then(|text| text.trim().parse().ok());
    let by_mappings = mappings.unwrap_or(MAPPINGS_MAX_DEFAULT) / 2 / MAPPINGS_PER_ISOLATE;
    let by_descriptors = descriptors_max() / 2 / DESCRIPTORS_PER_ISOLATE;
    by_mappings.max(ISOLATES_MIN).min(by_descriptors.max(1))
}

/// Descriptors that the process may have: as many as it may ask for. The limit that it starts with
/// is often 1,024, for programs that use `select`.
fn descriptors_max() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let max = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    };
    usize::try_from(max).unwrap_or(usize::MAX)
}

/// Whether a new isolate has to replace another: there are `live` ones, or all heaps take half of
/// their address space.
pub(crate) fn is_full(live: usize, isolates_max: usize) -> bool {
    live >= isolates_max || heaps_are_full()
}

/// Whether all heaps together take half of their address space.
pub(crate) fn heaps_are_full() -> bool {
    isolate::heaps_bytes() >= isolate::CAGE_BYTES / 2
}

/// Whether even replacing one would not do: those that go are still too many.
pub(crate) fn is_overfull(live: usize, isolates_max: usize) -> bool {
    live >= isolates_max / 2 * 3 || isolate::heaps_bytes() >= isolate::CAGE_BYTES / 4 * 3
}
