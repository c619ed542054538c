//! One document at the end, JSON or YAML: [`write_document`]. Nodes are written one by one, so that memory
//! holds one node's output at a time.

use jiff::Timestamp;
use pabawi::inventory::fold;
use pabawi::{
    Caller, ExecutionId, Framework, NodeId, NodeOutcome, OutputData, OutputRef, StreamKind, TargetQuery,
    TargetRecord, TargetState,
};
use serde::Serialize;

use crate::args::Format;
use crate::exit::Failure;
use crate::watch::grouped::flush;
use crate::watch::{Sink, read_output};

/// One node in a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeResult {
    node: NodeId,
    state: TargetState,
    /// `outcome` and what belongs to it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    result: Option<NodeOutcome>,
    /// One line for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<Output>,
}

/// One output in a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    /// A text, or `{base64}` where the bytes are no UTF-8.
    data: OutputData,
    total_bytes: u64,
    /// Bytes left out of `data`, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<pabawi::Omission>,
    sha256: String,
}

/// One variant of an output in a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    nodes: String,
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
}

/// What of an execution goes into the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Every node with its output.
    Outputs,
    /// Every node without its output.
    Results,
    /// Every node without its output, and each variant of the outputs once.
    Groups,
}

/// Writes an execution as one document, with the fields of `head` first.
///
/// # Errors
/// What the store reports.
pub(crate) async fn write_document(
    framework: &Framework,
    caller: &Caller,
    (id, head): (ExecutionId, &impl Serialize),
    format: Format,
    content: Content,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut document = Document::begin(format, head)?;
    document.list("nodes");
    let mut query = TargetQuery { limit: Some(1000), ..TargetQuery::default() };
    // Ends with the last page.
    loop {
        let page = framework.targets(caller, id, &query).await?;
        for target in page.items {
            let (stdout, stderr) = match content {
                Content::Outputs => (
                    output(framework, caller, target.stdout).await?,
                    output(framework, caller, target.stderr).await?,
                ),
                Content::Results | Content::Groups => (None, None),
            };
            document.item(&NodeResult::new(target, stdout, stderr))?;
            sink.buffer(StreamKind::Stdout).append(&mut document.text);
            flush(sink)?;
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    document.end_list();
    if content == Content::Groups {
        for (name, stream) in [("stdoutGroups", StreamKind::Stdout), ("stderrGroups", StreamKind::Stderr)] {
            document.list(name);
            for group in groups(framework, caller, id, stream).await? {
                document.item(&group)?;
            }
            document.end_list();
        }
    }
    document.end();
    sink.buffer(StreamKind::Stdout).append(&mut document.text);
    flush(sink)
}

async fn groups(
    framework: &Framework,
    caller: &Caller,
    id: ExecutionId,
    stream: StreamKind,
) -> Result<Vec<Group>, Failure> {
    let mut groups = Vec::new();
    for group in framework.output_groups(caller, id, stream).await? {
        let output = output(framework, caller, group.output).await?;
        groups.push(Group { nodes: fold(&group.nodes), count: group.nodes.len(), output });
    }
    Ok(groups)
}

async fn output(
    framework: &Framework,
    caller: &Caller,
    stored: Option<OutputRef>,
) -> Result<Option<Output>, Failure> {
    let Some(stored) = stored else { return Ok(None) };
    let content = read_output(framework, caller, stored).await?;
    Ok(Some(Output {
        data: OutputData::from(content.bytes),
        total_bytes: stored.total_bytes,
        omitted: content.omission,
        sha256: stored.hash.to_string(),
    }))
}

impl NodeResult {
    fn new(target: TargetRecord, stdout: Option<Output>, stderr: Option<Output>) -> Self {
        Self {
            node: target.target.node,
            state: target.state,
            message: target.result.as_ref().map(NodeOutcome::describe),
            exit_code: target.result.as_ref().and_then(NodeOutcome::exit_code),
            result: target.result,
            attempt: target.attempt,
            started_at: target.started_at,
            finished_at: target.finished_at,
            stdout,
            stderr,
        }
    }
}

/// A document that grows: the fields of the execution, then lists.
struct Document {
    format: Format,
    text: Vec<u8>,
    items: usize,
}

impl Document {
    fn begin(format: Format, head: &impl Serialize) -> Result<Self, Failure> {
        let mut text = Vec::new();
        match format {
            Format::Yaml => write_yaml(&mut text, head)?,
            _ => {
                serde_json::to_writer_pretty(&mut text, head).map_err(fault)?;
                // The lists follow within the same object, so its end comes later.
                let open = text.strip_suffix(b"\n}").map_or(text.len(), <[u8]>::len);
                text.truncate(open);
            }
        }
        Ok(Self { format, text, items: 0 })
    }

    fn list(&mut self, name: &str) {
        self.items = 0;
        let text = match self.format {
            Format::Yaml => format!("{name}:\n"),
            _ => format!(",\n  \"{name}\": ["),
        };
        self.text.extend_from_slice(text.as_bytes());
    }

    fn item(&mut self, item: &impl Serialize) -> Result<(), Failure> {
        match self.format {
            Format::Yaml => write_yaml(&mut self.text, [item])?,
            _ => {
                let separator: &[u8] = if self.items == 0 { b"\n    " } else { b",\n    " };
                self.text.extend_from_slice(separator);
                serde_json::to_writer(&mut self.text, item).map_err(fault)?;
            }
        }
        self.items += 1;
        Ok(())
    }

    fn end_list(&mut self) {
        let text = match (self.format, self.items) {
            // An empty list is written after its name, on the same line.
            (Format::Yaml, 0) => {
                self.text.pop();
                " []\n"
            }
            (Format::Yaml, _) => "",
            (_, 0) => "]",
            _ => "\n  ]",
        };
        self.text.extend_from_slice(text.as_bytes());
    }

    fn end(&mut self) {
        if self.format != Format::Yaml {
            self.text.extend_from_slice(b"\n}\n");
        }
    }
}

/// Appends a value as YAML; a list of one is an item of the list before it.
fn write_yaml(text: &mut Vec<u8>, value: impl Serialize) -> Result<(), Failure> {
    let yaml = serde_saphyr::to_string(&value).map_err(fault)?;
    text.extend_from_slice(yaml.as_bytes());
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    Ok(())
}

fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::nothing_ran(format!("write the document: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pabawi::{
        Action, ActionKind, CommandAction, EntryPoint, ErrorCode, ExecutionRecord, ExecutionRequest,
        ExecutionStatus, NodeError, Progress, TargetExpression,
    };
    use serde_json::Value;

    use super::*;

    fn record() -> ExecutionRecord {
        ExecutionRecord {
            id: ExecutionId::from_parts(1, [0; 10]),
            caller: Caller { user: "ops".into(), entry_point: EntryPoint::Cli },
            request: ExecutionRequest::new(
                Action::Command(CommandAction::new("true # \"x\"\nline: two")),
                TargetExpression::new("a"),
            ),
            action_kind: ActionKind::Command,
            action_text: "true".into(),
            plugins: BTreeSet::new(),
            status: ExecutionStatus::Partial,
            progress: Progress::default(),
            submitted_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            started_at: None,
            finished_at: None,
            summary: None,
            reruns: vec![],
        }
    }

    fn node(name: &str, result: NodeOutcome, output: &[u8]) -> NodeResult {
        NodeResult {
            node: NodeId::new(name).unwrap(),
            state: TargetState::Finished,
            message: Some(result.describe()),
            exit_code: result.exit_code(),
            result: Some(result),
            attempt: 1,
            started_at: None,
            finished_at: None,
            stdout: Some(Output {
                data: OutputData::from(output.to_vec()),
                total_bytes: output.len() as u64,
                omitted: None,
                sha256: "00".into(),
            }),
            stderr: None,
        }
    }

    fn written(format: Format) -> String {
        let mut document = Document::begin(format, &record()).unwrap();
        document.list("nodes");
        document.item(&node("a", NodeOutcome::Succeeded, b"one: [x\n- two\n\ttabs \n")).unwrap();
        let error = NodeError::new(NodeId::new("b").unwrap(), ErrorCode::Dns, "no such host");
        document.item(&node("b", NodeOutcome::Unreachable { error, termination: None }, b"\xff")).unwrap();
        document.end_list();
        document.list("stdoutGroups");
        document.end_list();
        document.end();
        String::from_utf8(document.text).unwrap()
    }

    #[test]
    fn json_and_yaml_say_the_same() {
        let json: Value = serde_json::from_str(&written(Format::Json)).unwrap();
        let yaml: Value = serde_saphyr::from_str(&written(Format::Yaml)).unwrap();
        assert_eq!(json, yaml, "{}", written(Format::Yaml));
        assert_eq!(json["nodes"][0]["outcome"], "succeeded");
        assert_eq!(json["nodes"][0]["exitCode"], 0);
        assert_eq!(json["nodes"][0]["stdout"]["data"], "one: [x\n- two\n\ttabs \n");
        assert_eq!(json["nodes"][1]["error"]["code"], "dns");
        assert_eq!(json["nodes"][1]["stdout"]["data"]["base64"], "/w==");
        assert_eq!(json["request"]["action"]["command"], "true # \"x\"\nline: two");
        assert_eq!(json["stdoutGroups"], Value::Array(vec![]));
    }
}
