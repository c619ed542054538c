//! After a wave: did it do well? [`HealthProbe`] runs the health check as an execution of its own and reports; what
//! follows from that is the dispatcher's decision.

use pabawi_domain::id::{ExecutionId, PluginName};
use pabawi_domain::node::{Target, TargetExpression};
use pabawi_domain::ports::TerminateMode;
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::rollout::{HealthCheck, Rollout};
use pabawi_domain::summary::ExecutionStatus;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::cancel::order;
use crate::engine::{Engine, Origin};

/// What is needed to check a wave, made once for an execution.
pub(crate) struct HealthChecks {
    engine: Engine,
    caller: Caller,
    /// The execution that is checked, with its secrets.
    request: ExecutionRequest,
    check: HealthCheck,
    parent: ExecutionId,
}

/// How a check ended.
#[derive(Debug, Default)]
pub(crate) struct HealthReport {
    /// The check's own execution, where it came to one.
    pub(crate) execution: Option<ExecutionId>,
    /// What is wrong; absent when the check succeeded everywhere.
    pub(crate) unhealthy: Option<String>,
}

/// A check that is going on.
#[derive(Debug)]
pub(crate) struct HealthProbe {
    task: JoinHandle<HealthReport>,
    stop: watch::Sender<Option<TerminateMode>>,
}

impl HealthChecks {
    /// The checks of an execution, where its rollout has some.
    pub(crate) fn of(
        engine: Engine,
        caller: &Caller,
        request: &ExecutionRequest,
        parent: ExecutionId,
    ) -> Option<Self> {
        let check = request.rollout.health_check()?.clone();
        Some(Self { engine, caller: caller.clone(), request: request.clone(), check, parent })
    }

    /// Begins to check. `succeeded` are the targets of the wave that did; a wave without any is not well, unless the
    /// check has targets of its own.
    pub(crate) fn begin(&self, succeeded: Vec<Target>) -> HealthProbe {
        let known = match &self.check.targets {
            Some(_) => None,
            None => Some(succeeded),
        };
        let (stop, stopped) = watch::channel(None);
        let request = self.request(known.as_deref().unwrap_or_default());
        let check = run(self.engine.clone(), self.caller.clone(), request, known, stopped);
        HealthProbe { task: tokio::spawn(check.in_current_span()), stop }
    }

    fn request(&self, succeeded: &[Target]) -> ExecutionRequest {
        let nodes = || TargetExpression::of_nodes(succeeded.iter().map(|target| &target.node));
        let mut request = self.request.clone();
        request.action = self.check.action.as_ref().clone();
        // The way that was chosen for the whole, were it the transports.
        request.transport.get_or_insert_with(PluginName::ssh);
        request.targets = self.check.targets.clone().unwrap_or_else(nodes);
        request.rollout = Rollout::default();
        request.retry = None;
        request.idempotency_key = None;
        request.rerun_of = None;
        request.attach = Vec::new();
        request.parent = Some(self.parent);
        request.timeouts.execution_ms = None;
        request.timeouts.node_ms = Some(self.check.timeout_ms.unwrap_or(HealthCheck::DEFAULT_TIMEOUT_MS));
        request
    }
}

impl HealthProbe {
    /// Ends the check; its report still comes.
    pub(super) fn stop(&self, mode: TerminateMode) {
        self.stop.send_replace(Some(mode));
    }

    /// Waits for the report. Dropping the future loses nothing.
    pub(crate) async fn report(&mut self) -> HealthReport {
        match (&mut self.task).await {
            Ok(report) => report,
            Err(error) => {
                let unhealthy = Some(format!("the health check could not be done: {error}"));
                HealthReport { execution: None, unhealthy }
            }
        }
    }
}

async fn run(
    engine: Engine,
    caller: Caller,
    request: ExecutionRequest,
    known: Option<Vec<Target>>,
    mut stopped: watch::Receiver<Option<TerminateMode>>,
) -> HealthReport {
    if known.as_ref().is_some_and(Vec::is_empty) {
        let unhealthy = Some("no node of the wave succeeded".to_owned());
        return HealthReport { execution: None, unhealthy };
    }
    let user = caller.user.clone();
    let id = match engine.accept(caller, request, known, None, Origin::Part).await {
        Ok(accepted) => accepted.id,
        Err(error) => {
            let unhealthy = Some(format!("the health check could not be started: {error}"));
            return HealthReport { execution: None, unhealthy };
        }
    };
    let mut outcome = std::pin::pin!(engine.outcome(id));
    let mut open = true;
    // Ends with the check: each order is passed on once.
    let outcome = loop {
        tokio::select! {
            outcome = &mut outcome => break outcome,
            changed = stopped.changed(), if open => {
                open = changed.is_ok();
                // A dispatcher that is gone has no use for the check either.
                let ordered = *stopped.borrow_and_update();
                let mode = if open { ordered } else { Some(TerminateMode::Kill) };
                if let (Some(mode), Some(live)) = (mode, engine.shared.registry.get(id)) {
                    order(&live, None, mode, user.clone()).await;
                }
            }
        }
    };
    let unhealthy = match outcome {
        Ok(outcome) if outcome.summary.status == ExecutionStatus::Completed => None,
        Ok(outcome) => {
            let counts = outcome.summary.progress;
            let bad = counts.total.saturating_sub(counts.succeeded);
            Some(format!("the health check did not succeed on {bad} of {} nodes", counts.total))
        }
        Err(error) => Some(format!("the end of the health check is not known: {error}")),
    };
    HealthReport { execution: Some(id), unhealthy }
}
