//! What our callback plugin says, as words about nodes: [`Report`]. A line is ours when it has the mark of the run.

use bytes::Bytes;
use pabawi_domain::error::{ErrorCode, NodeError};
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ToolEnd, ToolError, TransportError};
use serde::Deserialize;

use super::messages;
use super::targets::Hosts;
use crate::tool::{ToolParser, Word};

/// The exit status of a node whose module failed and has none of its own, as that of `ansible-playbook`.
const FAILED: i32 = 2;
/// Bytes of Ansible's error messages that are kept.
const SHOWN: usize = 4_000;

/// Understands one run.
pub(super) struct Report {
    mark: String,
    hosts: Hosts,
    /// The playbook of the project, where it is one.
    playbook: Option<String>,
    /// Something was told of a host.
    has_begun: bool,
    /// What Ansible said on its standard error, its beginning.
    said: String,
    ended: std::collections::HashSet<NodeId>,
}

/// A line of our callback plugin.
#[derive(Deserialize)]
struct Line<'a> {
    m: &'a str,
    e: &'a str,
    h: Named,
    s: Option<&'a str>,
    d: Option<String>,
    k: Option<String>,
    #[serde(default)]
    msg: String,
    rc: Option<i64>,
    #[serde(default)]
    ran: bool,
}

/// A host or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    One(String),
    Many(Vec<String>),
}

impl Report {
    pub(super) fn new(mark: String, hosts: Hosts, playbook: Option<String>) -> Self {
        let ended = std::collections::HashSet::new();
        Self { mark, hosts, playbook, has_begun: false, said: String::new(), ended }
    }

    fn event(&mut self, line: Line<'_>, words: &mut Vec<Word>) -> Result<(), String> {
        self.has_begun = true;
        let names = match line.h {
            Named::One(name) => vec![name],
            Named::Many(names) => names,
        };
        // A host that was added while the playbook works is nobody's node.
        let nodes: Vec<NodeId> =
            names.iter().filter_map(|name| self.hosts.names.get(name).cloned()).collect();
        match line.e {
            "out" => {
                let stream = if line.s == Some("err") { StreamKind::Stderr } else { StreamKind::Stdout };
                let text = line.d.unwrap_or_default();
                let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
                let data = Bytes::from(bytes.map_err(|_| "output that is no bytes".to_owned())?);
                words.extend(nodes.into_iter().map(|node| Word::Output { node, stream, data: data.clone() }));
            }
            "end" => {
                let kind = line.k.unwrap_or_default();
                for node in nodes {
                    let end = self.end(&node, &kind, &line.msg, line.rc, line.ran)?;
                    self.ended.insert(node.clone());
                    words.push(Word::Ended { node, end });
                }
            }
            other => return Err(format!("the event {other:?}")),
        }
        Ok(())
    }

    fn end(
        &self,
        node: &NodeId,
        kind: &str,
        message: &str,
        rc: Option<i64>,
        has_run: bool,
    ) -> Result<ActionEnd, String> {
        let failure = |code: ErrorCode, text: String, may_have_started: bool| {
            let error = NodeError::new(node.clone(), code, text);
            ActionEnd::Failed(TransportError { error, may_have_started, termination: None })
        };
        let playbook = self.playbook.as_deref().unwrap_or("the play");
        Ok(match kind {
            "ok" => ActionEnd::Exited { code: 0 },
            "failed" => match messages::failed(message) {
                Some(code) => failure(code, message.to_owned(), false),
                None => {
                    let code = rc.and_then(|code| i32::try_from(code).ok()).filter(|code| *code != 0);
                    ActionEnd::Exited { code: code.unwrap_or(FAILED) }
                }
            },
            "unreachable" => {
                let code = messages::unreachable(message);
                failure(code, message.trim().to_owned(), has_run || code == ErrorCode::LinkLost)
            }
            "stopped" => {
                let text =
                    format!("{playbook} was given up before it was done here, since other nodes failed");
                failure(ErrorCode::LimitReached, text, true)
            }
            "never" => {
                let text =
                    format!("{playbook} was given up before it came to this node, since other nodes failed");
                failure(ErrorCode::LimitReached, text, false)
            }
            "none" => {
                failure(ErrorCode::Unsupported, format!("no play of {playbook} is for this node"), false)
            }
            other => return Err(format!("the end {other:?}")),
        })
    }
}

impl ToolParser for Report {
    fn line(&mut self, stream: StreamKind, line: &[u8], words: &mut Vec<Word>) -> Result<(), String> {
        if stream == StreamKind::Stdout && line.starts_with(b"{") {
            let ours = serde_json::from_slice::<Line<'_>>(line).ok().filter(|event| event.m == self.mark);
            if let Some(event) = ours {
                return self.event(event, words);
            }
            let mark = format!("\"m\": \"{}\"", self.mark);
            if line.windows(mark.len()).any(|window| window == mark.as_bytes()) {
                return Err("a line of the callback plugin".to_owned());
            }
        }
        if stream == StreamKind::Stderr && self.said.len() < SHOWN {
            self.said.push_str(&String::from_utf8_lossy(line));
            self.said.push('\n');
        }
        // Of commands, only what they printed themselves is shown.
        if self.playbook.is_some() {
            let data = Bytes::from([line, b"\n"].concat());
            words.push(Word::Everyone { stream, data });
        }
        Ok(())
    }

    fn ended(&mut self, end: &Result<ToolEnd, ToolError>, words: &mut Vec<Word>) -> Result<(), String> {
        // 1 to 5: what was to be done is bad, and nothing of it was begun. 250 is a fault of Ansible's.
        if let (Ok(ToolEnd::Exited(code @ 1..=5)), false) = (end, self.has_begun) {
            let begin = self.said.find("ERROR!").unwrap_or_default();
            let said: String =
                self.said.get(begin..).unwrap_or_default().trim().chars().take(SHOWN).collect();
            let text = format!("ansible-playbook refused it (exit status {code}): {said}");
            for node in self.hosts.names.values() {
                let error = TransportError::before_start(node, ErrorCode::BadConfig, text.clone());
                words.push(Word::Ended { node: node.clone(), end: ActionEnd::Failed(error) });
            }
        }
        Ok(())
    }

    fn left_on(&self, node: &NodeId, here: &Termination) -> Termination {
        let here = without_masters(here);
        if here == Termination::Confirmed && !self.hosts.local.contains(node) && !self.ended.contains(node) {
            let why =
                "Ansible is gone from this machine and with it its link to the node, where nobody looked";
            return Termination::Unconfirmed { why: why.to_owned() };
        }
        here
    }
}

/// The shared connections of `ssh` outlive a run by a minute on purpose and hold nothing of it.
fn without_masters(here: &Termination) -> Termination {
    let Termination::Survivors { processes } = here else { return here.clone() };
    let is_master = |command: &str| command.starts_with("ssh: ") && command.ends_with("[mux]");
    let left: Vec<_> = processes.iter().filter(|one| !is_master(&one.command)).cloned().collect();
    if left.is_empty() { Termination::Confirmed } else { Termination::Survivors { processes: left } }
}
