//! What is stored of executions, folded into spans: [`Spans`]. It sends nothing and asks nobody.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

use jiff::Timestamp;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator, SpanData};
use pabawi_domain::event::{EventKind, ExecutionEvent};
use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::phases::{RunPhases, micros_between};
use pabawi_domain::ports::ConnectPhases;
use pabawi_domain::record::NewExecution;
use pabawi_domain::summary::{ExecutionStatus, ExecutionSummary};

/// The executions that are open, and what their spans will say.
pub(crate) struct Spans {
    scope: InstrumentationScope,
    open: HashMap<ExecutionId, Open>,
}

/// An execution that is not over.
struct Open {
    context: SpanContext,
    /// The span of the request that it belongs to, where its correlation id is a W3C trace context.
    parent: Option<SpanId>,
    kind: &'static str,
    submitted_at: Timestamp,
    started_at: Option<Timestamp>,
    attributes: Vec<KeyValue>,
    nodes: HashMap<NodeId, Begun>,
}

/// An attempt that has begun.
struct Begun {
    at: Timestamp,
    connect: Option<ConnectPhases>,
}

impl Open {
    pub(crate) fn of(new: &NewExecution) -> Self {
        let request = &new.request;
        let text = |name: &'static str, value: &str| KeyValue::new(name, value.to_owned());
        let mut attributes = vec![
            text("pabawi.execution.id", &new.id.to_string()),
            text("pabawi.action.kind", request.action.kind().as_str()),
            text("pabawi.action", &request.action.text()),
            text("user.name", &new.caller.user),
            KeyValue::new("pabawi.targets", i64::try_from(new.targets.len()).unwrap_or(i64::MAX)),
        ];
        let correlation = request.correlation_id.as_ref().map(|id| id.as_str());
        attributes.extend(correlation.map(|id| text("pabawi.correlation.id", id)));
        let (trace, parent) = match correlation.and_then(trace_context) {
            Some((trace, parent)) => (trace, Some(parent)),
            None => (TraceId::from_bytes(*new.id.as_uuid().as_bytes()), None),
        };
        Self {
            context: context(trace),
            parent,
            kind: request.action.kind().as_str(),
            submitted_at: new.submitted_at,
            started_at: None,
            attributes,
            nodes: HashMap::new(),
        }
    }

    /// The span of an attempt on a node, or of a node that came to none.
    fn node(
        &mut self,
        node: &NodeId,
        attempt: u32,
        result: &NodeOutcome,
        run: Option<RunPhases>,
        at: Timestamp,
        scope: &InstrumentationScope,
    ) -> SpanData {
        let begun = self.nodes.remove(node);
        let from = begun.as_ref().map_or(at, |begun| begun.at);
        let mut attributes = vec![
            KeyValue::new("pabawi.node", node.as_str().to_owned()),
            KeyValue::new("pabawi.attempt", i64::from(attempt)),
            KeyValue::new("pabawi.outcome", result.word()),
        ];
        let code = result.exit_code().map(|code| KeyValue::new("process.exit.code", i64::from(code)));
        attributes.extend(code);
        let queued = self.started_at.map_or(0, |started| micros_between(started, from));
        let connect = begun.and_then(|begun| begun.connect);
        attributes.extend(phases(queued, connect, run));
        let status = match result.is_failure() {
            true => Status::error(result.describe()),
            false => Status::Unset,
        };
        let span = Span {
            name: Cow::Borrowed("node run"),
            kind: SpanKind::Client,
            from,
            to: at,
            attributes,
            status,
        };
        span.data(context(self.context.trace_id()), Some(self.context.span_id()), scope)
    }

    /// The span of the execution.
    fn over(mut self, summary: &ExecutionSummary, at: Timestamp, scope: &InstrumentationScope) -> SpanData {
        let counts = summary.progress;
        let counted = [
            ("pabawi.succeeded", counts.succeeded),
            ("pabawi.failed", counts.failed),
            ("pabawi.cancelled", counts.cancelled),
            ("pabawi.skipped", counts.skipped),
            ("pabawi.unconfirmed", summary.unconfirmed),
        ];
        let number = |(name, count)| KeyValue::new(name, i64::try_from(count).unwrap_or(i64::MAX));
        self.attributes.push(KeyValue::new("pabawi.status", summary.status.as_str()));
        self.attributes.extend(counted.map(number));
        let status = match summary.status {
            ExecutionStatus::Completed => Status::Unset,
            other => Status::error(other.as_str()),
        };
        let span = Span {
            name: Cow::Borrowed(self.kind),
            kind: SpanKind::Internal,
            from: self.submitted_at,
            to: at,
            attributes: self.attributes,
            status,
        };
        span.data(self.context, self.parent, scope)
    }
}

