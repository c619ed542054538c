-- Migration: 016_journal_sources_and_states
-- The journal takes every event type and source that Pabawi's types know: state_change, azure and checkmk were missing.
-- An entry of another kind is refused as before.

ALTER TABLE journal_entries DROP CONSTRAINT IF EXISTS journal_entries_eventtype_check;
ALTER TABLE journal_entries DROP CONSTRAINT IF EXISTS journal_entries_event_type_check;
ALTER TABLE journal_entries ADD CONSTRAINT journal_entries_eventtype_check CHECK (event_type IN (
  'provision', 'destroy', 'start', 'stop', 'reboot', 'suspend', 'resume', 'command_execution', 'task_execution',
  'puppet_run', 'package_install', 'config_change', 'state_change', 'note', 'unknown'
));

ALTER TABLE journal_entries DROP CONSTRAINT IF EXISTS journal_entries_source_check;
ALTER TABLE journal_entries ADD CONSTRAINT journal_entries_source_check CHECK (source IN (
  'proxmox', 'aws', 'azure', 'bolt', 'ansible', 'ssh', 'puppetdb', 'checkmk', 'user', 'system'
));
