//! Going on with an execution whose process died: [`Engine::resume`]. What has ended is not touched; where nobody knows
//! what came of it, it is run again only when the caller says so.
//!
//! An execution and all that went on with it are a chain: each further one is found by an idempotency key made of the
//! first one's id and a number, so that nobody can go on with the same twice.

use std::collections::HashMap;

use jiff::Timestamp;
use pabawi_domain::event::EventKind;
use pabawi_domain::id::{ExecutionId, IdempotencyKey, NodeId};
use pabawi_domain::node::Target;
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::ports::{DETACHED_KEPT, StoreError};
use pabawi_domain::record::{ExecutionQuery, ExecutionRecord, TargetQuery};
use pabawi_domain::request::{Attach, Caller, ExecutionRequest};
use pabawi_domain::rollout::{Mode, Rollout, wave_lengths};
use pabawi_domain::validation::ValidationError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::chain::{Chain, look};
use crate::dispatcher::HealthChecks;
use crate::engine::Engine;
use crate::error::SubmitError;
use crate::rerun::{GoesOn, RerunSecrets};

/// Names that are shown in an error.
const SHOWN: usize = 20;
/// Events that are read at once.
const EVENTS: u32 = 10_000;

/// How an interrupted execution goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resumed {
    /// The execution that goes on with it, a rerun of it. While that one runs, asking again gives the same.
    pub id: ExecutionId,
    /// On how many nodes; 0 when it was running already.
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
    /// counted against the tolerance. A wave that had not been checked is checked first, which takes as long as the
    /// check. With `rerun_unknown` also where the process died while the command ran; what it does may then be done
    /// twice. Detached commands are followed in any case, and run once. Needs `executions.show` and whatever the action
    /// needs.
    ///
    /// # Errors
    /// [`SubmitError`]; [`SubmitError::Invalid`] under `id` when the execution is not interrupted, nothing is left of
    /// it, it is a part of another one, or its rollout had to stop; and under the fields of secrets that have to be
    /// given again.
    pub async fn resume(
        &self,
        caller: Caller,
        id: ExecutionId,
        rerun_unknown: bool,
        secrets: RerunSecrets,
    ) -> Result<Resumed, SubmitError> {
        let shared = &self.shared;
        self.may_show_to_submit(&caller, id).await?;
        // A process that has died just now is found.
        shared.journaller.abandoned(&*shared.store, shared.clock.now()).await;
        shared.store.recover(shared.clock.now()).await?;
        let record = shared.store.execution(id).await?.ok_or(SubmitError::NotFound(id))?;
        refuse_part(&record)?;
        // One that went on with another is a link of that one's chain.
        let (id, record) = match first_of(&record) {
            None => (id, record),
            Some(first) => (first, shared.store.execution(first).await?.ok_or(SubmitError::NotFound(first))?),
        };
        let (executions, key) = self.chain(id).await?;
        if let Some(last) = executions.last()
            && let Some(running) = shared.store.execution(*last).await?
            && !running.status.is_final()
        {
            return match *last == id {
                true => Err(invalid(format!("execution {id} is {}; it goes on by itself", running.status))),
                false => Ok(Resumed { id: *last, nodes: 0, unknown: Vec::new(), attached: Vec::new() }),
            };
        }
        let mut chain = look(&executions, &*shared.store).await?;
        let attach = self.detached(&executions, &mut chain).await?;
        let attached: Vec<NodeId> = attach.iter().flat_map(|group| group.nodes.iter().cloned()).collect();
        let mut nodes = chain.not_started.clone();
        nodes.extend(attached.iter().cloned());
        if rerun_unknown {
            nodes.extend(chain.unknown.iter().cloned());
        }
        if nodes.is_empty() {
            return Err(nothing_left(&record, &chain));
        }
        let mut filled = record.request.clone();
        secrets.clone().fill(&mut filled);
        // Before the health check of a wave runs something.
        filled.check()?;
        self.may_go_on(&caller, &record, &executions, &chain, filled).await?;
        let count = nodes.len() as u64;
        let id = self
            .go_on(caller, id, nodes, secrets, GoesOn { key, failures: chain.failures(), attach })
            .await?;
        Ok(Resumed { id, nodes: count, unknown: chain.unknown, attached })
    }

    /// The execution and those that went on with it, and the key for the next.
    async fn chain(&self, id: ExecutionId) -> Result<(Vec<ExecutionId>, IdempotencyKey), SubmitError> {
        let mut chain = vec![id];
        let mut number = 1;
        // Ends with the first number that was not used.
        loop {
            let key = key(id, number)?;
            let query = ExecutionQuery {
                idempotency_key: Some(key.clone()),
                limit: Some(1),
                ..ExecutionQuery::default()
            };
            let page = self.shared.store.executions(&query).await?;
            let Some(record) = page.items.first() else { return Ok((chain, key)) };
            // Somebody else may have a key that reads so.
            if record.request.rerun_of == Some(id) {
                chain.push(record.id);
            }
            number += 1;
        }
    }

    /// The detached commands among what nobody knows of; they are known of, then. One that was started so long ago that a
    /// spool that is not there proves nothing stays unknown.
    pub(crate) async fn detached(
        &self,
        executions: &[ExecutionId],
        chain: &mut Chain,
    ) -> Result<Vec<Attach>, StoreError> {
        let mut attach: Vec<Attach> = Vec::new();
        if !chain.detached {
            return Ok(attach);
        }
        // What one of the chain went back to keeps the name that it was started under.
        let mut earlier: HashMap<NodeId, (ExecutionId, u32, Timestamp)> = HashMap::new();
        for id in executions {
            let Some(record) = self.shared.store.execution(*id).await? else { continue };
            for group in record.request.attach {
                let name = (group.execution, group.attempt, group.started_at);
                earlier.extend(group.nodes.into_iter().map(|node| (node, name)));
            }
        }
        let now = self.shared.clock.now();
        for node in std::mem::take(&mut chain.unknown) {
            let start = chain.started.get(&node);
            let own = start.and_then(|start| Some((start.execution, start.attempt, start.at?)));
            let name = earlier.get(&node).copied().or(own);
            match name.filter(|(.., at)| now.duration_since(*at).unsigned_abs() < DETACHED_KEPT) {
                Some(name) => add(&mut attach, name, node),
                None => chain.unknown.push(node),
            }
        }
        Ok(attach)
    }

    /// Whether the rollout may go further: it had not stopped, tolerates what has failed, and its last wave is well.
    async fn may_go_on(
        &self,
        caller: &Caller,
        record: &ExecutionRecord,
        executions: &[ExecutionId],
        chain: &Chain,
        request: ExecutionRequest,
    ) -> Result<(), SubmitError> {
        let rollout = &record.request.rollout;
        let failures = chain.failures();
        if rollout.tolerated(record.progress.total).is_some_and(|tolerated| failures > tolerated) {
            return Err(stopped(record.id, &format!("{failures} of its nodes failed")));
        }
        let mut wave = None;
        for id in executions {
            let seen = self.waves_of(*id).await?;
            if let Some(why) = seen.stopped {
                return Err(stopped(record.id, &why));
            }
            wave = Some(seen);
        }
        // A wave that has begun and was not found well is checked before another begins.
        let unchecked = wave.is_some_and(|seen| seen.begun > seen.well);
        if rollout.health_check().is_none() || !unchecked {
            return Ok(());
        }
        let done = self.last_wave(&request, executions).await?;
        let Some(checks) = HealthChecks::of(self.clone(), caller, &request, record.id) else { return Ok(()) };
        match checks.begin(done).report().await.unhealthy {
            None => Ok(()),
            Some(why) => Err(stopped(record.id, &format!("its last wave is not well: {why}"))),
        }
    }

    /// What the events of an execution tell of its waves.
    async fn waves_of(&self, id: ExecutionId) -> Result<Seen, SubmitError> {
        let mut seen = Seen::default();
        let mut from = 1;
        // Ends with the last page: its next number is that of the page itself.
        loop {
            let page = self.shared.store.events(id, from, EVENTS).await?;
            for event in &page.events {
                match &event.kind {
                    EventKind::WaveStarted { wave, .. } => seen.begun = *wave,
                    EventKind::WaveFinished { wave, unhealthy: None, .. } => seen.well = *wave,
                    EventKind::WaveFinished { unhealthy: Some(why), .. } => {
                        seen.stopped = Some(format!("its last wave is not well: {why}"));
                    }
                    EventKind::RolloutStopped { failures, .. } => {
                        seen.stopped
                            .get_or_insert(format!("it had stopped when {failures} nodes had failed"));
                    }
                    _ => {}
                }
            }
            if page.events.is_empty() || page.next_seq <= from {
                return Ok(seen);
            }
            from = page.next_seq;
        }
    }

    /// Targets of the wave that was under way, that have succeeded.
    async fn last_wave(
        &self,
        request: &ExecutionRequest,
        executions: &[ExecutionId],
    ) -> Result<Vec<Target>, SubmitError> {
        let Some(id) = executions.last() else { return Ok(Vec::new()) };
        let Some(record) = self.shared.store.execution(*id).await? else { return Ok(Vec::new()) };
        let own = if executions.len() > 1 { &record.request.rollout } else { &request.rollout };
        let begun = self.waves_of(*id).await?.begun;
        let places = places_of_wave(own, record.progress.total, begun);
        let mut query = TargetQuery {
            outcomes: [NodeOutcome::Succeeded.word().to_owned()].into(),
            limit: Some(10_000),
            ..TargetQuery::default()
        };
        let mut found = Vec::new();
        // Ends with the last page.
        loop {
            let page = self.shared.store.targets(*id, &query).await?;
            let of_wave = page.items.into_iter().filter(|target| places.contains(&target.position));
            found.extend(of_wave.map(|target| target.target));
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(found),
            }
        }
    }
}

