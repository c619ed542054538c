//! An execution's life in the store, step by step, and what must be there when so many steps were acknowledged.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pabawi_domain::breaker::BreakerState;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::journal::{EntryId, JournalQuery, NewJournalEntry};
use pabawi_domain::node::{Endpoint, Target};
use pabawi_domain::outcome::NodeOutcome;
use pabawi_domain::output::{CapturedOutput, KeptOutput, OutputData};
use pabawi_domain::ports::{
    BreakerStore as _, Created, ExecutionStore as _, JournalStore as _, StoreError, StoreWrite,
};
use pabawi_domain::record::NewExecution;
use pabawi_domain::summary::ExecutionStatus;
use pabawi_store::sqlite::{SqliteOptions, SqliteStore};

use crate::breakers::record;
use crate::journal::entry;
use crate::records::{
    all_targets, at, events, execution, finished, hash, node, start, stored_events, whole, with_output,
};

/// The steps of a life, each acknowledged by one call.
pub(super) const STEPS: usize = 9;
/// The steps at which a target ends.
const ENDS: [usize; 4] = [2, 3, 4, 5];
const FINISHED: usize = 6;
const NOTED: usize = 7;
const BROKEN: usize = 8;

/// The one of that number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life(pub(super) u8);

pub(super) fn options(dir: &Path) -> SqliteOptions {
    let mut options = SqliteOptions::new(dir.join("store.db"));
    options.readers = 1;
    // So that outputs go into files, and are no longer than they must be.
    options.inline_output_bytes = 2048;
    options
}

impl Life {
    pub(super) fn id(self) -> ExecutionId {
        ExecutionId::from_parts(1_790_000_000_000 + u64::from(self.0), [self.0; 10])
    }

    fn begun(self) -> NewExecution {
        let targets = (0..4).map(|number| Target::new(node(&format!("n{number}")), Endpoint::default()));
        NewExecution {
            id: self.id(),
            submitted_at: at(i64::from(self.0)),
            targets: targets.collect(),
            ..execution("cat", 0)
        }
    }

    /// What the target of that number prints: into a row, into a file, into a file by way of another, and one of which not
    /// everything is kept.
    fn bytes(self, target: usize) -> Vec<u8> {
        let size = [20, 5_000, 9_000, 12_000][target];
        format!("{} {target} ", self.0).into_bytes().into_iter().cycle().take(size).collect()
    }

    fn spilled(self, dir: &Path) -> PathBuf {
        dir.join(format!("spilled-{}", self.0))
    }

    fn output(self, target: usize, dir: &Path) -> Result<Option<CapturedOutput>, StoreError> {
        let bytes = self.bytes(target);
        let part = |bytes: &[u8]| OutputData(Bytes::copy_from_slice(bytes));
        let kept = match target {
            2 => {
                let path = self.spilled(dir);
                let hash = hash(&bytes).to_string();
                let moved = dir.join("store.db.outputs").join(&hash[..2]).join(&hash);
                let is_whole =
                    |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() == bytes.len() as u64);
                // The engine's part, done once: whoever comes again after a fault finds it as it is.
                if !is_whole(&path) && !is_whole(&moved) {
                    fs::write(&path, &bytes).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                }
                KeptOutput::Spilled { path }
            }
            3 => KeptOutput::HeadTail { head: part(&bytes[..3_000]), tail: part(&bytes[9_000..]) },
            _ => return Ok(whole(&bytes)),
        };
        Ok(Some(CapturedOutput { hash: hash(&bytes), total_bytes: bytes.len() as u64, kept }))
    }

    fn told(self, target: usize) -> NewJournalEntry {
        let of = NewJournalEntry { execution_id: Some(self.id()), ..entry("life", &format!("n{target}"), 1) };
        let id = EntryId::derived(&["life", &self.0.to_string(), &target.to_string()]);
        NewJournalEntry { id, ..of }
    }

    /// Does one step. It may come again.
    pub(super) async fn step(self, step: usize, store: &SqliteStore, dir: &Path) -> Result<(), StoreError> {
        let id = self.id();
        match step {
            0 => store.create(self.begun()).await.map(|created| assert_eq!(created, Created::New)),
            1 => {
                let mut writes = vec![StoreWrite::Started { id, at: at(1) }];
                writes.extend((0..4).map(|number| start(id, &format!("n{number}"), 1)));
                store.append(&writes).await
            }
            FINISHED => store.append(&[finished(id, 4)]).await,
            NOTED => store.append_journal(&[self.told(4)]).await,
            BROKEN => {
                let name = format!("node:{}", self.0);
                store.save_breakers(&[record(&name, BreakerState::Open, 3, 0)]).await
            }
            end => {
                let target = end - ENDS[0];
                let output = self.output(target, dir)?;
                let result = with_output(id, &format!("n{target}"), NodeOutcome::Succeeded, output);
                let entry = StoreWrite::Journal { id, entry: Box::new(self.told(target)) };
                store.append(&[result, entry, events(id, [target as u64 + 1])]).await
            }
        }
    }

    /// That so many steps are there as they were, and that what may be there of the next is there whole or not at all.
    pub(super) async fn check(self, store: &SqliteStore, done: usize) {
        let id = self.id();
        let Some(record) = store.execution(id).await.unwrap() else {
            assert_eq!(done, 0, "{self:?} is lost");
            return;
        };
        if done > FINISHED {
            assert_eq!(record.status, ExecutionStatus::Completed, "{self:?}");
        }
        let targets = all_targets(store, id).await;
        assert_eq!(targets.len(), 4, "{self:?}");
        let started = targets.iter().filter(|target| target.attempt == 1).count();
        assert!(
            started == 4 || (started == 0 && done < 2),
            "{self:?}: {started} of 4 started after {done} steps"
        );
        let seqs: Vec<u64> = stored_events(store, id, 1000).await.iter().map(|event| event.seq).collect();
        let query = JournalQuery { execution_id: Some(id), ..JournalQuery::default() };
        let told = store.journal(&query).await.unwrap().items;
        for (number, target) in targets.iter().enumerate() {
            let is_there = target.result == Some(NodeOutcome::Succeeded);
            assert!(
                is_there || done <= ENDS[number],
                "{self:?}: the result of {number} is lost after {done}"
            );
            let entry = self.told(number);
            let of_it = told.iter().find(|one| one.entry.id == entry.id).map(|one| &one.entry);
            assert_eq!(of_it, is_there.then_some(&entry), "{self:?} {number}: entry and result go together");
            let has_event = seqs.contains(&(number as u64 + 1));
            assert!(!is_there || has_event, "{self:?} {number}: event and result go together");
            let Some(output) = target.stdout else {
                assert!(!is_there, "{self:?}: the output of {number} is lost");
                continue;
            };
            let bytes = self.bytes(number);
            let kept = if number == 3 { [&bytes[..3_000], &bytes[9_000..]].concat() } else { bytes.clone() };
            assert_eq!(output.hash, hash(&bytes));
            let chunk = store.output(output.hash, 0, 1_000_000).await.unwrap().unwrap();
            assert!(chunk.data.0 == kept, "{self:?}: the output of {number} is another");
        }
        let noted = told.iter().any(|one| one.entry.id == self.told(4).id);
        assert!(noted || done <= NOTED, "{self:?}: the note is lost");
        let breakers = store.breakers(0).await.unwrap().records;
        let name = format!("node:{}", self.0);
        let broken = breakers.iter().any(|one| one.status.component.to_string() == name);
        assert!(broken || done <= BROKEN, "{self:?}: the breaker is lost");
    }
}
