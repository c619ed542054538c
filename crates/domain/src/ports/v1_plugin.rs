//! Port [`V1Plugin`]: a plugin of Pabawi v1.x as it stands on the other side of a border between languages, such as an object
//! of JavaScript. What is special about v1.x is known by whoever uses the port, not here.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::output::StreamKind;

/// A foreign object. Whoever holds the same `Arc` holds the same object, so that it can be handed back as it came.
///
/// Values are JSON: `undefined`, functions and symbols are `null` or absent, texts are UTF-8, and a value that is nested deeper
/// than [`V1Error::MOST_DEPTH`] levels or leads in a circle is an error of [`V1ErrorKind::Unreadable`]. What is handed over
/// is a copy: the object may do with it what it likes.
///
/// Futures may be dropped at any time; the object goes on then, and what it answers is nobody's.
#[async_trait]
pub trait V1Plugin: Send + Sync + 'static {
    /// What it was called when it was wrapped, for logs.
    fn name(&self) -> &str;

    /// A property as it is now; `null` where there is none.
    ///
    /// # Errors
    /// [`V1Error`] of a getter that throws.
    async fn read(&self, property: &str) -> Result<Value, V1Error>;

    /// Whether it has a method of that name now.
    ///
    /// # Errors
    /// [`V1Error`] of a getter that throws.
    async fn has(&self, method: &str) -> Result<bool, V1Error>;

    /// Calls a method, which is looked up now, and waits for what it returns or promises. `stream` becomes
    /// `metadata.streamingCallback` of the first argument: three functions that may be called until the object is gone, also
    /// long after the answer.
    ///
    /// # Errors
    /// [`V1Error`]; [`V1ErrorKind::Missing`] where there is no such method now.
    async fn call(&self, method: &str, args: Vec<Value>, stream: Option<V1Stream>) -> Result<Value, V1Error>;
}

/// Where the three functions of `streamingCallback` lead.
pub type V1Stream = Arc<dyn V1Listener>;

/// Listens to what an action tells while it runs. Called from the object's own thread, so none of it may wait.
pub trait V1Listener: Send + Sync + 'static {
    /// `onCommand(command)`: what the tool was called with.
    fn command(&self, command: &str);

    /// `onStdout(chunk)` and `onStderr(chunk)`.
    fn output(&self, stream: StreamKind, chunk: String);
}

/// What came instead of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct V1Error {
    /// How it came.
    pub kind: V1ErrorKind,
    /// The error's `name`, where it is an error: `TypeError`, `BoltTimeoutError`.
    pub name: Option<String>,
    /// The error's `message`, or a description.
    pub message: String,
    /// The error's `stack`.
    pub stack: Option<String>,
    /// What was thrown, where that was no error.
    pub raw: Option<Value>,
}

/// How an error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum V1ErrorKind {
    /// The call threw.
    Thrown,
    /// The promise was rejected.
    Rejected,
    /// There was no answer in time.
    Timeout,
    /// The object cannot be asked any more: its runtime has ended.
    Gone,
    /// There is no such method.
    Missing,
    /// There is an answer, and it is no JSON that can be taken.
    Unreadable,
}

impl V1Error {
    /// How deep values may be nested.
    pub const MOST_DEPTH: usize = 128;

    /// Without name, stack and raw value.
    pub fn new(kind: V1ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, name: None, message: message.into(), stack: None, raw: None }
    }
}

impl fmt::Display for V1Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.raw) {
            (Some(name), _) => write!(f, "{name}: {}", self.message),
            (None, Some(raw)) => write!(f, "no error but {raw}"),
            (None, None) => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for V1Error {}
