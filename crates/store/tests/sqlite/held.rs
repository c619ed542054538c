//! A database that another process holds.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_domain::record::ExecutionQuery;
use pabawi_store::sqlite::SqliteStore;

use crate::opened::options;
use crate::records::execution;

/// Another process with an open transaction; it lets go when this is dropped.
struct Holder(Child);

impl Holder {
    fn of(path: &Path, begin: &str) -> Self {
        let script = "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1],isolation_level=None)\nc.execute(sys.argv[2])\n\
                      print('held',flush=True)\nsys.stdin.read()";
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(path).arg(begin).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Bad input: whoever waits in vain is told for what; what is there can be read meanwhile, and the same call succeeds afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_another_process_holds_is_waited_for_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let open = async || SqliteStore::open(options(dir.path()).busy_timeout(Duration::from_millis(50))).await;
    let store = open().await.unwrap();
    let (before, new) = (execution("true", 2), execution("true", 2));
    store.create(before.clone()).await.unwrap();

    let holder = Holder::of(&dir.path().join("store.db"), "BEGIN IMMEDIATE");
    for error in [store.create(new.clone()).await.unwrap_err(), open().await.unwrap_err()] {
        assert!(matches!(error, StoreError::Unavailable(_)) && error.is_retryable(), "{error:?}");
        assert!(error.to_string().contains("another process"), "{error}");
    }
    assert_eq!(store.executions(&ExecutionQuery::default()).await.unwrap().items.len(), 1);
    assert!(store.execution(new.id).await.unwrap().is_none());
    drop(holder);

    store.create(new.clone()).await.unwrap();
    assert_eq!(store.executions(&ExecutionQuery::default()).await.unwrap().items.len(), 2);
    store.close().await;
    open().await.unwrap().close().await;
}
