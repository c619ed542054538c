//! One task from its start to its end: [`run_task`]. It submits an execution by the ordinary way, waits for it, and
//! tells the runner; it holds no state of the graph.
//!
//! Every execution of a task has an idempotency key made of the run, the task and a number. So its record is at the
//! same time the record that the task was started: after a crash a task whose key is found was started, and no task
//! is started twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::id::{ExecutionId, IdempotencyKey};
use pabawi_domain::ports::StoreError;
use pabawi_domain::record::ExecutionQuery;
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::summary::Progress;
use pabawi_domain::task::{CheckedGraph, TaskEnd, render};
use tokio::sync::{mpsc, watch};
use tracing::Instrument as _;

use crate::chain::look;
use crate::engine::{Engine, Origin};
use crate::error::{EngineError, SubmitError};
use crate::graph::values::{Standing, values};
use crate::rerun::{GoesOn, RerunSecrets};

/// Rest before something is tried again that may succeed later: a full queue, a store that cannot write now.
const AGAIN: Duration = Duration::from_millis(250);

/// What every task of a run needs.
pub(super) struct Context {
    pub(super) engine: Engine,
    pub(super) run: ExecutionId,
    pub(super) caller: Caller,
    pub(super) graph: Arc<CheckedGraph>,
    /// Whether the graph is cancelled.
    pub(super) cancelled: watch::Sender<bool>,
    pub(super) outbox: mpsc::Sender<Told>,
    /// Set where the run goes on after a crash.
    pub(super) resume: Option<Resume>,
}

/// How a run goes on.
#[derive(Clone)]
pub(super) struct Resume {
    pub(super) secrets: RerunSecrets,
    pub(super) rerun_unknown: bool,
}

/// What the runner is told of a task.
pub(super) enum Told {
    /// An execution of it is recorded: now, or before a crash.
    Started {
        task: usize,
        execution: ExecutionId,
        is_new: bool,
    },
    Ended {
        task: usize,
        how: How,
        nodes: Option<Progress>,
    },
}

/// How a task ended.
pub(super) enum How {
    Known(TaskEnd),
    /// Not known, and why.
    Open(String),
}

/// Runs one task. Whatever happens, the runner is told of an end.
pub(super) async fn run_task(context: Arc<Context>, task: usize, prerequisites: HashMap<String, Standing>) {
    let inner = Arc::clone(&context);
    let ran =
        tokio::spawn(async move { to_the_end(&inner, task, &prerequisites).await }.in_current_span()).await;
    let ran = ran.unwrap_or_else(|fault| Err(Stop::Open(format!("internal fault: {fault}"))));
    let (how, nodes) = match ran {
        Ok(ended) => ended,
        Err(Stop::Failed(reason)) => (How::Known(TaskEnd::Failed { reason }), None),
        Err(Stop::Cancelled) => (How::Known(TaskEnd::Cancelled), None),
        Err(Stop::Open(why)) => (How::Open(why), None),
    };
    // A runner that is gone needs to know nothing.
    let _ = context.outbox.send(Told::Ended { task, how, nodes }).await;
}

/// Why a task does not come to the end of an execution.
enum Stop {
    Failed(String),
    Cancelled,
    Open(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Open(format!("its records cannot be read: {error}"))
    }
}

