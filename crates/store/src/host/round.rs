//! One look at the store, and everything brought over that is not there: [`Mirror`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{
    ExecutionStore as _, HostDatabase, HostDatabaseError, HostJournalError, HostRow, HostValue, StoreError,
};
use pabawi_domain::record::{ExecutionRecord, TargetQuery, TargetRecord};
use pabawi_domain::summary::{ExecutionStatus, Progress};
use tokio::sync::watch;

use super::entries;
use super::executions::{Outputs, Subject, is_batch, is_over};
use super::health::MirrorHealth;
use super::mirror::Work;
use super::options::MirrorOptions;
use super::outputs;
use super::tables::{self, BATCHES, ENTRIES, EXECUTIONS, Table};
use super::words::Wider;
use crate::Store;
use crate::sql::mirrored::Mirrored;

/// Executions, entries and targets read at once.
const AT_ONCE: u32 = 100;
/// A statement ends with so many rows, or with so many bytes of text.
const ROWS: usize = 50;
const BYTES: usize = 1024 * 1024;

/// What stands for an output that the store has lost.
const DAMAGED: &str = "[the stored output is damaged]";

/// Why not everything was brought over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Host(#[from] HostDatabaseError),
    #[error("the host's database has not answered for {} s", .0.as_secs_f32())]
    Slow(Duration),
    #[error(transparent)]
    Journal(#[from] HostJournalError),
    #[error("the host's journal has not answered for {} s", .0.as_secs_f32())]
    SlowJournal(Duration),
}

/// What the host has of an execution that goes on.
#[derive(Debug, Default)]
struct Known {
    /// How it was when it was brought over last.
    state: Option<(ExecutionStatus, Progress)>,
    /// Whether every target has a row.
    begun: bool,
    /// By position, targets whose row will not change any more.
    over: Vec<bool>,
}

/// What brings records over.
pub(super) struct Mirror {
    store: Store,
    host: Arc<dyn HostDatabase>,
    options: MirrorOptions,
    health: watch::Sender<MirrorHealth>,
    /// Absent until the host's tables have been looked at.
    wider: Option<Wider>,
    open: HashMap<ExecutionId, Known>,
    /// Executions that the store cannot read.
    damaged: HashSet<ExecutionId>,
}

impl Mirror {
    pub(super) fn new(
        store: Store,
        host: Arc<dyn HostDatabase>,
        options: MirrorOptions,
        health: watch::Sender<MirrorHealth>,
    ) -> Self {
        Self { store, host, options, health, wider: None, open: HashMap::new(), damaged: HashSet::new() }
    }

    /// Sees that the host's tables are there, and what its journal takes.
    async fn inspect(&self) -> Result<Wider, Fault> {
        for table in [&EXECUTIONS, &BATCHES] {
            self.query(&table.look()).await?;
        }
        if !self.options.journal {
            return Ok(Wider::default());
        }
        self.query(&ENTRIES.look()).await?;
        Ok(tables::wider(&self.query(tables::constraints(self.host.dialect())).await?))
    }

    async fn executions(&mut self) -> Result<(), Fault> {
        let mut open = HashSet::new();
        let mut after = i64::MIN;
        // Ends with the first page that is empty; keys rise with every page.
        loop {
            let page = self.store.unmirrored_executions(after, i64::from(AT_ONCE)).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            let mut done = Mirrored::default();
            for (key, id) in page {
                match self.execution(id).await {
                    Ok(Some(status)) if status.is_final() => done.executions.push((key, status)),
                    Ok(_) => drop(open.insert(id)),
                    Err(Fault::Store(StoreError::Corrupt(error))) => {
                        if self.damaged.insert(id) {
                            self.leave_out("executions", &id, &error);
                        }
                    }
                    Err(other) => return Err(other),
                }
            }
            if !done.executions.is_empty() {
                self.store.mirrored(done).await?;
            }
        }
        self.open.retain(|id, _| open.contains(id));
        Ok(())
    }

