//! The layer for a host's own subscriber ([`layer`]), and a subscriber for a host that has none ([`install`]).

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::filter::Wanted;
use super::sink_layer::SinkLayer;

/// There is a subscriber already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this program has a subscriber for tracing already; add pabawi::log::layer() to it")]
pub struct AlreadyInstalled;

/// The layer that brings the records of frameworks to their sinks. It looks at nothing else, and other layers are not
/// hindered by it.
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    SinkLayer.with_filter(Wanted)
}

/// Installs a subscriber that only brings records to sinks, for a program that has none. To be called by the program, not by
/// a library. Calling it again is calling it once.
///
/// # Errors
/// [`AlreadyInstalled`] when somebody else has installed another one.
pub fn install() -> Result<(), AlreadyInstalled> {
    static ONCE: std::sync::OnceLock<Result<(), AlreadyInstalled>> = std::sync::OnceLock::new();
    *ONCE.get_or_init(|| {
        let subscriber = Registry::default().with(layer());
        tracing::subscriber::set_global_default(subscriber).map_err(|_| AlreadyInstalled)
    })
}
