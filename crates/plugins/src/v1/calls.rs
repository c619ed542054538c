//! Calls of the object: [`Calls`]. Each has a deadline. One that is not answered by then cannot be taken back: it is followed
//! for a while, and its late answer is counted and dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pabawi_domain::cut::{cut, message};
use pabawi_domain::error::{ErrorCode, PluginTrace};
use pabawi_domain::id::PluginName;
use pabawi_domain::panic_guard::CatchPanic;
use pabawi_domain::ports::{PluginError, V1Error, V1ErrorKind, V1Plugin, V1Stream};
use pabawi_domain::redact::Redactor;
use serde_json::Value;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::fields::{is_too_deep, size};
use super::secrets;
use super::settings::V1Settings;

/// So long after its deadline a call is followed; then it is let go of.
const FOLLOWED: Duration = Duration::from_secs(10 * 60);
/// Bytes of a value that a message shows.
const SHOWN: usize = 200;

/// What became of calls, since the object was adopted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1Stats {
    /// Calls of methods.
    pub calls: u64,
    /// Calls that had no answer in time, or whose asker had gone.
    pub unanswered: u64,
    /// Of these, those whose answer came later. It was dropped.
    pub late: u64,
}

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicU64,
    unanswered: AtomicU64,
    late: AtomicU64,
}

/// Calls one object.
#[derive(Clone)]
pub(super) struct Calls {
    object: Arc<dyn V1Plugin>,
    /// The name under which it is registered.
    plugin: PluginName,
    /// Its own name.
    own: PluginName,
    max_bytes: usize,
    /// Finds the secrets of its configuration in what it says.
    redactor: Option<Arc<Redactor>>,
    counts: Arc<Counts>,
}

/// Counts a call that nobody waits for any more.
struct Unanswered(Arc<Counts>, bool);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if !self.1 {
            self.0.unanswered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Calls {
    pub(super) fn new(
        object: Arc<dyn V1Plugin>,
        (own, plugin): (PluginName, PluginName),
        settings: &V1Settings,
    ) -> Self {
        Self {
            object,
            plugin,
            own,
            max_bytes: settings.max_answer_bytes,
            redactor: None,
            counts: Arc::default(),
        }
    }

    pub(super) fn object(&self) -> &Arc<dyn V1Plugin> {
        &self.object
    }

    pub(super) fn stats(&self) -> V1Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { calls, unanswered, late } = &*self.counts;
        V1Stats { calls: read(calls), unanswered: read(unanswered), late: read(late) }
    }

    /// A property; `null` where there is none.
    pub(super) async fn read(&self, property: &'static str, limit: Duration) -> Result<Value, V1Error> {
        let object = Arc::clone(&self.object);
        let value = self.ask(property, limit, async move { object.read(property).await }).await?;
        self.taken(value)
    }

    /// Whether there is a method.
    pub(super) async fn has(&self, method: &'static str, limit: Duration) -> Result<bool, V1Error> {
        let object = Arc::clone(&self.object);
        self.ask(method, limit, async move { object.has(method).await }).await
    }

    pub(super) async fn call(
        &self,
        method: &'static str,
        args: Vec<Value>,
        limit: Duration,
    ) -> Result<Value, V1Error> {
        self.call_streaming(method, args, None, limit).await
    }

    pub(super) async fn call_streaming(
        &self,
        method: &'static str,
        args: Vec<Value>,
        stream: Option<V1Stream>,
        limit: Duration,
    ) -> Result<Value, V1Error> {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        let object = Arc::clone(&self.object);
        let answer = self.ask(method, limit, async move { object.call(method, args, stream).await }).await?;
        self.taken(answer)
    }

