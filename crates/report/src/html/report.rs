//! What is kept of the parts until the page is written: [`HtmlReport`].

use std::collections::HashMap;
use std::io::Write;

use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::export::ExportPart;
use pabawi_domain::id::NodeId;
use pabawi_domain::phases::RunPhases;
use pabawi_domain::ports::ConnectPhases;
use pabawi_domain::record::{AttemptRecord, ExecutionRecord, TargetRecord};

use super::outputs::Outputs;
use super::page;
use crate::ReportError;

/// Makes one text of the names of many nodes, such as `web[01-20]`.
pub type Fold = fn(&[NodeId]) -> String;

/// A page that needs nothing from anywhere: no other file, no network. What nodes printed cannot do anything on it. It is
/// written when all parts are there; of outputs it keeps the first 64 KiB of at most 400.
pub struct HtmlReport {
    pub(super) fold: Fold,
    record: Option<ExecutionRecord>,
    pub(super) targets: Vec<TargetRecord>,
    pub(super) attempts: HashMap<NodeId, Vec<AttemptRecord>>,
    pub(super) phases: HashMap<NodeId, Phases>,
    pub(super) outputs: Outputs,
    pub(super) left_out: Vec<(String, String)>,
}

/// Where the time of a node's last attempt went.
#[derive(Default)]
pub(super) struct Phases {
    pub(super) connect: Option<ConnectPhases>,
    pub(super) run: Option<RunPhases>,
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
