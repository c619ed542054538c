//! Whether a database is sound: [`check`].

use pabawi_domain::ports::StoreError;
use serde::Serialize;

use super::contents;
use super::target::Target;
use crate::StoreOptions;
use crate::db::{self, Dialect};
use crate::sql::journal_verify;

/// The most findings that are told.
pub(super) const MOST: usize = 100;

/// What [`check`] has looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// What is wrong, at most 100 things; nothing when all is well.
    pub found: Vec<String>,
    /// Outputs whose content was looked at.
    pub outputs: u64,
    /// Journal entries whose hashes were.
    pub journal_entries: u64,
}

impl Checked {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.found.is_empty()
    }
}

/// Looks whether a database is sound: its pages and indexes (SQLite), every row of every table (PostgreSQL, which reads them
/// with their checksums, where it has any), references between rows, the content of outputs against their hashes, and the
/// chains of the journal. It changes nothing, and others may use the database meanwhile.
///
/// # Errors
/// [`StoreError`] when it cannot be read now, or its schema is not this program's. That it is damaged is no error: the answer
/// says it.
pub async fn check(options: &StoreOptions) -> Result<Checked, StoreError> {
    let mut checked = Checked::default();
    let mut target = match Target::connect(options).await {
        Ok(target) => target,
        Err(StoreError::Corrupt(text)) => return Ok(Checked { found: vec![text], ..checked }),
        Err(error) => return Err(error),
    };
    let looked = look(&mut target, options, &mut checked).await;
    target.close().await;
    match looked {
        // It cannot be read any further.
        Err(StoreError::Corrupt(text)) => checked.found.push(text),
        other => other?,
    }
    checked.found.truncate(MOST);
    Ok(checked)
}

async fn look(target: &mut Target, options: &StoreOptions, checked: &mut Checked) -> Result<(), StoreError> {
    target.current().await?;
    match target.dialect() {
        Dialect::Sqlite => pages(target, checked).await?,
        Dialect::Postgres => tables(target, checked).await?,
    }
    contents::references(target, checked).await?;
    contents::outputs(target, checked).await?;
    let readers = target.readers(options)?;
    let told = journal_verify::verify(None, &readers, &target.place).await;
    readers.close().await;
    let told = told?;
    checked.journal_entries = told.entries;
    checked.found.extend(told.faults.iter().map(|fault| format!("journal: {fault}")));
    Ok(())
}

async fn pages(target: &mut Target, checked: &mut Checked) -> Result<(), StoreError> {
    let place = target.place.clone();
    let fault = |error| place.sql("check the database", &error);
    for row in db::query("PRAGMA integrity_check(100)").fetch_all(&mut target.conn).await.map_err(fault)? {
        let text: String = row.try_get(0).map_err(fault)?;
        if text != "ok" {
            checked.found.push(text);
        }
    }
    for row in db::query("PRAGMA foreign_key_check").fetch_all(&mut target.conn).await.map_err(fault)? {
        let (table, other): (&str, &str) = (row.try_get(0).map_err(fault)?, row.try_get(2).map_err(fault)?);
        checked.found.push(format!("a row of {table} points to one of {other} that is not there"));
    }
    Ok(())
}

async fn tables(target: &mut Target, checked: &mut Checked) -> Result<(), StoreError> {
    let place = target.place.clone();
    for table in target.tables().await? {
        // Every column is read, also what stands beside the row.
        let sql = format!("SELECT count(*) FROM \"{table}\" AS t WHERE length(t::text) < 0");
        if let Err(error) = db::query(sql).at_length().fetch_one(&mut target.conn).await {
            match place.sql(&format!("read {table}"), &error) {
                StoreError::Corrupt(text) => checked.found.push(text),
                other => return Err(other),
            }
        }
    }
    Ok(())
}
