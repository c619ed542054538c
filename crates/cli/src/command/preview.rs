//! What would be done, for people: [`write_preview`].

use std::collections::HashMap;
use std::time::Duration;

use pabawi::inventory::fold;
use pabawi::{
    BasisFile, BreakerState, ExecutionPreview, ExecutionRequest, HostKeyKnowledge, Mode, NodeId, Permission,
    PreviewTarget, Reach, RunAsMethod, StreamKind,
};

use crate::args::format_duration;
use crate::command::list::short_time;
use crate::text::{Colour, Table, escape_for_terminal};
use crate::watch::Sink;

/// Rows of the table of nodes, and waves that are written out.
const MAX_ROWS: usize = 200;
/// Characters of a hash that are told; fewer do as long as they are unique.
pub(super) const SHORT_HASH: usize = 12;

/// Writes a preview; how it is applied goes to standard error.
pub(super) fn write_preview(preview: &ExecutionPreview, sink: &mut Sink) {
    write_facts(&facts(preview), sink);
    sink.line(StreamKind::Stdout, "");
    write_targets(preview, sink);
    let short: String = preview.hash.to_string().chars().take(SHORT_HASH).collect();
    let until = short_time(preview.expires_at);
    let text = format!("nothing was started; apply it before {until} UTC with: pab apply {short}");
    sink.line(StreamKind::Stderr, &text);
}

/// A fact and its name.
pub(super) type Fact = (&'static str, String);

/// Writes facts, one a line.
pub(super) fn write_facts(facts: &[Fact], sink: &mut Sink) {
    for (name, value) in facts {
        let name = sink.out_style.paint(Colour::Bold, &format!("{name:<12}"));
        sink.line(StreamKind::Stdout, &format!("{name} {}", escape_for_terminal(value.as_bytes())));
    }
}

fn facts(preview: &ExecutionPreview) -> Vec<Fact> {
    let nodes: Vec<NodeId> = preview.targets.iter().map(|target| target.node.clone()).collect();
    let mut facts = vec![
        ("plan", preview.hash.to_string()),
        ("action", format!("{} {}", preview.action_kind, preview.action_text)),
        ("nodes", format!("{}: {}", nodes.len(), fold(&nodes))),
    ];
    facts.extend(request_facts(&preview.request, &nodes, &preview.waves, &preview.files));
    facts.push(("limits", limits(preview)));
    for breaker in &preview.breakers {
        let state = match (breaker.state, breaker.next_probe_at) {
            (BreakerState::Closed, _) => format!("closed, {} failures lately", breaker.failures),
            (state, Some(at)) => format!("{}, next probe at {} UTC", state.as_str(), short_time(at)),
            (state, None) => state.as_str().to_owned(),
        };
        facts.push(("breaker", format!("{} is {state}", breaker.component)));
    }
    if let Some(reason) = &preview.denied {
        facts.push(("denied", reason.clone()));
    }
    if let Some(id) = preview.applied_by {
        facts.push(("applied", format!("by execution {id}; only --again applies it once more")));
    }
    facts
}

/// What a request says besides its action and its nodes, which stand in their order.
pub(super) fn request_facts(
    request: &ExecutionRequest,
    nodes: &[NodeId],
    waves: &[u64],
    files: &[BasisFile],
) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(tool) = request.action.tool() {
        facts.extend(tool.plugin.as_ref().map(|plugin| ("plugin", plugin.to_string())));
        // A request that is shown has no secrets any more.
        let each = tool.parameters.iter().enumerate();
        facts.extend(each.map(|(index, (name, value))| {
            (if index == 0 { "parameters" } else { "" }, format!("{name} = {value}"))
        }));
    }
    if let Some(run_as) = request.action.process().and_then(|process| process.run_as.as_ref()) {
        let method = match run_as.method {
            RunAsMethod::Su => "su",
            RunAsMethod::Doas => "doas",
            _ => "sudo",
        };
        facts.push(("run as", format!("{} by {method}", run_as.user)));
    }
    facts.push(("order", order(request, waves)));
    let mut left = nodes;
    for (length, wave) in waves.iter().zip(1..).take(MAX_ROWS) {
        let length = usize::try_from(*length).unwrap_or(usize::MAX);
        let (these, rest) = left.split_at_checked(length).unwrap_or((left, &[]));
        left = rest;
        facts.push(("", format!("wave {wave}: {} ({})", fold(these), these.len())));
    }
    if waves.len() > MAX_ROWS {
        facts.push(("", format!("and {} more waves", waves.len() - MAX_ROWS)));
    }
    if let Some(canary) = &request.rollout.canary {
        let seed = canary.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
        facts.push(("canary", format!("{} of the nodes{seed}", canary.share)));
    }
    for file in files {
        facts.push(("content", format!("{}: {} bytes, SHA-256 {}", file.what, file.bytes, file.sha256)));
    }
    facts
}

