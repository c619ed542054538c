//! The migrations of a PostgreSQL database.

use crate::sql::migrations::Step;

/// The migrations in their order.
pub(crate) const MIGRATIONS: [Step; 5] = [
    (1, "initial", include_str!("../../migrations/postgres/0001_initial.sql")),
    (2, "plugins", include_str!("../../migrations/postgres/0002_plugins.sql")),
    (3, "host", include_str!("../../migrations/postgres/0003_host.sql")),
    (4, "hot path", include_str!("../../migrations/postgres/0004_hot_path.sql")),
    (5, "given up", include_str!("../../migrations/postgres/0005_given_up.sql")),
];
