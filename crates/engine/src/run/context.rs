//! What all node runs of one execution share: [`RunContext`]. One allocation for an execution, whatever the
//! number of its nodes; nothing here changes while it runs.

use std::sync::Arc;
use std::time::Duration;

use pabawi_domain::action::Action;
use pabawi_domain::host_key::HostKeyPolicy;
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::ports::{Clock, ExecutionRef};
use pabawi_domain::redact::Redactor;
use pabawi_domain::request::Caller;
use pabawi_domain::resilience::RetryPolicy;
use tokio::sync::{Semaphore, mpsc};

use crate::authorize::AuthorizerGate;
use crate::breaker::BreakerBoard;
use crate::emit::Message;
use crate::limits::EngineLimits;
use crate::meter::Meter;
use crate::needs::Needs;
use crate::plan::{PlannedTarget, Transports};
use crate::pressure::{MemoryBudget, ReadingGate};
use crate::run::{DetachedNames, Unsettled};

/// What a node run needs besides its own target.
pub(crate) struct RunContext {
    pub(crate) id: ExecutionId,
    /// The execution, for whoever works for it.
    pub(crate) execution_ref: ExecutionRef,
    pub(crate) caller: Caller,
    pub(crate) needs: Needs,
    /// With its secrets; shared, never cloned for a node.
    pub(crate) action: Arc<Action>,
    /// Finds those secrets in what the nodes say, where there are any.
    pub(crate) redactor: Option<Arc<Redactor>>,
    /// Shared with the hub.
    pub(crate) targets: Arc<[PlannedTarget]>,
    pub(crate) transports: Arc<Transports>,
    pub(crate) gate: AuthorizerGate,
    /// The way to the execution's event hub. Bounded: a hub that is held slows the runs down.
    pub(crate) hub: mpsc::Sender<Message>,
    /// Bytes of output that may be on the way to the hub.
    pub(crate) output_room: Arc<Semaphore>,
    /// All output in memory.
    pub(crate) budget: Arc<MemoryBudget>,
    /// One permit: for the run that reads on while the budget is pressed.
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Arc<EngineLimits>,
    pub(crate) meter: Meter,
    pub(crate) connect_timeout: Duration,
    pub(crate) node_timeout: Option<Duration>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) breakers: Arc<BreakerBoard>,
    pub(crate) host_keys: Option<HostKeyPolicy>,
    pub(crate) debug: bool,
    /// What earlier processes have left on nodes.
    pub(crate) unsettled: Arc<Unsettled>,
    /// Where the commands are detached.
    pub(crate) detached: Option<DetachedNames>,
}

impl RunContext {
    /// The target at that place of the plan.
    pub(crate) fn target(&self, index: u32) -> Option<&PlannedTarget> {
        self.targets.get(usize::try_from(index).ok()?)
    }

    /// The gate of a new run.
    pub(super) fn reading_gate(&self) -> ReadingGate {
        let all_room = self.limits.output_in_flight_bytes;
        ReadingGate::new(&self.budget, &self.turns, &self.output_room, all_room)
    }

    /// The node at that place of the plan.
    pub(crate) fn node(&self, index: u32) -> Option<&NodeId> {
        self.target(index).map(|planned| &planned.target.node)
    }
}
