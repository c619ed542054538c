//! Going on with an execution whose process died: [`Engine::resume`]. What has ended is not touched; where nobody knows
//! what came of it, it is run again only when the caller says so.

use pabawi_domain::id::{ExecutionId, IdempotencyKey, NodeId};
use pabawi_domain::outcome::{NodeOutcome, SkipReason};
use pabawi_domain::record::{TargetQuery, TargetRecord, TargetState};
use pabawi_domain::request::Caller;
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
}

impl Engine {
    /// Goes on with an interrupted execution on the nodes on which nothing was run: at its wave, with what has failed
    /// counted against the tolerance. With `rerun_unknown` also where the process died while the command ran; what it
    /// does may then be done twice. Needs `executions.show` and whatever the action needs.
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
        let Left { not_started, unknown } = self.left(id).await?;
        // One that had not come to all its nodes may read otherwise, such as partial.
        let was_cut_off = record.status == ExecutionStatus::Interrupted || !not_started.is_empty();
        if !record.status.is_final() || !was_cut_off {
            let text = format!(
                "execution {id} is {}; only one whose process died can be gone on with",
                record.status
            );
            return Err(ValidationError::of("id", text).into());
        }
        let mut nodes = not_started;
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
        let id = self.go_on(caller, id, nodes, secrets, key).await?;
        Ok(Resumed { id, nodes: count, unknown })
    }

    async fn left(&self, id: ExecutionId) -> Result<Left, SubmitError> {
        let mut left = Left::default();
        let mut query = TargetQuery { limit: Some(10_000), ..TargetQuery::default() };
        // Ends with the last page.
        loop {
            let page = self.shared.store.targets(id, &query).await?;
            for record in page.items {
                left.take(record);
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
}

impl Left {
    fn take(&mut self, record: TargetRecord) {
        let cut_off = NodeOutcome::Skipped { why: SkipReason::Interrupted };
        if record.state == TargetState::Interrupted {
            self.unknown.push(record.target.node);
        } else if record.result == Some(cut_off) {
            self.not_started.push(record.target.node);
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
