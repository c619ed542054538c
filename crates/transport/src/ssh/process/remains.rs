//! Looks what is left of a command on its node, and kills it: [`Remains`].
//!
//! Everything goes over a second channel, as the user the command ran as. What belongs to a command is its process
//! group and session, by the id in the header, and whoever carries its [`RUN_VARIABLE`] in the environment: that
//! finds children that called setsid(2), which are named and left alone.

use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::action::RunAs;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Survivor;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::TransportError;

use super::launch::{Job, LaunchError};
use crate::shell::{RUN_VARIABLE, mark};
use crate::ssh::driver::{ChannelEvent, ExitReport};
use crate::ssh::pool::{Lease, Pool, Purpose, Wanted};

/// Survivors that are named.
const MAX_NAMED: usize = 64;
/// Characters of a command line that are shown.
const COMMAND_SHOWN: usize = 200;
/// Most output of a look that is read (bytes).
const MAX_OUTPUT: usize = 1024 * 1024;

/// The means to look after a command.
#[derive(Debug, Clone)]
pub(crate) struct Remains {
    pub(super) node: NodeId,
    pub(super) pool: Pool,
    pub(super) wanted: Wanted,
    pub(super) run_as: Option<RunAs>,
    pub(super) nonce: String,
    /// Leader of the process group; absent when the header never came.
    pub(super) pid: Option<i64>,
    /// Limit of each look and kill.
    pub(super) timeout: Duration,
}

/// What a look has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// In the command's process group or session.
    pub(crate) members: Vec<Survivor>,
    /// Elsewhere, with the command's mark in the environment.
    pub(crate) strays: Vec<Survivor>,
}

impl Found {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.strays.is_empty()
    }

    pub(crate) fn all(self) -> Vec<Survivor> {
        let mut all = self.members;
        all.extend(self.strays);
        all.truncate(MAX_NAMED);
        all
    }
}

