//! An empty root.

use std::io;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

/// A folder that every system has: the empty root is mounted there, and then becomes the root.
const PLACE: &str = "/tmp";
/// It holds nothing, and its file system has room for nothing.
const OPTIONS: &str = "size=4k,nr_inodes=2,mode=555";

/// Replaces the root by an empty folder that cannot be written.
pub fn empty() -> io::Result<()> {
    let nothing = None::<&str>;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    // What happens here is not to be seen in the namespace that this one was made from.
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    mount(Some("tmpfs"), PLACE, Some("tmpfs"), flags, Some(OPTIONS))?;
    chdir(PLACE)?;
    // The old root is put over the new one, and goes.
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")?;
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | flags;
    Ok(mount(nothing, "/", nothing, read_only, nothing)?)
}
