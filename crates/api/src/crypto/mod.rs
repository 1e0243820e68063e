//! Web Crypto: random values and digests.

mod ops;

pub use ops::ops;
