//! Power that is lost at every synchronisation, and right before each of them.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use pabawi_domain::ports::ExecutionStore as _;
use pabawi_store::sqlite::SqliteStore;

use super::disk::{Disk, Done, Left};
use super::library::{Errno, Fault, Kind, Watched, watched};
use super::life::{Life, STEPS, options};
use crate::opened::sound;

/// Lives that are told of.
const LIVES: u8 = 3;

/// Where the database is below the disk: neither directory is there before.
const PLACE: &str = "new/data";

/// How many steps of each life were acknowledged.
#[derive(Debug, Clone, Copy, Default)]
struct Acknowledged([usize; LIVES as usize]);

impl Acknowledged {
    fn note(&mut self, done: &Done) {
        if let Done::Note(text) = done {
            let life: usize = text.trim().parse().unwrap();
            self.0[life - 1] += 1;
        }
    }
}

async fn step(watched: &Watched, life: u8, step: usize, store: &SqliteStore, dir: &Path) {
    Life(life).step(step, store, dir).await.unwrap();
    watched.note(&format!("{life}\n"));
}

/// What is left is opened, holds what was acknowledged, and can be worked with.
async fn survives(disk: &Disk, left: Left, told: Acknowledged, dir: &Path) {
    disk.make(left, dir);
    let place = dir.join(PLACE);
    let store = SqliteStore::open(options(&place)).await.unwrap();
    store.recover(Timestamp::now()).await.unwrap();
    for (life, done) in (1..).zip(told.0) {
        Life(life).check(&store, done).await;
    }
    // Life goes on.
    let next = Life(LIVES + 1);
    for step in 0..STEPS {
        next.step(step, &store, &place).await.unwrap();
    }
    next.check(&store, STEPS).await;
    sound(store, &place).await;
    fs::remove_dir_all(dir).unwrap();
}

/// R5.5, decision 1: of what was written since the last synchronisation nothing is left, or parts of it in sectors; of names
/// whose directory was not synchronised nothing is left, or the first of them.
#[test]
fn what_was_acknowledged_survives_the_loss_of_power() {
    watched("faults::power::what_was_acknowledged_survives_the_loss_of_power", async |watched| {
        let dir = watched.disk().join(PLACE);
        let mut disk = Disk::of(&watched.disk());
        // The first two in one process, one of them not to its end; the third after another start, and then it stops.
        let store = SqliteStore::open(options(&dir)).await.unwrap();
        for number in 0..STEPS {
            step(&watched, 1, number, &store, &dir).await;
        }
        for number in 0..4 {
            step(&watched, 2, number, &store, &dir).await;
        }
        store.close().await;
        let store = SqliteStore::open(options(&dir)).await.unwrap();
        for number in 0..STEPS {
            step(&watched, 3, number, &store, &dir).await;
        }
        let trace = Done::all(&watched.trace());
        store.close().await;

        let mut told = Acknowledged::default();
        let (mut points, mut seed) = (0, 1);
        for done in &trace {
            let is_sync = matches!(done, Done::Sync { .. } | Done::SyncDir { .. });
            if is_sync {
                survives(&disk, Left::Some(seed), told, &watched.aside("torn")).await;
                seed += 1;
            }
            disk.does(done);
            told.note(done);
            if is_sync {
                survives(&disk, Left::Nothing, told, &watched.aside("nothing")).await;
                points += 1;
            }
        }
        assert_eq!(told.0, [STEPS, 4, STEPS]);
        survives(&disk, Left::Nothing, told, &watched.aside("end")).await;
        assert!(points > 60, "only {points} synchronisations");
    });
}

/// R5.5, decision 1: Linux takes pages for written of which fsync(2) said that they were not. Whoever is told so and tries again
/// must have them written once more; then the power goes.
#[test]
fn what_a_failed_synchronisation_has_dropped_is_written_again() {
    watched("faults::power::what_a_failed_synchronisation_has_dropped_is_written_again", async |watched| {
        let made = watched.aside("template");
        SqliteStore::open(options(&made)).await.unwrap().close().await;
        let mut struck = 0;
        for nth in 1.. {
            let dir = watched.disk().join(PLACE);
            fs::create_dir_all(&dir).unwrap();
            fs::copy(made.join("store.db"), dir.join("store.db")).unwrap();
            watched.forget();
            let mut disk = Disk::of(&watched.disk());
            watched.arm(Fault { kind: Kind::Sync, nth, errno: Errno::Eio, lasting: false });
            let store = match SqliteStore::open(options(&dir)).await {
                Ok(store) => store,
                Err(error) if error.is_retryable() => SqliteStore::open(options(&dir)).await.unwrap(),
                Err(error) => panic!("{error:?}"),
            };
            for number in 0..STEPS {
                if let Err(error) = Life(1).step(number, &store, &dir).await {
                    assert!(error.is_retryable(), "{error:?}");
                    Life(1).step(number, &store, &dir).await.unwrap();
                }
            }
            let trace = Done::all(&watched.trace());
            trace.iter().for_each(|done| disk.does(done));
            let told = Acknowledged([STEPS, 0, 0]);
            survives(&disk, Left::Nothing, told, &watched.aside("nothing")).await;
            store.close().await;
            fs::remove_dir_all(watched.disk().join("new")).unwrap();
            if watched.struck() == 0 {
                break;
            }
            struck += 1;
            assert!(struck < 1_000, "it does not come to its end");
        }
        assert!(struck > 20, "only {struck} synchronisations failed");
    });
}
