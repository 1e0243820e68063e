//! What this process could limit, found out without making a group: for `isolde doctor`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, eaccess};

use super::{CgroupError, Controller, PREFIX, Version, least_limit, mounts, v2};

/// A file that all groups of version 2 have but the one at the root of the machine.
const TYPE: &str = "cgroup.type";

/// What there is for one controller.
#[derive(Debug)]
pub struct Offer {
    /// Which one.
    pub controller: Controller,
    /// The version that has it and the folder of this process's group, where that can be seen.
    pub place: Option<(Version, PathBuf)>,
    /// Why groups below that one cannot be limited, if they cannot.
    pub problem: Option<CgroupError>,
}

/// What there is for all controllers.
#[derive(Debug)]
pub struct Survey {
    /// In the order memory, pids, cpu.
    pub offers: Vec<Offer>,
    /// Memory in bytes that this process's group and those above it allow, if one of them says so.
    /// Version 1 may say a number that no machine has.
    pub memory_bytes: Option<u64>,
}

/// Looks at the groups that this process is in. Nothing is changed.
///
/// # Errors
/// [`CgroupError::Unreadable`] when the kernel does not say which groups these are.
pub fn survey() -> Result<Survey, CgroupError> {
    let (groups, info) = mounts::texts()?;
    Ok(survey_of(&groups, &info, std::process::id()))
}

/// The same with these texts of the kernel, for the process with this number.
pub(super) fn survey_of(groups: &str, info: &str, pid: u32) -> Survey {
    let offers: Vec<Offer> = places(groups, info)
        .into_iter()
        .map(|(controller, place)| match place {
            Ok((version, own)) => {
                let problem = match version {
                    Version::One => cannot_make(&own, pid),
                    Version::Two => cannot_share(&own, pid, controller),
                };
                Offer { controller, place: Some((version, own)), problem }
            }
            Err(problem) => Offer { controller, place: None, problem: Some(problem) },
        })
        .collect();
    let memory = offers.iter().find(|offer| offer.controller == Controller::Memory);
    let memory = memory.and_then(|offer| offer.place.as_ref());
    let memory_bytes = memory.and_then(|(version, own)| least_limit(own, version.memory_file()));
    Survey { offers, memory_bytes }
}

/// The version that has each controller, and the folder of this process's group there.
pub(super) fn places(
    groups: &str,
    info: &str,
) -> Vec<(Controller, Result<(Version, PathBuf), CgroupError>)> {
    let mounts = mounts::mounts(info);
    let unified = mounts::unified(groups, &mounts);
    let offered = unified.as_deref().map(v2::offered).unwrap_or_default();
    let place = |controller| match mounts::legacy(controller, groups, &mounts) {
        Some(own) => own.map(|own| (Version::One, own)).ok_or(CgroupError::NotMounted(controller)),
        None => unified
            .clone()
            .filter(|_| offered.contains(&controller))
            .map(|own| (Version::Two, own))
            .ok_or(CgroupError::NotOffered(controller)),
    };
    Controller::ALL.into_iter().map(|controller| (controller, place(controller))).collect()
}

fn cannot_write(path: &Path) -> Option<io::Error> {
    eaccess(path, AccessFlags::W_OK).err().map(io::Error::from)
}

/// Why no group can be made below this one.
fn cannot_make(own: &Path, pid: u32) -> Option<CgroupError> {
    let cause = cannot_write(own)?;
    Some(CgroupError::Make { folder: own.join(format!("{PREFIX}{pid}")), cause })
}

/// Why groups below this one of version 2 would not get a controller.
fn cannot_share(own: &Path, pid: u32, controller: Controller) -> Option<CgroupError> {
    let cannot_move = || {
        let cause = cannot_write(&own.join(v2::PROCESSES))?;
        Some(CgroupError::Add { pid, folder: own.to_path_buf(), cause })
    };
    let cannot_turn_on = || {
        if v2::passed_on(own).contains(&controller) {
            return None;
        }
        let busy = || io::Error::from_raw_os_error(libc::EBUSY);
        let cause =
            cannot_write(&own.join(v2::SUBTREE)).or_else(|| has_others(own, pid).then(busy))?;
        Some(CgroupError::TurnOn { controller, folder: own.to_path_buf(), cause })
    };
    cannot_make(own, pid).or_else(cannot_move).or_else(cannot_turn_on)
}

