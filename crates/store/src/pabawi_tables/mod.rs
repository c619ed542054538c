//! Pabawi's own tables of users, groups, roles and permissions, read only: [`PabawiTables`].
//!
//! A SQLite file may not be opened here while the same process has it open through another copy of SQLite, such as npm
//! `sqlite3` in Node: closing one copy's file takes the other's locks away
//! (<https://www.sqlite.org/howtocorrupt.html>, section 2.2). Such a host gives its own reader of the port
//! `PermissionTables`.

mod read;
mod sql;

pub use read::PabawiTables;
