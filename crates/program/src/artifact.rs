//! An artifact: the code of a Worker, which never changes.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::content::{Content, Digest};
use crate::frame::{CONTENT_BYTES_MAX, ContentEntry, FrameError, Kind, Opened, Sealed};
use crate::module::{Format, Module, ModuleKind};

#[cfg(test)]
mod tests;

/// Most modules of an artifact.
pub const MODULES_MAX: usize = 20_000;
/// Longest name of a module in bytes.
pub const NAME_BYTES_MAX: usize = 4_096;
/// Most compatibility flags of an artifact.
pub const FLAGS_MAX: usize = 256;
/// Longest compatibility flag in bytes.
const FLAG_BYTES_MAX: usize = 128;

const KIND: Kind = Kind { magic: *b"IsoldeAr", version: 1 };

/// Names an artifact: the SHA-256 of its manifest, in which each content stands as its own SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactId(pub Digest);

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an artifact is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactParts {
    /// Name of the main module.
    pub main: String,
    /// How the main module is to be run.
    pub format: Format,
    /// `YYYY-MM-DD`: the behaviour of the platform that the code was written for.
    pub compatibility_date: Option<String>,
    /// Single changes of that behaviour.
    pub compatibility_flags: Vec<String>,
    /// All modules, the main one included, in any order.
    pub modules: Vec<Module>,
}

/// The code of a Worker. Its id is computed when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    id: ArtifactId,
    format: Format,
    compatibility_date: Option<String>,
    compatibility_flags: Vec<String>,
    /// The main module, then the others by name.
    modules: Vec<Module>,
}

/// Why parts or bytes are no artifact.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The main module is not among the modules.
    #[error("there is no module `{0}`, which should be the main one")]
    NoMain(String),
    /// The main module cannot be run.
    #[error("the main module `{0}` is not of a kind that its format runs")]
    MainKind(String),
    /// A classic script that is not the main module.
    #[error("the module `{0}` is a classic script, which nothing can import")]
    Script(String),
    /// Two modules have one name.
    #[error("there are two modules `{0}`")]
    Twice(String),
    /// A name that is empty or too long.
    #[error("a module has no name, or one of more than {NAME_BYTES_MAX} bytes")]
    Name,
    /// Too many modules.
    #[error("there are more than {MODULES_MAX} modules")]
    Modules,
    /// Too many compatibility flags, or too long ones.
    #[error("there are too many compatibility flags, or too long ones")]
    Flags,
    /// The contents are larger than they may be.
    #[error("the modules have more than {CONTENT_BYTES_MAX} bytes")]
    TooLarge,
    /// The bytes are damaged or something else.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The bytes are not the ones that this artifact is written as.
    #[error("the data is not in the canonical form")]
    NotCanonical,
}

/// The manifest. The order of the fields is the serialised form.
#[derive(Serialize, Deserialize)]
struct Manifest<'a> {
    format: Format,
    compatibility_date: Option<&'a str>,
    #[serde(borrow)]
    compatibility_flags: Vec<&'a str>,
    #[serde(borrow)]
    modules: Vec<ModuleEntry<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ModuleEntry<'a> {
    name: &'a str,
    kind: ModuleKind,
    content: ContentEntry,
    source_map: Option<ContentEntry>,
}

impl Artifact {
    /// Makes an artifact. Equal parts give equal ids, in whatever order modules and flags come.
    ///
    /// # Errors
    /// See [`ArtifactError`].
    pub fn new(parts: ArtifactParts) -> Result<Self, ArtifactError> {
        let ArtifactParts { main, format, compatibility_date, compatibility_flags, modules } =
            parts;
        let compatibility_flags: BTreeSet<String> = compatibility_flags.into_iter().collect();
        let mut artifact = Self {
            id: ArtifactId(Digest::from_bytes([0; 32])),
            format,
            compatibility_date,
            compatibility_flags: compatibility_flags.into_iter().collect(),
            modules,
        };
        artifact.modules.sort_by(|a, b| (a.name != main, &a.name).cmp(&(b.name != main, &b.name)));
        artifact.check(&main)?;
        artifact.id = ArtifactId(artifact.seal()?.digest);
        Ok(artifact)
    }