async fn to_the_end(
    context: &Context,
    task: usize,
    prerequisites: &HashMap<String, Standing>,
) -> Result<(How, Option<Progress>), Stop> {
    let store = &*context.engine.shared.store;
    let mut executions = Vec::new();
    if context.resume.is_some() {
        executions = begun(context, task).await?;
        for execution in &executions {
            let _ = context.outbox.send(Told::Started { task, execution: *execution, is_new: false }).await;
        }
    }
    let mut next = if executions.is_empty() {
        let request = request(context, task, prerequisites).await?;
        Some(accepted(context, || submit(context, request.clone())).await?)
    } else {
        go_on(context, task, &executions).await?
    };
    // Ends: a second execution is only begun by a resume, which does so once.
    if let Some(execution) = next.take() {
        executions.push(execution);
        let _ = context.outbox.send(Told::Started { task, execution, is_new: true }).await;
        match context.engine.outcome(execution).await {
            Ok(_) => {}
            Err(EngineError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(Stop::Open(error.to_string())),
        }
    }
    let ended = look(&executions, store).await?;
    let how = ended.end().map_or_else(|| How::Open(ended.open_reason()), How::Known);
    Ok((how, ended.nodes()))
}

/// The executions that the task had before the process died.
async fn begun(context: &Context, task: usize) -> Result<Vec<ExecutionId>, Stop> {
    let store = &*context.engine.shared.store;
    let mut found = Vec::new();
    // Ends with the first number that was not used.
    loop {
        let query = ExecutionQuery {
            idempotency_key: Some(key(context, task, found.len())?),
            limit: Some(1),
            ..ExecutionQuery::default()
        };
        match store.executions(&query).await?.items.first() {
            Some(record) => found.push(record.id),
            None => return Ok(found),
        }
    }
}

/// Goes on with a task that was begun: on the nodes that were not started, with the detached commands that were, and where
/// it is asked for on those whose outcome is not known. `None` when there is nothing to go on with.
async fn go_on(
    context: &Context,
    task: usize,
    executions: &[ExecutionId],
) -> Result<Option<ExecutionId>, Stop> {
    // The nodes may have been left by an earlier one than the last; all of them are targets of the first.
    let (Some(resume), Some(first)) = (&context.resume, executions.first()) else { return Ok(None) };
    let engine = &context.engine;
    let mut ended = look(executions, &*engine.shared.store).await?;
    let attach = engine.detached(executions, &mut ended).await?;
    let mut nodes = ended.not_started.clone();
    nodes.extend(attach.iter().flat_map(|group| group.nodes.iter().cloned()));
    if resume.rerun_unknown {
        nodes.extend(ended.unknown.iter().cloned());
    }
    if nodes.is_empty() {
        return Ok(None);
    }
    let key = key(context, task, executions.len())?;
    let follows = !attach.is_empty();
    let how = GoesOn { key, failures: ended.failures(), attach };
    let again = async || {
        let (caller, secrets) = (context.caller.clone(), resume.secrets.clone());
        engine.go_on(caller, *first, nodes.clone(), secrets, how.clone()).await
    };
    match accepted(context, again).await {
        // What runs detached goes on meanwhile, so the task has not failed: another resume may reach it.
        Err(Stop::Failed(why)) if follows => Err(Stop::Open(why)),
        accepted => accepted.map(Some),
    }
}

fn key(context: &Context, task: usize, number: usize) -> Result<IdempotencyKey, Stop> {
    let text = format!("graph {} task {task} execution {}", context.run, number + 1);
    IdempotencyKey::new(text).map_err(|error| Stop::Failed(error.to_string()))
}

/// What the task asks for, with every reference replaced.
async fn request(
    context: &Context,
    task: usize,
    prerequisites: &HashMap<String, Standing>,
) -> Result<ExecutionRequest, Stop> {
    let definition =
        context.graph.task(task).ok_or_else(|| Stop::Failed("there is no such task".to_owned()))?;
    let values = values(definition, prerequisites, &*context.engine.shared.store).await?;
    let value =
        |reference: &_| values.get(reference).cloned().unwrap_or_else(|| Err("is not known".to_owned()));
    let mut request = render(&definition.request, &value)
        .map_err(|error| Stop::Failed(format!("it could not be started: {error}")))?;
    request.parent = Some(context.run);
    // Only a resume says what is attached to.
    request.attach = Vec::new();
    request.idempotency_key = Some(key(context, task, 0)?);
    Ok(request)
}

async fn submit(context: &Context, request: ExecutionRequest) -> Result<ExecutionId, SubmitError> {
    let accepted = context.engine.accept(context.caller.clone(), request, None, None, Origin::Caller).await?;
    Ok(accepted.id)
}

/// Submits until it is accepted or refused for good.
async fn accepted<F: Future<Output = Result<ExecutionId, SubmitError>>>(
    context: &Context,
    submit: impl Fn() -> F,
) -> Result<ExecutionId, Stop> {
    let mut cancelled = context.cancelled.subscribe();
    // Ends with an answer, or when the graph is cancelled.
    loop {
        if *cancelled.borrow() {
            return Err(Stop::Cancelled);
        }
        match submit().await {
            Ok(id) => return Ok(id),
            Err(SubmitError::ShuttingDown) => return Err(Stop::Open("the engine was shut down".to_owned())),
            // A plugin that did not get ready is not waited for: nobody says when, or whether, it will.
            Err(error) if error.is_retryable() && !matches!(error, SubmitError::NotReady { .. }) => {
                tracing::debug!(graph_id = %context.run, %error, "a task waits for its turn");
                let _ = tokio::time::timeout(AGAIN, cancelled.wait_for(|cancelled| *cancelled)).await;
            }
            Err(error) => return Err(Stop::Failed(format!("it could not be started: {error}"))),
        }
    }
}
