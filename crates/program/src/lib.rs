//! What is deployed, as pure data: code, bindings, limits, owner, version, what may be reached.
//!
//! ```text
//! bundle -> Artifact + Binding + Limits = Worker -> runtime
//! ```
//!
//! Invariants:
//! - It depends on no crate of ours and does no I/O.
//! - An [`Artifact`] never changes, and its [id](ArtifactId) follows from its code alone: equal
//!   code has equal bytes on disk.
//! - Contents of files are shared, never copied, and are hashed once, when they are made or read.
//! - Secrets do not show in `Debug` output.
//! - Whatever bytes are decoded, the result is a value or an error, and the memory that it takes is
//!   bounded by the number of bytes.

#![forbid(unsafe_code)]

mod artifact;
mod binding;
mod content;
mod frame;
mod host;
mod limits;
mod lists;
mod module;
mod worker;

pub use artifact::{
    Artifact, ArtifactError, ArtifactId, ArtifactParts, FLAGS_MAX, MODULES_MAX, NAME_BYTES_MAX,
};
pub use binding::{Binding, Secret, Service};
pub use content::{Content, Digest};
pub use frame::{CONTENT_BYTES_MAX, FrameError, MANIFEST_BYTES_MAX};
pub use host::{HOST_BYTES_MAX, Host, parse_host};
pub use limits::Limits;
pub use lists::{Destinations, Lists, NoDestinations, NoLists};
pub use module::{Format, Module, ModuleKind};
pub use worker::{BINDINGS_MAX, Cordon, Owner, Worker, WorkerError};
