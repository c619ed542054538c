//! One self-contained page about an execution: [`HtmlReport`].
//!
//! | module | what it holds |
//! |---|---|
//! | `page` | the head, the sections in their order, style and script |
//! | `nodes` | a line for each node, with its time as a bar |
//! | `failures` | what went wrong, nodes of the same fault together |
//! | `groups` | equal outputs, and what sets the others apart |
//! | `outputs` | as much of the outputs as a page shows |
//! | `escape` | text of nodes, on which it can do nothing |

mod escape;
mod failures;
mod groups;
mod nodes;
mod outputs;
mod page;

use std::collections::HashMap;
use std::io::Write;

use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::export::ExportPart;
use pabawi_domain::id::NodeId;
use pabawi_domain::phases::RunPhases;
use pabawi_domain::ports::ConnectPhases;
use pabawi_domain::record::{AttemptRecord, ExecutionRecord, TargetRecord};

use crate::ReportError;
use outputs::Outputs;

/// Makes one text of the names of many nodes, such as `web[01-20]`.
pub type Fold = fn(&[NodeId]) -> String;

/// A page that needs nothing from anywhere: no other file, no network. What nodes printed cannot do anything on it. It is
/// written when all parts are there; of outputs it keeps the first 64 KiB of at most 400.
pub struct HtmlReport {
    fold: Fold,
    record: Option<ExecutionRecord>,
    targets: Vec<TargetRecord>,
    attempts: HashMap<NodeId, Vec<AttemptRecord>>,
    phases: HashMap<NodeId, Phases>,
    outputs: Outputs,
    left_out: Vec<(String, String)>,
}

/// Where the time of a node's last attempt went.
#[derive(Default)]
struct Phases {
    connect: Option<ConnectPhases>,
    run: Option<RunPhases>,
}

impl HtmlReport {
    /// A page without content yet. Names of many nodes are written by `fold`.
    pub fn new(fold: Fold) -> Self {
        Self {
            fold,
            record: None,
            targets: Vec::new(),
            attempts: HashMap::new(),
            phases: HashMap::new(),
            outputs: Outputs::default(),
            left_out: Vec::new(),
        }
    }

    /// Takes the next part.
    pub fn add(&mut self, part: ExportPart) {
        match part {
            ExportPart::Execution(record) => self.record = Some(*record),
            ExportPart::Target(target) => self.targets.push(*target),
            ExportPart::Attempt(attempt) => {
                self.attempts.entry(attempt.node.clone()).or_default().push(*attempt);
            }
            ExportPart::Event(event) => self.event(*event),
            ExportPart::Output(piece) => self.outputs.add(&piece),
            ExportPart::LeftOut { kind, why } => self.left_out.push((kind, why)),
            // The journal is told by the journal; what is not known here is not shown here.
            _ => {}
        }
    }

    /// Writes the page.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn write(&self, mut out: impl Write) -> Result<(), ReportError> {
        let record = self.record.as_ref().ok_or(ReportError::NoExecution)?;
        page::write(&mut out, self, record)?;
        out.flush()?;
        Ok(())
    }

    fn event(&mut self, event: ExecutionEvent) {
        match event.kind {
            EventKind::NodeStarted { node, .. } => {
                self.phases.insert(node, Phases::default());
            }
            EventKind::NodeConnected { node, phases, .. } => {
                self.phases.entry(node).or_default().connect = Some(phases);
            }
            EventKind::NodeFinished { node, phases, .. } => {
                self.phases.entry(node).or_default().run = phases;
            }
            _ => {}
        }
    }
}

/// A number of bytes for people.
fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

/// A time in microseconds for people.
fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        1_000_000..60_000_000 => format!("{:.2} s", us as f64 / 1e6),
        _ => format!("{} min {} s", us / 60_000_000, us / 1_000_000 % 60),
    }
}
