//! What is kept of the parts until the page is written: [`HtmlReport`].

use std::collections::{HashMap, HashSet};
use std::io::Write;

use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::export::ExportPart;
use pabawi_domain::id::NodeId;
use pabawi_domain::output::{ContentHash, StreamKind};
use pabawi_domain::phases::RunPhases;
use pabawi_domain::ports::ConnectPhases;
use pabawi_domain::record::{AttemptRecord, ExecutionRecord, TargetRecord};

use super::groups::Groups;
use super::journal::Journal;
use super::outputs::Outputs;
use super::page;
use crate::ReportError;

/// Makes one text of the names of many nodes, such as `web[01-20]`.
pub type Fold = fn(&[NodeId]) -> String;

/// A page that needs nothing from anywhere: no other file, no network. What nodes printed cannot do anything on it. It is
/// written when all parts are there. Of an output it keeps the first and the last 32 KiB, of those of the 100 largest groups of
/// nodes for each stream; of the journal the newest entries of each node, 50 at most, and past 8 MiB of them only one.
pub struct HtmlReport {
    pub(super) fold: Fold,
    record: Option<ExecutionRecord>,
    pub(super) targets: Vec<TargetRecord>,
    pub(super) attempts: HashMap<NodeId, Vec<AttemptRecord>>,
    pub(super) phases: HashMap<NodeId, Phases>,
    /// Absent while there was none.
    pub(super) outputs: Option<Outputs>,
    pub(super) journal: Journal,
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
            outputs: None,
            journal: Journal::default(),
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
            ExportPart::Output(piece) => {
                let targets = &self.targets;
                self.outputs.get_or_insert_with(|| Outputs::of(wanted(targets))).add(&piece);
            }
            ExportPart::Journal(entry) => {
                let usual = self.record.as_ref().map_or("", |record| record.action_text.as_str());
                self.journal.add(&entry.entry, usual);
            }
            ExportPart::LeftOut { kind, why } => self.left_out.push((kind, why)),
            // What is not known here is not shown here.
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

/// The outputs that the page has a place for. All targets have come before the first of them.
fn wanted(targets: &[TargetRecord]) -> HashSet<ContentHash> {
    [StreamKind::Stdout, StreamKind::Stderr]
        .into_iter()
        .flat_map(|stream| Groups::of(stream, targets).shown().collect::<Vec<_>>())
        .collect()
}
