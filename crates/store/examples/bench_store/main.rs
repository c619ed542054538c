//! Measures a store for `cargo xtask bench store`: `bench_store DATABASE PART NUMBERS..`, where the database is the path of
//! a new SQLite file or the URL of an empty PostgreSQL database. The last line that it prints is a JSON object.
//!
//! | part | numbers | what |
//! |---|---|---|
//! | `results` | results | durable results, written as the engine writes them, with their journal entries |
//! | `bare-results` | results | the same without journal entries |
//! | `floor` | rows | the same data as plain INSERTs into one bare table: one a transaction, and many |
//! | `history` | sizes | pages of the history after so many results |
//! | `journal` | sizes | pages of the journal after so many entries |
//! | `equal` | results, bytes | what equal outputs take on disk |

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program whose purpose is to print")]
#![allow(clippy::cast_precision_loss, reason = "rates are shown with three digits")]

mod equal;
mod floor;
mod history;
mod journal;
mod made;
mod measure;
mod results;

use std::error::Error;

use pabawi_store::postgres::PostgresOptions;
use pabawi_store::sqlite::SqliteOptions;
use pabawi_store::{Store, StoreOptions};

/// What can go wrong: whatever it is, there is no figure then.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The database that is measured.
pub(crate) struct Database(String);

impl Database {
    /// The URL, where it is on a server.
    pub(crate) fn url(&self) -> Option<&str> {
        self.0.starts_with("postgres").then_some(self.0.as_str())
    }

    /// The file, where it is one, or the URL.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) async fn open(&self) -> Result<Store, Failure> {
        let options: StoreOptions = match self.url() {
            Some(url) => PostgresOptions::new(url).into(),
            None => SqliteOptions::new(self.name()).into(),
        };
        Ok(Store::open(options).await?)
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let (Some(database), Some(part)) = (words.next(), words.next()) else {
        return Err("usage: bench_store DATABASE PART NUMBERS..".into());
    };
    let numbers = words.map(|word| word.parse()).collect::<Result<Vec<usize>, _>>()?;
    let database = Database(database);
    let found = match (part.as_str(), numbers.as_slice()) {
        ("results", [count]) => results::write(&database, *count, true).await?,
        ("bare-results", [count]) => results::write(&database, *count, false).await?,
        ("floor", [count]) => floor::write(&database, *count).await?,
        ("history", sizes) => history::grow(&database, sizes).await?,
        ("journal", sizes) => journal::grow(&database, sizes).await?,
        ("equal", [count, bytes]) => equal::write(&database, *count, *bytes).await?,
        _ => return Err(format!("there is no part {part} with {} numbers", numbers.len()).into()),
    };
    println!("{found}");
    Ok(())
}
