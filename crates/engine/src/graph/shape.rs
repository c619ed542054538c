//! What a graph file may hold, key by key: [`GRAPH`], and [`look`], which notes every key that is not known and every
//! value that cannot be read, each with its place. The types of the domain decide what a value is; this table only
//! names their fields, and a test holds it against them.

use pabawi_domain::action::{EnvValue, OnLinkLoss, RunAsMethod};
use pabawi_domain::document::{Data, Key, Problem, Tree};
use pabawi_domain::host_key::HostKeyPolicy;
use pabawi_domain::id::{CorrelationId, ExecutionId, IdempotencyKey, PluginName, Tag};
use pabawi_domain::node::TargetExpression;
use pabawi_domain::output::OutputData;
use pabawi_domain::resilience::Growth;
use pabawi_domain::rollout::Share;
use pabawi_domain::secret::Secret;
use pabawi_domain::task::When;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a value may be.
pub(super) enum Shape {
    /// What its type reads.
    Leaf(fn(Value) -> Result<(), String>),
    /// A mapping with these keys.
    Map(&'static [Field]),
    /// A mapping whose `type` says which other keys there are.
    Tagged(&'static [(&'static str, &'static [&'static [Field]])]),
    /// A mapping with any keys, all values of this shape.
    Each(&'static Shape),
    /// A list of these.
    List(&'static Shape),
    /// Anything.
    Any,
}

/// A key of a mapping.
pub(super) struct Field {
    name: &'static str,
    is_needed: bool,
    shape: Shape,
}

const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, is_needed: false, shape }
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, is_needed: true, shape }
}

fn reads<T: DeserializeOwned>(value: Value) -> Result<(), String> {
    serde_json::from_value::<T>(value).map(|_| ()).map_err(|error| error.to_string())
}

const TEXT: Shape = Shape::Leaf(reads::<String>);
const FLAG: Shape = Shape::Leaf(reads::<bool>);
const MS: Shape = Shape::Leaf(reads::<u64>);
const SHARE: Shape = Shape::Leaf(reads::<Share>);
const BITS: Shape = Shape::Leaf(reads::<u32>);

const RUN_AS: &[Field] = &[
    must("user", TEXT),
    may("method", Shape::Leaf(reads::<RunAsMethod>)),
    may("password", Shape::Leaf(reads::<Secret>)),
];

const STDIN: &[Field] = &[may("bytes", Shape::Leaf(reads::<OutputData>)), may("file", TEXT)];

const PROCESS: &[Field] = &[
    may("env", Shape::Each(&Shape::Leaf(reads::<EnvValue>))),
    may("cwd", TEXT),
    may("umask", BITS),
    may("runAs", Shape::Map(RUN_AS)),
    may("stdin", Shape::Map(STDIN)),
    may("pty", FLAG),
    may("onLinkLoss", Shape::Leaf(reads::<OnLinkLoss>)),
    may("detach", FLAG),
];

const COMMAND: &[Field] = &[must("command", TEXT)];
const SCRIPT: &[Field] = &[
    must("name", TEXT),
    must("content", Shape::Leaf(reads::<OutputData>)),
    may("interpreter", TEXT),
    may("arguments", Shape::List(&TEXT)),
];
const UPLOAD: &[Field] = &[must("source", TEXT), must("destination", TEXT), may("mode", BITS)];
const DOWNLOAD: &[Field] = &[must("source", TEXT), must("destination", TEXT)];
const TOOL: &[Field] = &[
    may("plugin", Shape::Leaf(reads::<PluginName>)),
    must("name", TEXT),
    may("parameters", Shape::Each(&Shape::Any)),
    may("sensitive", Shape::List(&TEXT)),
];

const ACTION: Shape = Shape::Tagged(&[
    ("command", &[COMMAND, PROCESS]),
    ("script", &[SCRIPT, PROCESS]),
    ("upload", &[UPLOAD]),
    ("download", &[DOWNLOAD]),
    ("task", &[TOOL]),
    ("playbook", &[TOOL]),
    ("plan", &[TOOL]),
    ("facts", &[TOOL]),
    ("package", &[TOOL]),
]);

const TARGETS: Shape = Shape::Leaf(reads::<TargetExpression>);

const TIMEOUTS: &[Field] = &[may("connectMs", MS), may("nodeMs", MS), may("executionMs", MS)];

const HEALTH_CHECK: &[Field] = &[must("action", ACTION), may("targets", TARGETS), may("timeoutMs", MS)];

const MODE: Shape = Shape::Tagged(&[
    ("parallel", &[]),
    ("sequential", &[&[may("stopAtFailure", FLAG)]]),
    (
        "rolling",
        &[&[
            must("waves", Shape::List(&SHARE)),
            may("pauseMs", MS),
            may("healthCheck", Shape::Map(HEALTH_CHECK)),
        ]],
    ),
]);

const CANARY: &[Field] = &[must("share", SHARE), may("seed", BITS)];
const STRAGGLERS: &[Field] =
    &[must("multiple", Shape::Leaf(reads::<f64>)), may("quorum", SHARE), may("minMs", MS)];

const ROLLOUT: &[Field] = &[
    may("mode", MODE),
    may("maxFailures", SHARE),
    may("failFast", FLAG),
    may("canary", Shape::Map(CANARY)),
    may("stragglers", Shape::Map(STRAGGLERS)),
];

