-- The plugins and transports that do an execution on its nodes. Executions from before this table have none.
CREATE TABLE pabawi_exec_plugins (
    plugin     TEXT   COLLATE "C" NOT NULL,
    execution  BIGINT NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    PRIMARY KEY (plugin, execution)
);
CREATE INDEX pabawi_exec_plugins_execution ON pabawi_exec_plugins (execution);
