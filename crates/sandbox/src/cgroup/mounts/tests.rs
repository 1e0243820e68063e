//! Texts of the kernel on several kinds of systems.

use super::*;

fn legacy_folder(controller: Controller, groups: &str, info: &str) -> Option<Option<PathBuf>> {
    legacy(controller, groups, &mounts(info))
}

fn folder(path: &str) -> Option<Option<PathBuf>> {
    Some(Some(PathBuf::from(path)))
}

#[test]
fn version_1_has_a_path_for_each_controller() {
    let groups = "5:cpu,cpuacct:/system.slice\n4:memory:/system.slice/isolde.service\n3:pids:/\n";
    let info = "\
25 18 0:20 / /sys rw,nosuid - sysfs sysfs rw
32 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 25 0:27 / /sys/fs/cgroup/memory rw,relatime shared:10 master:2 - cgroup cgroup rw,memory
";
    let of = |controller| legacy_folder(controller, groups, info);
    assert_eq!(of(Controller::Cpu), folder("/sys/fs/cgroup/cpu,cpuacct/system.slice"));
    assert_eq!(of(Controller::Memory), folder("/sys/fs/cgroup/memory/system.slice/isolde.service"));
    assert_eq!(of(Controller::Pids), Some(None), "its hierarchy is not mounted");
    assert_eq!(unified(groups, &mounts(info)), None);
}

#[test]
fn version_2_has_one_path() {
    let groups = "0::/system.slice/isolde.service\n";
    let info = "\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
";
    let service = Some(PathBuf::from("/sys/fs/cgroup/system.slice/isolde.service"));
    assert_eq!(unified(groups, &mounts(info)), service);
    assert_eq!(legacy_folder(Controller::Memory, groups, info), None);
}

#[test]
fn a_hybrid_system_has_both() {
    let groups = "\
9:name=systemd:/
8:pids:/
4:memory:/some/where:else
1:cpu:/
0::/
";
    let info = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    let of = |controller| legacy_folder(controller, groups, info);
    assert_eq!(of(Controller::Memory), folder("/sys/fs/cgroup/memory/some/where:else"));
    assert_eq!(of(Controller::Cpu), folder("/sys/fs/cgroup/cpu"));
    assert_eq!(of(Controller::Pids), folder("/sys/fs/cgroup/pids"));
    assert_eq!(unified(groups, &mounts(info)), Some(PathBuf::from("/sys/fs/cgroup/unified")));
}

#[test]
fn a_container_sees_its_own_groups_only() {
    // With a namespace of cgroups the container is the root.
    let info = "900 890 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n";
    assert_eq!(unified("0::/\n", &mounts(info)), Some(PathBuf::from("/sys/fs/cgroup")));
    // Without one, the mount starts at the container.
    let info = "901 890 0:27 /docker/1f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    let of = |groups| legacy_folder(Controller::Memory, groups, info);
    assert_eq!(of("4:memory:/docker/1f\n"), folder("/sys/fs/cgroup/memory"));
    assert_eq!(of("4:memory:/docker/1f/a\n"), folder("/sys/fs/cgroup/memory/a"));
    assert_eq!(of("4:memory:/docker/1fa\n"), Some(None), "that is another container");
    // A process that was moved out of its namespace.
    let info = "900 890 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
    assert_eq!(unified("0::/../other\n", &mounts(info)), None);
}

#[test]
fn paths_are_unescaped_and_other_lines_are_none() {
    let info = "\
30 22 0:26 /a\\040b /sys/fs/c\\134group rw - cgroup2 cgroup2 rw
no mount - at all
31 22 0:27 / /cut
";
    let seen = mounts(info);
    assert_eq!(seen.len(), 1);
    assert_eq!(unified("0::/a b/c\n", &seen), Some(PathBuf::from("/sys/fs/c\\group/c")));
    assert_eq!(unified("", &seen), None);
}