const BACKOFF: &[Field] = &[
    may("growth", Shape::Leaf(reads::<Growth>)),
    must("initialMs", MS),
    must("maxMs", MS),
    may("jitter", Shape::Leaf(reads::<f64>)),
];

const RETRY: &[Field] = &[
    must("attempts", BITS),
    may("backoff", Shape::Map(BACKOFF)),
    may("on", Shape::List(&TEXT)),
    may("deadlineMs", MS),
    may("idempotent", FLAG),
];

const TASK: &[Field] = &[
    must("name", TEXT),
    may("after", Shape::List(&TEXT)),
    may("when", Shape::Leaf(reads::<When>)),
    may("parameters", Shape::Each(&Shape::Any)),
    may("parameterSchema", Shape::Any),
    must("action", ACTION),
    must("targets", TARGETS),
    may("transport", Shape::Leaf(reads::<PluginName>)),
    may("concurrency", BITS),
    may("timeouts", Shape::Map(TIMEOUTS)),
    may("priority", Shape::Leaf(reads::<i32>)),
    may("rollout", Shape::Map(ROLLOUT)),
    may("retry", Shape::Map(RETRY)),
    may("debug", FLAG),
    may("hostKeys", Shape::Leaf(reads::<HostKeyPolicy>)),
    may("idempotencyKey", Shape::Leaf(reads::<IdempotencyKey>)),
    may("correlationId", Shape::Leaf(reads::<CorrelationId>)),
    may("tags", Shape::List(&Shape::Leaf(reads::<Tag>))),
    may("rerunOf", Shape::Leaf(reads::<ExecutionId>)),
    may("parent", Shape::Leaf(reads::<ExecutionId>)),
];

/// A graph file.
pub(super) const GRAPH: Shape =
    Shape::Map(&[must("name", TEXT), must("tasks", Shape::List(&Shape::Map(TASK)))]);

/// Notes every fault of form below `tree`. As deep as the document, whose depth is limited.
pub(super) fn look(tree: &Tree, shape: &Shape, field: &str, problems: &mut Vec<Problem>) {
    let mut fault = |tree: &Tree, field: &str, message: String| {
        let (line, column) = (tree.referenced.line(), tree.referenced.column());
        problems.push(Problem { line, column, field: field.to_owned(), message });
    };
    match (shape, &tree.value) {
        (Shape::Any, _) => {}
        (Shape::Leaf(read), value) => {
            if let Err(message) = read(value.to_json()) {
                fault(tree, field, message);
            }
        }
        (Shape::List(each), Data::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                look(item, each, &format!("{field}[{index}]"), problems);
            }
        }
        (Shape::Each(each), Data::Map(entries)) => {
            for (key, value) in entries {
                look(value, each, &join(field, &key.value), problems);
            }
        }
        (Shape::Map(fields), Data::Map(entries)) => map(tree, entries, &[fields], false, field, problems),
        (Shape::Tagged(kinds), Data::Map(entries)) => {
            let kind = entries.iter().find(|(key, _)| key.value == "type").map(|(_, value)| value);
            let known = || kinds.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            match kind.map(|kind| (kind, &kind.value)) {
                None => fault(tree, &join(field, "type"), format!("is missing; known are {}", known())),
                Some((kind, Data::Text(name))) => match kinds.iter().find(|(known, _)| known == name) {
                    Some((_, fields)) => map(tree, entries, fields, true, field, problems),
                    None => fault(
                        kind,
                        &join(field, "type"),
                        format!("unknown type {name:?}; known are {}", known()),
                    ),
                },
                Some((kind, other)) => {
                    fault(kind, &join(field, "type"), format!("must be a text, found {}", other.kind()));
                }
            }
        }
        (Shape::List(_), other) => fault(tree, field, format!("must be a list, found {}", other.kind())),
        (Shape::Map(_) | Shape::Each(_) | Shape::Tagged(_), other) => {
            fault(tree, field, format!("must be a mapping, found {}", other.kind()));
        }
    }
}

fn map(
    tree: &Tree,
    entries: &[(Key, Tree)],
    fields: &[&[Field]],
    is_tagged: bool,
    field: &str,
    problems: &mut Vec<Problem>,
) {
    let all = || fields.iter().copied().flatten();
    for (index, (key, value)) in entries.iter().enumerate() {
        let path = join(field, &key.value);
        // The reader of YAML refuses doubles; one that comes with a merge key is caught here.
        let is_double = entries.iter().take(index).any(|(before, _)| before.value == key.value);
        let known = all().find(|known| known.name == key.value);
        match known {
            _ if is_double => problems.push(at(key, &path, "given twice".to_owned())),
            Some(known) => look(value, &known.shape, &path, problems),
            None if is_tagged && key.value == "type" => {}
            None => {
                let mut names: Vec<&str> = all().map(|known| known.name).collect();
                if is_tagged {
                    names.insert(0, "type");
                }
                let message = format!("unknown key; known are {}", names.join(", "));
                problems.push(at(key, &path, message));
            }
        }
    }
    for needed in all().filter(|known| known.is_needed) {
        if !entries.iter().any(|(key, _)| key.value == needed.name) {
            let (line, column) = (tree.referenced.line(), tree.referenced.column());
            let message = "is missing".to_owned();
            problems.push(Problem { line, column, field: join(field, needed.name), message });
        }
    }
}

fn at(key: &Key, field: &str, message: String) -> Problem {
    let (line, column) = (key.referenced.line(), key.referenced.column());
    Problem { line, column, field: field.to_owned(), message }
}

fn join(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}
