//! A look at the processes of this machine, `proc(5)`: which of them belong to a run.
//!
//! Main types: [`Traces`], by which a run's processes are known, and [`Found`], what a look found. It must not
//! signal anything.

use std::collections::HashSet;
use std::io;

use pabawi_domain::outcome::Survivor;

/// Longest command line that is reported, in characters.
const MAX_COMMAND: usize = 200;

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    parent: i32,
    group: i32,
    session: i32,
    zombie: bool,
    /// In clock ticks since boot; with the id it names a process for good, ids alone are used again.
    started: u64,
}

impl Process {
    /// Reads `/proc/<pid>/stat`. The name in it may contain blanks and brackets, so the fields are counted
    /// from the last bracket.
    fn read(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<i32>().ok();
        Some(Self {
            pid,
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            zombie: matches!(*fields.first()?, "Z" | "X"),
            started: fields.get(19)?.parse().ok()?,
        })
    }

    pub(super) fn group(&self) -> i32 {
        self.group
    }

    /// Whether this process still is the one it was.
    pub(super) fn is_same(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.started == self.started && !now.zombie)
    }

    /// Whether it has no command line: on its way out it has given its memory back and is no zombie yet
    /// (proc(5)). One that has none of its own will looks the same, so this alone does not say that it is gone.
    pub(super) fn is_leaving(&self) -> bool {
        std::fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|line| line.is_empty())
    }

    /// For a person: its command line, or its name in brackets where it has none.
    pub(super) fn survivor(&self) -> Survivor {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let text = String::from_utf8_lossy(&line).replace('\0', " ");
        let text = text.trim();
        let command = if text.is_empty() {
            let name = std::fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
            format!("[{}]", name.trim())
        } else {
            text.chars().take(MAX_COMMAND).collect()
        };
        Survivor { pid: self.pid.into(), command }
    }
}

/// By what the processes of a run are known.
#[derive(Debug, Clone)]
pub(super) struct Traces {
    /// Session and group ids that are the run's own.
    pub(super) ids: Vec<i32>,
    /// `NAME=value` in the environment of what the run started.
    pub(super) variable: Vec<u8>,
    /// An argument that only the wrapper and its watcher have; they are no part of the command.
    pub(super) wrapper_mark: Vec<u8>,
    /// Descendants seen before the end; they are known also after they have left and changed everything.
    pub(super) descendants: Vec<Process>,
}

/// What a look found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the run's own session or group: what is to be ended.
    pub(super) members: Vec<Process>,
    /// Left the session on purpose, but known as the run's.
    pub(super) daemons: Vec<Process>,
    /// The wrapper before it has become the command, or its watcher.
    pub(super) wrappers: Vec<Process>,
}

impl Traces {
    /// Looks at all processes.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub(super) fn look(&self) -> io::Result<Found> {
        let mut found = Found::default();
        for process in all()? {
            if process.zombie {
                continue;
            }
            let member = self.ids.contains(&process.session) || self.ids.contains(&process.group);
            if member {
                if has_part(process.pid, "cmdline", &self.wrapper_mark) {
                    found.wrappers.push(process);
                } else {
                    found.members.push(process);
                }
            } else if self
                .descendants
                .iter()
                .any(|seen| seen.pid == process.pid && seen.started == process.started)
                || has_part(process.pid, "environ", &self.variable)
            {
                found.daemons.push(process);
            }
        }
        Ok(found)
    }

    /// Remembers what descends from `root` now, except the wrapper's own helpers.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub(super) fn remember_descendants(&mut self, root: i32) -> io::Result<()> {
        let processes = all()?;
        let mut family = HashSet::from([root]);
        // Each turn finds one more generation, so there are at most as many as processes.
        for _ in 0..processes.len() {
            let before = family.len();
            family.extend(
                processes
                    .iter()
                    .filter(|child| family.contains(&child.parent))
                    .map(|child| child.pid)
                    .collect::<Vec<_>>(),
            );
            if family.len() == before {
                break;
            }
        }
        self.descendants = processes
            .into_iter()
            .filter(|process| process.pid != root && family.contains(&process.pid))
            .filter(|process| !has_part(process.pid, "cmdline", &self.wrapper_mark))
            .collect();
        Ok(())
    }
}

fn all() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) {
            // One that ended meanwhile is not there any more.
            processes.extend(Process::read(pid));
        }
    }
    Ok(processes)
}

/// Whether a NUL-separated file of a process has exactly this part. Unreadable counts as no.
fn has_part(pid: i32, file: &str, part: &[u8]) -> bool {
    std::fs::read(format!("/proc/{pid}/{file}"))
        .is_ok_and(|text| text.split(|byte| *byte == 0).any(|entry| entry == part))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command};
    use std::time::Duration;

    use pabawi_testkit::wait;

    use super::*;

    struct Killed(Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn traces(ids: Vec<i32>, value: &str) -> Traces {
        Traces {
            ids,
            variable: format!("PABAWI_RUN={value}").into_bytes(),
            wrapper_mark: b"no such argument".to_vec(),
            descendants: Vec::new(),
        }
    }

    #[test]
    fn members_are_known_by_group_and_daemons_by_environment() {
        let value = format!("processes-{}", std::process::id());
        let spawn = |group: bool| {
            let mut command = Command::new("sleep");
            command.arg("3600").env("PABAWI_RUN", &value);
            if group {
                command.process_group(0);
            }
            Killed(command.spawn().unwrap())
        };
        let (member, daemon) = (spawn(true), spawn(false));
        let pid = |child: &Killed| i32::try_from(child.0.id()).unwrap();
        let mut traces = traces(vec![pid(&member)], &value);
        let pids = |processes: &[Process]| processes.iter().map(|found| found.pid).collect::<Vec<_>>();
        // Between fork and exec a child still has the environment of its parent.
        wait::until("both to be seen", Duration::from_secs(10), || {
            let found = traces.look().unwrap();
            pids(&found.members) == [pid(&member)] && pids(&found.daemons) == [pid(&daemon)]
        })
        .unwrap();
        let survivor = traces.look().unwrap().daemons[0].survivor();
        assert_eq!((survivor.pid, survivor.command.as_str()), (pid(&daemon).into(), "sleep 3600"));
        traces.remember_descendants(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(traces.descendants.iter().any(|seen| seen.pid == pid(&daemon) && seen.is_same()));
        let gone = traces.look().unwrap().members[0];
        drop(member);
        assert!(!gone.is_same());
        assert!(traces.look().unwrap().members.is_empty());
    }
}
