//! [`Identity`]: which process this is, so that another one on the same machine can tell whether it lives.

use std::fs;

/// A process. Process ids are used again; with the time of its start and the boot of its machine it is told apart from
/// every other one (proc(5), `/proc/pid/stat` field 22, and `/proc/sys/kernel/random/boot_id`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) process_id: i64,
    /// In clock ticks since the boot; 0 when it is not known.
    pub(crate) process_start: i64,
    /// The boot of the machine and the process's namespace of process ids; empty when they are not known.
    pub(crate) boot: String,
    pub(crate) host: String,
}

impl Identity {
    /// This process.
    pub(crate) fn own() -> Self {
        let process_id = i64::from(std::process::id());
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let boot = match boot.trim() {
            "" => String::new(),
            boot => format!("{boot} {}", namespace.display()),
        };
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        Self { process_id, process_start: start_of(process_id).unwrap_or(0), boot, host }
    }

    /// Whether that process has certainly ended: it ran on this machine since its boot and is not there any more.
    /// `false` when nobody here can tell.
    pub(crate) fn sees_the_end_of(&self, other: &Self) -> bool {
        let is_here = !self.boot.is_empty() && self.boot == other.boot && other.process_start != 0;
        is_here && start_of(other.process_id) != Some(other.process_start)
    }
}

fn start_of(process_id: i64) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    // A zombie (state Z) has ended and only waits for its parent.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_process_is_seen_on_the_same_machine_only() {
        let own = Identity::own();
        assert!(own.process_start > 0 && !own.boot.is_empty() && !own.sees_the_end_of(&own), "{own:?}");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process_id = i64::from(child.id());
        let other = Identity { process_id, process_start: start_of(process_id).unwrap(), ..own.clone() };
        assert!(!own.sees_the_end_of(&other));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(own.sees_the_end_of(&other));
        let reused = Identity { process_start: own.process_start + 1, ..own.clone() };
        assert!(own.sees_the_end_of(&reused), "another process has its number");
        let elsewhere = Identity { boot: "another boot".to_owned(), ..other };
        assert!(!own.sees_the_end_of(&elsewhere), "nobody here can tell");
    }
}
