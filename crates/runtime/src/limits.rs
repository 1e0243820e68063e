//! Limits that are the same for all Workers. [`Limits`] has those of one.

pub(crate) use program::Limits;

/// Longest URL of a request in bytes.
pub const URL_BYTES_MAX: usize = 16 << 10;
/// All headers of a request or a response together in bytes.
pub const HEADER_BYTES_MAX: usize = 128 << 10;
/// Headers of a request, and those that a Worker may give a response or a subrequest.
pub const HEADER_FIELDS_MAX: usize = 512;
/// Workers that may call one another in a row for one request from outside.
pub const HOPS_MAX: u8 = 16;
