//! A Worker: a version of a deployed program with everything that it needs to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::artifact::{Artifact, ArtifactId};
use crate::binding::{Binding, Service};
use crate::content::{Content, Digest};
use crate::frame::{CONTENT_BYTES_MAX, ContentEntry, FrameError, Kind, Opened, Sealed};
use crate::limits::Limits;

#[cfg(test)]
mod tests;

/// Most bindings of a Worker.
pub const BINDINGS_MAX: usize = 4_096;
/// Most entrypoints of a Worker.
const ENTRYPOINTS_MAX: usize = 4_096;

/// The version changes with the fields of the manifest, those of [`Limits`] included: the bytes of
/// another version are refused, and made anew from the project.
const KIND: Kind = Kind { magic: *b"IsoldeWo", version: 2 };

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes the name.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// The account that a Worker belongs to: what it uses is counted by owner.
    Owner
}
name! {
    /// Workers of one cordon may share a process; those of different cordons never do.
    Cordon
}

impl Owner {
    /// The owner of Workers on a developer's machine.
    pub fn local() -> Self {
        Self::new("local")
    }
}

impl Cordon {
    /// The cordon of Workers for which nobody chose one.
    pub fn shared() -> Self {
        Self::new("shared")
    }
}

/// A version of a Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The number of this version within the process. It means nothing elsewhere and is not part
    /// of the serialised form.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The account that it belongs to.
    pub owner: Owner,
    /// With whom it may share a process.
    pub cordon: Cordon,
    /// The name of this version, unique among those of the Worker.
    pub version: String,
    /// Its code.
    pub artifact: Arc<Artifact>,
    /// What it finds in `env`, by name.
    pub bindings: BTreeMap<String, Binding>,
    /// What it may use.
    pub limits: Limits,
    /// Exports of the main module that may take events: `default`, and classes by name.
    pub entrypoints: BTreeSet<String>,
}

/// Why bytes are no Worker, or a Worker cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Its artifact is not at hand.
    #[error("the artifact {0} is not there")]
    NoArtifact(ArtifactId),
    /// Another artifact was given.
    #[error("the artifact {0} was given for another one")]
    WrongArtifact(ArtifactId),
    /// Too many bindings or entrypoints, or too much content in them.
    #[error("the Worker has too many bindings or entrypoints, or too large ones")]
    TooLarge,
    /// The bytes are damaged or something else.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The bytes are not the ones that this Worker is written as.
    #[error("the data is not in the canonical form")]
    NotCanonical,
}

/// The manifest. The order of the fields is the serialised form.
#[derive(Serialize, Deserialize)]
struct Manifest<'a> {
    artifact: [u8; 32],
    name: &'a str,
    owner: &'a str,
    cordon: &'a str,
    version: &'a str,
    limits: Limits,
    #[serde(borrow)]
    entrypoints: Vec<&'a str>,
    #[serde(borrow)]
    bindings: Vec<(&'a str, BindingEntry<'a>)>,
}

