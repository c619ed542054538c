//! A run that names its targets, as words about nodes: [`Report`], for commands, scripts, tasks and facts.

use std::collections::HashSet;

use bytes::Bytes;
use pabawi_domain::error::ErrorCode;
use pabawi_domain::id::NodeId;
use pabawi_domain::outcome::Termination;
use pabawi_domain::output::StreamKind;
use pabawi_domain::ports::{ActionEnd, ToolEnd, ToolError};
use serde_json::{Map, Value};

use super::document::{Document, Form, Found, LONGEST};
use super::item::{Item, failed};
use super::kinds::{BoltError, of_run};
use super::process::NO_DIRECTORY;
use super::targets::Targets;
use crate::tool::{ToolParser, Word};

/// Bytes of what Bolt printed that a message shows.
const SHOWN: usize = 2_000;
/// Bytes of a node's standard error that are looked at.
const LOOKED_AT: usize = 512;
/// The longest piece of what Bolt prints.
const PIECE: usize = 256 * 1024;

/// What the shell on the node was asked for beside the command.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// Another directory.
    pub(super) directory: bool,
    /// Another user.
    pub(super) user: bool,
}

/// Understands one run.
pub(super) struct Report {
    targets: Targets,
    form: Form,
    asked: Asked,
    document: Document,
    /// The beginning of what Bolt printed.
    head: Vec<u8>,
    ended: HashSet<NodeId>,
    now: Now,
}

/// What came in pieces of the result that is being read.
#[derive(Default)]
struct Now {
    /// The last byte of its standard output.
    last: Option<u8>,
    /// The beginning of its standard error.
    errors: Vec<u8>,
}

impl Report {
    pub(super) fn new(targets: Targets, form: Form, asked: Asked) -> Self {
        Self {
            targets,
            form,
            asked,
            document: Document::new(form),
            head: Vec::new(),
            ended: HashSet::new(),
            now: Now::default(),
        }
    }

    fn take(&mut self, found: Vec<Found>, words: &mut Vec<Word>) -> Result<(), String> {
        for one in found {
            match one {
                Found::Text { target, stream, data } => {
                    match stream {
                        StreamKind::Stdout => self.now.last = data.last().copied().or(self.now.last),
                        StreamKind::Stderr => {
                            let room = LOOKED_AT.saturating_sub(self.now.errors.len());
                            self.now.errors.extend(data.iter().take(room));
                        }
                    }
                    if let Some(node) = self.targets.names.get(&target) {
                        words.push(Word::Output { node: node.clone(), stream, data });
                    }
                }
                Found::Item(item) => self.item(item, words)?,
                Found::TooLong(target) => {
                    self.now = Now::default();
                    let node = target.and_then(|target| self.targets.names.get(&target).cloned());
                    if let Some(node) = node.filter(|node| self.ended.insert(node.clone())) {
                        let text = format!("bolt's result of this node is longer than {LONGEST} bytes");
                        let end = failed(&node, ErrorCode::LimitReached, text, true);
                        words.push(Word::Ended { node, end });
                    }
                }
                Found::Rest(rest) => self.rest(&rest, words),
            }
        }
        Ok(())
    }

    fn item(&mut self, item: Map<String, Value>, words: &mut Vec<Word>) -> Result<(), String> {
        let now = std::mem::take(&mut self.now);
        let mut item = Item::of(item)?;
        let Some(node) = self.targets.names.get(&item.target).cloned() else {
            tracing::warn!(target = %item.target, "bolt tells of a target that it was not asked for; passed over");
            return Ok(());
        };
        if !self.ended.insert(node.clone()) {
            return Ok(());
        }
        let mut errors = now.errors;
        if let Some(stderr) = item.value.get("stderr").and_then(Value::as_str) {
            errors.extend(stderr.bytes().take(LOOKED_AT));
        }
        let mut end = item.end(&node);
        if self.form == Form::Printed
            && let ActionEnd::Exited { code: 1 } = end
            && let Some(code) = self.asked.not_given(&String::from_utf8_lossy(&errors))
        {
            let said = String::from_utf8_lossy(&errors).trim().to_owned();
            end = failed(&node, code, said, false);
        }
        say(&mut item, &node, self.form, now.last, &end, words);
        words.push(Word::Ended { node, end });
        Ok(())
    }

