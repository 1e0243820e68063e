//! Limits that are the same for all Workers. [`Limits`] has those of one.

pub(crate) use ingress::limits::{
    HEADER_BYTES_MAX, HEADER_FIELDS_MAX, HOP_FIELDS_MAX, URL_BYTES_MAX,
};
pub(crate) use program::Limits;

/// Workers that may call one another in a row for one request from outside.
pub const HOPS_MAX: u8 = 16;
