//! A framework on a runtime of its own: [`Engine`]. Whoever waits, waits on a thread of the program; what works, works on those of
//! the runtime.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use pabawi::json::{Failure, json};
use pabawi::{ErrorCode, Framework};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::callbacks::{Callbacks, is_callback};
use crate::config::{Config, State};
use crate::ffi::ignore_sigpipe;
use crate::status::Fault;
use crate::stream::Stream;
use crate::tables::Close;
use crate::waiting::finished;

/// How long threads of the runtime have to end, and functions of the program to return, when the engine is freed.
const CLOSING: Duration = Duration::from_secs(5);

/// A framework, its runtime, and what hangs on it.
pub(crate) struct Engine {
    framework: Framework,
    handle: Handle,
    callbacks: Arc<Callbacks>,
    /// Taken when the engine is freed.
    runtime: Mutex<Option<Runtime>>,
    /// The framework was shut down.
    is_shut: AtomicBool,
    /// Nothing can be called any more.
    is_closed: AtomicBool,
    streams: Mutex<Vec<Weak<Stream>>>,
    /// Functions of the program that the framework asks.
    tables: Vec<Arc<dyn Close>>,
}

impl Engine {
    /// Opens a framework.
    pub(crate) fn open(config: &Config) -> Result<Arc<Self>, Fault> {
        let mut state = config.take()?;
        let tables = std::mem::take(&mut state.tables);
        Self::with(config, state, tables.clone()).inspect_err(|_| close_all(&tables))
    }

    fn with(config: &Config, state: State, tables: Vec<Arc<dyn Close>>) -> Result<Arc<Self>, Fault> {
        ignore_sigpipe();
        // The library has a standard library of Rust of its own, so that the hook is nobody else's.
        pabawi::log::note_panics();
        let refused = |error: std::io::Error| {
            Failure::new(ErrorCode::LimitReached, format!("the engine's threads cannot be started: {error}"))
        };
        let runtime = runtime(state.threads).map_err(refused)?;
        let callbacks = Arc::clone(config.callbacks());
        let handle = runtime.handle().clone();
        let opened = finished(
            handle.spawn(async move { Ok(state.builder()?.open().await.map_err(Failure::from)?) }),
            None,
        );
        let framework = match opened {
            Ok(framework) => framework,
            Err(fault) => {
                // What hangs in a file system must not hold up the caller, who is told what was wrong.
                runtime.shutdown_timeout(CLOSING);
                callbacks.close(Duration::ZERO);
                return Err(fault);
            }
        };
        Ok(Arc::new(Self {
            framework,
            handle,
            callbacks,
            runtime: Mutex::new(Some(runtime)),
            is_shut: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            streams: Mutex::default(),
            tables,
        }))
    }

    pub(crate) fn framework(&self) -> &Framework {
        &self.framework
    }

    pub(crate) fn callbacks(&self) -> &Arc<Callbacks> {
        &self.callbacks
    }

    /// Where work of this engine is started; not once it was freed.
    pub(crate) fn handle(&self) -> Result<&Handle, Fault> {
        if self.is_closed.load(Ordering::Acquire) { Err(Fault::closed()) } else { Ok(&self.handle) }
    }

    /// Waits for work on the runtime, for so long at most; work that is not done by then is given up.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Fault>> + Send + 'static,
        limit: Option<Duration>,
    ) -> Result<T, Fault> {
        finished(self.handle()?.spawn(work), limit)
    }

    /// Remembers a stream, which ends with the engine.
    pub(crate) fn remember(&self, stream: &Arc<Stream>) {
        let mut streams = lock(&self.streams);
        streams.retain(|stream| stream.strong_count() > 0);
        streams.push(Arc::downgrade(stream));
    }

    /// Accepts nothing more, gives what runs until the deadline, ends it then, and tells what became of it as JSON.
    pub(crate) fn shut_down(&self, deadline: Duration) -> Result<String, Fault> {
        let framework = self.framework.clone();
        let report = self.wait(async move { Ok(json(&framework.shutdown(deadline).await)?) }, None)?;
        // Not before: who frees the engine meanwhile ends what runs.
        self.is_shut.store(true, Ordering::Release);
        Ok(report)
    }

    /// Ends all of it. Afterwards no function of the program is begun to be called.
    pub(crate) fn close(&self) {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return;
        }
        // Readers that do not read must not hold up the end.
        for stream in lock(&self.streams).drain(..) {
            if let Some(stream) = stream.upgrade() {
                stream.end(Err(Fault::closed()));
            }
        }
        if !self.is_shut.load(Ordering::Acquire) {
            let framework = self.framework.clone();
            let ended = async move {
                framework.shutdown(Duration::ZERO).await;
                Ok(())
            };
            // It cannot fail, and a panic in it must not keep the threads.
            let _: Result<(), Fault> = finished(self.handle.spawn(ended), None);
        }
        self.stop();
        self.callbacks.close(CLOSING);
        close_all(&self.tables);
    }

    /// Ends the threads of the runtime. Calls that go on are dropped, which tells whoever waits for them.
    fn stop(&self) {
        let Some(runtime) = lock(&self.runtime).take() else { return };
        // A thread of the runtime itself cannot wait for its end.
        if Handle::try_current().is_ok() && !is_callback() {
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(CLOSING);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The last one who has it may be a thread of the runtime, which must not wait for itself.
        if let Some(runtime) = lock(&self.runtime).take() {
            runtime.shutdown_background();
        }
    }
}

/// What the program gave goes back to it, as soon as none of its functions runs.
fn close_all(tables: &[Arc<dyn Close>]) {
    for table in tables {
        table.close();
    }
}

fn runtime(threads: Option<NonZeroUsize>) -> std::io::Result<Runtime> {
    let mut runtime = Builder::new_multi_thread();
    if let Some(threads) = threads {
        runtime.worker_threads(threads.get());
    }
    runtime.enable_all().thread_name("pabawi").build()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