/// Whether other processes keep a group from giving controllers to groups below it. This one moves.
fn has_others(own: &Path, pid: u32) -> bool {
    let members = fs::read_to_string(own.join(v2::PROCESSES)).unwrap_or_default();
    let is_other = |line: &str| line.trim() != pid.to_string();
    own.join(TYPE).exists() && members.lines().any(is_other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that stands for a mounted hierarchy of version 2, and the texts that lead to it.
    fn unified(name: &str, members: &str) -> (PathBuf, String) {
        let own = std::env::temp_dir().join(format!("isolde-{name}-{}", std::process::id()));
        fs::create_dir_all(&own).unwrap();
        for (file, text) in [
            ("cgroup.controllers", "cpu memory\n"),
            (v2::SUBTREE, "cpu\n"),
            (v2::PROCESSES, members),
            (TYPE, "domain\n"),
            (Version::Two.memory_file(), "1048576\n"),
        ] {
            fs::write(own.join(file), text).unwrap();
        }
        let info = format!("30 22 0:26 / {} rw - cgroup2 cgroup2 rw\n", own.display());
        (own, info)
    }

    fn problems(survey: &Survey) -> Vec<Option<String>> {
        let text = |offer: &Offer| offer.problem.as_ref().map(ToString::to_string);
        survey.offers.iter().map(text).collect()
    }

    #[test]
    fn each_controller_has_a_place_or_a_reason() {
        let (own, info) = unified("survey", "7\n");
        let survey = survey_of("0::/\n", &info, 7);
        let none = "this process's cgroup has no controller for pids".to_owned();
        assert_eq!(problems(&survey), [None, Some(none), None]);
        let places: Vec<_> = survey.offers.iter().map(|offer| offer.place.clone()).collect();
        let place = Some((Version::Two, own.clone()));
        assert_eq!(places, [place.clone(), None, place]);
        assert_eq!(survey.memory_bytes, Some(1 << 20));
        assert!(!own.join("isolde-7").exists(), "nothing is made");
        fs::remove_dir_all(&own).unwrap();
    }

    #[test]
    fn other_processes_in_the_group_are_in_the_way() {
        let (own, info) = unified("survey-shared", "7\n8\n");
        let [memory, _, cpu] = &problems(&survey_of("0::/\n", &info, 7))[..] else {
            panic!("three controllers")
        };
        let memory = memory.as_deref().unwrap_or_default();
        assert!(memory.contains("its controller for memory") && memory.contains("Delegate=yes"));
        assert_eq!(*cpu, None, "groups below have it already");
        fs::remove_file(own.join(TYPE)).unwrap();
        assert_eq!(problems(&survey_of("0::/\n", &info, 7))[0], None, "the machine's root may");
        fs::remove_file(own.join(v2::PROCESSES)).unwrap();
        let [memory, ..] = &problems(&survey_of("0::/\n", &info, 7))[..] else {
            panic!("three controllers")
        };
        assert!(memory.as_deref().unwrap_or_default().starts_with("process 7 cannot be moved"));
        fs::remove_dir_all(&own).unwrap();
    }

    #[test]
    fn a_hierarchy_that_is_not_there_cannot_be_written() {
        let groups = "4:memory:/a\n3:pids:/\n";
        let info = "33 25 0:27 / /nowhere/memory rw - cgroup cgroup rw,memory\n";
        let survey = survey_of(groups, info, 7);
        let said = problems(&survey).into_iter().flatten().collect::<Vec<_>>();
        assert!(said[0].starts_with("the cgroup /nowhere/memory/a/isolde-7 cannot be made"));
        assert_eq!(said[1], "the cgroup of this process for pids is not mounted");
        assert_eq!(said[2], "this process's cgroup has no controller for cpu");
        let place = Some((Version::One, PathBuf::from("/nowhere/memory/a")));
        assert_eq!(survey.offers[0].place, place);
    }
}
