//! From a bundle to a Worker that this machine can run.

use program::{Binding, Limits, Worker};

use crate::build::Bundle;
use crate::config::ConfigError;
use crate::diagnostic::Loaded;
use crate::project::Project;

impl Bundle {
    /// The Worker for a developer's machine: the secrets of `.dev.vars` go over `vars`. `id` is the
    /// number of this version in the process.
    ///
    /// # Errors
    /// When `.dev.vars` cannot be read.
    pub fn worker(&self, project: &Project, id: u64) -> Result<Loaded<Worker>, ConfigError> {
        let secrets = project.dev_vars()?;
        let mut bindings = self.bindings.clone();
        let secret = |(name, value): (String, String)| (name, Binding::secret(&value));
        bindings.extend(secrets.value.into_iter().map(secret));
        let name = project.config.name.as_deref().unwrap_or("worker");
        let mut worker = Worker {
            bindings,
            limits: limits(project),
            ..Worker::local(id, name, self.artifact.clone())
        };
        // A main module that passes on all exports of another one has no list of them.
        if !self.exports.is_empty() {
            worker.entrypoints = self.exports.clone();
        }
        Ok(Loaded { value: worker, warnings: secrets.warnings })
    }
}

fn limits(project: &Project) -> Limits {
    let defaults = Limits::default();
    let configured = &project.config.limits;
    Limits {
        cpu_ms_max: configured.cpu_ms.map_or(defaults.cpu_ms_max, u64::from),
        subrequests_max: configured.subrequests.unwrap_or(defaults.subrequests_max),
        ..defaults
    }
}
