//! Landlock: the kernel refuses files and connections, whatever namespaces and root allow.

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};

/// The newest interface that is asked for: files, TCP, signals and abstract sockets.
const INTERFACE: ABI = ABI::V6;

/// Refuses everything that Landlock knows, with no exception.
pub fn refuse_all() -> io::Result<()> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(INTERFACE))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(INTERFACE)))
        .and_then(|rules| rules.scope(Scope::from_all(INTERFACE)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(io::Error::other)?;
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err(io::ErrorKind::Unsupported.into()),
    }
}
