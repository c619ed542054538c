//! One call of `executeAction` for each node: [`Runner`] starts them, so many at once, and [`V1Running`] is what a node's run
//! holds. v1.x cannot end a call: it is only known not to have begun, or what the plugin's hook `cancelAction` says of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::error::{ErrorCode, NodeError, PluginTrace};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::node::{Target, parse_destination};
use pabawi_domain::outcome::Termination;
use pabawi_domain::ports::{
    ActionEnd, ActionEvent, PluginError, PluginRun, RunningAction, TerminateMode, TransportError, V1Error,
    V1ErrorKind, V1Stream,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::calls::Calls;
use super::failure;
use super::live::{Live, Texts};
use super::names::Names;
use super::request::V1Request;
use super::result::{self, Told};
use super::settings::V1Settings;

const METHOD: &str = "executeAction";
const HOOK: &str = "cancelAction";
/// What a plugin that has a limit of its own is given more, to say that it ran out.
const OWN_LIMIT: Duration = Duration::from_secs(5);
/// What the hook is given besides the grace.
const HOOK_LIMIT: Duration = Duration::from_secs(2);

/// Starts actions of one plugin.
#[derive(Clone)]
pub(super) struct Runner {
    calls: Calls,
    settings: V1Settings,
    permits: Arc<Semaphore>,
    names: Arc<Names>,
}

impl Runner {
    pub(super) fn new(calls: Calls, settings: V1Settings, names: Arc<Names>) -> Self {
        let permits = Arc::new(Semaphore::new(settings.actions_at_once.clamp(1, Semaphore::MAX_PERMITS)));
        Self { calls, settings, permits, names }
    }

    /// Starts an action on each target. Nothing here waits for the plugin but the question whether it is ready.
    ///
    /// # Errors
    /// It is not ready, or cannot say so.
    pub(super) async fn start(
        &self,
        run: PluginRun,
    ) -> Result<Vec<(NodeId, Box<dyn RunningAction>)>, PluginError> {
        let request = match V1Request::of(&run.action) {
            Ok(request) => Arc::new(request),
            Err(refused) => {
                let refuse = |target: Target| {
                    let error = TransportError::before_start(&target.node, ErrorCode::Unsupported, &refused);
                    let running = self.running(&run, &target);
                    running.live.finish(Texts::default(), ActionEnd::Failed(error));
                    (target.node, Box::new(running) as _)
                };
                return Ok(run.targets.iter().cloned().map(refuse).collect());
            }
        };
        self.calls.initialized(self.settings.ask_timeout).await?;
        let begin = |target: &Target| {
            let mut running = self.running(&run, target);
            let work = Work {
                runner: self.clone(),
                request: Arc::clone(&request),
                target: target.clone(),
                own: running.own.clone(),
                run: (run.execution_id, run.correlation_id.clone()),
                live: Arc::clone(&running.live),
                turn: Arc::clone(&running.turn),
            };
            running.task = Some(tokio::spawn(work.run().in_current_span()).abort_handle());
            (target.node.clone(), Box::new(running) as _)
        };
        Ok(run.targets.iter().map(begin).collect())
    }

    fn running(&self, run: &PluginRun, target: &Target) -> V1Running {
        let use_of_stream = self.settings.use_of_stream(self.calls.own().as_str());
        V1Running {
            own: self.names.own(&target.node),
            node: target.node.clone(),
            execution: run.execution_id,
            live: Arc::new(Live::new(use_of_stream, self.settings.max_unread_bytes)),
            turn: Arc::default(),
            calls: self.calls.clone(),
            task: None,
            report: None,
        }
    }

    /// The plugin's fault on one node.
    fn fault(&self, node: &NodeId, error: &PluginError, may_have_started: bool) -> TransportError {
        let PluginError { plugin, code, message, stack } = error;
        let trace = PluginTrace::new(plugin.clone(), stack.as_deref());
        let error = NodeError::new(node.clone(), *code, format!("plugin {plugin}: {message}"));
        TransportError { error: error.of_plugin(trace), may_have_started, termination: None }
    }
}

/// Whether an action has begun. Who changes it first decides.
#[derive(Debug, Default)]
struct Turn(AtomicU8);

const WAITS: u8 = 0;
const BEGUN: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Turn {
    fn begin(&self) -> bool {
        self.0.compare_exchange(WAITS, BEGUN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// `false` when it has begun.
    fn withdraw(&self) -> bool {
        self.0.compare_exchange(WAITS, WITHDRAWN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// One call.
struct Work {
    runner: Runner,
    request: Arc<V1Request>,
    target: Target,
    own: NodeId,
    run: (ExecutionId, Option<pabawi_domain::id::CorrelationId>),
    live: Arc<Live>,
    turn: Arc<Turn>,
}

impl Work {
    async fn run(self) {
        let Ok(_permit) = self.runner.permits.acquire().await else { return };
        if !self.turn.begin() {
            return;
        }
        let settings = &self.runner.settings;
        let limit = settings.action_timeout;
        let unit = settings.timeout_unit(self.runner.calls.own().as_str());
        let argument =
            self.request.argument(self.own.as_str(), (limit, unit), self.run.0, self.run.1.as_ref());
        let stream = Arc::clone(&self.live) as V1Stream;
        let limit = limit.saturating_add(OWN_LIMIT);
        let answer = self.runner.calls.call_streaming(METHOD, vec![argument], Some(stream), limit).await;
        let Told { texts, mut end } = self.told(answer);
        if let ActionEnd::Failed(failure) = &mut end {
            let message = std::mem::take(&mut failure.error.message);
            failure.error.message = self.runner.calls.redacted(message);
        }
        self.live.finish(texts, end);
    }

    fn told(&self, answer: Result<Value, V1Error>) -> Told {
        let node = &self.target.node;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let meaning = match error.kind {
                    V1ErrorKind::Thrown | V1ErrorKind::Rejected => failure::of_rejection(&error),
                    _ => None,
                };
                if let Some(meaning) = meaning {
                    let end = result::failed(node, meaning, &error.message);
                    return Told { texts: Texts::default(), end };
                }
                let fault = self.runner.calls.fault(METHOD, &error);
                let mut failed = self.runner.fault(node, &fault, error.kind != V1ErrorKind::Missing);
                if matches!(error.kind, V1ErrorKind::Timeout | V1ErrorKind::Gone) {
                    let why = "a call of a v1.x plugin cannot be stopped".to_owned();
                    failed.termination = Some(Termination::Unconfirmed { why });
                }
                return Told { texts: Texts::default(), end: ActionEnd::Failed(failed) };
            }
        };
        let host = self.target.endpoint.host.as_deref();
        // Nodes that the SSH plugin does not list are called by their host alone.
        let destination = parse_destination(self.own.as_str()).ok().and_then(|destination| destination.host);
        let known_as: Vec<&str> =
            [Some(self.own.as_str()), Some(node.as_str()), host, destination.as_deref()]
                .into_iter()
                .flatten()
                .collect();
        result::read(&answer, node, &known_as).unwrap_or_else(|fault| {
            let fault = self.runner.calls.error(ErrorCode::PluginFault, fault, None);
            let end = ActionEnd::Failed(self.runner.fault(node, &fault, true));
            Told { texts: Texts::default(), end }
        })
    }
}

/// One node's call, for its run.
struct V1Running {
    node: NodeId,
    own: NodeId,
    execution: ExecutionId,
    live: Arc<Live>,
    turn: Arc<Turn>,
    calls: Calls,
    task: Option<AbortHandle>,
    /// What was said of its end, once it was to end.
    report: Option<Termination>,
}

impl V1Running {
    /// Nobody waits for the call any more, so it takes no other one's turn. What has begun goes on in any case, and is followed
    /// to its answer.
    fn let_go(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    async fn stop(&self, mode: TerminateMode) -> Termination {
        let limit = match mode {
            TerminateMode::Graceful { grace } => grace.saturating_add(HOOK_LIMIT),
            TerminateMode::Kill => HOOK_LIMIT,
        };
        let argument = json!({"executionId": self.execution.to_string(), "target": self.own.as_str()});
        let why = match self.calls.call(HOOK, vec![argument], limit).await {
            Ok(Value::Bool(true)) => return Termination::Confirmed,
            Ok(_) => format!("{HOOK} of the plugin does not say that it is over"),
            Err(error) if error.kind == V1ErrorKind::Missing => "a v1.x plugin cannot be stopped".to_owned(),
            Err(error) => self.calls.told(HOOK, &error),
        };
        Termination::Unconfirmed { why }
    }
}

#[async_trait]
impl RunningAction for V1Running {
    async fn next(&mut self) -> ActionEvent {
        self.live.next().await
    }

    async fn terminate(&mut self, mode: TerminateMode) -> Termination {
        if let Some(report) = &self.report {
            return report.clone();
        }
        let report = match self.live.end() {
            Some(ActionEnd::Failed(failure)) => failure.termination.unwrap_or(Termination::Confirmed),
            Some(_) => Termination::Confirmed,
            None if self.turn.withdraw() => Termination::Confirmed,
            None => self.stop(mode).await,
        };
        // It may have ended while it was asked to.
        let report = match self.live.end() {
            Some(ActionEnd::Exited { .. }) => Termination::Confirmed,
            _ => report,
        };
        self.let_go();
        let text = "was ended while the plugin worked";
        let error = TransportError::after_start(&self.node, ErrorCode::Internal, text)
            .with_termination(report.clone());
        self.live.finish(Texts::default(), ActionEnd::Failed(error));
        self.report = Some(report.clone());
        report
    }
}

impl Drop for V1Running {
    fn drop(&mut self) {
        self.let_go();
    }
}
