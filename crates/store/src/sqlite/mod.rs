//! The store on SQLite: [`SqliteStore`], opened with [`SqliteOptions`].
//!
//! | module | what it holds |
//! |---|---|
//! | `options`, `open`, `schema` | opening a file, its migrations, its permissions |
//! | `owner` | which processes have it open, and which of them are dead |
//! | `sole` | that no other copy of SQLite in this process has it open |
//! | `faults` | what SQLite reports, and what to do then |
//!
//! Durability: `journal_mode = WAL` with `synchronous = FULL`, so a commit that returned survives `kill -9`
//! and power loss (<https://www.sqlite.org/pragma.html#pragma_synchronous>). The file must be on a local
//! file system, and no other copy of SQLite in the same process may have it open: `sole` looks
//! whether one has, where that can be.

pub(crate) mod faults;
mod open;
mod options;
pub(crate) mod owner;
mod schema;
pub(crate) mod sole;

pub(crate) use open::{connect, open, reading};
pub(crate) use options::beside;
pub use options::{SqliteOptions, SqliteStore};
pub(crate) use schema::MIGRATIONS;
