//! Traces: each execution as a span, with a span below it for each attempt on a node, sent to a collector of
//! OpenTelemetry by OTLP over HTTP (protobuf). Main type: [`Traces`].
//!
//! Spans are made of what is stored of an execution when it is stored ([`TracedStore`] stands before the store), so they
//! say what history says, and have its times. The id of a trace is the execution's id, without hyphens.
//!
//! Nothing waits for a collector: spans stand in a bounded queue, what there is no room for is dropped, and the exporter logs
//! that. Of an execution whose process dies nothing is sent.

mod client;
mod options;
mod spans;
mod store;
mod traces;

pub use options::TraceOptions;
pub use store::TracedStore;
pub use traces::Traces;
