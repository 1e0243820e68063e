//! Between JavaScript and Rust: ops, values, promises, exceptions.

pub(crate) mod error;
pub(crate) mod exception;
pub(crate) mod op;
pub(crate) mod promise;
pub(crate) mod structured_clone;
pub(crate) mod value;