/// Adds a node to the others whose commands are named alike.
fn add(
    attach: &mut Vec<Attach>,
    (execution, attempt, started_at): (ExecutionId, u32, Timestamp),
    node: NodeId,
) {
    let alike = |group: &&mut Attach| group.execution == execution && group.attempt == attempt;
    match attach.iter_mut().find(alike) {
        Some(group) => {
            group.started_at = group.started_at.min(started_at);
            group.nodes.push(node);
        }
        None => attach.push(Attach { execution, attempt, nodes: vec![node], started_at }),
    }
}

/// What events tell of waves.
#[derive(Debug, Default)]
struct Seen {
    /// The last wave that began, from 1.
    begun: u64,
    /// The last one that was found well.
    well: u64,
    /// Why no further node was to be started.
    stopped: Option<String>,
}

fn places_of_wave(rollout: &Rollout, total: u64, wave: u64) -> std::ops::Range<u64> {
    let Mode::Rolling(rolling) = &rollout.mode else { return 0..total };
    let mut start = 0;
    for (number, length) in (1..).zip(wave_lengths(&rolling.waves, total)) {
        if number == wave {
            return start..start + length;
        }
        start += length;
    }
    0..0
}

fn key(id: ExecutionId, number: usize) -> Result<IdempotencyKey, SubmitError> {
    IdempotencyKey::new(format!("resume {number} of {id}"))
        .map_err(|error| SubmitError::Internal(error.to_string()))
}

