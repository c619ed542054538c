//! The migrations of a PostgreSQL database.

use crate::sql::migrations::Step;

/// The migrations in their order.
pub(crate) const MIGRATIONS: [Step; 1] =
    [(1, "initial", include_str!("../../migrations/postgres/0001_initial.sql"))];
