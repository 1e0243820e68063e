//! Web Crypto: random values and digests.

mod ops;
#[cfg(test)]
mod tests;

pub use ops::ops;
