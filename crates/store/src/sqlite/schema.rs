//! The migrations of a SQLite file.

use crate::sql::migrations::Step;

/// The migrations in their order.
pub(crate) const MIGRATIONS: [Step; 13] = [
    (1, "initial", include_str!("../../migrations/sqlite/0001_initial.sql")),
    (2, "graphs", include_str!("../../migrations/sqlite/0002_graphs.sql")),
    (3, "breakers", include_str!("../../migrations/sqlite/0003_breakers.sql")),
    (4, "plans", include_str!("../../migrations/sqlite/0004_plans.sql")),
    (5, "breaker changes", include_str!("../../migrations/sqlite/0005_breaker_changes.sql")),
    (6, "unsettled", include_str!("../../migrations/sqlite/0006_unsettled.sql")),
    (7, "facts", include_str!("../../migrations/sqlite/0007_facts.sql")),
    (8, "journal chain", include_str!("../../migrations/sqlite/0008_journal_chain.sql")),
    (9, "retention", include_str!("../../migrations/sqlite/0009_retention.sql")),
    (10, "plugins", include_str!("../../migrations/sqlite/0010_plugins.sql")),
    (11, "host", include_str!("../../migrations/sqlite/0011_host.sql")),
    (12, "hot path", include_str!("../../migrations/sqlite/0012_hot_path.sql")),
    (13, "given up", include_str!("../../migrations/sqlite/0013_given_up.sql")),
];
