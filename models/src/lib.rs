//! The protocols between threads under loom, which runs every order of their steps. The files that
//! hold the protocols are compiled here a second time, with loom's types.
//!
//! `cargo xtask test` runs them: `cargo test --release --manifest-path models/Cargo.toml`.
#![forbid(unsafe_code)]

#[cfg(test)]
mod boundary;
#[cfg(test)]
mod watchdog;
