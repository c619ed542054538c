//! Questions to the host's objects: [`Host`]. A question is a message to the thread of JavaScript, which answers by a call.
//!
//! The way there is weak: it keeps no process alive. Whoever asks waits no longer than their own deadline; a question whose
//! asker has gone is forgotten, and an answer to it is nobody's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use super::services::Listeners;

/// The function of JavaScript that takes messages.
pub(super) type Listener = ThreadsafeFunction<String, (), String, Status, false, true>;

/// More questions than this are not open at once.
const MOST_OPEN: usize = 100_000;

/// The way to the host.
pub(super) struct Host {
    listener: Listener,
    open: Mutex<HashMap<u32, oneshot::Sender<Answer>>>,
    next: AtomicU32,
    listeners: Listeners,
}

/// A message to the host.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Message<'a, W> {
    /// A question, to be answered under its number.
    Ask { number: u32, service: &'a str, with: W },
    /// There is something in that feed.
    News(&'a str),
}

/// What the host answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Ok(Value),
    Err(Thrown),
}

/// What an object of the host threw.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Thrown {
    /// Whether the call itself threw, and not its promise.
    pub(super) at_once: bool,
    /// There is no such method now.
    pub(super) missing: bool,
    /// What it returned cannot be taken.
    pub(super) unreadable: bool,
    /// The error's name.
    pub(super) name: Option<String>,
    /// The error's message, or a description.
    pub(super) message: String,
    /// The error's code, or that of its cause.
    pub(super) code: Option<String>,
    /// The error's stack.
    pub(super) stack: Option<String>,
    /// What was thrown, where that was no error.
    pub(super) raw: Option<Value>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostError {
    /// The thread of JavaScript has ended.
    #[error("the JavaScript thread has ended")]
    Gone,
    /// Too many questions are open.
    #[error("{MOST_OPEN} questions to the JavaScript thread are open already")]
    Full,
    /// The question cannot be written, or the answer not be read.
    #[error("{0}")]
    Json(String),
    /// The object threw.
    #[error("{}", .0.message)]
    Thrown(Box<Thrown>),
}

/// A question that is open; it is forgotten when nobody waits any more.
struct Open<'a> {
    host: &'a Host,
    number: u32,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.host.lock().remove(&self.number);
    }
}

impl Host {
    pub(super) fn new(listener: Listener) -> Self {
        Self { listener, open: Mutex::default(), next: AtomicU32::new(0), listeners: Listeners::default() }
    }

    /// Who listens to plugins of the host.
    pub(super) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Asks an object of the host and waits for what it answers or throws.
    pub(super) async fn ask(&self, service: &str, with: impl Serialize) -> Result<Value, HostError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (told, answer) = oneshot::channel();
        {
            let mut open = self.lock();
            if open.len() >= MOST_OPEN {
                return Err(HostError::Full);
            }
            open.insert(number, told);
        }
        let _open = Open { host: self, number };
        self.tell(&Message::Ask { number, service, with })?;
        match answer.await {
            Ok(Answer::Ok(value)) => Ok(value),
            Ok(Answer::Err(thrown)) => Err(HostError::Thrown(Box::new(thrown))),
            Err(_) => Err(HostError::Gone),
        }
    }

    /// Says that there is something in a feed.
    pub(super) fn news(&self, feed: &str) -> Result<(), HostError> {
        self.tell(&Message::<()>::News(feed))
    }

    /// The host has answered a question.
    pub(super) fn answered(&self, number: u32, answer: &str) {
        let told = self.lock().remove(&number);
        let Some(told) = told else { return };
        let answer = serde_json::from_str(answer).unwrap_or_else(|error| {
            let message = format!("the answer cannot be read: {error}");
            Answer::Err(Thrown { unreadable: true, message, ..Thrown::default() })
        });
        // Whoever asked may have gone meanwhile.
        let _ = told.send(answer);
    }

    fn tell(&self, message: &Message<'_, impl Serialize>) -> Result<(), HostError> {
        let message = serde_json::to_string(message).map_err(|error| HostError::Json(error.to_string()))?;
        match self.listener.call(message, ThreadsafeFunctionCallMode::NonBlocking) {
            Status::Ok => Ok(()),
            _ => Err(HostError::Gone),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, oneshot::Sender<Answer>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