    /// What stands beside the results: an error of the whole run, where there was one.
    fn rest(&mut self, rest: &Value, words: &mut Vec<Word>) {
        let whole = rest.get("items").is_none().then_some(rest);
        let error = rest.get("_error").or(whole).and_then(BoltError::of);
        let Some(error) = error else { return };
        let (code, may_have_started) = of_run(&error, false);
        let may_have_started = may_have_started || !self.ended.is_empty();
        for node in self.targets.names.values() {
            if self.ended.insert(node.clone()) {
                let end = failed(node, code, error.text(), may_have_started);
                words.push(Word::Ended { node: node.clone(), end });
            }
        }
    }
}

impl Asked {
    /// What the shell or `sudo` there did not give, by what they wrote.
    fn not_given(self, errors: &str) -> Option<ErrorCode> {
        if self.directory && errors.contains(NO_DIRECTORY) {
            return Some(ErrorCode::BadWorkingDirectory);
        }
        let sudo = errors.strip_prefix("sudo: ").filter(|_| self.user)?;
        let is_about_password = ["a password is required", "a terminal is required", "no tty present"];
        if is_about_password.iter().any(|text| sudo.starts_with(text)) {
            return Some(ErrorCode::RunAsPasswordNeeded);
        }
        sudo.starts_with("unknown user").then_some(ErrorCode::RunAsDenied)
    }
}

/// Says what a result has printed or returned, as far as it was not said before. `last` is the last byte of what was.
pub(super) fn say(
    item: &mut Item,
    node: &NodeId,
    form: Form,
    last: Option<u8>,
    end: &ActionEnd,
    words: &mut Vec<Word>,
) {
    let mut out = |stream: StreamKind, text: String| {
        if !text.is_empty() {
            words.push(Word::Output { node: node.clone(), stream, data: Bytes::from(text) });
        }
    };
    match form {
        Form::Printed => {
            for (name, stream) in [("stdout", StreamKind::Stdout), ("stderr", StreamKind::Stderr)] {
                out(stream, item.take_text(name).unwrap_or_default());
            }
        }
        Form::Values | Form::Whole => {
            let text = item.take_text("_output").unwrap_or_default();
            let last = text.bytes().last().or(last);
            out(StreamKind::Stdout, text);
            let rest = std::mem::take(&mut item.value);
            if !rest.is_empty() || (last.is_none() && item.error.is_none()) {
                let begin = if matches!(last, None | Some(b'\n')) { "" } else { "\n" };
                out(StreamKind::Stdout, format!("{begin}{}\n", Value::Object(rest)));
            }
        }
    }
    // Other ends have the message themselves; that a command has its exit status is no news.
    if let (ActionEnd::Exited { .. }, Some(error)) = (end, &item.error)
        && !(form == Form::Printed && error.kind.ends_with("/command-error"))
    {
        out(StreamKind::Stderr, format!("{}\n", error.text()));
    }
}

/// What is left on a node of which nobody knows, when this is left of Bolt here.
pub(super) fn left_on(targets: &Targets, has_ended: bool, node: &NodeId, here: &Termination) -> Termination {
    if *here == Termination::Confirmed && !targets.local.contains(node) && !has_ended {
        let why = "Bolt is gone from this machine and with it its link to the node, where nobody looked";
        return Termination::Unconfirmed { why: why.to_owned() };
    }
    here.clone()
}

