//! The Workers of the node. A runtime gets a program against its key, which is random, and by no
//! other way.

use std::collections::HashMap;
use std::rc::Rc;

use aws_lc_rs::rand;
use program::{Cordon, Worker, WorkerError};
use rpc::stamp::{Identity, StampKey};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What stands for a program.
pub type Key = [u8; KEY_BYTES];

/// A version of a Worker, ready to be handed out.
pub struct Program {
    /// With whom it may share a process.
    pub cordon: Cordon,
    /// The canonical bytes of its artifact.
    pub artifact: Vec<u8>,
    /// The canonical bytes of the Worker.
    pub worker: Vec<u8>,
    /// What the outbound proxy knows it by.
    pub stamp: Vec<u8>,
}

/// Why a Worker cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It cannot be written.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// One of its names has a NUL.
    #[error("a name has a NUL")]
    Name,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key")]
    Random,
}

/// The Workers of a node, by host and by key.
#[derive(Default)]
pub struct Vault {
    hosts: HashMap<String, Key>,
    programs: HashMap<Key, Rc<Program>>,
}

impl Vault {
    /// Adds a Worker for its hosts.
    ///
    /// # Errors
    /// See [`VaultError`].
    pub fn add(
        &mut self,
        worker: &Worker,
        hosts: &[String],
        stamps: &StampKey,
    ) -> Result<(), VaultError> {
        let identity = Identity {
            owner: worker.owner.as_str().into(),
            worker: worker.name.as_str().into(),
            version: worker.version.as_str().into(),
        };
        let program = Program {
            cordon: worker.cordon.clone(),
            artifact: worker.artifact.encode(),
            worker: worker.encode()?,
            stamp: stamps.stamp(&identity).ok_or(VaultError::Name)?,
        };
        let mut key = [0; KEY_BYTES];
        rand::fill(&mut key).map_err(|_| VaultError::Random)?;
        self.programs.insert(key, Rc::new(program));
        self.hosts.extend(hosts.iter().map(|host| (host.clone(), key)));
        Ok(())
    }

    /// The key of the Worker for a host, if it is of this cordon.
    pub fn resolve(&self, host: &str, cordon: &Cordon) -> Option<Key> {
        let key = self.hosts.get(host)?;
        let program = self.programs.get(key)?;
        (program.cordon == *cordon).then_some(*key)
    }

    /// The program that a key stands for.
    pub fn program(&self, key: &[u8]) -> Option<Rc<Program>> {
        self.programs.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use program::{Artifact, ArtifactParts, Content, Format, Module, ModuleKind, Owner};

    use super::*;

    fn worker(name: &str, cordon: &str) -> Worker {
        let parts = ArtifactParts {
            main: "index.js".to_owned(),
            format: Format::Module,
            compatibility_date: None,
            compatibility_flags: Vec::new(),
            modules: vec![Module::new(
                "index.js",
                ModuleKind::EsModule,
                Content::new("export default {}"),
            )],
        };
        let artifact = Arc::new(Artifact::new(parts).unwrap());
        let (owner, cordon) = (Owner::new("anna"), Cordon::new(cordon));
        Worker { owner, cordon, ..Worker::local(1, name, artifact) }
    }

    #[test]
    fn a_program_is_had_against_its_key_and_in_its_cordon() {
        let stamps = StampKey::new(&[7; rpc::stamp::KEY_BYTES]);
        let mut vault = Vault::default();
        vault.add(&worker("shop", "shared"), &["shop.example".to_owned()], &stamps).unwrap();
        vault.add(&worker("blog", "paid"), &["blog.example".to_owned()], &stamps).unwrap();
        let key = vault.resolve("shop.example", &Cordon::shared()).unwrap();
        assert!(vault.resolve("blog.example", &Cordon::shared()).is_none(), "another cordon");
        assert!(vault.resolve("other.example", &Cordon::shared()).is_none());
        let program = vault.program(&key).unwrap();
        assert_eq!(stamps.check(&program.stamp).unwrap().worker.as_ref(), "shop");
        assert!(vault.program(&[0; KEY_BYTES]).is_none());
        assert!(vault.program(&key[..31]).is_none());
    }
}
