//! The URL Pattern standard: `URLPattern`.

mod ops;
#[cfg(test)]
mod tests;

pub use ops::ops;
