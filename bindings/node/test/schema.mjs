// Tables that Pabawi has after its migrations (section 13).

export const SCHEMA = `
CREATE TABLE executions (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL CHECK (type IN ('command', 'task', 'facts', 'puppet', 'package', 'plan')),
  target_nodes TEXT NOT NULL, action TEXT NOT NULL, parameters TEXT,
  status TEXT NOT NULL CHECK (status IN ('running', 'success', 'failed', 'partial')),
  started_at TEXT NOT NULL, completed_at TEXT, results TEXT NOT NULL, error TEXT, command TEXT,
  expert_mode INTEGER DEFAULT 0, original_execution_id TEXT, re_execution_count INTEGER DEFAULT 0,
  stdout TEXT, stderr TEXT,
  execution_tool TEXT DEFAULT 'bolt' CHECK (execution_tool IN ('bolt', 'ansible', 'ssh')),
  batch_id TEXT, batch_position INTEGER
);
CREATE TABLE batch_executions (
  id TEXT PRIMARY KEY, type TEXT NOT NULL CHECK (type IN ('command', 'task', 'plan')), action TEXT NOT NULL,
  parameters TEXT, target_nodes TEXT NOT NULL, target_groups TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'success', 'failed', 'partial', 'cancelled')),
  created_at TEXT NOT NULL, started_at TEXT, completed_at TEXT, user_id TEXT NOT NULL, execution_ids TEXT NOT NULL,
  stats_total INTEGER NOT NULL, stats_queued INTEGER NOT NULL, stats_running INTEGER NOT NULL,
  stats_success INTEGER NOT NULL, stats_failed INTEGER NOT NULL
);
CREATE TABLE users (
  id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL,
  first_name TEXT NOT NULL, last_name TEXT NOT NULL, is_active INTEGER NOT NULL DEFAULT 1,
  is_admin INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, last_login_at TEXT
);
CREATE TABLE journal_entries (
  id TEXT PRIMARY KEY, node_id TEXT NOT NULL, node_uri TEXT NOT NULL,
  event_type TEXT NOT NULL CHECK (event_type IN ('provision', 'destroy', 'start', 'stop', 'reboot', 'suspend', 'resume',
    'command_execution', 'task_execution', 'puppet_run', 'package_install', 'config_change', 'note', 'unknown')),
  source TEXT NOT NULL CHECK (source IN ('proxmox', 'aws', 'bolt', 'ansible', 'ssh', 'puppetdb', 'user', 'system')),
  action TEXT NOT NULL, summary TEXT NOT NULL, details TEXT,
  user_id TEXT REFERENCES users(id) ON DELETE SET NULL, timestamp TEXT NOT NULL
);
CREATE TABLE groups (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE roles (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL,
  is_built_in INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE permissions (id TEXT PRIMARY KEY, resource TEXT NOT NULL, "action" TEXT NOT NULL,
  description TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(resource, "action"));
CREATE TABLE user_groups (user_id TEXT, group_id TEXT, assigned_at TEXT NOT NULL, PRIMARY KEY (user_id, group_id));
CREATE TABLE user_roles (user_id TEXT, role_id TEXT, assigned_at TEXT NOT NULL, PRIMARY KEY (user_id, role_id));
CREATE TABLE group_roles (group_id TEXT, role_id TEXT, assigned_at TEXT NOT NULL, PRIMARY KEY (group_id, role_id));
CREATE TABLE role_permissions (role_id TEXT, permission_id TEXT, assigned_at TEXT NOT NULL,
  PRIMARY KEY (role_id, permission_id));
`;
