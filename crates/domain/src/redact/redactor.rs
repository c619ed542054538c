//! Texts and errors without the secrets of one request: [`Redactor`].

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::forms;
use super::stream::RedactedStream;
use crate::action::{Action, EnvValue, StdinSource};
use crate::cut::MARK;
use crate::error::NodeError;
use crate::outcome::Termination;
use crate::request::ExecutionRequest;
use crate::secret::REDACTED;

/// Finds the secrets of one request.
#[derive(Debug)]
pub struct Redactor {
    /// Sorted, so that what begins like one of them is found by a search.
    patterns: Vec<Vec<u8>>,
    longest: usize,
    /// Absent where it could not be made; then nothing is let out.
    pub(super) search: Option<AhoCorasick>,
}

impl Redactor {
    /// Looks for these secrets; nothing where there is none to look for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Option<Arc<Self>> {
        let mut patterns: Vec<Vec<u8>> = secrets.into_iter().flat_map(forms::forms).collect();
        patterns.sort();
        patterns.dedup();
        let longest = patterns.iter().map(Vec::len).max()?;
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok();
        Some(Arc::new(Self { patterns, longest, search }))
    }

    /// Looks for the secrets of a request.
    pub fn of(request: &ExecutionRequest) -> Option<Arc<Self>> {
        let mut secrets = Vec::new();
        collect(&request.action, &mut secrets);
        if let Some(check) = request.rollout.health_check() {
            collect(&check.action, &mut secrets);
        }
        Self::new(secrets.iter().map(Vec::as_slice))
    }

    /// Looks for the secrets of an action.
    pub fn of_action(action: &Action) -> Option<Arc<Self>> {
        let mut secrets = Vec::new();
        collect(action, &mut secrets);
        Self::new(secrets.iter().map(Vec::as_slice))
    }

    /// The text with `***` in place of every secret, and of what is left of one where the text was cut in the middle of it.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(search) = &self.search else { return Cow::Borrowed(REDACTED) };
        if !search.is_match(text) && !text.contains(MARK) {
            return Cow::Borrowed(text);
        }
        let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
        // Every turn goes on behind a mark.
        while let Some(at) = rest.find(MARK) {
            let (before, after) = rest.split_at(at);
            out.extend(self.cut_off(before.as_bytes(), 1));
            let (mark, after) = after.split_at(MARK.len());
            out.extend_from_slice(mark.as_bytes());
            rest = after;
        }
        out.extend(self.bytes(rest.as_bytes()));
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }

    /// Takes the secrets out of an error.
    pub fn error(&self, error: &mut NodeError) {
        let texts = std::iter::once(&mut error.message).chain(&mut error.causes);
        let stack = error.plugin.as_mut().and_then(|trace| trace.stack.as_mut());
        for text in texts.chain(stack) {
            self.owned(text);
        }
    }

    /// Takes the secrets out of a report.
    pub fn termination(&self, termination: &mut Termination) {
        match termination {
            Termination::Confirmed => {}
            Termination::Unconfirmed { why } => self.owned(why),
            // Of long command lines only the beginning is told, without a mark.
            Termination::Survivors { processes } => processes.iter_mut().for_each(|survivor| {
                let told = self.cut_off(survivor.command.as_bytes(), forms::SHORTEST);
                survivor.command = String::from_utf8_lossy(&told).into_owned();
            }),
        }
    }

    /// A stream of output.
    pub fn stream(self: &Arc<Self>) -> RedactedStream {
        RedactedStream::new(Arc::clone(self))
    }

    fn owned(&self, text: &mut String) {
        if let Cow::Owned(redacted) = self.text(text) {
            *text = redacted;
        } else if self.search.is_none() {
            REDACTED.clone_into(text);
        }
    }

    pub(super) fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let (mut out, end) = self.up_to(bytes, bytes.len());
        out.extend_from_slice(bytes.get(end..).unwrap_or_default());
        out
    }

    /// The bytes without secrets, where more of them may have followed: so many bytes at their end that begin like a secret
    /// are taken for one.
    fn cut_off(&self, bytes: &[u8], least: usize) -> Vec<u8> {
        let open = self.open_from(bytes);
        let (mut out, end) = self.up_to(bytes, if bytes.len() - open < least { bytes.len() } else { open });
        if end < bytes.len() {
            out.extend_from_slice(REDACTED.as_bytes());
        }
        out
    }

    /// The bytes before a place, or before the end of a secret that begins before it, without secrets; and where that is.
    pub(super) fn up_to(&self, bytes: &[u8], place: usize) -> (Vec<u8>, usize) {
        let Some(search) = &self.search else { return (REDACTED.into(), bytes.len()) };
        let (mut out, mut from) = (Vec::with_capacity(bytes.len()), 0);
        for found in search.find_iter(bytes).take_while(|found| found.start() < place) {
            out.extend_from_slice(bytes.get(from..found.start()).unwrap_or_default());
            out.extend_from_slice(REDACTED.as_bytes());
            from = found.end();
        }
        let end = place.max(from);
        out.extend_from_slice(bytes.get(from..end).unwrap_or_default());
        (out, end)
    }

    /// Where the longest end of the bytes begins that is the beginning of a form of a secret.
    pub(super) fn open_from(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(self.longest - 1);
        let opens = |at: &usize| {
            let end = bytes.get(*at..).unwrap_or_default();
            let place = self.patterns.partition_point(|pattern| pattern.as_slice() <= end);
            self.patterns.get(place).is_some_and(|pattern| pattern.starts_with(end))
        };
        (first..bytes.len()).find(opens).unwrap_or(bytes.len())
    }
}

