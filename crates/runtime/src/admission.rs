//! How many isolates a process takes: what they share must not run out, for V8 ends the process
//! when a mapping or the heaps' address space is refused.

/// Memory mappings of one isolate and its thread, measured: 17 to 18.
const MAPPINGS_PER_ISOLATE: usize = 20;
/// What Linux allows a process where nothing says otherwise (`vm.max_map_count`).
const MAPPINGS_MAX_DEFAULT: usize = 65_530;
/// Isolates that a process may have in any case.
const ISOLATES_MIN: usize = 64;

/// Isolates at which new ones replace old ones: they take half of the process's mappings.
pub(crate) fn isolates_max() -> usize {
    let file = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let mappings = file.ok().and_then(|text| text.trim().parse().ok());
    (mappings.unwrap_or(MAPPINGS_MAX_DEFAULT) / 2 / MAPPINGS_PER_ISOLATE).max(ISOLATES_MIN)
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
