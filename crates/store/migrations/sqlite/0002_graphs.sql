-- Graph runs and their tasks.
--
-- `owner` is the process that runs it; it is empty when nobody does: it has ended, or its process has died and
-- somebody has noticed. `counts` and `status` follow from the tasks and stand here so that a list does not read them.
-- This file is never changed once released; a later change is a later file.

CREATE TABLE pabawi_exec_graph_runs (
    key          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    owner        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    user_name    TEXT    NOT NULL,
    entry_point  TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    counts       TEXT    NOT NULL,
    submitted_at BIGINT  NOT NULL,
    started_at   BIGINT,
    finished_at  BIGINT,
    -- Who has asked the owner to cancel it.
    cancel_by    TEXT,
    graph        TEXT    NOT NULL
);
CREATE INDEX pabawi_exec_graph_runs_owner ON pabawi_exec_graph_runs (owner) WHERE owner <> '';
CREATE INDEX pabawi_exec_graph_runs_status ON pabawi_exec_graph_runs (status, key);

-- `detail` holds what a task says beyond its status, as JSON; it is absent while the task waits.
CREATE TABLE pabawi_exec_graph_tasks (
    run      BIGINT NOT NULL REFERENCES pabawi_exec_graph_runs (key) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    detail   TEXT,
    PRIMARY KEY (run, position)
) WITHOUT ROWID;
