//! The list of system calls as filters of the kernel.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Compare,
    SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
};

use crate::system_calls::{Calls, Rule, When};

/// Limits the calls of all threads to those of this kind of process. Where filters disagree the
/// strictest answer counts.
pub fn filter(calls: Calls) -> io::Result<()> {
    let (refused, unknown) = (calls.refused(), calls.unknown());
    let known: Vec<Rule> = calls.allowed().chain(refused).chain(unknown).copied().collect();
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let lists = [
        (refused, SeccompAction::Allow, errno(libc::EACCES)),
        (unknown, SeccompAction::Allow, errno(libc::ENOSYS)),
        (&known, SeccompAction::KillProcess, SeccompAction::Allow),
    ];
    for (rules, others, listed) in lists.into_iter().filter(|(rules, ..)| !rules.is_empty()) {
        let filter = program(rules, others, listed)?;
        apply_filter_all_threads(&filter).map_err(io::Error::other)?;
    }
    Ok(())
}

/// A filter with one action for the calls in `rules` and another for all others.
fn program(rules: &[Rule], others: SeccompAction, listed: SeccompAction) -> io::Result<BpfProgram> {
    let mut by_number = BTreeMap::new();
    for (number, when, _) in rules {
        by_number.insert(*number, conditions(*when).map_err(io::Error::other)?);
    }
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(by_number, others, listed, architecture);
    filter.and_then(BpfProgram::try_from).map_err(io::Error::other)
}

/// Any one of the rules has to hold; no rule means that the number is enough. The kernel looks at
/// 32 bits of these arguments, too.
fn conditions(when: When) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let rule = |argument, compare, value| {
        let condition = SeccompCondition::new(argument, Width::Dword, compare, value)?;
        SeccompRule::new(vec![condition])
    };
    match when {
        When::Always => Ok(Vec::new()),
        When::Is(argument, value) => Ok(vec![rule(argument, Compare::Eq, value)?]),
        When::OneOf(argument, values) => {
            values.iter().map(|value| rule(argument, Compare::Eq, *value)).collect()
        }
        When::Has(argument, bits) => Ok(vec![rule(argument, Compare::MaskedEq(bits), bits)?]),
        When::IsOwnProcess(argument) => {
            Ok(vec![rule(argument, Compare::Eq, std::process::id().into())?])
        }
        When::HasNot(argument, bits) => Ok(vec![rule(argument, Compare::MaskedEq(bits), 0)?]),
    }
}
