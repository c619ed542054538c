//! The class that Node sees: [`NativeFramework`]. The TypeScript half wraps it; nobody else calls it.

use std::sync::{Arc, OnceLock};

use napi::bindgen_prelude::PromiseRaw;
use napi::{Env, JsString};
use napi_derive::napi;
use pabawi::json::{Call, Failure, Wanted, json, read};
use pabawi::{Caller, EntryPoint, ErrorCode, Framework, host_database, log};

use super::answer::{Answer, Text, Texts};
use super::feed::Feed;
use super::host::{Host, Listener};
use super::open::{Opened, open, reload};
use super::opening::{ObjectOptions, Opening};
use super::running::Running;
use super::streams::{Streams, not_open};

/// Items of a feed that are handed over at once, at most.
const MOST_AT_ONCE: u32 = 1_000;

/// A framework, open or about to be.
#[napi]
pub struct NativeFramework {
    inner: Arc<Inner>,
    running: Arc<Running>,
}

struct Inner {
    opened: OnceLock<Opened>,
    host: Arc<Host>,
    log: Arc<Feed>,
    metrics: Arc<Feed>,
    streams: Streams,
}

#[napi]
impl NativeFramework {
    /// `listener` gets messages as JSON and must not throw.
    #[napi(constructor, catch_unwind)]
    pub fn new(listener: Listener) -> Self {
        // The process has no other subscriber of `tracing`, since this library is the only one in it that knows ours.
        let _ = log::install();
        log::note_panics();
        let host = Arc::new(Host::new(listener));
        let feed = |name| Arc::new(Feed::new(name, Arc::clone(&host)));
        let (log, metrics) = (feed("log"), feed("metrics"));
        let inner = Inner { opened: OnceLock::new(), host, log, metrics, streams: Streams::default() };
        Self { inner: Arc::new(inner), running: Arc::default() }
    }

