//! From `tracing` to [`LogRecord`]s: [`RecordLayer`]. It writes nowhere itself.

use jiff::Timestamp;
use pabawi_domain::ports::{LogLevel, LogRecord};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::fields::{Fields, Scope, component};
use super::route;

/// Gives every event that reaches it to a function, as a record with the ids of the execution and of the request that it
/// belongs to. What reaches it is for a filter to say.
#[derive(Debug, Clone, Copy)]
pub struct RecordLayer<F>(F);

impl<F: Fn(&Metadata<'_>, &LogRecord) + 'static> RecordLayer<F> {
    /// Calls the function for each event, on the thread on which it happens.
    pub fn new(told: F) -> Self {
        Self(told)
    }
}

impl<S, F> Layer<S> for RecordLayer<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn(&Metadata<'_>, &LogRecord) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        open_scope(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        add_to_scope(id, values, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let span = context.event_span(event);
        let record = in_scope(span.as_ref(), |scope| record_of(event, scope));
        (self.0)(event.metadata(), &record);
    }
}

/// Remembers at a new span what its events have from it and from those around it.
pub(super) fn open_scope<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = context.span(id) else { return };
    let mut scope = match span.parent() {
        Some(parent) => in_scope(Some(&parent), Clone::clone),
        None => Scope::default(),
    };
    let mut fields = Fields::default();
    attributes.record(&mut fields);
    if attributes.metadata().target() == route::TARGET {
        scope.queue = fields.others.remove(route::FIELD).and_then(|number| route::queue(number.as_u64()?));
    }
    take(&mut scope, fields);
    span.extensions_mut().replace(scope);
}

/// The same for fields that a span gets later.
pub(super) fn add_to_scope<S>(id: &Id, values: &Record<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = context.span(id) else { return };
    let mut fields = Fields::default();
    values.record(&mut fields);
    if let Some(scope) = span.extensions_mut().get_mut::<Scope>() {
        take(scope, fields);
    }
}

/// Looks at what the events of a span have from it.
pub(super) fn in_scope<S, T>(span: Option<&SpanRef<'_, S>>, look: impl FnOnce(&Scope) -> T) -> T
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match span {
        Some(span) => match span.extensions().get::<Scope>() {
            Some(scope) => look(scope),
            None => look(&Scope::default()),
        },
        None => look(&Scope::default()),
    }
}

fn take(scope: &mut Scope, mut fields: Fields) {
    if let Some(id) = fields.take_text("execution_id").and_then(|text| text.parse().ok()) {
        scope.execution_id = Some(id);
    }
    if let Some(id) = fields.take_text("correlation_id").and_then(|text| text.parse().ok()) {
        scope.correlation_id = Some(id);
    }
    scope.others.append(&mut fields.others);
}

/// The record of an event.
pub(super) fn record_of(event: &Event<'_>, scope: &Scope) -> LogRecord {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let message = std::mem::take(&mut fields.message);
    let mut own = Scope::default();
    take(&mut own, fields);
    let mut others = scope.others.clone();
    others.append(&mut own.others);
    let text = |name: &str| others.get(name).and_then(|value| Some(value.as_str()?.to_owned()));
    LogRecord {
        at: Timestamp::now(),
        level: level_of(*event.metadata().level()),
        component: component(event.metadata()),
        integration: ["plugin", "transport", "provider", "source"].into_iter().find_map(text),
        operation: ["capability", "kind"].into_iter().find_map(text),
        message,
        execution_id: own.execution_id.or(scope.execution_id),
        correlation_id: own.correlation_id.or_else(|| scope.correlation_id.clone()),
        fields: others,
    }
}

/// The level, of which there is none below debug.
pub(super) fn level_of(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}
