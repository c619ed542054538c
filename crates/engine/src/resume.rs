//! Going on with an execution whose process died: [`Engine::resume`]. What has ended is not touched; where nobody knows
//! what came of it, it is run again only when the caller says so.

use std::collections::HashMap;

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, IdempotencyKey, NodeId};
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::ports::DETACHED_KEPT;
use pabawi_domain::record::{TargetQuery, TargetRecord, TargetState};
use pabawi_domain::request::{Attach, Caller, ExecutionRequest};
use pabawi_domain::summary::ExecutionStatus;
use pabawi_domain::validation::ValidationError;

use crate::engine::Engine;
use crate::error::SubmitError;
use crate::rerun::RerunSecrets;

/// Names that are shown in an error.
const SHOWN: usize = 20;

/// How an interrupted execution goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// The execution that goes on with it, a rerun of it. Asking again for the same gives the same.
    pub id: ExecutionId,
    /// On how many nodes.
    pub nodes: u64,
    /// Nodes on which the process died while the command ran. They are among those nodes only where that was asked
    /// for.
    pub unknown: Vec<NodeId>,
    /// Nodes on which a detached command is looked for and followed. Only where it turns out that it was never started it
    /// is started.
    pub attached: Vec<NodeId>,
}

impl Engine {
    /// Goes on with an interrupted execution on the nodes on which nothing was run: at its wave, with what has failed
    /// counted against the tolerance. With `rerun_unknown` also where the process died while the command ran; what it
    /// does may then be done twice; detached commands are followed in any case and run once. Needs `executions.show` and whatever the action needs.
    ///
    /// # Errors
    /// [`SubmitError`]; [`SubmitError::Invalid`] under `id` when the execution is not interrupted or nothing is left of
    /// it, and under the fields of secrets that have to be given again.
    pub async fn resume(
        &self,
        caller: Caller,
        id: ExecutionId,
        rerun_unknown: bool,
        secrets: RerunSecrets,
    ) -> Result<Resumed, SubmitError> {
        let shared = &self.shared;
        if let Err(denial) = shared.gate.ask_about(&caller, "executions.show").await {
            return Err(SubmitError::Denied { reason: denial.reason });
        }
        // A process that has died just now is found.
        shared.store.recover(shared.clock.now()).await?;
        let record = shared.store.execution(id).await?.ok_or(SubmitError::NotFound(id))?;
        let detached = Spools::of(id, &record.request, shared.clock.now());
        let Left { not_started, unknown, attach } = self.left(id, detached).await?;
        // One that had not come to all its nodes may read otherwise, such as partial.
        let was_cut_off = record.status == ExecutionStatus::Interrupted || !not_started.is_empty();
        if !record.status.is_final() || !was_cut_off {
            let text = format!(
                "execution {id} is {}; only one whose process died can be gone on with",
                record.status
            );
            return Err(ValidationError::of("id", text).into());
        }
        let attached: Vec<NodeId> = attach.iter().flat_map(|group| group.nodes.iter().cloned()).collect();
        let mut nodes = not_started;
        nodes.extend(attached.iter().cloned());
        if rerun_unknown {
            nodes.extend(unknown.iter().cloned());
        }
        if nodes.is_empty() {
            return Err(nothing_left(id, &unknown).into());
        }
        let which = if rerun_unknown { "resume with the unknown" } else { "resume" };
        let key = IdempotencyKey::new(format!("{which} of {id}"))
            .map_err(|error| SubmitError::Internal(error.to_string()))?;
        let count = nodes.len() as u64;
        let id = self.go_on(caller, id, nodes, secrets, key, attach).await?;
        Ok(Resumed { id, nodes: count, unknown, attached })
    }

    async fn left(&self, id: ExecutionId, detached: Option<Spools<'_>>) -> Result<Left, SubmitError> {
        let mut left = Left::default();
        let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
        // Ends with the last page.
        loop {
            let page = self.shared.store.targets(id, &query).await?;
            for record in page.items {
                left.take(record, detached.as_ref());
            }
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(left),
            }
        }
    }
}

/// What an execution whose process died has left.
#[derive(Debug, Default)]
struct Left {
    not_started: Vec<NodeId>,
    unknown: Vec<NodeId>,
    /// Detached commands that may run, or have run, on their nodes.
    attach: Vec<Attach>,
}

/// Where the detached commands of an execution are found.
struct Spools<'a> {
    id: ExecutionId,
    /// Those that had been started for an earlier one.
    earlier: HashMap<&'a NodeId, &'a Attach>,
    now: Timestamp,
}

impl<'a> Spools<'a> {
    /// `None` when the execution's command is not detached.
    fn of(id: ExecutionId, request: &'a ExecutionRequest, now: Timestamp) -> Option<Self> {
        request.action.process().filter(|process| process.detach)?;
        let groups = request.attach.iter();
        let earlier = groups.flat_map(|group| group.nodes.iter().map(move |node| (node, group)));
        Some(Self { id, earlier: earlier.collect(), now })
    }

    /// Execution and attempt that name a node's command, and when it was started. `None` when that is so long ago that a
    /// spool that is not there is no proof any more.
    fn of_record(&self, record: &TargetRecord) -> Option<(ExecutionId, u32, Timestamp)> {
        let (execution, attempt, at) = match self.earlier.get(&record.target.node) {
            Some(group) => (group.execution, group.attempt, group.started_at),
            None => (self.id, record.attempt, record.started_at?),
        };
        let age = self.now.duration_since(at).unsigned_abs();
        (age < DETACHED_KEPT).then_some((execution, attempt, at))
    }
}

impl Left {
    fn take(&mut self, record: TargetRecord, detached: Option<&Spools<'_>>) {
        let cut_off = NodeOutcome::Skipped { why: SkipReason::Interrupted };
        // What an earlier execution has started was started, also where this one had not come to it.
        let earlier = detached.is_some_and(|spools| spools.earlier.contains_key(&record.target.node));
        let not_reached = record.result == Some(cut_off);
        if record.state == TargetState::Interrupted || (not_reached && earlier) {
            match detached.and_then(|spools| spools.of_record(&record)) {
                Some(spool) => self.attach(spool, record.target.node),
                None => self.unknown.push(record.target.node),
            }
        } else if not_reached {
            self.not_started.push(record.target.node);
        }
    }
}

impl Left {
    /// Adds a node to the others whose commands are named alike.
    fn attach(&mut self, (execution, attempt, started_at): (ExecutionId, u32, Timestamp), node: NodeId) {
        let alike = |group: &&mut Attach| group.execution == execution && group.attempt == attempt;
        match self.attach.iter_mut().find(alike) {
            Some(group) => {
                group.started_at = group.started_at.min(started_at);
                group.nodes.push(node);
            }
            None => self.attach.push(Attach { execution, attempt, nodes: vec![node], started_at }),
        }
    }
}

fn nothing_left(id: ExecutionId, unknown: &[NodeId]) -> ValidationError {
    let names: Vec<&str> = unknown.iter().take(SHOWN).map(NodeId::as_str).collect();
    let more = if unknown.len() > names.len() { ", ..." } else { "" };
    let text = format!(
        "every node of execution {id} was started; what came of it is not known on {}{more}: look there, then run it \
         again on them if that is right",
        names.join(", ")
    );
    ValidationError::of("id", text)
}
