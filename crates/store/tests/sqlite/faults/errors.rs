//! Writes, synchronisations and changes of names that fail, each of an execution's life in its turn: the call says so in a way
//! that is worth trying again, and when it has succeeded everything that was acknowledged is there.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use pabawi_domain::ports::{ExecutionStore as _, StoreError};
use pabawi_store::sqlite::SqliteStore;

use super::library::{Errno, Fault, Kind, Watched, watched};
use super::life::{Life, STEPS, options};
use crate::opened::sound;

/// More than any life has operations of a kind: where a sweep ends at the latest.
const MOST: u32 = 2_000;

/// Calls until it succeeds, as the engine does. A fault that lasts ends when it has been told.
async fn persist<T>(faults: &Watched, mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let mut told = 0;
    loop {
        match call().await {
            Ok(done) => return done,
            Err(error) => {
                assert!(error.is_retryable(), "{error:?}");
                assert!(told < 10, "it does not come back: {error}");
                told += 1;
                if told > 1 {
                    faults.disarm();
                }
            }
        }
    }
}

/// A life with a fault somewhere, in a directory of its own; how often the fault struck.
async fn live(faults: &Watched, template: Option<&Path>, fault: Fault) -> u32 {
    let dir = faults.disk().join("life");
    fs::create_dir(&dir).unwrap();
    if let Some(template) = template {
        fs::copy(template, dir.join("store.db")).unwrap();
    }
    let life = Life(1);
    faults.arm(fault);
    let store = persist(faults, async || SqliteStore::open(options(&dir)).await).await;
    for step in 0..STEPS {
        persist(faults, async || life.step(step, &store, &dir).await).await;
    }
    // What is read comes from what was written, while the fault may still strike.
    life.check(&store, STEPS).await;
    store.close().await;
    let struck = faults.struck();
    faults.disarm();
    let store = SqliteStore::open(options(&dir)).await.unwrap();
    assert_eq!(store.recover(Timestamp::now()).await.unwrap(), [], "{fault:?}");
    life.check(&store, STEPS).await;
    sound(store, &dir).await;
    fs::remove_dir_all(&dir).unwrap();
    faults.forget();
    struck
}

/// Operations of a kind that fail in their turn.
struct Sweep {
    kind: Kind,
    errno: Errno,
    lasting: bool,
    /// Of so many one.
    stride: u32,
    /// Fewer would not be the whole life.
    least: u32,
}

/// Every operation of a kind, from the first to the last, on a database that is there already.
async fn sweep(faults: &Watched, sweep: Sweep) {
    let Sweep { kind, errno, lasting, stride, least } = sweep;
    let made = faults.aside("template");
    SqliteStore::open(options(&made)).await.unwrap().close().await;
    let template = made.join("store.db");
    let mut nth = 1;
    // Ends with the first that is not there any more.
    while live(faults, Some(&template), Fault { kind, nth, errno, lasting }).await > 0 {
        nth += stride;
        assert!(nth < MOST, "{kind:?}: it does not come to its end");
    }
    assert!(nth > least, "{kind:?} {errno:?}: only {nth} operations failed");
}

/// R5.5, decision 1: one write fails, any one.
#[test]
fn a_write_that_fails_is_told_and_nothing_is_lost() {
    watched("faults::errors::a_write_that_fails_is_told_and_nothing_is_lost", async |faults| {
        for errno in [Errno::Eio, Errno::Enospc] {
            sweep(&faults, Sweep { kind: Kind::Write, errno, lasting: false, stride: 1, least: 200 }).await;
        }
    });
}

/// R5.5, decision 1: from some write on, every third of them, all fail until somebody has been told so.
#[test]
fn writes_that_go_on_failing_are_told_and_nothing_is_lost() {
    watched("faults::errors::writes_that_go_on_failing_are_told_and_nothing_is_lost", async |faults| {
        let errno = Errno::Eio;
        sweep(&faults, Sweep { kind: Kind::Write, errno, lasting: true, stride: 3, least: 200 }).await;
    });
}

/// R5.5, decision 1: one fsync(2) or fdatasync(2) fails, any one; then all from some one on.
#[test]
fn a_synchronisation_that_fails_is_told_and_nothing_is_lost() {
    watched("faults::errors::a_synchronisation_that_fails_is_told_and_nothing_is_lost", async |faults| {
        for (errno, lasting) in [(Errno::Eio, false), (Errno::Enospc, false), (Errno::Eio, true)] {
            sweep(&faults, Sweep { kind: Kind::Sync, errno, lasting, stride: 1, least: 25 }).await;
        }
    });
}

/// R5.5, decision 1: one file cannot be made, moved or removed, any one; then none from some one on.
#[test]
fn a_name_that_cannot_be_made_is_told_and_nothing_is_lost() {
    watched("faults::errors::a_name_that_cannot_be_made_is_told_and_nothing_is_lost", async |faults| {
        for (errno, lasting) in [(Errno::Eio, false), (Errno::Enospc, true)] {
            sweep(&faults, Sweep { kind: Kind::Name, errno, lasting, stride: 1, least: 15 }).await;
        }
    });
}

/// R5.5, decision 1: the same while the database is being made, of every few writes one.
#[test]
fn a_database_is_made_in_spite_of_faults() {
    watched("faults::errors::a_database_is_made_in_spite_of_faults", async |faults| {
        let each =
            [(Kind::Write, Errno::Eio, 23), (Kind::Write, Errno::Enospc, 29), (Kind::Sync, Errno::Eio, 1)];
        for (kind, errno, stride) in each {
            let mut nth = 1;
            while live(&faults, None, Fault { kind, nth, errno, lasting: false }).await > 0 {
                nth += stride;
                assert!(nth < MOST, "it does not come to its end");
            }
            assert!(nth > 20, "{kind:?}: only {nth}");
        }
    });
}
