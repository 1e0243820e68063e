//! The address space that the heaps of all isolates of a process share: with pointer compression,
//! 4 GiB. V8 ends the process when it is full, so no Worker may fill it.

use crate::limit::members::{MEMBERS, Member, Pool};

/// Size of the cage in bytes.
pub const CAGE_BYTES: usize = 4 << 30;

/// The size of all heaps of the process together, each as last measured, in bytes.
pub fn heaps_bytes() -> usize {
    MEMBERS.total(Pool::Cage)
}

/// The part of [`heaps_bytes`] that is lost until the process ends: heaps of threads that are in
/// code of V8 that no termination reaches.
pub fn lost_heaps_bytes() -> usize {
    MEMBERS.lost(Pool::Cage)
}

/// Notes the size of an isolate's heap, and chooses isolates that have to go when all heaps
/// together are too large.
pub(crate) fn note(member: &Member, bytes: usize) {
    MEMBERS.note(member, Pool::Cage, bytes);
    if MEMBERS.is_full(Pool::Cage) {
        MEMBERS.relieve(Pool::Cage);
    }
}
