//! An object of the host as a plugin of Pabawi v1.x: [`JsObject`]. The object stays on its side; here it is a number. Its methods
//! are looked up there when they are called.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use pabawi::StreamKind;
use pabawi::v1::{V1Error, V1ErrorKind, V1Plugin, V1Stream};
use serde::Serialize;
use serde_json::Value;

use crate::framework::host::{Host, HostError, Thrown};

/// An object of the host.
pub(in crate::framework) struct JsObject {
    host: Arc<Host>,
    object: u32,
    name: String,
}

/// What is asked of an object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    object: u32,
    member: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<u32>,
}

impl JsObject {
    pub(in crate::framework) fn new(host: Arc<Host>, object: u32, name: String) -> Self {
        Self { host, object, name }
    }

    async fn ask(&self, service: &str, asked: Asked<'_>) -> Result<Value, V1Error> {
        self.host.ask(service, asked).await.map_err(fault)
    }

    fn member<'a>(&self, member: &'a str) -> Asked<'a> {
        Asked { object: self.object, member, args: None, stream: None }
    }
}

impl Drop for JsObject {
    fn drop(&mut self) {
        self.host.gone(self.object);
    }
}

#[async_trait]
impl V1Plugin for JsObject {
    fn name(&self) -> &str {
        &self.name
    }

    async fn read(&self, property: &str) -> Result<Value, V1Error> {
        self.ask("v1.read", self.member(property)).await
    }

    async fn has(&self, method: &str) -> Result<bool, V1Error> {
        Ok(self.ask("v1.has", self.member(method)).await? == Value::Bool(true))
    }

    async fn call(&self, method: &str, args: Vec<Value>, stream: Option<V1Stream>) -> Result<Value, V1Error> {
        let stream = stream.map(|stream| self.host.listeners().add(stream));
        let asked = Asked { args: Some(args), stream, ..self.member(method) };
        self.ask("v1.call", asked).await
    }
}

fn fault(error: HostError) -> V1Error {
    match error {
        HostError::Gone => V1Error::new(V1ErrorKind::Gone, error.to_string()),
        HostError::Full | HostError::Json(_) => V1Error::new(V1ErrorKind::Unreadable, error.to_string()),
        HostError::Thrown(thrown) => {
            let Thrown { at_once, missing, unreadable, name, message, stack, raw, code: _ } = *thrown;
            let kind = match () {
                () if missing => V1ErrorKind::Missing,
                () if unreadable => V1ErrorKind::Unreadable,
                () if at_once => V1ErrorKind::Thrown,
                () => V1ErrorKind::Rejected,
            };
            V1Error { kind, name, message, stack, raw }
        }
    }
}

/// Who listens to what actions tell while they run, by numbers. Objects may tell until they are gone, so the host says when
/// nothing more can come.
#[derive(Default)]
pub(in crate::framework) struct Listeners {
    known: Mutex<HashMap<u32, V1Stream>>,
    next: AtomicU32,
}

impl Listeners {
    fn add(&self, stream: V1Stream) -> u32 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, stream);
        number
    }

    /// An object has told something: `command`, `stdout`, `stderr`.
    pub(in crate::framework) fn tell(&self, number: u32, what: &str, text: String) {
        let stream = self.lock().get(&number).cloned();
        let Some(stream) = stream else { return };
        match what {
            "command" => stream.command(&text),
            "stdout" => stream.output(StreamKind::Stdout, text),
            "stderr" => stream.output(StreamKind::Stderr, text),
            _ => {}
        }
    }

    /// Nothing more can come.
    pub(in crate::framework) fn remove(&self, number: u32) {
        self.lock().remove(&number);
    }

    /// Nobody listens any more.
    pub(in crate::framework) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, V1Stream>> {
        // Nothing in here can panic half way, so a poisoned lock holds a sound map.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
