//! One spool on one node: [`Spool`], and how it is named. Everything is asked over a channel of its own, as the user that
//! the command runs as.

use std::time::Duration;

use bytes::Bytes;
use pabawi_domain::action::RunAs;
use pabawi_domain::id::NodeId;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::DetachedName;
use sha2::{Digest as _, Sha256};

use super::super::launch::Launched;
use super::super::remains::Remains;
use super::super::running::Surroundings;
use crate::shell;
use crate::ssh::driver::{ChannelEvent, ExitReport};
use crate::ssh::pool::{Pool, Wanted};

/// Characters of a node's name that a spool's name shows.
const NODE_SHOWN: usize = 60;
/// Output of a starter that is read (bytes).
const MAX_TALK: usize = 64 * 1024;

/// The name of a spool: a person finds execution, attempt and node in it, and no two are the same.
pub(crate) fn spool_name(name: &DetachedName) -> String {
    let node = name.node.as_str();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
    let shown: String = node.chars().map(plain).take(NODE_SHOWN).collect();
    // What was replaced or left out makes a difference too.
    let digest = Sha256::digest(node.as_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{}.{shown}.{digest}", name.execution, name.attempt)
}

/// The means to ask about a spool.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    pub(super) node: NodeId,
    pub(super) pool: Pool,
    pub(super) wanted: Wanted,
    pub(super) run_as: Option<RunAs>,
    pub(super) name: String,
    /// Limit of each question.
    pub(super) timeout: Duration,
}

/// What is known of a command's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It runs.
    Alive(i64),
    /// It has ended.
    Gone,
    /// It was never started and never will be.
    Void,
}

impl Spool {
    /// The spool of that name, of a command that runs as that user.
    pub(crate) fn of(around: Surroundings, name: String, run_as: Option<RunAs>) -> Self {
        let Surroundings { node, pool, wanted, request_timeout: timeout, .. } = around;
        Self { node, pool, wanted, run_as, name, timeout }
    }

    /// Looks for the command's process. When it has not been started, it cannot be any more.
    ///
    /// # Errors
    /// Why nobody could look, as part of a sentence.
    pub(super) async fn find(&self) -> Result<Found, String> {
        let answer = self.remains(None).aside(&shell::find(&self.name)).await?;
        match last_word(&answer) {
            Some("gone") => Ok(Found::Gone),
            Some("void") => Ok(Found::Void),
            Some(word) => match word.parse() {
                Ok(pid) => Ok(Found::Alive(pid)),
                Err(_) => Err("the node could not make the command's spool".to_owned()),
            },
            None => Err("the node did not answer when asked for the command".to_owned()),
        }
    }

    /// Removes the spool; the answer is whether it is gone.
    pub(crate) async fn remove(&self) -> bool {
        let answer = self.remains(None).aside(&shell::remove(&self.name)).await;
        answer.is_ok_and(|answer| last_word(&answer) == Some("removed"))
    }

    /// The means to look after the command itself.
    pub(super) fn remains(&self, pid: Option<i64>) -> Remains {
        Remains {
            node: self.node.clone(),
            pool: self.pool.clone(),
            wanted: self.wanted.clone(),
            run_as: self.run_as.clone(),
            nonce: self.name.clone(),
            pid,
            timeout: self.timeout.min(Duration::from_secs(8)),
        }
    }
}

/// The word after the last `P` at the beginning of a line; other lines may be a login shell's.
fn last_word(answer: &str) -> Option<&str> {
    answer.lines().rev().find_map(|line| line.strip_prefix("P ")).map(str::trim)
}

/// What a starter has said.
#[derive(Debug, Default)]
pub(super) struct Talk {
    out: Vec<u8>,
    pub(super) err: Vec<u8>,
    /// The wrapper has told its process id.
    pub(super) header: bool,
    pub(super) fault: Option<String>,
    pub(super) exit: Option<ExitReport>,
}

impl Talk {
    /// What follows the mark, where the line is complete.
    pub(super) fn answer(&self, mark: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.out);
        let (_, rest) = text.split_once(&format!("{mark} D "))?;
        rest.split_once('\n').map(|(answer, _)| answer.trim().to_owned())
    }

    /// All that was said beside that, on one line.
    pub(super) fn said(&self) -> String {
        let text = [self.out.as_slice(), self.err.as_slice()].concat();
        let text = String::from_utf8_lossy(&text);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        text.chars().filter(|c| !c.is_control()).take(400).collect()
    }
}

/// Hands over what a starter needs and reads until it has answered or its channel is closed.
///
/// # Errors
/// Why the link was lost.
pub(super) async fn converse(mut launched: Launched, mark: &str) -> Result<Talk, String> {
    let mut talk = Talk::default();
    let keep = |to: &mut Vec<u8>, data: &Bytes| {
        if to.len() < MAX_TALK {
            to.extend_from_slice(data);
        }
    };
    for (stream, data) in std::mem::take(&mut launched.early) {
        match stream {
            StreamKind::Stdout => keep(&mut talk.out, &data),
            StreamKind::Stderr => keep(&mut talk.err, &data),
        }
    }
    // Bounded by the caller's time limit.
    loop {
        talk.header = launched.gate.pid.is_some();
        talk.fault.clone_from(&launched.gate.fault);
        if talk.answer(mark).is_some() || talk.fault.is_some() {
            return Ok(talk);
        }
        let feeding = launched.feed.is_active();
        tokio::select! {
            event = launched.channel.next() => match event {
                ChannelEvent::Data(stream, data) if stream == launched.control => {
                    let data = launched.gate.pass(data);
                    keep(&mut talk.err, &data);
                }
                ChannelEvent::Data(_, data) => keep(&mut talk.out, &data),
                ChannelEvent::Exit(report) => talk.exit = Some(report),
                ChannelEvent::Eof => {}
                ChannelEvent::Closed => {
                    let rest = launched.gate.remainder();
                    keep(&mut talk.err, &rest);
                    return Ok(talk);
                }
                ChannelEvent::Lost(end) => return Err(format!("the connection was lost: {end}")),
            },
            _ = launched.feed.step(&launched.channel), if feeding => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use pabawi_domain::id::ExecutionId;

    use super::*;

    #[test]
    fn names_hold_plain_characters_and_differ_where_nodes_do() {
        let name = |node: &str| {
            spool_name(&DetachedName {
                execution: ExecutionId::from_parts(1, [7; 10]),
                node: NodeId::new(node).unwrap(),
                attempt: 2,
                may_exist: false,
            })
        };
        let plain = name("web1.example.org");
        assert!(plain.contains(".2.web1.example.org."), "{plain}");
        assert_ne!(name("a:b"), name("a_b"));
        assert!(name("a:b").chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
    }
}
