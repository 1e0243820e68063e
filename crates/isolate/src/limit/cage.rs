//! The address space that the heaps of all isolates of a process share: with pointer compression,
//! 4 GiB. V8 ends the process when it is full, so nobody may fill it.

use crate::limit::members::{MEMBERS, Member, Pool};

/// Size of the cage in bytes.
pub const CAGE_BYTES: usize = 4 << 30;

/// All heaps of the process together at their last looks, in bytes.
pub fn heaps_bytes() -> usize {
    MEMBERS.total(Pool::Cage)
}

/// Notes that an isolate's heap takes so many bytes, and makes room when all heaps together leave
/// too little.
pub(crate) fn note(member: &Member, bytes: usize) {
    MEMBERS.note(member, Pool::Cage, bytes);
    if MEMBERS.is_full(Pool::Cage) {
        MEMBERS.relieve(Pool::Cage);
    }
}