/// A binding in the manifest. New kinds go to the end.
#[derive(Serialize, Deserialize)]
enum BindingEntry<'a> {
    Text(&'a str),
    Json(&'a str),
    Data(ContentEntry),
    Wasm(ContentEntry),
    Secret(&'a str),
    Service { worker: &'a str, entrypoint: Option<&'a str> },
}

impl Worker {
    /// A Worker of a developer's machine, without bindings.
    pub fn local(id: u64, name: impl Into<String>, artifact: Arc<Artifact>) -> Self {
        Self {
            id,
            name: name.into(),
            owner: Owner::local(),
            cordon: Cordon::shared(),
            version: artifact.id().to_string(),
            artifact,
            bindings: BTreeMap::new(),
            limits: Limits::default(),
            entrypoints: BTreeSet::from(["default".to_owned()]),
        }
    }

    /// The canonical bytes: everything but `id`, secrets included, with the artifact's id for the
    /// artifact.
    ///
    /// # Errors
    /// When there are more or larger bindings than [`Worker::decode`] reads.
    pub fn encode(&self) -> Result<Vec<u8>, WorkerError> {
        let bytes = self.contents().map(|content| content.len()).sum::<usize>();
        if self.bindings.len() > BINDINGS_MAX
            || self.entrypoints.len() > ENTRYPOINTS_MAX
            || bytes > CONTENT_BYTES_MAX
        {
            return Err(WorkerError::TooLarge);
        }
        Ok(self.seal()?.write(self.contents()))
    }

    /// Reads canonical bytes. `id` is the number of the version in this process, `find` gives the
    /// artifact.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub fn decode(
        bytes: &Bytes,
        id: u64,
        find: impl FnOnce(ArtifactId) -> Option<Arc<Artifact>>,
    ) -> Result<Self, WorkerError> {
        let mut opened = Opened::new(&KIND, bytes)?;
        let manifest: Manifest<'_> = opened.parse()?;
        if manifest.bindings.len() > BINDINGS_MAX || manifest.entrypoints.len() > ENTRYPOINTS_MAX {
            return Err(WorkerError::TooLarge);
        }
        let mut bindings = BTreeMap::new();
        for (name, entry) in &manifest.bindings {
            bindings.insert((*name).to_owned(), read_binding(entry, &mut opened)?);
        }
        let digest = opened.digest;
        opened.finish()?;
        let artifact_id = ArtifactId(Digest::from_bytes(manifest.artifact));
        let artifact = find(artifact_id).ok_or(WorkerError::NoArtifact(artifact_id))?;
        if artifact.id() != artifact_id {
            return Err(WorkerError::WrongArtifact(artifact.id()));
        }
        let worker = Self {
            id,
            name: manifest.name.to_owned(),
            owner: Owner::new(manifest.owner),
            cordon: Cordon::new(manifest.cordon),
            version: manifest.version.to_owned(),
            artifact,
            bindings,
            limits: manifest.limits,
            entrypoints: manifest.entrypoints.iter().map(|&name| name.to_owned()).collect(),
        };
        match worker.seal()?.digest == digest {
            true => Ok(worker),
            false => Err(WorkerError::NotCanonical),
        }
    }

    fn contents(&self) -> impl Iterator<Item = &Content> + Clone {
        self.bindings.values().filter_map(|binding| match binding {
            Binding::Data(content) | Binding::Wasm(content) => Some(content),
            Binding::Text(_) | Binding::Json(_) | Binding::Secret(_) | Binding::Service(_) => None,
        })
    }

    fn seal(&self) -> Result<Sealed, FrameError> {
        let bindings = self.bindings.iter();
        let manifest = Manifest {
            artifact: *self.artifact.id().0.as_bytes(),
            name: &self.name,
            owner: self.owner.as_str(),
            cordon: self.cordon.as_str(),
            version: &self.version,
            limits: self.limits.clone(),
            entrypoints: self.entrypoints.iter().map(String::as_str).collect(),
            bindings: bindings.map(|(name, value)| (name.as_str(), entry_of(value))).collect(),
        };
        Sealed::new(&KIND, &manifest)
    }
}

fn entry_of(binding: &Binding) -> BindingEntry<'_> {
    match binding {
        Binding::Text(text) => BindingEntry::Text(text),
        Binding::Json(text) => BindingEntry::Json(text),
        Binding::Data(content) => BindingEntry::Data(content.into()),
        Binding::Wasm(content) => BindingEntry::Wasm(content.into()),
        Binding::Secret(secret) => BindingEntry::Secret(secret.reveal()),
        Binding::Service(Service { worker, entrypoint }) => {
            BindingEntry::Service { worker, entrypoint: entrypoint.as_deref() }
        }
    }
}

fn read_binding(entry: &BindingEntry<'_>, opened: &mut Opened<'_>) -> Result<Binding, FrameError> {
    Ok(match entry {
        BindingEntry::Text(text) => Binding::text(text),
        BindingEntry::Json(text) => Binding::Json((*text).into()),
        BindingEntry::Data(entry) => Binding::Data(opened.take(entry)?),
        BindingEntry::Wasm(entry) => Binding::Wasm(opened.take(entry)?),
        BindingEntry::Secret(text) => Binding::secret(text),
        BindingEntry::Service { worker, entrypoint } => Binding::Service(Service {
            worker: (*worker).to_owned(),
            entrypoint: entrypoint.map(str::to_owned),
        }),
    })
}
