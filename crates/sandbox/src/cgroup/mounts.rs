//! Where this process is in the hierarchies of cgroups: `/proc/self/cgroup` says in which group,
//! `/proc/self/mountinfo` where groups are to be seen.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use super::Controller;

#[cfg(test)]
mod tests;

/// A hierarchy that is mounted.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// The group that is to be seen at `point`.
    root: PathBuf,
    point: PathBuf,
    /// The controllers of version 1 that it has; none: it is version 2.
    controllers: Option<Vec<String>>,
}

/// The hierarchies in a text of `/proc/self/mountinfo`.
pub fn mounts(text: &str) -> Vec<Mount> {
    text.lines().filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(3);
    let (root, point) = (unescape(before.next()?), unescape(before.next()?));
    let mut after = after.split(' ');
    let controllers = match after.next()? {
        "cgroup2" => None,
        "cgroup" => Some(after.nth(1)?.split(',').map(str::to_owned).collect()),
        _ => return None,
    };
    Some(Mount { root, point, controllers })
}

/// The kernel writes blanks, line ends and backslashes of a path as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| *first == b'\\');
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// The folder of the version 1 group that this process is in with a controller; nothing where
/// version 1 does not have the controller.
pub fn legacy(controller: Controller, groups: &str, mounts: &[Mount]) -> Option<Option<PathBuf>> {
    let group = groups.lines().find_map(|line| {
        let (_, names, path) = fields(line)?;
        names.split(',').any(|name| name == controller.name()).then_some(path)
    })?;
    let has_it = |mount: &&Mount| {
        let names = mount.controllers.iter().flatten();
        names.into_iter().any(|name| name == controller.name())
    };
    Some(mounts.iter().filter(has_it).find_map(|mount| mount.folder(group)))
}

/// The folder of the version 2 group that this process is in, where it can be seen.
pub fn unified(groups: &str, mounts: &[Mount]) -> Option<PathBuf> {
    let group = groups.lines().find_map(|line| match fields(line)? {
        ("0", "", path) => Some(path),
        _ => None,
    })?;
    let is_unified = |mount: &&Mount| mount.controllers.is_none();
    mounts.iter().filter(is_unified).find_map(|mount| mount.folder(group))
}

/// The number of a hierarchy, its controllers and a group of it, which may have a colon.
fn fields(line: &str) -> Option<(&str, &str, &str)> {
    let mut fields = line.splitn(3, ':');
    Some((fields.next()?, fields.next()?, fields.next()?))
}

impl Mount {
    /// The folder of a group, if this mount shows it.
    fn folder(&self, group: &str) -> Option<PathBuf> {
        let below = Path::new(group).strip_prefix(&self.root).ok()?;
        // A group above the root of this namespace of cgroups is written with `..`.
        let is_below = below.components().all(|part| matches!(part, Component::Normal(_)));
        is_below.then(|| {
            if below == Path::new("") { self.point.clone() } else { self.point.join(below) }
        })
    }
}