// Positional parameters are not ours here, so values are put into the text; all are numbers or plain words. One line a
// process: R, pid, state, process group, session, command line. Linux has /proc; elsewhere ps(1) has to do, which cannot
// show environments. A command line is whatever its process says it is, and the echo of some shells reads escapes in
// it: with that, anybody in the group could write lines of his own, so it goes through printf as an argument. SEEN tells
// that processes can be seen at all: a ps that is missing, fails or knows other columns lists nothing either.
const LOOK: &str = r#"
g=@PID@
show() { c=$(tr '\000\n' '  ' <"$1/cmdline" 2>/dev/null | head -c 400); printf '%s\n' "R $2 $3 $5 $6 $c"; }
if [ -r /proc/self/stat ]; then
  echo SEEN
  [ -r /proc/1/stat ] || echo HIDDEN
  for s in /proc/[0-9]*/stat; do
    { IFS= read -r l <"$s"; } 2>/dev/null || continue
    case $l in *" $g "*) ;; *) continue;; esac
    set -- ${l##*) }
    [ "$3" = "$g" ] || [ "$4" = "$g" ] || continue
    p=${s%/stat}; show "$p" "${p#/proc/}" "$@"
  done
  for s in $(grep -l -a '@VARIABLE@=@NONCE@' /proc/[0-9]*/environ 2>/dev/null); do
    p=${s%/environ}
    { IFS= read -r l <"$p/stat"; } 2>/dev/null || continue
    set -- ${l##*) }
    show "$p" "${p#/proc/}" "$@"
  done
else
  ps -A -o pid= -o stat= -o pgid= -o args= 2>/dev/null | while read -r i t o a; do
    [ "$i" = "$$" ] && [ "$o" -gt 0 ] 2>/dev/null && echo SEEN
    [ "$o" = "$g" ] && printf '%s\n' "R $i $t $o $o $a"
  done
fi
echo DONE"#;

fn kill_each(name: &str, processes: &[Survivor]) -> String {
    let kills: Vec<String> =
        processes.iter().map(|process| format!("kill -{name} {} 2>/dev/null", process.pid)).collect();
    format!("{}\necho DONE", kills.join("\n"))
}

impl Remains {
    /// Looks on the node.
    ///
    /// # Errors
    /// Why nobody could look, as part of a sentence.
    pub(crate) async fn look(&self) -> Result<Found, String> {
        let script = LOOK
            .replace("@PID@", &self.pid.unwrap_or(-1).to_string())
            .replace("@VARIABLE@", RUN_VARIABLE)
            .replace("@NONCE@", &self.nonce);
        let output = self.aside(&script).await?;
        self.judge(&output)
    }

    /// What the answer to a look says; that nothing was found only where something would have been.
    fn judge(&self, output: &str) -> Result<Found, String> {
        let said = |word| output.lines().any(|line| line == word);
        if !said("DONE") {
            return Err("the node did not answer when asked what is left".to_owned());
        }
        if !said("SEEN") {
            return Err("the node has no /proc, and its ps did not list the processes, so nobody could look"
                .to_owned());
        }
        let found = self.parse(output);
        if found.is_empty() && said("HIDDEN") {
            return Err("the node hides other users' processes (hidepid), so nobody could look".to_owned());
        }
        Ok(found)
    }

    /// Sends a signal to the group, where its id is known, and to `more` processes one by one.
    ///
    /// # Errors
    /// Why that was not possible, as part of a sentence.
    pub(crate) async fn signal(&self, name: &str, more: &[Survivor]) -> Result<(), String> {
        let Some(pid) = self.pid.filter(|pid| *pid > 1) else {
            return match more.is_empty() {
                true => Err("the node never told the command's process id".to_owned()),
                false => self.aside(&kill_each(name, more)).await.map(drop),
            };
        };
        let group = format!("kill -{name} -{pid} 2>/dev/null || kill -{name} {pid} 2>/dev/null");
        self.aside(&format!("{group}\n{}", kill_each(name, more))).await.map(drop)
    }

    /// Ends what is there, for when nobody waits for an answer.
    pub(crate) async fn kill_hard(&self) {
        // Nobody is there to hear of a failure.
        if self.pid.is_some() {
            let _ = self.signal("TERM", &[]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = self.signal("KILL", &[]).await;
            return;
        }
        // The header has not been read: the command is found by its mark, if it runs at all.
        for name in ["TERM", "KILL"] {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let Ok(found) = self.look().await else { return };
            if found.is_empty() {
                return;
            }
            let _ = self.signal(name, &found.all()).await;
        }
    }

    /// Whether the node answers on this connection, in whatever way.
    pub(crate) async fn is_answered(&self, lease: &Lease) -> bool {
        // As the login user: nothing of the command is looked at.
        let job = Job::aside(":", None);
        match tokio::time::timeout(self.timeout, self.run_on(&job, lease)).await {
            Ok(Ok(_) | Err(LaunchError::Full(_) | LaunchError::Failed(_))) => true,
            Ok(Err(LaunchError::Dead(_))) | Err(_) => false,
        }
    }

    fn parse(&self, output: &str) -> Found {
        let mut found = Found::default();
        let own = mark(&self.nonce);
        for line in output.lines() {
            let mut words = line.splitn(6, ' ');
            if words.next() != Some("R") {
                continue;
            }
            let (Some(pid), Some(state), Some(group), Some(session)) = (
                words.next().and_then(|word| word.parse::<i64>().ok()),
                words.next(),
                words.next().and_then(|word| word.parse::<i64>().ok()),
                words.next().and_then(|word| word.parse::<i64>().ok()),
            ) else {
                continue;
            };
            let command = words.next().unwrap_or_default().trim();
            // To kill(2), 0 and below are groups and -1 is everybody, and nothing of ours is 1.
            if pid <= 1 {
                continue;
            }
            // A zombie is dead and waits for its parent. The watcher is ours, and goes by itself.
            let watcher = Some(pid) != self.pid && command.contains(&own);
            if state.starts_with(['Z', 'X']) || watcher {
                continue;
            }
            let known = |processes: &[Survivor]| processes.iter().any(|process| process.pid == pid);
            if known(&found.members) || known(&found.strays) {
                continue;
            }
            let survivor = Survivor { pid, command: command.chars().take(COMMAND_SHOWN).collect() };
            if self.pid.is_some_and(|leader| leader == group || leader == session) {
                found.members.push(survivor);
            } else {
                found.strays.push(survivor);
            }
        }
        found
    }

    /// Runs a few lines on the node as the command's user and gives what they print.
    pub(super) async fn aside(&self, script: &str) -> Result<String, String> {
        let work = async {
            match self.run(script, self.run_as.as_ref()).await {
                Ok(output) => Ok(output),
                Err(error) => Err(error.error.message),
            }
        };
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(format!("the node did not answer within {:.0} s", self.timeout.as_secs_f64())),
        }
    }

    async fn run(&self, script: &str, run_as: Option<&RunAs>) -> Result<String, TransportError> {
        let job = Job::aside(script, run_as);
        let lease = self.pool.acquire(&self.wanted, Purpose::Aside).await?;
        match self.run_on(&job, &lease).await {
            Ok(output) => Ok(output),
            // A connection that is full or dead is no reason not to look.
            Err(LaunchError::Dead(_) | LaunchError::Full(_)) => {
                let lease = self.pool.acquire_fresh(&self.wanted, Purpose::Aside).await?;
                self.run_on(&job, &lease).await.map_err(LaunchError::into_inner)
            }
            Err(LaunchError::Failed(error)) => Err(error),
        }
    }

    async fn run_on(&self, job: &Job, lease: &Lease) -> Result<String, LaunchError> {
        let mut launched = job.launch(&self.node, lease, self.timeout).await?;
        let mut output = Vec::new();
        let mut keep = |stream: StreamKind, data: Bytes| {
            if stream == StreamKind::Stdout && output.len() < MAX_OUTPUT {
                output.extend_from_slice(&data);
            }
        };
        for (stream, data) in std::mem::take(&mut launched.early) {
            keep(stream, data);
        }
        let mut exit: Option<ExitReport> = None;
        // Bounded by the caller's time limit.
        loop {
            let feeding = launched.feed.is_active();
            tokio::select! {
                event = launched.channel.next() => match event {
                    ChannelEvent::Data(stream, data) if stream == launched.control => {
                        let data = launched.gate.pass(data);
                        keep(stream, data);
                    }
                    ChannelEvent::Data(stream, data) => keep(stream, data),
                    ChannelEvent::Exit(report) => exit = Some(report),
                    ChannelEvent::Eof if exit.is_none() => {}
                    ChannelEvent::Eof | ChannelEvent::Closed => break,
                    ChannelEvent::Lost(end) => {
                        return Err(LaunchError::Dead(super::launch::link_lost(&self.node, &end, false)));
                    }
                },
                _ = launched.feed.step(&launched.channel), if feeding => {}
            }
        }
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ssh::connect::Dialer;
    use crate::ssh::settings::{PoolLimits, Route};

    fn remains(pid: Option<i64>) -> Remains {
        let node = NodeId::new("web1").unwrap();
        Remains {
            node: node.clone(),
            pool: Pool::new(PoolLimits::default(), Dialer::default(), None),
            wanted: Wanted::new(&node, Arc::new(Route { hops: Vec::new() }), Duration::from_secs(1)),
            run_as: None,
            nonce: "abc".into(),
            pid,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn members_strays_zombies_and_the_watcher_are_told_apart() {
        let output = "R 10 S 10 10 sleep 60 \nR 11 Z 10 10 \nR 12 S 10 10 /bin/sh -c ... PABAWI-abc 0 L \n\
                      R 20 S 20 20 setsid child\nR 20 S 20 20 setsid child\nR x\nnoise\nDONE\n";
        let found = remains(Some(10)).parse(output);
        assert_eq!(found.members, [Survivor { pid: 10, command: "sleep 60".into() }]);
        assert_eq!(found.strays, [Survivor { pid: 20, command: "setsid child".into() }]);
    }

    #[test]
    fn what_a_signal_would_take_for_more_than_one_process_is_no_process() {
        let found =
            remains(Some(10)).parse("R -1 S 10 10 x\nR 0 S 10 10 x\nR 1 S 10 10 x\nR -10 S 9 9 x\nDONE\n");
        assert!(found.is_empty(), "{found:?}");
    }

    /// Runs a look on this machine with a shell, after a change of its text.
    fn look_with(shell: &str, pid: i64, nonce: &str, change: impl Fn(String) -> String) -> String {
        let script = LOOK
            .replace("@PID@", &pid.to_string())
            .replace("@VARIABLE@", RUN_VARIABLE)
            .replace("@NONCE@", nonce);
        let output = std::process::Command::new(shell).args(["-c", &change(script)]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// A node without /proc, and whose ps(1) prints these lines.
    fn without_proc(script: &str, lines: &[&str]) -> String {
        let mut listing = b"ps() { printf '%s\\n'".to_vec();
        for line in lines {
            listing.push(b' ');
            crate::shell::push_quoted(&mut listing, line.as_bytes());
        }
        let listing = String::from_utf8(listing).unwrap();
        format!("{listing}; }}\n{}", blind(script))
    }

    /// A node without /proc.
    fn blind(script: &str) -> String {
        script.replace("/proc/self/stat", "/no/such/stat")
    }

    #[test]
    fn nothing_is_confirmed_where_nobody_can_look() {
        let remains = remains(Some(999_999));
        let judge = |change: &dyn Fn(String) -> String| {
            remains.judge(&look_with("/bin/sh", 999_999, "other", change))
        };
        assert_eq!(judge(&|script| script), Ok(Found::default()));
        for (what, listing) in [
            ("no ps", "return 127"),
            ("a ps that fails", "echo error: unknown user-defined format specifier stat >&2; return 1"),
            ("a ps that lists nothing", ":"),
            ("a ps of other processes only", "echo 1 S 1 init"),
            ("a ps without groups", "echo $$ S - sh"),
            ("a ps without states", "echo $$ 1 sh"),
        ] {
            let found = judge(&|script| format!("ps() {{ {listing}; }}\n{}", blind(&script)));
            assert!(found.is_err(), "{what}: {found:?}");
        }
        assert_eq!(
            judge(&|script| format!("ps() {{ echo $$ S $$ sh; }}\n{}", blind(&script))),
            Ok(Found::default())
        );
        let member = judge(&|script| {
            format!("ps() {{ echo $$ S $$ sh; echo 7 S 999999 sleep 9; }}\n{}", blind(&script))
        });
        assert_eq!(member.unwrap().members, [Survivor { pid: 7, command: "sleep 9".into() }]);
    }

    #[test]
    fn a_command_line_cannot_write_lines_of_the_look() {
        use std::os::unix::process::CommandExt as _;
        // For an echo that reads escapes, the first is a line of its own and the second the end of all output.
        let hostile = [r"x\nR -1 S 10 10 y\012R 2 S @ @ z", r"\c", "%s%n", r"\"];
        let mut child = std::process::Command::new("/bin/sh");
        child.args(["-c", "read -r line", "name"]).args(hostile).process_group(0);
        let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = i64::from(child.id());
        let mut seen = Vec::new();
        for shell in ["dash", "bash"] {
            seen.push((shell, "/proc", look_with(shell, pid, "other", |script| script)));
            seen.push((
                shell,
                "ps",
                look_with(shell, pid, "other", |script| {
                    without_proc(&script, &[&format!(" {pid} S {pid} sh {}", hostile.join(" "))])
                }),
            ));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for (shell, way, output) in seen {
            let found = remains(Some(pid)).parse(&output);
            assert_eq!(
                found.members.iter().map(|process| process.pid).collect::<Vec<_>>(),
                [pid],
                "{shell} {way}"
            );
            assert!(found.strays.is_empty(), "{shell} {way}: {found:?}");
            assert!(found.members[0].command.contains(hostile[0]), "{shell} {way}: {found:?}");
            assert_eq!(output.lines().last(), Some("DONE"), "{shell} {way}: {output}");
        }
    }

    #[test]
    fn the_look_finds_a_group_and_a_marked_stray_on_this_machine() {
        use std::os::unix::process::CommandExt as _;
        let mut child = std::process::Command::new("sleep");
        child.arg("30").env(RUN_VARIABLE, "abc").process_group(0);
        let mut child = child.spawn().unwrap();
        let pid = i64::from(child.id());
        let look = |pid: i64, nonce: &str| look_with("/bin/sh", pid, nonce, |script| script);
        let by_group = remains(Some(pid)).parse(&look(pid, "other"));
        let by_mark = remains(Some(1)).parse(&look(999_999, "abc"));
        let gone = {
            child.kill().unwrap();
            child.wait().unwrap();
            remains(Some(pid)).parse(&look(pid, "abc"))
        };
        assert_eq!(by_group.members.len(), 1, "{by_group:?}");
        assert_eq!(by_group.members[0].command, "sleep 30");
        assert_eq!(by_mark.strays.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);
        assert!(gone.is_empty(), "{gone:?}");
    }
}
