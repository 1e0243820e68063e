//! Giving back memory that an idle isolate does not use: tables of V8, the thread's stack.

pub(crate) mod stack;
pub(crate) mod tables;
