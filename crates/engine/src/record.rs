//! Fifth stage: the execution is on stable storage before anybody hears its id. Main type:
//! [`RecordedExecution`], which only [`record`] makes. Secrets do not get past this point into the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, PluginName};
use pabawi_domain::node::Target;
use pabawi_domain::ports::{Clock, Created, ExecutionStore};
use pabawi_domain::record::{ExecutionRecord, NewExecution};
use pabawi_domain::request::{Caller, ExecutionRequest};
use pabawi_domain::secret::{REDACTED, Secret};
use uuid::Uuid;

use crate::engine::Origin;
use crate::error::SubmitError;
use crate::needs::Needs;
use crate::plan::{ExecutionPlan, PlannedTarget};
use crate::schedule::{QueuePlace, QueueRoom};

/// An execution that survives `kill -9` and has a place in the queue.
#[derive(Debug)]
pub(crate) struct RecordedExecution {
    pub(crate) id: ExecutionId,
    pub(crate) submitted_at: Timestamp,
    pub(crate) caller: Caller,
    /// With secrets; it stays in memory.
    pub(crate) request: ExecutionRequest,
    /// Without secrets, as it is stored and shown.
    pub(crate) redacted: Arc<ExecutionRequest>,
    pub(crate) needs: Needs,
    pub(crate) targets: Vec<PlannedTarget>,
    /// The plugins and transports that are ways to the targets.
    pub(crate) plugins: BTreeSet<PluginName>,
    pub(crate) place: QueuePlace,
    /// Nobody else makes one.
    _stage: (),
}

/// What came of recording.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// It is new and has to be run.
    New(Box<RecordedExecution>),
    /// The same request was accepted before under the same idempotency key.
    Existing(ExecutionId),
}

/// Takes a place in the queue, then writes the execution down.
///
/// # Errors
/// [`SubmitError::QueueFull`], [`SubmitError::IdempotencyConflict`], [`SubmitError::Store`]; then nothing is
/// written.
pub(crate) async fn record(
    plan: ExecutionPlan,
    room: &Arc<QueueRoom>,
    store: &dyn ExecutionStore,
    clock: &dyn Clock,
    origin: Origin,
) -> Result<Recorded, SubmitError> {
    let place = match origin {
        Origin::Caller => room.take(plan.targets().len())?,
        Origin::Part => room.take_beside(),
    };
    let submitted_at = clock.now();
    let id = new_id(submitted_at);
    let redacted = Arc::new(plan.request().redacted());
    let created = store
        .create(NewExecution {
            id,
            caller: plan.caller().clone(),
            request: redacted.as_ref().clone(),
            targets: plan.targets().iter().map(|planned| recorded(&planned.target)).collect(),
            plugins: plan.plugins().clone(),
            submitted_at,
        })
        .await?;
    match created {
        Created::New => {
            let (caller, request, needs, targets, plugins) = plan.into_parts();
            Ok(Recorded::New(Box::new(RecordedExecution {
                id,
                submitted_at,
                caller,
                request,
                redacted,
                needs,
                targets,
                plugins,
                place,
                _stage: (),
            })))
        }
        Created::Existing { id: existing, same_request } => {
            // Somebody else's execution is never handed out, even for the same request.
            let record = store.execution(existing).await?;
            let record = record.filter(|record| record.caller.user == plan.caller().user);
            let is_same = |record: &ExecutionRecord| {
                same_request || (plan.needs().is_chosen && is_but_for_the_way(&redacted, &record.request))
            };
            if record.as_ref().is_some_and(is_same) {
                Ok(Recorded::Existing(existing))
            } else {
                Err(SubmitError::IdempotencyConflict { existing })
            }
        }
    }
}

/// Whether a request differs from a recorded one at most in the plugin, for which another one was chosen this time.
fn is_but_for_the_way(request: &ExecutionRequest, recorded: &ExecutionRequest) -> bool {
    let transport = recorded.transport.clone();
    ExecutionRequest { transport, ..request.clone() } == *recorded
}

/// An id that sorts by the time.
pub(crate) fn new_id(at: Timestamp) -> ExecutionId {
    let drawn = *Uuid::new_v4().as_bytes();
    // Bytes 6 and 8 of a version 4 UUID are partly fixed (RFC 9562 section 5.4); the others are random.
    let [a, b, c, d, e, f, _, g, _, h, i, j, ..] = drawn;
    let ms = u64::try_from(at.as_millisecond()).unwrap_or_default();
    ExecutionId::from_parts(ms, [a, b, c, d, e, f, g, h, i, j])
}

/// A target without its secrets and its groups, which may be others when it is run again.
fn recorded(target: &Target) -> Target {
    let mut endpoint = target.endpoint.clone();
    if let Some(password) = &mut endpoint.password {
        *password = Secret::new(REDACTED);
    }
    Target::new(target.node.clone(), endpoint)
}
