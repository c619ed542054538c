//! [`Pages`]: reads a query page by page, so that no answer is longer than one page.
//!
//! Pages are cut by position, and the list may change between two of them. Each page begins with the last row of the
//! one before; where that is another row now, rows have moved over the seam and the list has to be read again.

use serde_json::{Value, json};

use super::client::{Endpoint, PuppetDbClient};
use super::error::{PuppetDbError, PuppetDbFault};
use super::reply::{Row, Unreadable};

/// The most rows of one query: as many nodes as an inventory takes.
pub(super) const MAX_ROWS: u64 = 1_000_000;

/// A query that is being read.
pub(super) struct Pages<'a> {
    client: &'a PuppetDbClient,
    pql: &'a str,
    size: u64,
    /// Rows that have been given out.
    read: u64,
    last: Option<String>,
    ended: bool,
}

/// What comes next.
pub(super) enum Step {
    /// Further rows, sorted by `certname`, and which of them could not be read.
    Rows(Vec<Row>, Vec<Unreadable>),
    /// Nothing: all has been read.
    End,
    /// Rows have moved meanwhile; what has been read is not the whole list.
    Shifted,
}

impl<'a> Pages<'a> {
    pub(super) fn new(client: &'a PuppetDbClient, pql: &'a str) -> Self {
        let size = client.settings().page_size.into();
        Self { client, pql, size, read: 0, last: None, ended: false }
    }

    /// Reads the next page.
    pub(super) async fn next(&mut self) -> Result<Step, PuppetDbError> {
        if self.ended {
            return Ok(Step::End);
        }
        let overlap = u64::from(self.last.is_some());
        let answer = loop {
            let question = json!({
                "query": self.pql,
                "limit": self.size + overlap,
                "offset": self.read - overlap,
                "order_by": [{"field": "certname", "order": "asc"}],
                // Counting costs PuppetDB a second look at everything.
                "include_total": self.read == 0,
            });
            match self.client.ask(Endpoint::Root, &question).await {
                Err(PuppetDbError { fault: PuppetDbFault::TooLarge { .. }, .. }) if self.size > 1 => {
                    self.size /= 2
                }
                other => break other?,
            }
        };
        let asked = self.size + overlap;
        let got = answer.rows.len() as u64;
        let rows = answer.total.unwrap_or(self.read + got);
        if rows > MAX_ROWS {
            return Err(self.client.error(PuppetDbFault::TooMany { rows, most: MAX_ROWS }));
        }
        if got > asked {
            let fault =
                PuppetDbFault::Nonsense(format!("{got} rows came where at most {asked} were asked for"));
            return Err(self.client.error(fault));
        }
        self.ended = got < asked;
        let mut rows = answer.rows.into_iter();
        if self.last.is_some() {
            let first = rows.next();
            if first.as_ref().and_then(certname) != self.last.as_deref() {
                return Ok(Step::Shifted);
            }
        }
        let rows: Vec<Row> = rows.collect();
        let Some(last) = rows.last() else { return Ok(Step::End) };
        let Some(last) = certname(last) else {
            let what = "a row has no certname; the query has to give that column".to_owned();
            return Err(self.client.error(PuppetDbFault::Nonsense(what)));
        };
        self.last = Some(last.to_owned());
        self.read += rows.len() as u64;
        Ok(Step::Rows(rows, answer.unreadable))
    }
}

/// The node that a row is about.
pub(super) fn certname(row: &Row) -> Option<&str> {
    row.get("certname").and_then(Value::as_str)
}