    /// Brings over what has changed of one execution, and tells its status; nothing where it is gone.
    async fn execution(&mut self, id: ExecutionId) -> Result<Option<ExecutionStatus>, Fault> {
        let Some(record) = self.store.execution(id).await? else { return Ok(None) };
        let state = (record.status, record.progress);
        let mut known = self.open.remove(&id).unwrap_or_default();
        let mut done = Ok(());
        if known.state != Some(state) {
            done = self.bring(&record, &mut known).await;
            if done.is_ok() {
                known.state = Some(state);
            }
        }
        self.open.insert(id, known);
        done.map(|()| Some(record.status))
    }

    async fn bring(&self, record: &ExecutionRecord, known: &mut Known) -> Result<(), Fault> {
        let original_targets = match record.request.rerun_of {
            Some(original) => self.store.execution(original).await?.map(|record| record.progress.total),
            None => None,
        };
        let subject = Subject::new(record, original_targets);
        let (mut nodes, mut ids, mut originals) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut query = TargetQuery { limit: Some(AT_ONCE), ..TargetQuery::default() };
        // Ends with the last page; the cursor reaches further with each.
        loop {
            let page = self.store.targets(record.id, &query).await?;
            let mut rows = Rows::default();
            for target in &page.items {
                let node = &target.target.node;
                nodes.push(node.to_string());
                ids.push(subject.row_id(node));
                let position = usize::try_from(target.position).unwrap_or(usize::MAX);
                let is_over = is_over(target);
                if known.over.get(position) == Some(&true) || (known.begun && !is_over) {
                    continue;
                }
                if !known.begun {
                    originals.extend(subject.original(node));
                }
                let outputs = if is_over { self.outputs(record, target).await? } else { Outputs::default() };
                rows.push(subject.execution_row(target, outputs), is_over.then_some(position));
                if rows.is_full() {
                    self.put_targets(std::mem::take(&mut rows), known).await?;
                }
            }
            self.put_targets(rows, known).await?;
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        known.begun = true;
        let originals: Vec<HostValue> = originals.into_iter().map(HostValue::from).collect();
        for some in originals.chunks(ROWS) {
            self.execute(&tables::count_reruns(some.len()), some).await?;
        }
        // After its rows: Pabawi takes a batch without rows for one that has succeeded.
        if is_batch(record.progress.total) {
            self.put(&BATCHES, vec![subject.batch_row(&nodes, &ids)]).await?;
        }
        Ok(())
    }

    async fn outputs(&self, record: &ExecutionRecord, target: &TargetRecord) -> Result<Outputs, Fault> {
        let options = &self.options;
        let most = if record.request.debug { options.debug_output_bytes } else { options.output_bytes };
        let mut texts = [None, None];
        for (text, output) in texts.iter_mut().zip([target.stdout, target.stderr]) {
            let Some(output) = output else { continue };
            *text = Some(match outputs::text(output, most, &self.store).await {
                Err(StoreError::Corrupt(error)) => {
                    tracing::warn!(id = %record.id, node = %target.target.node, %error, "a stored output is damaged");
                    DAMAGED.to_owned()
                }
                read => read?,
            });
        }
        let [stdout, stderr] = texts;
        Ok(Outputs { stdout, stderr })
    }

    async fn put_targets(&self, rows: Rows, known: &mut Known) -> Result<(), Fault> {
        self.put(&EXECUTIONS, rows.rows).await?;
        for position in rows.over {
            if known.over.len() <= position {
                known.over.resize(position.saturating_add(1), false);
            }
            if let Some(over) = known.over.get_mut(position) {
                *over = true;
            }
        }
        Ok(())
    }

    async fn entries(&self, wider: Wider) -> Result<(), Fault> {
        // Ends with the first page that is empty; what was brought over does not come again.
        loop {
            let page = self.store.unmirrored_entries(None, i64::from(AT_ONCE)).await?;
            if page.is_empty() {
                return Ok(());
            }
            let mut rows = Rows::default();
            let mut replaced = Vec::new();
            for (_, unmirrored) in &page {
                let unmirrored = match unmirrored {
                    Ok(unmirrored) => unmirrored,
                    Err(error) => {
                        self.leave_out(ENTRIES.name, &"one that cannot be read", error);
                        continue;
                    }
                };
                replaced.extend(unmirrored.entry.entry.supersedes.map(|id| HostValue::from(id.to_string())));
                if unmirrored.entry.superseded {
                    continue;
                }
                rows.push(entries::row(unmirrored, wider), None);
                if rows.is_full() {
                    self.put(&ENTRIES, std::mem::take(&mut rows).rows).await?;
                }
            }
            self.put(&ENTRIES, rows.rows).await?;
            // Pabawi knows no versions of a note: the newest stands for all.
            if !replaced.is_empty() {
                self.execute(&tables::remove_entries(replaced.len()), &replaced).await?;
            }
            let entries = page.last().map(|(key, _)| *key);
            self.store.mirrored(Mirrored { entries, ..Mirrored::default() }).await?;
        }
    }

    /// Brings rows into a table. Rows that it does not take are told and left out: nothing behind them would ever come over.
    async fn put(&self, table: &Table, rows: Vec<Vec<HostValue>>) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let parameters: Vec<HostValue> = rows.iter().flatten().cloned().collect();
        match self.execute(&table.put(rows.len()), &parameters).await {
            Err(Fault::Host(HostDatabaseError::Refused(_))) => {}
            done => {
                done?;
                self.health.send_modify(|health| {
                    health.written = health.written.saturating_add(rows.len() as u64);
                });
                return Ok(());
            }
        }
        // It is a row's fault only where the table is as it should be.
        self.inspect().await?;
        for row in rows {
            match self.execute(&table.put(1), &row).await {
                Err(Fault::Host(HostDatabaseError::Refused(error))) => {
                    let id = if let Some(HostValue::Text(id)) = row.first() { id.as_str() } else { "" };
                    self.leave_out(table.name, &id, &error);
                }
                done => {
                    done?;
                    self.health.send_modify(|health| health.written = health.written.saturating_add(1));
                }
            }
        }
        Ok(())
    }

