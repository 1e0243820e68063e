//! Web Crypto: random values, digests, keys and what is done with them.

use isolate::{ArrayBuffer, OpDef, OpError, Resolver};

use crate::event::EventId;

mod aes;
mod base64url;
mod ec;
mod errors;
pub mod fuzzing;
mod hash;
mod kdf;
mod keys;
mod legacy;
mod mac;
mod okp;
mod ops;
mod pair_ops;
mod rsa;
mod rsa_parts;
#[cfg(test)]
mod tests;

/// All ops of Web Crypto.
pub fn ops() -> Vec<OpDef> {
    [ops::ops(), keys::ops(), aes::ops(), kdf::ops(), pair_ops::ops()].concat()
}

/// Work for another thread.
pub struct Job {
    /// The least CPU time that it takes, in nanoseconds: where the event has less left it is not
    /// begun.
    pub cpu_ns_min: u64,
    /// What is to be done.
    pub work: Box<dyn FnOnce() -> Result<ArrayBuffer, OpError> + Send>,
}

/// Other threads, for what takes longer than a turn may.
pub trait Background {
    /// Does a job for the event on another thread, which the event pays for, and settles with what
    /// it gives; rejects when it cannot be done. Nothing is settled when the event has ended.
    fn run(&self, event: EventId, job: Job, resolver: Resolver);
}
