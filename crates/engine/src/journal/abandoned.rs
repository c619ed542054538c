//! Entries of executions whose process has died: nobody knows what came of the nodes that were running. They are written before
//! the executions are closed, with ids that follow from what they tell, so that a process that dies in between, or several that
//! do the same, write each once.

use jiff::Timestamp;
use pabawi_domain::id::{ExecutionId, PluginName};
use pabawi_domain::journal::NewJournalEntry;
use pabawi_domain::ports::{ExecutionStore, JournalStore, StoreError};
use pabawi_domain::record::{ExecutionRecord, TargetQuery, TargetRecord, TargetState};

use super::journaller::Journaller;
use super::scribe::{About, Ended, Scribe};

/// Targets read, and entries written, at once.
const AT_ONCE: u32 = 1_000;

pub(super) async fn journal_abandoned(
    journaller: &Journaller,
    store: &dyn ExecutionStore,
    journal: &dyn JournalStore,
    now: Timestamp,
) -> Result<(), StoreError> {
    for id in store.abandoned().await? {
        let Some(record) = store.execution(id).await? else { continue };
        let about = About { id, caller: &record.caller, request: &record.request };
        let scribe = journaller.scribe(about);
        for state in [TargetState::Running, TargetState::Queued] {
            of_targets(id, &record, &scribe, state, store, journal, now).await?;
        }
    }
    Ok(())
}

async fn of_targets(
    id: ExecutionId,
    record: &ExecutionRecord,
    scribe: &Scribe,
    state: TargetState,
    store: &dyn ExecutionStore,
    journal: &dyn JournalStore,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut query = TargetQuery { state: Some(state), limit: Some(AT_ONCE), ..TargetQuery::default() };
    // Ends with the last page.
    loop {
        let page = store.targets(id, &query).await?;
        let entries: Vec<NewJournalEntry> = page
            .items
            .iter()
            // One that waits for another attempt ended as its last one did; one that was never begun was left alone.
            .filter(|target| state == TargetState::Running || target.result.is_some())
            .filter_map(|target| entry(record, scribe, target, now))
            .collect();
        if !entries.is_empty() {
            journal.append_journal(&entries).await?;
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(()),
        }
    }
}

fn entry(
    record: &ExecutionRecord,
    scribe: &Scribe,
    found: &TargetRecord,
    now: Timestamp,
) -> Option<NewJournalEntry> {
    let request = &record.request;
    let named = request.action.tool().and_then(|tool| tool.plugin.as_ref());
    let source = named.or(found.target.endpoint.transport.as_ref()).or(request.transport.as_ref());
    let usual = PluginName::ssh();
    let source = match source {
        Some(source) => source.as_str(),
        // Which plugin did it was known to the process that died.
        None if request.action.tool().is_some() => "system",
        None => usual.as_str(),
    };
    let outcome = found.result.as_ref().filter(|_| found.state == TargetState::Queued);
    let end = Ended {
        node: &found.target.node,
        place: u32::try_from(found.position).unwrap_or(u32::MAX),
        source,
        outcome,
        attempt: found.attempt,
        at: found.finished_at.filter(|_| outcome.is_some()).unwrap_or(now),
        duration_ms: None,
        outputs: [None, None],
    };
    scribe.ended(&end).map(|entry| *entry)
}
