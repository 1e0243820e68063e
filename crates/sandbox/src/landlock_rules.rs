//! Landlock: the kernel refuses files and connections, whatever namespaces and root allow.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
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
    enforced(&status)
}

/// Refuses all files but those below `readable`, which can be read and run, and those below
/// `writable`, with which everything can be done; and signals and abstract sockets of other
/// processes. The network stays.
pub fn only(readable: &[&Path], writable: &[&Path]) -> io::Result<()> {
    let rules = path_beneath_rules(readable, AccessFs::from_read(INTERFACE))
        .chain(path_beneath_rules(writable, AccessFs::from_all(INTERFACE)));
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(INTERFACE))
        .and_then(|rules| rules.scope(Scope::from_all(INTERFACE)))
        .and_then(Ruleset::create)
        .and_then(|created| created.add_rules(rules))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(io::Error::other)?;
    enforced(&status)
}

fn enforced(status: &RestrictionStatus) -> io::Result<()> {
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err(io::ErrorKind::Unsupported.into()),
    }
}
