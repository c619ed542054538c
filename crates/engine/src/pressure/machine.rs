//! How much memory this process may use: [`memory_of_process`]. It reads three files of the system and nothing else.
//!
//! The limit of a cgroup v2 holds for everything below it, so the smallest one on the way up counts (cgroups(7); Linux,
//! `Documentation/admin-guide/cgroup-v2.rst`, "memory.max").

use std::path::{Component, Path, PathBuf};

/// Bytes of memory that this process may use: the smallest `memory.max` of its cgroup and those above, or the machine's
/// memory where there is none or it is less. `None` where neither can be read. `root` is `/`, or what a test has put
/// in its place.
pub(crate) fn memory_of_process(root: &Path) -> Option<u64> {
    let machine = machine_memory(root);
    let group = cgroup_limit(root);
    machine.into_iter().chain(group).min()
}

/// `MemTotal` of proc_meminfo(5).
fn machine_memory(root: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn cgroup_limit(root: &Path) -> Option<u64> {
    let mount = root.join("sys/fs/cgroup");
    let group = std::fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    // The line of version 2 has the hierarchy 0 and names no controllers.
    let path = group.lines().find_map(|line| line.strip_prefix("0::"))?;
    // Only plain names: `..` stands there for a process outside its namespace's root, of which nothing can be seen.
    let names = Path::new(path).components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let mut folder: PathBuf = mount.clone();
    let mut smallest = limit_in(&folder);
    for name in names {
        folder.push(name);
        smallest = smallest.into_iter().chain(limit_in(&folder)).min();
    }
    smallest
}

/// The number in `memory.max`; `None` for `max`, or where there is no such file.
fn limit_in(folder: &Path) -> Option<u64> {
    std::fs::read_to_string(folder.join("memory.max")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        2048 kB\nMemFree:          10 kB\n");

    /// R8.6
    #[test]
    fn the_smallest_limit_on_the_way_up_counts() {
        let root = system(&[
            MEMINFO,
            ("proc/self/cgroup", "1:name=systemd:/old\n0::/system.slice/pab.service\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "500000\n"),
            ("sys/fs/cgroup/system.slice/pab.service/memory.max", "700000\n"),
        ]);
        assert_eq!(memory_of_process(root.path()), Some(500_000));
    }

    #[test]
    fn a_container_sees_itself_as_the_root() {
        let root =
            system(&[MEMINFO, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "900000\n")]);
        assert_eq!(memory_of_process(root.path()), Some(900_000));
    }

    #[test]
    fn without_a_limit_it_is_the_machine() {
        let unlimited =
            system(&[MEMINFO, ("proc/self/cgroup", "0::/a\n"), ("sys/fs/cgroup/a/memory.max", "max\n")]);
        let large = system(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/../a\n"),
            ("sys/fs/cgroup/a/memory.max", "99999999999\n"),
        ]);
        let version_1 = system(&[MEMINFO, ("proc/self/cgroup", "5:memory:/a\n")]);
        for root in [unlimited, large, version_1] {
            assert_eq!(memory_of_process(root.path()), Some(2048 * 1024));
        }
        assert_eq!(memory_of_process(system(&[]).path()), None);
        assert_eq!(memory_of_process(system(&[("proc/meminfo", "MemTotal: many\n")]).path()), None);
    }
}