/// The beginning of what was printed.
pub(super) fn keep_head(head: &mut Vec<u8>, line: &[u8]) {
    if head.len() < SHOWN {
        let room = SHOWN - head.len();
        head.extend(line.iter().take(room));
        head.push(b'\n');
    }
}

/// A fault with the beginning of what was printed.
pub(super) fn nonsense(fault: &str, head: &[u8]) -> String {
    match String::from_utf8_lossy(head).trim() {
        "" => format!("{fault}, and it printed nothing"),
        head => format!("{fault}; its output begins: {head}"),
    }
}

impl ToolParser for Report {
    fn longest_line(&self) -> usize {
        PIECE
    }

    fn takes_pieces(&self) -> bool {
        true
    }

    fn line(&mut self, stream: StreamKind, line: &[u8], words: &mut Vec<Word>) -> Result<(), String> {
        if stream == StreamKind::Stderr {
            // What Bolt says itself is no output of a node.
            return Ok(());
        }
        keep_head(&mut self.head, line);
        let mut found = Vec::new();
        let pushed = self.document.push(line, &mut found);
        // What was whole before the fault holds.
        let taken = self.take(found, words);
        pushed.and(taken).map_err(|fault| nonsense(&fault, &self.head))
    }

    fn ended(&mut self, end: &Result<ToolEnd, ToolError>, words: &mut Vec<Word>) -> Result<(), String> {
        if self.ended.len() == self.targets.names.len() {
            return Ok(());
        }
        let mut found = Vec::new();
        let at_end = self.document.end(&mut found);
        let taken = self.take(found, words);
        match end {
            Ok(ToolEnd::Exited(code)) => at_end
                .and(taken)
                .map_err(|fault| format!("{} (exit status {code})", nonsense(&fault, &self.head))),
            // How it ended says more.
            _ => Ok(()),
        }
    }