    fn check(&self, main: &str) -> Result<(), ArtifactError> {
        let flag_is_long = |flag: &String| flag.len() > FLAG_BYTES_MAX;
        if self.compatibility_flags.len() > FLAGS_MAX
            || self.compatibility_flags.iter().chain(&self.compatibility_date).any(flag_is_long)
        {
            return Err(ArtifactError::Flags);
        }
        if self.modules.len() > MODULES_MAX {
            return Err(ArtifactError::Modules);
        }
        let mut modules = self.modules.iter();
        let Some(first) = modules.next().filter(|first| first.name == main) else {
            return Err(ArtifactError::NoMain(main.to_owned()));
        };
        // They are sorted, so equal names are neighbours.
        if let Some(pair) = self.modules.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(ArtifactError::Twice(pair[0].name.clone()));
        }
        let runs = match self.format {
            Format::Module => matches!(first.kind, ModuleKind::EsModule | ModuleKind::CommonJs),
            Format::ServiceWorker => first.kind == ModuleKind::Script,
        };
        if !runs {
            return Err(ArtifactError::MainKind(main.to_owned()));
        }
        if let Some(script) = modules.find(|module| module.kind == ModuleKind::Script) {
            return Err(ArtifactError::Script(script.name.clone()));
        }
        if self.modules.iter().any(|m| m.name.is_empty() || m.name.len() > NAME_BYTES_MAX) {
            return Err(ArtifactError::Name);
        }
        if self.contents().map(|content| content.len()).sum::<usize>() > CONTENT_BYTES_MAX {
            return Err(ArtifactError::TooLarge);
        }
        Ok(())
    }

    /// Its name.
    pub fn id(&self) -> ArtifactId {
        self.id
    }

    /// How the main module is to be run.
    pub fn format(&self) -> Format {
        self.format
    }

    /// `YYYY-MM-DD`: the behaviour of the platform that the code was written for.
    pub fn compatibility_date(&self) -> Option<&str> {
        self.compatibility_date.as_deref()
    }

    /// Single changes of that behaviour, sorted.
    pub fn compatibility_flags(&self) -> &[String] {
        &self.compatibility_flags
    }

    /// The main module.
    pub fn main(&self) -> &Module {
        &self.modules[0]
    }

    /// All modules: the main one, then the others by name.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The canonical bytes: the same artifact always has the same ones.
    pub fn encode(&self) -> Vec<u8> {
        let sealed = self.seal().expect("the same manifest was sealed when this was made");
        sealed.write(self.contents())
    }

    /// Reads canonical bytes. The modules share them.
    ///
    /// # Errors
    /// See [`ArtifactError`].
    pub fn decode(bytes: &Bytes) -> Result<Self, ArtifactError> {
        let mut opened = Opened::new(&KIND, bytes)?;
        let manifest: Manifest<'_> = opened.parse()?;
        let mut modules = Vec::with_capacity(manifest.modules.len().min(MODULES_MAX));
        for entry in &manifest.modules {
            modules.push(Module {
                name: entry.name.to_owned(),
                kind: entry.kind,
                content: opened.take(&entry.content)?,
                source_map: match &entry.source_map {
                    Some(entry) => Some(opened.take(entry)?),
                    None => None,
                },
            });
        }
        let digest = opened.digest;
        opened.finish()?;
        let artifact = Self::new(ArtifactParts {
            main: manifest.modules.first().map(|entry| entry.name.to_owned()).unwrap_or_default(),
            format: manifest.format,
            compatibility_date: manifest.compatibility_date.map(str::to_owned),
            compatibility_flags: manifest.compatibility_flags.iter().map(|&f| f.into()).collect(),
            modules,
        })?;
        if artifact.id.0 != digest {
            return Err(ArtifactError::NotCanonical);
        }
        Ok(artifact)
    }

    fn contents(&self) -> impl Iterator<Item = &Content> + Clone {
        self.modules
            .iter()
            .flat_map(|module| [&module.content].into_iter().chain(&module.source_map))
    }

    fn seal(&self) -> Result<Sealed, FrameError> {
        let modules = self.modules.iter().map(|module| ModuleEntry {
            name: &module.name,
            kind: module.kind,
            content: (&module.content).into(),
            source_map: module.source_map.as_ref().map(ContentEntry::from),
        });
        let manifest = Manifest {
            format: self.format,
            compatibility_date: self.compatibility_date.as_deref(),
            compatibility_flags: self.compatibility_flags.iter().map(String::as_str).collect(),
            modules: modules.collect(),
        };
        Sealed::new(&KIND, &manifest)
    }
}
