//! What the layer for sinks looks at: [`Wanted`]. Only what this framework says, and no more than some sink wants.

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use super::route;

/// Spans and events of the framework, at the levels that some sink wants now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted;

impl Wanted {
    fn wants(metadata: &Metadata<'_>) -> bool {
        // Spans carry the ids, whatever their level is.
        metadata.target().starts_with("pabawi") && (metadata.is_span() || *metadata.level() <= route::most())
    }
}

impl<S: Subscriber> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Asked anew whenever what is wanted changes.
        if Self::wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // The spans are errors.
        Some(route::most().max(LevelFilter::ERROR))
    }
}