fn order(request: &ExecutionRequest, waves: &[u64]) -> String {
    match &request.rollout.mode {
        Mode::Parallel => "side by side".to_owned(),
        Mode::Sequential { .. } => "one after the other".to_owned(),
        Mode::Rolling(rolling) => {
            let mut text = format!("{} waves", waves.len());
            if rolling.pause_ms > 0 {
                text.push_str(&format!(", {} between them", millis(rolling.pause_ms)));
            }
            if let Some(check) = &rolling.health_check {
                text.push_str(&format!(", after each: {}", check.action.text()));
            }
            text
        }
    }
}

fn limits(preview: &ExecutionPreview) -> String {
    let limits = &preview.limits;
    let mut parts =
        vec![format!("{} at once", limits.concurrency), format!("{} to connect", millis(limits.connect_ms))];
    parts.extend(limits.node_ms.map(|ms| format!("{} on a node", millis(ms))));
    parts.extend(limits.execution_ms.map(|ms| format!("{} in all", millis(ms))));
    parts.push(match limits.tolerated_failures {
        None => "any number may fail".to_owned(),
        Some(count) => format!("{count} may fail"),
    });
    match limits.attempts {
        0 | 1 => parts.push("no retries".to_owned()),
        attempts => parts.push(format!("{} retries", attempts - 1)),
    }
    parts.join(", ")
}

fn millis(ms: u64) -> String {
    format_duration(Duration::from_millis(ms))
}

fn write_targets(preview: &ExecutionPreview, sink: &mut Sink) {
    let rows = preview.targets.iter().map(|target| (&target.node, said(target)));
    write_rows(&["NODE", "TRANSPORT", "REACHED AS", "HOST KEY", "PERMISSION"], rows, sink);
}

/// Nodes of which the same is to be said stand in one row, in the order of the first of them.
pub(super) fn write_rows<'a, const N: usize>(
    header: &[&str],
    all: impl Iterator<Item = (&'a NodeId, [String; N])>,
    sink: &mut Sink,
) {
    let mut rows: Vec<([String; N], Vec<NodeId>)> = Vec::new();
    let mut index: HashMap<[String; N], usize> = HashMap::new();
    for (node, row) in all {
        let at = *index.entry(row.clone()).or_insert_with(|| {
            rows.push((row, Vec::new()));
            rows.len() - 1
        });
        if let Some((_, nodes)) = rows.get_mut(at) {
            nodes.push(node.clone());
        }
    }
    let mut table = Table::new(header);
    for (row, nodes) in rows.iter().take(MAX_ROWS) {
        let cells = row.iter().map(|cell| escape_for_terminal(cell.as_bytes()));
        table.row(std::iter::once(fold(nodes)).chain(cells));
    }
    sink.table(&table);
    let left_out: usize = rows.iter().skip(MAX_ROWS).map(|(_, nodes)| nodes.len()).sum();
    if left_out > 0 {
        sink.line(StreamKind::Stdout, &format!("and {left_out} more nodes; --format json shows all"));
    }
}

/// Where a node is, in words.
pub(super) fn reached(reach: &Reach, node: &NodeId) -> String {
    let mut reach = reach.clone();
    // So that nodes that are reached by their own names stand in one row.
    if reach.host.as_deref() == Some(node.as_str()) {
        reach.host = Some("NODE".to_owned());
    }
    match reach.host {
        None => "this machine".to_owned(),
        Some(_) => reach.to_string(),
    }
}

fn said(target: &PreviewTarget) -> [String; 4] {
    let reached = match &target.fault {
        Some(fault) => format!("cannot be reached: {fault}"),
        None => reached(&target.reach, &target.node),
    };
    let permission = match &target.permission {
        Permission::Allowed => "allowed".to_owned(),
        Permission::Denied { reason } => format!("denied: {reason}"),
    };
    let host_key = target.host_key.map_or("-", HostKeyKnowledge::as_str).to_owned();
    [target.transport.to_string(), reached, host_key, permission]
}