/// The execution whose chain this one belongs to, when it went on with another.
fn first_of(record: &ExecutionRecord) -> Option<ExecutionId> {
    let key = record.request.idempotency_key.as_ref()?.as_str();
    let (number, first) = key.strip_prefix("resume ")?.split_once(" of ")?;
    number.parse::<usize>().ok()?;
    // Somebody else may have a key that reads so.
    first.parse().ok().filter(|first| record.request.rerun_of == Some(*first))
}

fn invalid(text: String) -> SubmitError {
    ValidationError::of("id", text).into()
}

fn stopped(id: ExecutionId, why: &str) -> SubmitError {
    invalid(format!(
        "the rollout of execution {id} goes no further: {why}; pab executions rerun --not-started runs the others \
         all the same"
    ))
}

fn refuse_part(record: &ExecutionRecord) -> Result<(), SubmitError> {
    match record.request.parent {
        None => Ok(()),
        Some(parent) => Err(invalid(format!(
            "execution {} is a part of {parent}, which has to be gone on with as a whole: pab graph resume {parent}, \
             or pab executions resume {parent}",
            record.id
        ))),
    }
}

fn nothing_left(record: &ExecutionRecord, chain: &Chain) -> SubmitError {
    let id = record.id;
    if chain.unknown.is_empty() {
        let text = format!(
            "nothing is left of execution {id}, which is {}; there is nothing to go on with",
            record.status
        );
        return invalid(text);
    }
    let names: Vec<&str> = chain.unknown.iter().take(SHOWN).map(NodeId::as_str).collect();
    let more = if chain.unknown.len() > names.len() { ", ..." } else { "" };
    invalid(format!(
        "every node of execution {id} was started; what came of it is not known on {}{more}: look there, then run it \
         again on them if that is right",
        names.join(", ")
    ))
}
