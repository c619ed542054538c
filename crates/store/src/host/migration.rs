//! A migration that Pabawi may apply: its tables take then what its own types know. Its files have Pabawi's names.

/// Its name: that of its files without the dialect and `.sql`.
pub const MIGRATION_NAME: &str = "016_journal_sources_and_states";

/// Its text for SQLite. No `;` stands in it but at the end of a statement, where Pabawi cuts it.
pub const SQLITE_MIGRATION: &str = include_str!("../../pabawi/016_journal_sources_and_states.sqlite.sql");

/// The same for PostgreSQL.
pub const POSTGRES_MIGRATION: &str = include_str!("../../pabawi/016_journal_sources_and_states.postgres.sql");
