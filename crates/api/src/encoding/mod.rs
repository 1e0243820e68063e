//! The Encoding standard: `TextEncoder`, `TextDecoder` and their streams; `atob` and `btoa`.

mod base64;
mod ops;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use ops::ops;
