-- Executions, their targets, events and outputs, the processes that own them, and the node journal.
--
-- Times are nanoseconds since the Unix epoch, UTC. Words (status, outcome, kind) are those of the JSON forms.
-- This file is never changed once released; a later change is a later file.

CREATE TABLE pabawi_exec_owners (
    id          TEXT    NOT NULL PRIMARY KEY,
    process_id  BIGINT  NOT NULL,
    opened_at   BIGINT  NOT NULL
);

-- `key` orders executions by the time of their submission: it is that time, moved on by as little as makes it
-- unique. Everything that belongs to an execution refers to it by this number.
-- The columns that are searched stand before the long ones, so that a search does not read those.
CREATE TABLE pabawi_exec_executions (
    key             INTEGER NOT NULL PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    owner           TEXT    NOT NULL,
    user_name       TEXT    NOT NULL,
    entry_point     TEXT    NOT NULL,
    action_kind     TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    submitted_at    BIGINT  NOT NULL,
    started_at      BIGINT,
    finished_at     BIGINT,
    correlation_id  TEXT,
    idempotency_key TEXT    UNIQUE,
    rerun_of        TEXT,
    progress        TEXT    NOT NULL,
    summary         TEXT,
    action_text     TEXT    NOT NULL,
    -- The text in lower case, where that differs from the text itself.
    action_folded   TEXT,
    request         TEXT    NOT NULL
);
CREATE INDEX pabawi_exec_executions_user ON pabawi_exec_executions (user_name, key);
CREATE INDEX pabawi_exec_executions_status ON pabawi_exec_executions (status, key);
CREATE INDEX pabawi_exec_executions_open ON pabawi_exec_executions (owner, key)
    WHERE status IN ('queued', 'running');
CREATE INDEX pabawi_exec_executions_correlation ON pabawi_exec_executions (correlation_id, key)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX pabawi_exec_executions_rerun ON pabawi_exec_executions (rerun_of, key)
    WHERE rerun_of IS NOT NULL;

CREATE TABLE pabawi_exec_tags (
    tag        TEXT    NOT NULL,
    execution  BIGINT  NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    PRIMARY KEY (tag, execution)
) WITHOUT ROWID;
CREATE INDEX pabawi_exec_tags_execution ON pabawi_exec_tags (execution);

-- Content of equal outputs stands here once. `omitted` is 0 when all of it is kept. `body` is the content
-- (head and tail follow each other, the head has `head` bytes); it is absent when `file` is 1 and the content
-- stands in the directory beside the database. Ids are never used twice.
CREATE TABLE pabawi_exec_outputs (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    hash     BLOB    NOT NULL UNIQUE,
    total    BIGINT  NOT NULL,
    kept     BIGINT  NOT NULL,
    head     BIGINT  NOT NULL,
    file     SMALLINT NOT NULL,
    body     BLOB
);

-- state: 0 queued, 1 running, 2 finished, 3 interrupted. `endpoint` is absent when it says nothing, `detail`
-- when the outcome's word says all. stdout and stderr are ids of outputs; there is no foreign key, since
-- checking one would cost every result a look-up.
CREATE TABLE pabawi_exec_targets (
    execution   BIGINT   NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    position    BIGINT   NOT NULL,
    node        TEXT     NOT NULL,
    state       SMALLINT NOT NULL,
    attempt     BIGINT   NOT NULL,
    started_at  BIGINT,
    finished_at BIGINT,
    stdout      BIGINT,
    stderr      BIGINT,
    outcome     TEXT,
    detail      TEXT,
    endpoint    TEXT,
    PRIMARY KEY (execution, position)
) WITHOUT ROWID;
CREATE UNIQUE INDEX pabawi_exec_targets_node ON pabawi_exec_targets (node, execution);

-- Attempts before the last one of a target; the last one stands in the target itself.
CREATE TABLE pabawi_exec_attempts (
    execution   BIGINT   NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    position    BIGINT   NOT NULL,
    attempt     BIGINT   NOT NULL,
    started_at  BIGINT   NOT NULL,
    finished_at BIGINT,
    outcome     TEXT,
    detail      TEXT,
    PRIMARY KEY (execution, position, attempt)
) WITHOUT ROWID;

-- Events in the order of their numbers, many in a row: one JSON object a line, without the execution's id.
CREATE TABLE pabawi_exec_segments (
    execution  BIGINT  NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    last_seq   BIGINT  NOT NULL,
    first_seq  BIGINT  NOT NULL,
    body       BLOB    NOT NULL,
    PRIMARY KEY (execution, last_seq)
);

-- Words left for the process that owns the execution. `nodes` is absent for all of them, `grace_ms` for a
-- kill at once.
CREATE TABLE pabawi_exec_cancel_requests (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    owner      TEXT    NOT NULL,
    execution  BIGINT  NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    nodes      TEXT,
    grace_ms   BIGINT,
    asked_by   TEXT    NOT NULL
);
CREATE INDEX pabawi_exec_cancel_requests_owner ON pabawi_exec_cancel_requests (owner, id);
CREATE INDEX pabawi_exec_cancel_requests_execution ON pabawi_exec_cancel_requests (execution);

CREATE TABLE pabawi_exec_journal (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            BIGINT  NOT NULL,
    node          TEXT    NOT NULL,
    event_type    TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    execution_id  TEXT,
    user_name     TEXT,
    action        TEXT    NOT NULL,
    result_status TEXT,
    summary       TEXT    NOT NULL,
    details       TEXT
);
CREATE INDEX pabawi_exec_journal_time ON pabawi_exec_journal (at, id);
CREATE INDEX pabawi_exec_journal_node ON pabawi_exec_journal (node, at, id);
CREATE INDEX pabawi_exec_journal_execution ON pabawi_exec_journal (execution_id, at, id)
    WHERE execution_id IS NOT NULL;
