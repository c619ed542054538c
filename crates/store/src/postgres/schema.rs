//! The migrations of a PostgreSQL database.

use crate::sql::migrations::Step;

/// The migrations in their order.
pub(crate) const MIGRATIONS: [Step; 4] = [
    (1, "initial", include_str!("../../migrations/postgres/0001_initial.sql")),
    (2, "plugins", include_str!("../../migrations/postgres/0002_plugins.sql")),
    (3, "host", include_str!("../../migrations/postgres/0003_host.sql")),
    (4, "hot path", include_str!("../../migrations/postgres/0004_hot_path.sql")),
];
