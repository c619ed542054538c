//! What an engine is made of: [`Config`], the options that are data, and what the program registers with them.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pabawi::json::{Failure, FrameworkOptions, read};
use pabawi::permissions::{Permissions, parse_policy};
use pabawi::{AllowAll, ErrorCode, FrameworkBuilder, ValidationError};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::callbacks::Callbacks;
use crate::status::{Fault, Own};
use crate::tables::Close;

/// The most threads on which an engine works that can be asked for.
const MOST_THREADS: usize = 1_024;

/// Adds something of the program to a builder.
pub(crate) type Registration = Box<dyn FnOnce(FrameworkBuilder) -> FrameworkBuilder + Send>;

/// Options, and what is registered with them. An engine is made of it once.
pub(crate) struct Config {
    state: Mutex<Option<State>>,
    /// Threads for functions of the program, also those of the engine that is made of it.
    callbacks: Arc<Callbacks>,
}

/// What an engine is made of.
pub(crate) struct State {
    options: FrameworkOptions,
    authorizer: Option<Authorizer>,
    /// Threads on which the engine works; one for each processor when absent.
    pub(crate) threads: Option<NonZeroUsize>,
    registered: Vec<Registration>,
    /// What there can be one of, and is.
    taken: Vec<&'static str>,
    /// Tables of functions that are registered, to be closed at the end.
    pub(crate) tables: Vec<Arc<dyn Close>>,
}

/// Who decides about callers, where that is data.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Authorizer {
    /// Everybody may do everything.
    AllowAll,
    /// A policy file decides.
    Policy(PathBuf),
}

/// What stands beside the options of every binding.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OwnOptions {
    authorizer: Option<Authorizer>,
    worker_threads: Option<NonZeroUsize>,
}

impl Config {
    /// Reads options: those of `FrameworkOptions`, `authorizer` and `workerThreads`.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let mut all: Map<String, Value> = read(text)?;
        let mut own = Map::new();
        for name in ["authorizer", "workerThreads"] {
            own.extend(all.remove(name).map(|value| (name.to_owned(), value)));
        }
        let own: OwnOptions = read(&Value::Object(own).to_string())?;
        let options = read(&Value::Object(all).to_string())?;
        if own.worker_threads.is_some_and(|threads| threads.get() > MOST_THREADS) {
            let text = format!("is more than {MOST_THREADS}");
            return Err(ValidationError::of("workerThreads", text).into());
        }
        let OwnOptions { authorizer, worker_threads: threads } = own;
        let taken = authorizer.iter().map(|_| "authorizer").collect();
        let state = State { options, authorizer, threads, registered: Vec::new(), taken, tables: Vec::new() };
        let callbacks = Callbacks::new().map_err(|error| {
            let text = format!("threads for functions of this program cannot be started: {error}");
            Failure::new(ErrorCode::LimitReached, text)
        })?;
        Ok(Self { state: Mutex::new(Some(state)), callbacks: Arc::new(callbacks) })
    }

    /// Threads for functions of the program.
    pub(crate) fn callbacks(&self) -> &Arc<Callbacks> {
        &self.callbacks
    }

    /// Registers a table of functions; in the order of the calls. `only` is what it is where there can be one. `take` is called
    /// when nothing can be refused any more.
    pub(crate) fn register(
        &self,
        only: Option<&'static str>,
        registration: Registration,
        table: Arc<dyn Close>,
        take: impl FnOnce(),
    ) -> Result<(), Fault> {
        let mut state = self.lock();
        let state = state.as_mut().ok_or_else(used)?;
        if let Some(only) = only {
            if state.taken.contains(&only) {
                let text = format!("there is one {only} already, of a table or of the options");
                return Err(Fault::own(Own::Already, text));
            }
            state.taken.push(only);
        }
        state.registered.push(registration);
        state.tables.push(table);
        take();
        Ok(())
    }

    /// Takes all of it; nobody else can.
    pub(crate) fn take(&self) -> Result<State, Fault> {
        self.lock().take().ok_or_else(used)
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        // Nothing under this lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A builder with all of it.
    pub(crate) fn builder(self) -> Result<FrameworkBuilder, Failure> {
        let mut builder = self.options.builder()?;
        builder = match self.authorizer {
            None => builder,
            Some(Authorizer::AllowAll) => builder.authorizer(AllowAll),
            Some(Authorizer::Policy(file)) => builder.permissions(policy(&file)?),
        };
        Ok(self.registered.into_iter().fold(builder, |builder, register| register(builder)))
    }
}

fn used() -> Fault {
    Fault::own(Own::Already, "an engine was made of this configuration; make another one")
}

fn policy(file: &Path) -> Result<Permissions, ValidationError> {
    let bad = |error: String| ValidationError::of("authorizer.policy", error);
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| bad(format!("{name}: {error}")))?;
    let policy = parse_policy(&name, &text).map_err(|error| bad(error.to_string()))?;
    Ok(Permissions::of_policy(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Config::read(text).err().map(|fault| fault.details).unwrap_or_default()
    }

    /// R9.5, R9.6
    #[test]
    fn what_is_bad_in_the_options_is_named() {
        for (text, field) in [
            (r#"{"databse": "x"}"#, "databse"),
            (r#"{"ssh": {"maxConnections": "many"}}"#, "ssh.maxConnections"),
            (r#"{"authorizer": "nobody"}"#, "authorizer"),
            (r#"{"workerThreads": 0}"#, "workerThreads"),
            (r#"{"workerThreads": 100000}"#, "workerThreads"),
            ("[]", "a map"),
        ] {
            assert!(refused(text).contains(field), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn an_engine_is_made_of_it_once() {
        let config = Config::read(r#"{"authorizer": "allowAll", "workerThreads": 2}"#).unwrap();
        assert_eq!(config.take().unwrap().threads, NonZeroUsize::new(2));
        assert_eq!(config.take().err().map(|fault| fault.kind).as_deref(), Some("already"));
    }
}