    fn leave_out(&self, table: &str, id: &dyn Display, why: &dyn Display) {
        tracing::warn!(table, %id, %why, "a row of the mirror is left out");
        self.health.send_modify(|health| health.refused = health.refused.saturating_add(1));
    }

    async fn execute(&self, sql: &str, parameters: &[HostValue]) -> Result<u64, Fault> {
        self.answered(self.host.execute(sql, parameters)).await
    }

    async fn query(&self, sql: &str) -> Result<Vec<HostRow>, Fault> {
        self.answered(self.host.query(sql, &[])).await
    }

    async fn answered<T>(
        &self,
        asked: impl Future<Output = Result<T, HostDatabaseError>>,
    ) -> Result<T, Fault> {
        let limit = self.options.answer;
        tokio::time::timeout(limit, asked).await.map_err(|_| Fault::Slow(limit))?.map_err(Fault::from)
    }
}

#[async_trait]
impl Work for Mirror {
    fn name(&self) -> &'static str {
        "the mirror in the host's database"
    }

    async fn look(&mut self) -> Result<bool, Fault> {
        let wider = match self.wider {
            Some(wider) => wider,
            None => *self.wider.insert(self.inspect().await?),
        };
        let done = async {
            self.executions().await?;
            if self.options.journal { self.entries(wider).await } else { Ok(()) }
        };
        let done = done.await;
        if done.is_err() {
            // Who knows what has become of the tables.
            self.wider = None;
        }
        done.map(|()| true)
    }

    async fn waiting(&self) -> Result<u64, StoreError> {
        let executions = self.store.count_unmirrored_executions().await?;
        let entries = if self.options.journal { self.store.count_unmirrored_entries().await? } else { 0 };
        Ok(executions.saturating_add(entries))
    }
}

/// Rows for one statement.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Vec<HostValue>>,
    bytes: usize,
    /// Positions of targets that are over.
    over: Vec<usize>,
}

impl Rows {
    fn push(&mut self, row: Vec<HostValue>, over: Option<usize>) {
        let length = |value: &HostValue| if let HostValue::Text(text) = value { text.len() } else { 8 };
        self.bytes += row.iter().map(length).sum::<usize>();
        self.rows.push(row);
        self.over.extend(over);
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= ROWS || self.bytes >= BYTES
    }
}
