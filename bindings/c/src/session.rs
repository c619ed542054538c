//! An engine as one user uses it: [`Session`]. Every call is made for that user, with the entry point `c`.

use std::sync::Arc;
use std::time::Duration;

use pabawi::json::{Call, EventStream, Failure, Wanted, json};
use pabawi::{Caller, EntryPoint, ExecutionId, ValidationError};

use crate::engine::Engine;
use crate::operation::Operation;
use crate::status::{Fault, Own};
use crate::stream::Stream;

/// The longest name of a user, in bytes.
const MOST_USER: usize = 256;

/// What a look at an execution has beside the time that somebody wants to wait: the store may be slow.
const LOOK: Duration = Duration::from_secs(1);

/// What to do when an operation is done.
pub(crate) type WhenDone = Box<dyn FnOnce(Result<Arc<str>, Fault>) + Send>;

/// An engine and a user.
pub(crate) struct Session {
    engine: Arc<Engine>,
    caller: Caller,
}

/// A call by its name. The end of the engine is none: no authorizer decides about it, so that it is for those who have the engine.
fn named(name: &str, with: &str) -> Result<Call, Fault> {
    if name == "shutdown" {
        let fault = ValidationError::of("name", "is no call of a session; use pabawi_engine_shutdown");
        return Err(Failure::from(fault).into());
    }
    Ok(Call::named(name, with)?)
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>, user: &str) -> Result<Self, Fault> {
        let bad = |text: &str| Err(ValidationError::of("user", text).into());
        if user.trim().is_empty() {
            return bad("is empty; name the user for whom calls are made");
        }
        if user.len() > MOST_USER || user.chars().any(char::is_control) {
            return bad("is no name: it has control characters, or more than 256 bytes");
        }
        engine.handle()?;
        Ok(Self { engine, caller: Caller { user: user.to_owned(), entry_point: EntryPoint::C } })
    }

    /// Makes a call by its name and waits for the answer.
    pub(crate) fn call(&self, name: &str, with: &str, limit: Option<Duration>) -> Result<String, Fault> {
        let call = named(name, with)?;
        self.answer_of(call, limit)
    }

    /// As [`Session::call`], where the answer is an id.
    pub(crate) fn call_for_id(&self, name: &str, with: &str) -> Result<ExecutionId, Fault> {
        let answer = self.call(name, with, None)?;
        let id = serde_json::from_str(&answer);
        id.map_err(|error| Fault::panicked(&format!("{name} answered no id: {error}")))
    }

    /// Runs a request to its end and tells its outcome.
    pub(crate) fn execute(&self, request: &str) -> Result<String, Fault> {
        let request = pabawi::json::read(request)?;
        let (framework, caller) = (self.engine.framework().clone(), self.caller.clone());
        let work = async move {
            let outcome = framework.execute(caller, request).await.map_err(Failure::from)?;
            Ok(json(&outcome)?)
        };
        self.engine.wait(work, None)
    }

    /// Waits for the end of an execution or of a run of a graph. Without time to wait it is looked at.
    pub(crate) fn wait(
        &self,
        calls: (&str, &str),
        id: ExecutionId,
        limit: Option<Duration>,
    ) -> Result<String, Fault> {
        let (wait, get) = calls;
        let with = of_execution(id);
        let Some(limit) = limit else { return self.call(wait, &with, None) };
        match self.call(wait, &with, Some(limit)) {
            Err(fault) if fault.status == Own::TimedOut.number() => {}
            done => return done,
        }
        // It may have ended before it was waited for, in less time than it takes to look.
        let now: serde_json::Value = pabawi::json::read(&self.call(get, &with, Some(limit + LOOK))?)?;
        let status =
            now.get("status").or_else(|| now.pointer("/record/status")).and_then(|status| status.as_str());
        if matches!(status, None | Some("queued" | "running")) {
            return Err(Fault::own(Own::TimedOut, "has not ended in time; it goes on"));
        }
        self.call(wait, &with, Some(limit + LOOK))
    }

    /// Starts a call by its name. It goes on whoever waits for it, until it is done or given up.
    pub(crate) fn start(
        &self,
        name: &str,
        with: &str,
        when_done: Option<WhenDone>,
    ) -> Result<Arc<Operation>, Fault> {
        let call = named(name, with)?;
        let (framework, caller) = (self.engine.framework().clone(), self.caller.clone());
        let work = async move { Ok(call.answer(&framework, caller).await?) };
        let when_done = when_done.map(|then| (Arc::clone(self.engine.callbacks()), then));
        Ok(Operation::start(self.engine.handle()?, work, when_done))
    }

    /// Opens a stream of events.
    pub(crate) fn events(&self, wanted: &str) -> Result<Arc<Stream>, Fault> {
        let wanted: Wanted = pabawi::json::read(wanted)?;
        let (framework, caller) = (self.engine.framework().clone(), self.caller.clone());
        let work = async move { EventStream::open(&framework, &caller, wanted).await.map_err(Fault::from) };
        let events = self.engine.wait(work, None)?;
        let stream = Stream::start(self.engine.handle()?, events, Arc::clone(self.engine.callbacks()));
        self.engine.remember(&stream);
        Ok(stream)
    }

    fn answer_of(&self, call: Call, limit: Option<Duration>) -> Result<String, Fault> {
        let (framework, caller) = (self.engine.framework().clone(), self.caller.clone());
        self.engine.wait(async move { Ok(call.answer(&framework, caller).await?) }, limit)
    }
}

/// The parameters of a call about one execution.
pub(crate) fn of_execution(id: ExecutionId) -> String {
    serde_json::json!({"id": id}).to_string()
}
