//! `mountpoints.*`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::ssh::sections::Sections;
use crate::tree::{Tree, for_people, share};

pub(super) fn put(sections: &Sections<'_>, tree: &mut Tree) {
    let mut known = match sections.value("kernel") {
        Some("Linux") => from_proc(sections.lines("mounts")),
        _ => from_mount(sections.lines("mount")),
    };
    for line in sections.lines("df") {
        let Some((device, path, sizes)) = of_df(line) else { continue };
        if known.hidden.contains(path) {
            continue;
        }
        let mount = known.shown.entry(path.to_owned()).or_default();
        mount.entry("device").or_insert_with(|| device.into());
        let [total, used, available] = sizes;
        for (key, bytes) in [("size", total), ("used", used), ("available", available)] {
            mount.insert(key.to_owned(), for_people(bytes).into());
            mount.insert(format!("{key}_bytes"), bytes.into());
        }
        // As df(1): what is reserved for root counts neither as used nor as available.
        if let Some(share) = share(used, used.saturating_add(available)) {
            mount.insert("capacity".to_owned(), share.into());
        }
    }
    for (path, mount) in known.shown {
        tree.put(&["mountpoints", &path], mount);
    }
}

/// What is mounted, by path.
#[derive(Default)]
struct Mounts {
    shown: BTreeMap<String, Map<String, Value>>,
    /// Paths of pseudo file systems.
    hidden: BTreeSet<String>,
}

/// File systems without files of their own, which nobody asks about.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devfs",
    "devpts",
    "fdescfs",
    "fusectl",
    "hugetlbfs",
    "linprocfs",
    "linsysfs",
    "mqueue",
    "nsfs",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
];

/// More mounts than this are left out.
const MOST: usize = 4096;

fn add(all: &mut Mounts, path: String, device: &str, kind: &str, options: Vec<&str>) {
    if all.shown.len() + all.hidden.len() >= MOST {
        return;
    }
    // What is mounted over the same path later hides what was there.
    all.hidden.remove(&path);
    all.shown.remove(&path);
    if PSEUDO.contains(&kind) {
        all.hidden.insert(path);
        return;
    }
    let mount = all.shown.entry(path).or_default();
    mount.insert("device".to_owned(), device.into());
    mount.insert("filesystem".to_owned(), kind.into());
    mount.insert("options".to_owned(), options.into());
}

/// Lines of `/proc/mounts` (fstab(5)): white space is written as `\040`.
fn from_proc(lines: &[&str]) -> Mounts {
    let mut all = Mounts::default();
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let &[device, path, kind, options, ..] = fields.as_slice() else { continue };
        add(&mut all, unescaped(path), &unescaped(device), kind, options.split(',').collect());
    }
    all
}

/// Lines of `mount` on BSD and macOS: `/dev/ada0p2 on / (ufs, local, soft-updates)`.
fn from_mount(lines: &[&str]) -> Mounts {
    let mut all = Mounts::default();
    for line in lines {
        let Some((device, rest)) = line.split_once(" on ") else { continue };
        let Some((path, options)) = rest.rsplit_once(" (") else { continue };
        let mut options = options.trim_end_matches(')').split(", ");
        let kind = options.next().unwrap_or_default();
        add(&mut all, path.to_owned(), device, kind, options.collect());
    }
    all
}

/// A line of `df -kP` (POSIX): device, KiB, used, available, capacity, path. Device and path may hold blanks, so the numbers
/// are looked for.
fn of_df(line: &str) -> Option<(&str, &str, [u64; 3])> {
    let words: Vec<(usize, &str)> = words(line);
    let place = words.windows(4).skip(1).position(|four| {
        let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        matches!(four, [(_, a), (_, b), (_, c), (_, d)]
            if is_number(a) && is_number(b) && is_number(c) && d.strip_suffix('%').is_some_and(is_number))
    })?;
    let number = |offset: usize| -> Option<u64> {
        words.get(place + 1 + offset)?.1.parse::<u64>().ok()?.checked_mul(1024)
    };
    let device = line.get(..words.get(place + 1)?.0)?.trim();
    let path = line.get(words.get(place + 5)?.0..)?;
    Some((device, path, [number(0)?, number(1)?, number(2)?]))
}

/// Words with the places where they begin.
fn words(line: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = None;
    for (place, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some(place),
            (true, Some(begin)) => {
                found.extend(line.get(begin..place).map(|word| (begin, word)));
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// `\040` and the like are the bytes of these octal numbers.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.split_at_checked(3).map(|(digits, rest)| (u8::from_str_radix(digits, 8), rest)) {
            Some((Ok(byte), rest)) => {
                out.push(byte);
                out.extend_from_slice(rest.as_bytes());
            }
            _ => {
                out.push(b'\\');
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::facts_of;
    use super::*;
    use serde_json::json;

    fn facts(output: &str) -> Value {
        facts_of(put, output).get("mountpoints").cloned().unwrap_or_default()
    }

    #[test]
    fn mounts_of_linux() {
        let found = facts(
            "@kernel\n Linux\n@mounts\n proc /proc proc rw 0 0\n tmpfs /dev/shm tmpfs rw 0 0\n /dev/vda / ext4 \
             rw,relatime 0 0\n //nas/share\\040x /mnt/a\\040b cifs rw 0 0\n@df\n \
             Filesystem              1024-blocks     Used Available Capacity Mounted on\n \
             /dev/vda                        100       60        20      75% /\n \
             //nas/share x                    10        1         9      10% /mnt/a b\n@end\n",
        );
        assert_eq!(
            found["/"],
            json!({"device": "/dev/vda", "filesystem": "ext4", "options": ["rw", "relatime"], "size_bytes": 102_400,
                "size": "100.00 KiB", "used_bytes": 61_440, "used": "60.00 KiB", "available_bytes": 20_480,
                "available": "20.00 KiB", "capacity": "75.00%"})
        );
        assert_eq!(
            (&found["/mnt/a b"]["device"], &found["/mnt/a b"]["size_bytes"]),
            (&json!("//nas/share x"), &json!(10_240))
        );
        assert_eq!(found["/proc"], Value::Null);
        assert_eq!(found["/dev/shm"]["filesystem"], "tmpfs");
    }

    #[test]
    fn mounts_of_freebsd_and_macos() {
        let found = facts(
            "@kernel\n FreeBSD\n@mount\n /dev/ada0p2 on / (ufs, local, soft-updates)\n devfs on /dev (devfs)\n \
             /dev/disk1s1 on /System/Volumes/My Data (apfs, local, journaled)\n@df\n \
             Filesystem  1024-blocks Used Avail Capacity Mounted on\n /dev/ada0p2 1000 100 900 10% /\n@end\n",
        );
        assert_eq!((&found["/"]["filesystem"], &found["/"]["capacity"]), (&json!("ufs"), &json!("10.00%")));
        assert_eq!(found["/System/Volumes/My Data"]["options"], json!(["local", "journaled"]));
        assert_eq!(found["/dev"], Value::Null);
    }
}
