//! Pabawi's tables: their columns, and the statements that bring rows into them.

use pabawi_domain::ports::{HostDialect, HostRow, HostValue};

use super::words::{WIDER_EVENT_TYPE, WIDER_SOURCES, Wider};

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [&'static str],
    /// The values of one row, with its parameters.
    values: &'static str,
    /// What becomes of a row that is there already.
    known: Known,
}

#[derive(Debug)]
enum Known {
    Stays,
    /// It is written again but for these columns. One that has ended is not opened again: another process may know more.
    Changes {
        except: &'static [&'static str],
    },
}

/// One of Pabawi's users by id or name. There are three parameters.
macro_rules! user {
    () => {
        "(SELECT u.id FROM users AS u WHERE u.id = ? OR u.username = ? ORDER BY CASE WHEN u.id = ? THEN 0 ELSE 1 END LIMIT 1)"
    };
}

pub(super) const EXECUTIONS: Table = Table {
    name: "executions",
    columns: &[
        "id",
        "type",
        "target_nodes",
        "\"action\"",
        "parameters",
        "status",
        "started_at",
        "completed_at",
        "results",
        "error",
        "command",
        "expert_mode",
        "original_execution_id",
        "re_execution_count",
        "stdout",
        "stderr",
        "execution_tool",
        "batch_id",
        "batch_position",
    ],
    values: "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    known: Known::Changes { except: &["id", "re_execution_count"] },
};

pub(super) const BATCHES: Table = Table {
    name: "batch_executions",
    columns: &[
        "id",
        "type",
        "\"action\"",
        "parameters",
        "target_nodes",
        "target_groups",
        "status",
        "created_at",
        "started_at",
        "completed_at",
        "user_id",
        "execution_ids",
        "stats_total",
        "stats_queued",
        "stats_running",
        "stats_success",
        "stats_failed",
    ],
    values: concat!("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, COALESCE(", user!(), ", ?), ?, ?, ?, ?, ?, ?)"),
    known: Known::Changes { except: &["id"] },
};

pub(super) const ENTRIES: Table = Table {
    name: "journal_entries",
    columns: &[
        "id",
        "node_id",
        "node_uri",
        "event_type",
        "source",
        "\"action\"",
        "summary",
        "details",
        "user_id",
        "timestamp",
    ],
    values: concat!("(?, ?, ?, ?, ?, ?, ?, ?, ", user!(), ", ?)"),
    known: Known::Stays,
};

impl Table {
    /// A statement that fails where the table or a column of it is not there.
    pub(super) fn look(&self) -> String {
        format!("SELECT {} FROM {} WHERE 1 = 0", self.columns.join(", "), self.name)
    }

    /// Brings so many rows into it.
    pub(super) fn put(&self, rows: usize) -> String {
        let (name, columns) = (self.name, self.columns.join(", "));
        let values = vec![self.values; rows].join(", ");
        let known = match self.known {
            Known::Stays => "NOTHING".to_owned(),
            Known::Changes { except } => {
                let changed = self.columns.iter().filter(|column| !except.contains(column));
                let set: Vec<String> =
                    changed.map(|column| format!("{column} = excluded.{column}")).collect();
                format!(
                    "UPDATE SET {} WHERE {name}.completed_at IS NULL OR excluded.completed_at IS NOT NULL",
                    set.join(", ")
                )
            }
        };
        format!("INSERT INTO {name} ({columns}) VALUES {values} ON CONFLICT (id) DO {known}")
    }
}

/// Counts for so many executions how often they were done again, as Pabawi counts it.
pub(super) fn count_reruns(originals: usize) -> String {
    format!(
        "UPDATE executions SET re_execution_count = (SELECT COUNT(*) FROM executions AS again \
         WHERE again.original_execution_id = executions.id) WHERE id IN ({})",
        marks(originals)
    )
}

/// Removes so many entries.
pub(super) fn remove_entries(entries: usize) -> String {
    format!("DELETE FROM journal_entries WHERE id IN ({})", marks(entries))
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Asks what the journal takes, for [`wider`].
pub(super) fn constraints(dialect: HostDialect) -> &'static str {
    match dialect {
        HostDialect::Sqlite => {
            "SELECT sql AS definition FROM sqlite_master WHERE type = 'table' AND name = 'journal_entries'"
        }
        HostDialect::Postgres => {
            "SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint \
             WHERE conrelid = 'journal_entries'::regclass AND contype = 'c'"
        }
    }
}

/// What the journal takes beyond what it was made with.
pub(super) fn wider(constraints: &[HostRow]) -> Wider {
    let takes = |word: &str| {
        let quoted = format!("'{word}'");
        constraints
            .iter()
            .flat_map(HostRow::values)
            .any(|value| matches!(value, HostValue::Text(text) if text.contains(&quoted)))
    };
    Wider { event_types: takes(WIDER_EVENT_TYPE), sources: WIDER_SOURCES.into_iter().all(takes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_fits_the_columns() {
        for (table, more) in [(&EXECUTIONS, 0), (&BATCHES, 3), (&ENTRIES, 2)] {
            let wanted = table.columns.len() + more;
            assert_eq!(table.put(1).matches('?').count(), wanted, "{}", table.name);
            assert_eq!(table.put(3).matches('?').count(), 3 * wanted, "{}", table.name);
        }
        assert!(!EXECUTIONS.put(1).contains("re_execution_count = excluded"));
        assert_eq!(remove_entries(2), "DELETE FROM journal_entries WHERE id IN (?, ?)");
    }
}
