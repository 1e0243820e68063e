//! The machine's memory.

use std::fs;

/// The machine's memory in bytes, if the kernel says.
pub fn machine_memory_bytes() -> Option<u64> {
    memory_total(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// The same in a text of `/proc/meminfo`.
fn memory_total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_how_much_memory_it_has() {
        let text = "MemTotal:       24684084 kB\nMemFree:        20077044 kB\n";
        assert_eq!(memory_total(text), Some(24_684_084 << 10));
        assert_eq!(memory_total("MemFree: 1 kB\n"), None);
    }
}
