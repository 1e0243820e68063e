//! Checks of the promises after each step. They look at the homes that Workers have, beside the
//! naive model, and not at the state of the library.

use scheduler::homes::{Home, Options};
use scheduler::suspicion::Standing;

use crate::model::{Cordon, Model, Seat, Worker};
use crate::violation::{Violation, ensure};

/// A process of the node, as a caller names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Process {
    Part(Cordon, usize),
    Alone(Worker),
    Suspects(u8),
}

/// The process of a Worker that is loaded, by its home.
pub fn process(model: &Model, home: Home) -> Option<Process> {
    let cordon = model.cordon?;
    match home {
        Home::Part(part) => Some(Process::Part(cordon, part)),
        Home::Alone => Some(Process::Alone(model.worker)),
        Home::Suspects => Some(Process::Suspects(model.worker.owner)),
        Home::Nowhere => None,
    }
}

/// The home of one Worker.
pub fn check_home(model: &Model, home: Home) -> Result<(), Violation> {
    let describe = || format!("{home:?}: {model:?}");
    let is_home = |expected| home == expected;
    if model.cordon.is_none() {
        return ensure(is_home(Home::Nowhere), "who has left runs nowhere", describe);
    }
    if model.standing == Standing::Refused {
        return ensure(is_home(Home::Nowhere), "a refused Worker runs nowhere", describe);
    }
    ensure(!is_home(Home::Nowhere), "who may run does", describe)?;
    if model.is_inspected {
        return ensure(is_home(Home::Alone), "an inspected Worker is alone", describe);
    }
    match model.seat {
        Seat::Part(_, part) => ensure(is_home(Home::Part(part)), "who is trusted stays", describe),
        Seat::Alone | Seat::Suspects => {
            let shares = matches!(home, Home::Part(_));
            ensure(!shares, "a suspicious Worker leaves the trusted ones", describe)?;
            let is_alone = model.seat == Seat::Alone;
            let is_it = is_home(Home::Alone);
            ensure(is_it || !is_alone, "a suspicious Worker is alone while it can be", describe)?;
            ensure(is_alone || !is_it, "processes of lone suspicious Workers", describe)
        }
        Seat::None => ensure(false, "who may run does", describe),
    }
}

/// Whom a Worker shares a process with, and how many processes there are. `all` has each Worker
/// that runs with its process.
pub fn check_processes(
    options: &Options,
    mut all: Vec<(Process, &Model)>,
) -> Result<(), Violation> {
    all.sort_unstable_by_key(|(process, _)| *process);
    let neighbours = all.iter().zip(all.iter().skip(1));
    for ((one, first), (other, second)) in neighbours {
        if one != other {
            continue;
        }
        let describe = || format!("{one:?}: {first:?} {second:?}");
        let is_trusted = |it: &Model| it.standing == Standing::Trusted;
        let are_like = is_trusted(first) == is_trusted(second);
        ensure(are_like, "a suspicious Worker leaves the trusted ones", describe)?;
        let are_brothers = first.worker.owner == second.worker.owner;
        ensure(is_trusted(first) || are_brothers, "suspicious Workers of one owner", describe)?;
        let are_one = first.cordon == second.cordon || !is_trusted(first);
        ensure(are_one, "cordons do not share", describe)?;
        let is_inspected = first.is_inspected || second.is_inspected;
        ensure(!is_inspected, "an inspected Worker is alone", describe)?;
    }
    let is_lone = |process: &Process| matches!(process, Process::Alone(_));
    let lone = all.iter().filter(|(process, model)| is_lone(process) && !model.is_inspected);
    let describe = || format!("{all:?}");
    let is_bounded = lone.count() <= options.alone_max;
    ensure(is_bounded, "processes of lone suspicious Workers", describe)?;
    let inspected = all.iter().filter(|(_, model)| model.is_inspected).count();
    ensure(inspected <= options.inspected.total_max, "inspected Workers", describe)?;
    let parts = all.iter().filter_map(|(process, _)| match process {
        Process::Part(_, part) => Some(*part),
        _ => None,
    });
    let most = options.processes_per_cordon_max;
    ensure(parts.max().is_none_or(|part| part < most), "parts of a cordon", describe)
}

/// A Worker has come to a part of a cordon whose parts had so many Workers before.
pub fn check_part(options: &Options, workers: &[usize], part: usize) -> Result<(), Violation> {
    let describe = || format!("{part} of {workers:?}: {options:?}");
    ensure(part < workers.len(), "parts of a cordon", describe)?;
    let has_room = |count: &usize| *count < options.workers_per_process;
    match workers.iter().position(has_room) {
        Some(first) => {
            let room = has_room(&workers[part]);
            ensure(room, "no process takes more than its fill while another has room", describe)?;
            ensure(part == first, "the first process with room takes it", describe)
        }
        None => {
            let least = workers.iter().min() == Some(&workers[part]);
            ensure(least, "the emptiest of full processes takes it", describe)
        }
    }
}
