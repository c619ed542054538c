//! Whether a caller may see an execution or give orders about it. Where the authorizer decides about nodes, it is asked with
//! those of the execution; lists leave out what it denies.

use std::time::Duration;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::ports::{AuthorizationQuery, StoreError};
use pabawi_domain::record::{ExecutionRecord, TargetQuery};
use pabawi_domain::request::Caller;
use tracing::Instrument as _;

use crate::authorize::Denial;
use crate::denied::Denied;
use crate::engine::Engine;
use crate::error::{EngineError, SubmitError};

/// Looking at one execution.
const SHOW: &str = "executions.show";
/// How long it may take to find out which nodes of a list a caller may see.
const LISTING: Duration = Duration::from_secs(60);
/// Nodes that are read at once.
const PAGE: u32 = 1000;

impl Engine {
    /// Whether the caller may look at an execution.
    pub(crate) async fn may_show(&self, caller: &Caller, id: ExecutionId) -> Result<(), EngineError> {
        self.may_about(caller, SHOW, id).await
    }

    /// As [`Engine::may_show`], where it is run again.
    pub(crate) async fn may_show_to_submit(
        &self,
        caller: &Caller,
        id: ExecutionId,
    ) -> Result<(), SubmitError> {
        let nodes = self.nodes_asked_about(id).await?;
        let answer = self.ask_on(caller, SHOW, &nodes, self.nodes_told_of(id)).await;
        answer.map_err(|Denial { reason }| SubmitError::Denied { capability: SHOW.to_owned(), reason })
    }

    /// Whether the caller may do this to an execution, on every one of its nodes.
    pub(crate) async fn may_about(
        &self,
        caller: &Caller,
        capability: &str,
        id: ExecutionId,
    ) -> Result<(), EngineError> {
        let nodes = self.nodes_asked_about(id).await?;
        self.may_about_those(caller, capability, &nodes, self.nodes_told_of(id)).await
    }

    /// Those of the executions that the caller may look at.
    pub(crate) async fn seen(
        &self,
        caller: &Caller,
        records: Vec<ExecutionRecord>,
    ) -> Result<Vec<ExecutionRecord>, EngineError> {
        if !self.shared.gate.looks_at_nodes() {
            return Ok(records);
        }
        let mut seen = Vec::with_capacity(records.len());
        for record in records {
            let nodes = self.nodes_asked_about(record.id).await?;
            // What is left out of a list is no attempt, so it is neither logged nor journalled.
            if self.shared.gate.ask_quietly(caller, SHOW, &nodes).await.is_ok() {
                seen.push(record);
            }
        }
        Ok(seen)
    }

    /// Those of the nodes with which the caller may do this, in their order: for lists, so that a denial is neither logged nor
    /// journalled. All are asked about together, and where that is denied the halves, since what is allowed for some
    /// nodes is allowed for each of them.
    ///
    /// # Errors
    /// [`EngineError::Denied`] when that takes too long, since nobody knows what the rest of the list is.
    pub async fn those_allowed(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
    ) -> Result<Vec<NodeId>, EngineError> {
        if !self.looks_at_nodes() {
            return Ok(nodes.to_vec());
        }
        let (mut allowed, mut open) = (Vec::with_capacity(nodes.len()), vec![nodes]);
        let asking = async {
            // Every denial halves what it is about, so this ends.
            while let Some(some) = open.pop().filter(|some| !some.is_empty()) {
                if self.shared.gate.ask_quietly(caller, capability, some).await.is_ok() {
                    allowed.extend_from_slice(some);
                } else if some.len() > 1 {
                    let (first, second) = some.split_at(some.len() / 2);
                    open.extend([second, first]);
                }
            }
        };
        self.in_time(caller, capability, nodes, asking).await?;
        Ok(allowed)
    }

    /// Whether the answers of the authorizer may depend on nodes.
    pub fn looks_at_nodes(&self) -> bool {
        self.shared.gate.looks_at_nodes()
    }

    /// Whether a question would be answered with yes: for what is left out of lists otherwise. A denial is no attempt, so it
    /// is neither logged nor journalled.
    pub async fn would_allow(&self, query: &AuthorizationQuery<'_>) -> bool {
        self.shared.gate.ask(query).await.is_ok()
    }

    /// The nodes of an execution, where anybody wants to know them.
    pub(crate) async fn nodes_asked_about(&self, id: ExecutionId) -> Result<Vec<NodeId>, StoreError> {
        if self.looks_at_nodes() { self.nodes_of(id).await } else { Ok(Vec::new()) }
    }

    /// The nodes of an execution, to tell of a denial.
    async fn nodes_told_of(&self, id: ExecutionId) -> Vec<NodeId> {
        self.nodes_of(id).await.unwrap_or_default()
    }

    /// The nodes of an execution.
    pub(crate) async fn nodes_of(&self, id: ExecutionId) -> Result<Vec<NodeId>, StoreError> {
        let mut nodes = Vec::new();
        let mut query = TargetQuery { limit: Some(PAGE), ..TargetQuery::default() };
        // Ends with the last page.
        loop {
            let page = self.shared.store.targets(id, &query).await?;
            nodes.extend(page.items.into_iter().map(|record| record.target.node));
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(nodes),
            }
        }
    }

    /// What comes of asking about all of a list, if that does not take too long.
    ///
    /// # Errors
    /// [`EngineError::Denied`]: nobody knows what the rest of the list is.
    pub(crate) async fn in_time<T>(
        &self,
        caller: &Caller,
        capability: &str,
        nodes: &[NodeId],
        asking: impl Future<Output = T>,
    ) -> Result<T, EngineError> {
        let Ok(answer) = tokio::time::timeout(LISTING, asking).await else {
            let reason =
                format!("nobody could tell within {} s for which nodes it is allowed", LISTING.as_secs());
            let denied = Denied::of(caller, capability, nodes, &reason);
            self.shared.denied(&denied).instrument(self.shared.span.clone()).await;
            return Err(EngineError::Denied { capability: capability.to_owned(), reason });
        };
        Ok(answer)
    }
}
