//! The migrations of a PostgreSQL database.

use crate::sql::migrations::Step;

/// The migrations in their order.
pub(crate) const MIGRATIONS: [Step; 2] = [
    (1, "initial", include_str!("../../migrations/postgres/0001_initial.sql")),
    (2, "plugins", include_str!("../../migrations/postgres/0002_plugins.sql")),
];
