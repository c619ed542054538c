//! The store on PostgreSQL: [`PostgresStore`], opened with [`PostgresOptions`].
//!
//! | module | what it holds |
//! |---|---|
//! | `options`, `url`, `open`, `schema` | opening a database, its migrations |
//! | `lease`, `process` | which processes have it open, and which of them are dead |
//! | `pieces` | outputs that are too large for a row |
//! | `service_file` | how pg_dump is told where to connect |
//! | `text`, `faults` | text that PostgreSQL can hold; what it reports, and what to do then |
//!
//! Durability: `synchronous_commit = on`, so a commit that returned survives a crash of the server
//! (<https://www.postgresql.org/docs/current/runtime-config-wal.html>). One process writes at a time, which an advisory
//! lock sees to; each writes for all its callers at once, so that this costs little.

pub(crate) mod faults;
pub(crate) mod lease;
mod open;
mod options;
pub(crate) mod pieces;
mod process;
mod schema;
mod service_file;
pub(crate) mod text;
pub(crate) mod url;

pub(crate) use open::{connect, open, reading};
pub use options::{PostgresOptions, PostgresStore};
pub(crate) use schema::MIGRATIONS;
pub(crate) use service_file::ServiceFile;
pub use url::is_url;
pub(crate) use url::{password, read as read_url};
