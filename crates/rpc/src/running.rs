//! The table of the Workers whose turns run, in memory that a runtime process shares with its
//! supervisor: the supervisor reads it when the process has died.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicU64;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};

/// Places in the table: more than a process can have isolates.
pub const PLACES: usize = 16 << 10;
/// Its size in bytes.
const BYTES: usize = PLACES * size_of::<AtomicU64>();

/// The table of one process, in the supervisor's hands.
#[derive(Debug)]
pub struct Table(File);

impl Table {
    /// An empty table.
    ///
    /// # Errors
    /// When there is no descriptor or no memory for it.
    pub fn new() -> io::Result<Self> {
        let memory = File::from(memfd_create(c"isolde-running", MFdFlags::MFD_CLOEXEC)?);
        memory.set_len(BYTES as u64)?;
        Ok(Self(memory))
    }

    /// The places that are not 0.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> io::Result<Vec<u64>> {
        let mut bytes = vec![0; BYTES];
        self.0.read_exact_at(&mut bytes, 0)?;
        let (places, _) = bytes.as_chunks::<8>();
        Ok(places
            .iter()
            .map(|bytes| u64::from_ne_bytes(*bytes))
            .filter(|place| *place != 0)
            .collect())
    }
}

impl AsFd for Table {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Maps a table that was inherited, until the process ends.
///
/// # Errors
/// When it is no table, or there is no room for it.
pub fn map(table: OwnedFd) -> io::Result<&'static [AtomicU64]> {
    let length = NonZeroUsize::new(BYTES).expect("a table has places");
    let file = File::from(table);
    if file.metadata()?.len() < BYTES as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the table is too short"));
    }
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses touches no other memory.
    let mapped = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, &file, 0)? };
    // SAFETY: the mapping is `BYTES` long, aligned to a page, readable and writable, and never
    // unmapped. Its file is at least as long and only grows, so every access is backed by memory.
    // Any eight bytes are an `AtomicU64`; the other process reads with `pread`, which is no data
    // race in the memory of this one.
    Ok(unsafe { std::slice::from_raw_parts(mapped.cast::<AtomicU64>().as_ptr(), PLACES) })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let table = Table::new().unwrap();
        let places = map(table.as_fd().try_clone_to_owned().unwrap()).unwrap();
        assert!(table.read().unwrap().is_empty());
        places[0].store(5, Relaxed);
        places[PLACES - 1].store(7, Relaxed);
        assert_eq!(table.read().unwrap(), [5, 7]);
        let short = memfd_create(c"short", MFdFlags::MFD_CLOEXEC).unwrap();
        assert!(map(short).is_err());
    }
}