    /// Opens it.
    #[napi(catch_unwind)]
    pub fn open<'env>(
        &self,
        env: &'env Env,
        number: u32,
        opening: String,
    ) -> napi::Result<PromiseRaw<'env, JsString<'env>>> {
        let inner = Arc::clone(&self.inner);
        self.running.start(env, number, async move {
            let opening: Opening = below(&["options"], read(&opening))?;
            let (log, metrics) = (Arc::clone(&inner.log), Arc::clone(&inner.metrics));
            let opened = open(opening, Arc::clone(&inner.host), log, metrics).await?;
            let database = json(&opened.framework.database())?;
            let twice = inner.opened.set(opened).is_err();
            if twice {
                return Err(Failure::new(ErrorCode::Internal, "it is open already"));
            }
            Ok(Text::new(database))
        })
    }

    /// Makes a call for a user.
    #[napi(catch_unwind)]
    pub fn call<'env>(
        &self,
        env: &'env Env,
        number: u32,
        user: String,
        name: String,
        with: String,
    ) -> napi::Result<PromiseRaw<'env, JsString<'env>>> {
        let inner = Arc::clone(&self.inner);
        self.running.start(env, number, async move {
            let call = Call::named(&name, &with)?;
            call.answer(inner.framework()?, caller(user)).await.map(Text::new)
        })
    }

    /// Puts an object of the host in the place of a plugin.
    #[napi(catch_unwind)]
    pub fn reload<'env>(
        &self,
        env: &'env Env,
        number: u32,
        user: String,
        object: String,
    ) -> napi::Result<PromiseRaw<'env, JsString<'env>>> {
        let inner = Arc::clone(&self.inner);
        self.running.start(env, number, async move {
            let object: ObjectOptions = read(&object)?;
            reload(inner.opened()?, caller(user), &inner.host, object).await.map(Text::new)
        })
    }

    /// Opens a stream of events, or of pieces of a document, and tells its number.
    #[napi(catch_unwind)]
    pub fn events<'env>(
        &self,
        env: &'env Env,
        number: u32,
        user: String,
        wanted: String,
    ) -> napi::Result<PromiseRaw<'env, JsString<'env>>> {
        let inner = Arc::clone(&self.inner);
        self.running.start(env, number, async move {
            let wanted: Wanted = below(&WANTED, read(&wanted))?;
            inner.streams.open(inner.framework()?, &caller(user), wanted).await.map(Text::new)
        })
    }

    /// The next events of a stream, `null` after the last.
    #[napi(catch_unwind)]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        number: u32,
        stream: u32,
    ) -> napi::Result<PromiseRaw<'env, Vec<JsString<'env>>>> {
        let inner = Arc::clone(&self.inner);
        self.running.start(env, number, async move { inner.streams.next(stream).await })
    }

    /// The same where they are here already, and `null` where they must be waited for: neither needs another thread.
    #[napi(catch_unwind)]
    pub fn ready<'env>(&self, env: &'env Env, stream: u32) -> napi::Result<Option<Vec<JsString<'env>>>> {
        self.inner.streams.ready(stream).map(|answer| Texts::of(answer).cross(env)).transpose()
    }

    /// Nobody reads that stream any more.
    #[napi(catch_unwind)]
    pub fn close(&self, stream: u32) {
        self.inner.streams.close(stream);
    }

    /// Gives a call up.
    #[napi(catch_unwind)]
    pub fn abandon(&self, number: u32) {
        self.running.abandon(number);
    }

    /// Answers a question: `{"ok": …}` or `{"err": …}`.
    #[napi(catch_unwind)]
    pub fn answer(&self, number: u32, answer: String) {
        self.inner.host.answered(number, answer);
    }

    /// The host's objects are let go of: they answer nothing any more.
    #[napi(catch_unwind)]
    pub fn detach(&self) {
        self.inner.host.close();
    }

    /// Takes what is in a feed: `log` or `metrics`.
    #[napi(catch_unwind)]
    pub fn take(&self, feed: String, most: u32) -> String {
        let feed = if feed == "log" { &self.inner.log } else { &self.inner.metrics };
        json(&feed.take(at_once(most))).unwrap_or_default()
    }

    /// A plugin tells something while it runs an action.
    #[napi(catch_unwind)]
    pub fn tell(&self, stream: u32, what: String, text: String) {
        self.inner.host.listeners().tell(stream, &what, text);
    }

    /// A plugin can tell nothing more there.
    #[napi(catch_unwind)]
    pub fn told(&self, stream: u32) {
        self.inner.host.listeners().remove(stream);
    }
}

impl Inner {
    fn framework(&self) -> Result<&Framework, Failure> {
        Ok(&self.opened()?.framework)
    }

    fn opened(&self) -> Result<&Opened, Failure> {
        self.opened.get().ok_or_else(not_open)
    }
}

/// The migration that Pabawi may apply for its journal, as JSON: its name, and its text for each kind of database.
#[napi(catch_unwind)]
pub fn host_migration() -> String {
    let (sqlite, postgres) = (host_database::SQLITE_MIGRATION, host_database::POSTGRES_MIGRATION);
    serde_json::json!({"name": host_database::MIGRATION_NAME, "sqlite": sqlite, "postgres": postgres})
        .to_string()
}

fn caller(user: String) -> Caller {
    Caller { user, entry_point: EntryPoint::Node }
}

fn at_once(most: u32) -> usize {
    usize::try_from(most.clamp(1, MOST_AT_ONCE)).unwrap_or(1)
}

/// Where what the caller gave stands within what is wanted of a stream.
const WANTED: [&str; 5] = ["submitted.request", "submitted", "execution", "document", "graph"];

/// Names the fields of a failure as the caller knows them, who gave what stands at the first of these places. The TypeScript half
/// has checked what came, so what is still wrong is a rule that only Rust knows, such as that of a name.
fn below<T>(places: &[&str], read: Result<T, Failure>) -> Result<T, Failure> {
    read.map_err(|mut failure| {
        for field in &mut failure.fields {
            let own = places.iter().find_map(|place| field.path.strip_prefix(place)?.strip_prefix('.'));
            if let Some(own) = own.map(str::to_owned) {
                field.path = own;
            }
        }
        failure
    })
}
