//! Pabawi's tables of executions and journal entries, as its migrations leave them: [`pabawi_history`] is the SQL, for SQLite and
//! PostgreSQL. It goes behind [`pabawi_tables`](crate::pabawi_tables::pabawi_tables), whose users it refers to.

/// The names of the constraints are those that PostgreSQL has.
const SCHEMA: &str = r#"
CREATE TABLE executions (id TEXT PRIMARY KEY,
  type TEXT NOT NULL CONSTRAINT executions_new_type_check1
    CHECK (type IN ('command', 'task', 'facts', 'puppet', 'package', 'plan')),
  target_nodes TEXT NOT NULL, "action" TEXT NOT NULL, parameters TEXT,
  status TEXT NOT NULL CONSTRAINT executions_new_status_check1
    CHECK (status IN ('running', 'success', 'failed', 'partial')),
  started_at TEXT NOT NULL, completed_at TEXT, results TEXT NOT NULL, error TEXT, command TEXT,
  expert_mode INTEGER DEFAULT 0, original_execution_id TEXT, re_execution_count INTEGER DEFAULT 0,
  stdout TEXT, stderr TEXT,
  execution_tool TEXT DEFAULT 'bolt' CONSTRAINT executions_new_execution_tool_check1
    CHECK (execution_tool IN ('bolt', 'ansible', 'ssh')),
  batch_id TEXT, batch_position INTEGER);
CREATE INDEX idx_executions_started ON executions (started_at DESC);
CREATE INDEX idx_executions_batch ON executions (batch_id);
CREATE TABLE batch_executions (id TEXT PRIMARY KEY,
  type TEXT NOT NULL CONSTRAINT batch_executions_type_check CHECK (type IN ('command', 'task', 'plan')),
  "action" TEXT NOT NULL, parameters TEXT, target_nodes TEXT NOT NULL, target_groups TEXT NOT NULL,
  status TEXT NOT NULL CONSTRAINT batch_executions_status_check
    CHECK (status IN ('running', 'success', 'failed', 'partial', 'cancelled')),
  created_at TEXT NOT NULL, started_at TEXT, completed_at TEXT, user_id TEXT NOT NULL, execution_ids TEXT NOT NULL,
  stats_total INTEGER NOT NULL, stats_queued INTEGER NOT NULL, stats_running INTEGER NOT NULL,
  stats_success INTEGER NOT NULL, stats_failed INTEGER NOT NULL);
CREATE TABLE journal_entries (id TEXT PRIMARY KEY, node_id TEXT NOT NULL, node_uri TEXT NOT NULL,
  event_type TEXT NOT NULL CONSTRAINT journal_entries_eventtype_check
    CHECK (event_type IN ('provision', 'destroy', 'start', 'stop', 'reboot', 'suspend', 'resume', 'command_execution',
      'task_execution', 'puppet_run', 'package_install', 'config_change', 'note', 'unknown')),
  source TEXT NOT NULL CONSTRAINT journal_entries_source_check
    CHECK (source IN ('proxmox', 'aws', 'bolt', 'ansible', 'ssh', 'puppetdb', 'user', 'system')),
  "action" TEXT NOT NULL, summary TEXT NOT NULL, details TEXT,
  user_id TEXT REFERENCES users (id) ON DELETE SET NULL, timestamp TEXT NOT NULL);
CREATE INDEX idx_journal_node ON journal_entries (node_id);
CREATE TABLE migrations (id TEXT PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL);
INSERT INTO migrations VALUES ('015', 'azure_permissions', '2026-01-01T00:00:00.000Z');
"#;

/// Makes the tables, empty, with the list of migrations.
#[must_use]
pub fn pabawi_history() -> &'static str {
    SCHEMA
}
