//! [`Traces`]: spans on their way to a collector.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanProcessor as _};
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::StoreWrite;
use pabawi_domain::record::NewExecution;
use pabawi_domain::validation::ValidationError;

use crate::client::CollectorClient;
use crate::options::TraceOptions;
use crate::spans::Spans;

/// Spans that may wait. One is about a kilobyte.
const WAITING: usize = 32_768;
/// Spans in one request.
const TOGETHER: usize = 512;
/// The longest that a span waits for others to go with.
const EVERY: Duration = Duration::from_secs(1);

/// Spans on their way to a collector. Cloning shares everything.
#[derive(Clone)]
pub struct Traces(Arc<Inner>);

struct Inner {
    // As an exception behind a mutex: it is no run state, and is held for a look at some events, never across an await.
    spans: Mutex<Spans>,
    processor: BatchSpanProcessor,
}

impl Traces {
    /// Checks the options and starts the thread that sends. To be called on the runtime of tokio whose network is used; nothing
    /// is sent yet.
    ///
    /// # Errors
    /// Every option that cannot be used, under its name.
    pub fn open(options: &TraceOptions) -> Result<Self, ValidationError> {
        let headers = options.checked_headers()?;
        let address = options.address()?;
        let client = CollectorClient::new(&address, options.ca_file.as_deref(), headers, options.timeout)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address)
            .with_timeout(options.timeout)
            .build()
            .map_err(|error| ValidationError::of("otlp.endpoint", error.to_string()))?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING)
            .with_max_export_batch_size(TOGETHER)
            .with_scheduled_delay(EVERY)
            .build();
        let mut processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        processor.set_resource(&Resource::builder().with_service_name(options.service.clone()).build());
        Ok(Self(Arc::new(Inner { spans: Mutex::new(Spans::new()), processor })))
    }

    pub(crate) fn accepted(&self, new: &NewExecution) {
        self.with_spans(|spans| spans.accepted(new));
    }

    pub(crate) fn forget(&self, id: ExecutionId) {
        self.with_spans(|spans| spans.forget(id));
    }

    pub(crate) fn stored(&self, writes: &[StoreWrite]) {
        self.with_spans(|spans| {
            for write in writes {
                let StoreWrite::Events { events, .. } = write else { continue };
                events.iter().filter_map(|event| spans.stored(event)).for_each(|span| {
                    // Never waits: what there is no room for is dropped.
                    self.0.processor.on_end(span);
                });
            }
        });
    }

    fn with_spans<T>(&self, work: impl FnOnce(&mut Spans) -> T) -> T {
        // Nothing in there can panic half way, so a poisoned lock holds sound spans.
        work(&mut self.0.spans.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends what waits and ends. What the collector does not take within the limit is lost, which is logged.
    pub async fn close(&self, limit: Duration) {
        let inner = Arc::clone(&self.0);
        // It blocks its thread, and the requests need the runtime meanwhile.
        let closed = tokio::task::spawn_blocking(move || inner.processor.shutdown_with_timeout(limit));
        match closed.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces may not have been sent"),
            Err(error) => tracing::error!(%error, "sending the last traces has panicked"),
        }
    }
}
