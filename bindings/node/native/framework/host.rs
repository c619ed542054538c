//! Questions to the host's objects: [`Host`]. A question is a message to the thread of JavaScript, which answers by a call.
//!
//! The way there is weak: it keeps no process alive. Whoever asks waits no longer than their own deadline; a question whose
//! asker has gone is forgotten, and an answer to it is nobody's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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

/// Answers of more bytes than this are read on a thread that may be busy for a while.
const LARGE: usize = 1024 * 1024;

/// The way to the host.
pub(super) struct Host {
    listener: Listener,
    open: Mutex<HashMap<u32, oneshot::Sender<String>>>,
    closed: AtomicBool,
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
    /// That plugin is asked nothing any more.
    Gone(u32),
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
    /// The thread of JavaScript has ended, or the framework is shut down.
    #[error("the host's objects answer no more: their thread has ended, or the framework is shut down")]
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
        Self {
            listener,
            open: Mutex::default(),
            closed: AtomicBool::new(false),
            next: AtomicU32::new(0),
            listeners: Listeners::default(),
        }
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
            if self.closed.load(Ordering::Relaxed) {
                return Err(HostError::Gone);
            }
            if open.len() >= MOST_OPEN {
                return Err(HostError::Full);
            }
            open.insert(number, told);
        }
        let _open = Open { host: self, number };
        self.tell(&Message::Ask { number, service, with })?;
        let answer = answer.await.map_err(|_| HostError::Gone)?;
        match read(answer).await {
            Answer::Ok(value) => Ok(value),
            Answer::Err(thrown) => Err(HostError::Thrown(Box::new(thrown))),
        }
    }

    /// Says that there is something in a feed.
    pub(super) fn news(&self, feed: &str) -> Result<(), HostError> {
        self.tell(&Message::<()>::News(feed))
    }

    /// Says that nothing is asked of a plugin any more.
    pub(super) fn gone(&self, object: u32) {
        // Without a host there is nobody to be told.
        let _ = self.tell(&Message::<()>::Gone(object));
    }

    /// The host has answered a question. What it says is read elsewhere: this is the thread of JavaScript.
    pub(super) fn answered(&self, number: u32, answer: String) {
        let told = self.lock().remove(&number);
        // Whoever asked may have gone meanwhile.
        let _ = told.map(|told| told.send(answer));
    }

    /// The host answers nothing any more: who waits for it is told so, and so is who asks later.
    pub(super) fn close(&self) {
        let mut open = self.lock();
        self.closed.store(true, Ordering::Relaxed);
        open.clear();
        drop(open);
        self.listeners.clear();
    }

    fn tell(&self, message: &Message<'_, impl Serialize>) -> Result<(), HostError> {
        let message = serde_json::to_string(message).map_err(|error| HostError::Json(error.to_string()))?;
        match self.listener.call(message, ThreadsafeFunctionCallMode::NonBlocking) {
            Status::Ok => Ok(()),
            _ => Err(HostError::Gone),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, oneshot::Sender<String>>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(answer: String) -> Answer {
    let is_large = answer.len() > LARGE;
    let read = move || serde_json::from_str(&answer).unwrap_or_else(|error| unreadable(&error.to_string()));
    if !is_large {
        return read();
    }
    match tokio::task::spawn_blocking(read).await {
        Ok(answer) => answer,
        Err(error) => unreadable(&error.to_string()),
    }
}

fn unreadable(why: &str) -> Answer {
    let message = format!("the answer cannot be read: {why}");
    Answer::Err(Thrown { unreadable: true, message, ..Thrown::default() })
}
