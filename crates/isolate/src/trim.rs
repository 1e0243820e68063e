//! Memory of V8 and of threads that an idle isolate gives back.

pub(crate) mod stack;
pub(crate) mod tables;
