//! The URL standard: `URL` and `URLSearchParams`.

mod ops;
#[cfg(test)]
mod tests;

pub use ops::ops;
pub(crate) use ops::parse;