    fn left_on(&self, node: &NodeId, here: &Termination) -> Termination {
        left_on(&self.targets, self.ended.contains(node), node, here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bolt::known::Known;
    use pabawi_domain::node::{Endpoint, Target};
    use serde_json::json;

    fn report(form: Form, asked: Asked, names: &[&str]) -> Report {
        let nodes: Vec<Target> =
            names.iter().map(|name| Target::new(NodeId::new(name).unwrap(), Endpoint::default())).collect();
        Report::new(Targets::of(&nodes, &Known::default()).0, form, asked)
    }

    /// What is said, a line each, and the fault.
    fn said(report: &mut Report, json: &str) -> (Vec<String>, Result<(), String>) {
        let mut words = Vec::new();
        let mut fault = Ok(());
        for line in json.lines() {
            fault = fault.and_then(|()| report.line(StreamKind::Stdout, line.as_bytes(), &mut words));
        }
        let ended = fault.and_then(|()| report.ended(&Ok(ToolEnd::Exited(0)), &mut words));
        let shown = words.into_iter().map(|word| match word {
            Word::Output { node, stream, data } => {
                format!("{node} {stream:?} {}", String::from_utf8_lossy(&data))
            }
            Word::Everyone { .. } => panic!("it is about nodes"),
            Word::Ended { node, end: ActionEnd::Exited { code } } => format!("{node} exited {code}"),
            Word::Ended { node, end: ActionEnd::Failed(failure) } => {
                format!("{node} {} {}", failure.error.code, failure.error.message)
            }
            Word::Ended { end, .. } => panic!("{end:?}"),
        });
        (shown.collect(), ended)
    }

    fn items(items: &[Value]) -> String {
        format!(
            "{{ \"items\": [\n{}\n],\n\"target_count\": 1 }}",
            items.iter().map(Value::to_string).collect::<Vec<_>>().join("\n,\n")
        )
    }

    fn item(target: &str, status: &str, value: Value) -> Value {
        json!({"target": target, "action": "task", "object": "x", "status": status, "value": value})
    }

    /// R7.3
    #[test]
    fn what_a_task_returns_is_a_line_and_its_text_stands_before_it() {
        let mut report = report(Form::Values, Asked::default(), &["a", "b", "c", "d"]);
        let error =
            json!({"kind": "puppetlabs.tasks/task-error", "msg": "broke", "details": {"exit_code": 2}});
        let json = items(&[
            item("a", "success", json!({"x": 1})),
            item("b", "success", json!({"_output": "text", "x": 1})),
            item("c", "success", json!({})),
            item("d", "failure", json!({"_output": "text\n", "_error": error})),
        ]);
        let (words, end) = said(&mut report, &json);
        assert_eq!(
            words,
            [
                "a Stdout {\"x\":1}\n",
                "a exited 0",
                "b Stdout text",
                "b Stdout \n{\"x\":1}\n",
                "b exited 0",
                "c Stdout {}\n",
                "c exited 0",
                "d Stdout text\n",
                "d Stderr [puppetlabs.tasks/task-error] broke\n",
                "d exited 2",
            ]
        );
        assert_eq!(end, Ok(()));
    }

    #[test]
    fn what_the_shell_did_not_give_is_no_exit_status() {
        let value = |stderr: &str| {
            let error =
                json!({"kind": "puppetlabs.tasks/command-error", "msg": "x", "details": {"exit_code": 1}});
            json!({"stdout": "", "stderr": stderr, "exit_code": 1, "_error": error})
        };
        let of = |asked: Asked, stderr: &str| {
            let mut report = report(Form::Printed, asked, &["a"]);
            said(&mut report, &items(&[item("a", "failure", value(stderr))])).0.pop().unwrap()
        };
        let all = Asked { directory: true, user: true };
        assert!(
            of(all, "pabawi: the working directory cannot be entered\n")
                .starts_with("a bad_working_directory")
        );
        assert!(of(all, "sudo: a password is required\n").starts_with("a run_as_password_needed"));
        assert!(of(all, "sudo: unknown user nobody1\n").starts_with("a run_as_denied"));
        assert_eq!(of(all, "grep: sudo: a password is required"), "a exited 1");
        assert_eq!(of(Asked::default(), "sudo: a password is required\n"), "a exited 1");
    }

    /// R7.3, R7.4
    #[test]
    fn an_error_of_the_run_is_that_of_all_who_have_not_ended() {
        let mut report = report(Form::Values, Asked::default(), &["a", "b"]);
        let one = item("a", "success", json!({"x": 1}));
        let json = format!(
            "{{ \"items\": [\n{one}\n],\n\"_error\": \n{{\"kind\": \"bolt/unknown-task\", \"msg\": \"none\"}}\n}}"
        );
        let (words, end) = said(&mut report, &json);
        assert_eq!(words.last().unwrap(), "b bad_config [bolt/unknown-task] none");
        assert_eq!(end, Ok(()));
    }

    /// R7.4
    #[test]
    fn nonsense_is_told_with_its_beginning_and_spoils_nothing_before_it() {
        let one = item("a", "success", json!({"x": 1}));
        let of = |json: &str| said(&mut report(Form::Values, Asked::default(), &["a", "b"]), json);
        let (words, end) = of(&format!("{{ \"items\": [\n{one}\n,\n{{\"target\": \"b\", \"sta"));
        assert_eq!(words.last().unwrap(), "a exited 0");
        assert!(end.unwrap_err().starts_with("the JSON breaks off; its output begins: { \"items\": ["));
        let (_, end) = of("Could not find that\nat all");
        assert_eq!(end.unwrap_err(), "something that is no JSON; its output begins: Could not find that");
        assert!(
            of("").1.unwrap_err().starts_with("there is no JSON, and it printed nothing (exit status 0)")
        );
        let (words, end) = of(&items(&[item("x", "success", json!({})), one.clone(), one]));
        assert_eq!((words.len(), end), (2, Ok(())), "others and what is said twice are passed over");
    }
}