/// The secrets of an action.
fn collect(action: &Action, secrets: &mut Vec<Vec<u8>>) {
    if let Some(process) = action.process() {
        let of_env = process.env.values().filter_map(|value| match value {
            EnvValue::Secret { secret } => Some(secret),
            EnvValue::Plain(_) => None,
        });
        let password = process.run_as.as_ref().and_then(|run_as| run_as.password.as_ref());
        let stdin = process.stdin.as_ref().and_then(|stdin| match stdin {
            StdinSource::Secret(secret) => Some(secret),
            StdinSource::Bytes(_) | StdinSource::File(_) => None,
        });
        secrets.extend(of_env.chain(password).chain(stdin).map(|secret| secret.expose().to_vec()));
    }
    for (_, value) in action.tool().into_iter().flat_map(|tool| tool.secrets()) {
        collect_texts(value, secrets);
    }
}

/// Texts and numbers of a secret value, wherever they stand in it.
fn collect_texts(value: &Value, secrets: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => secrets.push(text.clone().into_bytes()),
        Value::Number(number) => secrets.push(number.to_string().into_bytes()),
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, secrets)),
        Value::Object(fields) => fields.values().for_each(|value| collect_texts(value, secrets)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::action::{CommandAction, ToolAction};
    use crate::error::{ErrorCode, PluginTrace};
    use crate::id::{NodeId, PluginName};
    use crate::node::TargetExpression;
    use crate::outcome::Survivor;
    use crate::secret::Secret;

    fn request(action: Action) -> ExecutionRequest {
        ExecutionRequest::new(action, TargetExpression::new("web1"))
    }

    #[test]
    fn the_secrets_of_a_request_are_taken_out_of_texts_and_errors() {
        let mut command = CommandAction::new("true");
        command.process.env.insert("TOKEN".into(), EnvValue::Secret { secret: Secret::new("canary 1") });
        command.process.env.insert("PLAIN".into(), EnvValue::from("plainly"));
        let redactor = Redactor::of(&request(Action::Command(command))).unwrap();
        assert_eq!(redactor.text("say canary 1 and canary%201, plainly"), "say *** and ***, plainly");
        assert!(matches!(redactor.text("nothing"), Cow::Borrowed("nothing")));
        let mut error = NodeError::new(NodeId::new("web1").unwrap(), ErrorCode::Internal, "a canary 1");
        error.causes.push("of canary 1".into());
        error = error.of_plugin(PluginTrace::new(PluginName::ssh(), Some("in 'canary 1'")));
        redactor.error(&mut error);
        assert_eq!((error.message.as_str(), error.causes[0].as_str()), ("a ***", "of ***"));
        assert_eq!(error.plugin.unwrap().stack.unwrap(), "in '***'");
        let mut report = Termination::Unconfirmed { why: "canary 1".into() };
        redactor.termination(&mut report);
        assert_eq!(report, Termination::Unconfirmed { why: "***".into() });
    }

    #[test]
    fn what_is_left_of_a_secret_in_a_text_that_was_cut_is_taken_out() {
        let redactor = Redactor::new([&b"canary one"[..]]).unwrap();
        let said = "no login with canary one, nor with Y2FuYXJ5IG9uZQ==";
        for most in 1..said.len() {
            let told = format!("plugin x: {} (end)", crate::cut::cut(said, most));
            let told = redactor.text(&told);
            // Of either form, and of nothing else.
            let words = ["canary", "can", "Y2Fu", "Y2"];
            assert!(words.iter().all(|part| !told.contains(part)), "{told}");
            assert!(told.ends_with(&format!("... [cut: {} bytes in all] (end)", said.len())), "{told}");
        }
        assert_eq!(redactor.text("with can... [cut: 9 bytes]"), "with ***... [cut: 9 bytes]");
        assert_eq!(redactor.text("with can... and no more"), "with can... and no more");
        let survivor = |command: &str| Survivor { pid: 7, command: command.into() };
        let mut report =
            Termination::Survivors { processes: ["sleep ca", "x canary o"].map(survivor).into() };
        redactor.termination(&mut report);
        assert_eq!(report, Termination::Survivors { processes: ["sleep ca", "x ***"].map(survivor).into() });
    }

    #[test]
    fn secrets_of_tools_are_found_inside_their_values() {
        let mut tool =
            ToolAction { name: "users".into(), sensitive: vec!["/login".into()], ..Default::default() };
        tool.parameters.insert("login".into(), json!({"password": "hunter22", "pins": [123_456, true]}));
        tool.parameters.insert("user".into(), json!("annabell"));
        let redactor = Redactor::of(&request(Action::Task(tool))).unwrap();
        assert_eq!(redactor.text("hunter22 123456 true annabell"), "*** *** true annabell");
        assert!(Redactor::of(&request(Action::Command(CommandAction::new("true")))).is_none());
    }
}
