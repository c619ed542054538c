//! Traces for a collector of OpenTelemetry (feature `otlp`); see [`FrameworkBuilder::traces`](crate::FrameworkBuilder::traces).

pub use pabawi_traces::TraceOptions;