impl Spans {
    pub(crate) fn new() -> Self {
        let scope = InstrumentationScope::builder("pabawi").with_version(env!("CARGO_PKG_VERSION")).build();
        Self { scope, open: HashMap::new() }
    }

    /// An execution that is about to be stored. What was not stored in the end has to be [forgotten](Self::forget).
    pub(crate) fn accepted(&mut self, new: &NewExecution) {
        self.open.insert(new.id, Open::of(new));
    }

    pub(crate) fn forget(&mut self, id: ExecutionId) {
        self.open.remove(&id);
    }

    /// The span that a stored event ends.
    pub(crate) fn stored(&mut self, event: &ExecutionEvent) -> Option<SpanData> {
        let open = self.open.get_mut(&event.execution_id)?;
        match &event.kind {
            EventKind::Started => open.started_at = Some(event.at),
            EventKind::NodeStarted { node, .. } => {
                open.nodes.insert(node.clone(), Begun { at: event.at, connect: None });
            }
            EventKind::NodeConnected { node, phases, .. } => {
                if let Some(begun) = open.nodes.get_mut(node) {
                    begun.connect = Some(*phases);
                }
            }
            EventKind::AttemptFailed { node, attempt, result, .. } => {
                return Some(open.node(node, *attempt, result, None, event.at, &self.scope));
            }
            EventKind::NodeFinished { node, attempt, result, phases, .. } => {
                return Some(open.node(node, *attempt, result, *phases, event.at, &self.scope));
            }
            EventKind::Finished { summary } => {
                let open = self.open.remove(&event.execution_id)?;
                return Some(open.over(summary, event.at, &self.scope));
            }
            _ => {}
        }
        None
    }
}

/// What a span has.
struct Span {
    name: Cow<'static, str>,
    kind: SpanKind,
    from: Timestamp,
    to: Timestamp,
    attributes: Vec<KeyValue>,
    status: Status,
}

impl Span {
    fn data(self, context: SpanContext, parent: Option<SpanId>, scope: &InstrumentationScope) -> SpanData {
        SpanData {
            span_context: context,
            parent_span_id: parent.unwrap_or(SpanId::INVALID),
            // A parent of another program is where the trace came in; ours are made here.
            parent_span_is_remote: parent.is_some() && self.kind == SpanKind::Internal,
            span_kind: self.kind,
            name: self.name,
            start_time: SystemTime::from(self.from),
            // A clock that was set back makes no span that ends before it starts.
            end_time: SystemTime::from(self.to.max(self.from)),
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: self.status,
            instrumentation_scope: scope.clone(),
        }
    }
}

fn context(trace: TraceId) -> SpanContext {
    let span = RandomIdGenerator::default().new_span_id();
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default())
}

/// Trace and span of a `traceparent` header (W3C Trace Context, section 3.2.2).
fn trace_context(text: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if version != "00" || !hex(trace, 32) || !hex(span, 16) || !hex(flags, 2) || parts.next().is_some() {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    (trace != TraceId::INVALID && span != SpanId::INVALID).then_some((trace, span))
}

/// Where a node's time went, in seconds, by the words of `pab executions explain-slow`.
fn phases(queued_us: u64, connect: Option<ConnectPhases>, run: Option<RunPhases>) -> Vec<KeyValue> {
    let connect = connect.map(|phases| phases.parts());
    let run = run.map(|phases| phases.parts());
    let all = [("queue", queued_us)].into_iter().chain(connect.into_iter().flatten());
    let all = all.chain(run.into_iter().flatten());
    all.map(|(phase, us)| KeyValue::new(format!("pabawi.phase.{phase}"), us as f64 / 1e6)).collect()
}
