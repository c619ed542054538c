//! The layer that brings records to sinks: [`SinkLayer`].

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{records, route};

/// Brings each event to the queue of the framework in whose span it happens; one outside of all of them, nowhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct SinkLayer;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SinkLayer {
    fn on_layer(&mut self, _: &mut S) {
        route::has_layer_now();
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        records::open_scope(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        records::add_to_scope(id, values, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        records::in_scope(Some(&span), |scope| {
            if let Some(queue) = &scope.queue
                && records::level_of(*event.metadata().level()) >= queue.level()
            {
                queue.put(|| records::record_of(event, scope));
            }
        });
    }
}
