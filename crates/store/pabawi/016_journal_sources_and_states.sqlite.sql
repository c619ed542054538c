-- Migration: 016_journal_sources_and_states
-- The journal takes every event type and source that Pabawi's types know: state_change, azure and checkmk were missing.
-- An entry of another kind is refused as before. SQLite changes a constraint only with the whole table.

CREATE TABLE journal_entries_016 (
  id TEXT PRIMARY KEY,
  node_id TEXT NOT NULL,
  node_uri TEXT NOT NULL,
  event_type TEXT NOT NULL CHECK (event_type IN (
    'provision', 'destroy', 'start', 'stop', 'reboot', 'suspend', 'resume', 'command_execution', 'task_execution',
    'puppet_run', 'package_install', 'config_change', 'state_change', 'note', 'unknown'
  )),
  source TEXT NOT NULL CHECK (source IN (
    'proxmox', 'aws', 'azure', 'bolt', 'ansible', 'ssh', 'puppetdb', 'checkmk', 'user', 'system'
  )),
  "action" TEXT NOT NULL,
  summary TEXT NOT NULL,
  details TEXT,
  user_id TEXT REFERENCES users (id) ON DELETE SET NULL,
  timestamp TEXT NOT NULL
);

INSERT INTO journal_entries_016
  (id, node_id, node_uri, event_type, source, "action", summary, details, user_id, timestamp)
  SELECT id, node_id, node_uri, event_type, source, "action", summary, details, user_id, timestamp FROM journal_entries;

DROP TABLE journal_entries;
ALTER TABLE journal_entries_016 RENAME TO journal_entries;

CREATE INDEX IF NOT EXISTS idx_journal_node ON journal_entries (node_id);
CREATE INDEX IF NOT EXISTS idx_journal_timestamp ON journal_entries (timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_journal_type ON journal_entries (event_type);
CREATE INDEX IF NOT EXISTS idx_journal_source ON journal_entries (source);
CREATE INDEX IF NOT EXISTS idx_journal_node_time ON journal_entries (node_id, timestamp DESC);