    /// Whether the object says that it is ready. One that has no such method is.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn initialized(&self, limit: Duration) -> Result<(), PluginError> {
        const METHOD: &str = "isInitialized";
        match self.call(METHOD, Vec::new(), limit).await {
            Ok(Value::Bool(false)) => Err(self.error(ErrorCode::Unavailable, "is not initialized", None)),
            Err(error) if error.kind != V1ErrorKind::Missing => Err(self.fault(METHOD, &error)),
            _ => Ok(()),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        limit: Duration,
        question: impl Future<Output = Result<T, V1Error>> + Send + 'static,
    ) -> Result<T, V1Error> {
        let (answer, answered) = oneshot::channel();
        let (counts, plugin) = (Arc::clone(&self.counts), self.plugin.clone());
        // Dropping a question would not stop the object, and what it says afterwards is worth knowing.
        let asking = async move {
            let asked = CatchPanic(Box::pin(question));
            let said = match tokio::time::timeout(limit.saturating_add(FOLLOWED), asked).await {
                Ok(Ok(said)) => said,
                Ok(Err(panic)) => {
                    Err(V1Error::new(V1ErrorKind::Thrown, format!("panicked: {}", message(panic.message))))
                }
                Err(_) => return,
            };
            if answer.send(said).is_err() {
                counts.late.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%plugin, method = what, "an answer came too late and was dropped");
            }
        };
        tokio::spawn(asking.in_current_span());
        let mut unanswered = Unanswered(Arc::clone(&self.counts), false);
        let said = tokio::time::timeout(limit, answered).await;
        match said {
            Ok(Ok(said)) => {
                unanswered.1 = true;
                said
            }
            Ok(Err(_)) => Err(V1Error::new(V1ErrorKind::Gone, "the runtime is being shut down")),
            Err(_) => {
                let text = format!("did not answer within {} ms", limit.as_millis());
                Err(V1Error::new(V1ErrorKind::Timeout, text))
            }
        }
    }

    /// An answer that can be worked with.
    fn taken(&self, value: Value) -> Result<Value, V1Error> {
        let most = self.max_bytes;
        if is_too_deep(&value, V1Error::MOST_DEPTH) {
            let text = format!("the answer is nested deeper than {} levels", V1Error::MOST_DEPTH);
            return Err(V1Error::new(V1ErrorKind::Unreadable, text));
        }
        if size(&value, most) > most {
            let text = format!("the answer has more than {most} bytes (V1Settings::max_answer_bytes)");
            return Err(V1Error::new(V1ErrorKind::Unreadable, text));
        }
        Ok(value)
    }

    /// The same, without the secrets of a configuration in anything that is told.
    pub(super) fn configured(self, config: &Value) -> Self {
        Self { redactor: secrets::redactor(config), ..self }
    }

    /// Words of the object without the secrets of its configuration.
    pub(super) fn redacted(&self, text: String) -> String {
        match &self.redactor {
            Some(redactor) => redactor.text(&text).into_owned(),
            None => text,
        }
    }

    /// An error of a method in a sentence.
    pub(super) fn told(&self, method: &str, error: &V1Error) -> String {
        self.redacted(sentence(method, error))
    }

    /// An error of a method as the plugin's own.
    pub(super) fn fault(&self, method: &str, error: &V1Error) -> PluginError {
        let code = match error.kind {
            V1ErrorKind::Missing => ErrorCode::Unsupported,
            V1ErrorKind::Gone => ErrorCode::Unavailable,
            _ => ErrorCode::PluginFault,
        };
        self.error(code, sentence(method, error), error.stack.as_deref())
    }

    pub(super) fn error(
        &self,
        code: ErrorCode,
        message: impl Into<String>,
        stack: Option<&str>,
    ) -> PluginError {
        let stack = stack.map(|stack| self.redacted(PluginTrace::cut(stack)));
        PluginError { plugin: self.plugin.clone(), code, message: self.redacted(message.into()), stack }
    }

    /// The name under which it is registered.
    pub(super) fn plugin(&self) -> &PluginName {
        &self.plugin
    }

    /// The name that it has itself, by which things are known of it.
    pub(super) fn own(&self) -> &PluginName {
        &self.own
    }
}

/// An error of a method in a sentence.
fn sentence(method: &str, error: &V1Error) -> String {
    let how = match error.kind {
        V1ErrorKind::Thrown => "threw",
        V1ErrorKind::Rejected => "was rejected:",
        V1ErrorKind::Timeout => return format!("{method} {}", error.message),
        V1ErrorKind::Gone => "cannot be called any more:",
        V1ErrorKind::Missing => return format!("has no method {method} now"),
        V1ErrorKind::Unreadable => "cannot be read:",
    };
    match (&error.name, &error.raw) {
        (None, Some(raw)) => format!("{method} {how} no error but {}", cut(raw.to_string(), SHOWN)),
        _ => format!("{method} {how} {}", message(error.to_string())),
    }
}
