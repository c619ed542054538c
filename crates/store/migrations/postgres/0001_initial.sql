-- Executions, their targets, events and outputs, the processes that own them, the node journal, graph runs, circuit
-- breakers, plans and facts: what the migrations of SQLite have brought up to 0009.
--
-- Times are nanoseconds since the Unix epoch, UTC. Words (status, outcome, kind) are those of the JSON forms. Texts are
-- compared byte by byte (collation "C"), as everywhere else. What a column means stands in the files for SQLite.
-- This file is never changed once released; a later change is a later file.

-- `seen_at` is when the process was last heard of, in milliseconds since the Unix epoch by the clock of this server.
-- `boot` names the machine's boot and the process's namespace, `process_start` when the process began in it: by these a
-- process on the same machine sees at once that this one has died.
CREATE TABLE pabawi_exec_owners (
    id            TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    process_id    BIGINT NOT NULL,
    opened_at     BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    lease_ms      BIGINT NOT NULL,
    host          TEXT   COLLATE "C" NOT NULL,
    boot          TEXT   COLLATE "C" NOT NULL,
    process_start BIGINT NOT NULL
);

CREATE TABLE pabawi_exec_executions (
    key             BIGINT NOT NULL PRIMARY KEY,
    id              TEXT   COLLATE "C" NOT NULL UNIQUE,
    owner           TEXT   COLLATE "C" NOT NULL,
    user_name       TEXT   COLLATE "C" NOT NULL,
    entry_point     TEXT   COLLATE "C" NOT NULL,
    action_kind     TEXT   COLLATE "C" NOT NULL,
    status          TEXT   COLLATE "C" NOT NULL,
    submitted_at    BIGINT NOT NULL,
    started_at      BIGINT,
    finished_at     BIGINT,
    correlation_id  TEXT   COLLATE "C",
    idempotency_key TEXT   COLLATE "C" UNIQUE,
    rerun_of        TEXT   COLLATE "C",
    progress        TEXT   COLLATE "C" NOT NULL,
    summary         TEXT   COLLATE "C",
    action_text     TEXT   COLLATE "C" NOT NULL,
    action_folded   TEXT   COLLATE "C",
    request         TEXT   COLLATE "C" NOT NULL
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
    tag        TEXT   COLLATE "C" NOT NULL,
    execution  BIGINT NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    PRIMARY KEY (tag, execution)
);
CREATE INDEX pabawi_exec_tags_execution ON pabawi_exec_tags (execution);

-- `file` is 1 when the content stands in pabawi_exec_large, whose variant 1 is the whole and 0 head and tail.
CREATE TABLE pabawi_exec_outputs (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash     BYTEA  NOT NULL UNIQUE,
    total    BIGINT NOT NULL,
    kept     BIGINT NOT NULL,
    head     BIGINT NOT NULL,
    file     BIGINT NOT NULL,
    body     BYTEA
);
-- Outputs hardly compress by what PostgreSQL does, and a part of one is read faster without.
ALTER TABLE pabawi_exec_outputs ALTER COLUMN body SET STORAGE EXTERNAL;

-- Outputs that are too large for a row, in pieces. They are written before the row that points to them, by an owner that
-- stands here meanwhile; what no row points to and whose owner is dead goes.
CREATE TABLE pabawi_exec_large (
    hash     BYTEA  NOT NULL,
    variant  BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    owner    TEXT   COLLATE "C" NOT NULL,
    -- When somebody was about to point to it last, in milliseconds since the Unix epoch by the clock of this server.
    used_at  BIGINT NOT NULL,
    PRIMARY KEY (hash, variant)
);
CREATE INDEX pabawi_exec_large_owner ON pabawi_exec_large (owner);

CREATE TABLE pabawi_exec_pieces (
    hash     BYTEA  NOT NULL,
    variant  BIGINT NOT NULL,
    position BIGINT NOT NULL,
    body     BYTEA  NOT NULL,
    PRIMARY KEY (hash, variant, position),
    FOREIGN KEY (hash, variant) REFERENCES pabawi_exec_large (hash, variant) ON DELETE CASCADE
);
ALTER TABLE pabawi_exec_pieces ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE pabawi_exec_targets (
    execution   BIGINT NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    node        TEXT   COLLATE "C" NOT NULL,
    state       BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,
    started_at  BIGINT,
    finished_at BIGINT,
    stdout      BIGINT,
    stderr      BIGINT,
    outcome     TEXT   COLLATE "C",
    detail      TEXT   COLLATE "C",
    endpoint    TEXT   COLLATE "C",
    PRIMARY KEY (execution, position)
    -- Every target is written three times. Room for the newer versions on the same page keeps the indexes as they are.
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX pabawi_exec_targets_node ON pabawi_exec_targets (node, execution);
CREATE INDEX pabawi_exec_targets_stdout ON pabawi_exec_targets (stdout) WHERE stdout IS NOT NULL;
CREATE INDEX pabawi_exec_targets_stderr ON pabawi_exec_targets (stderr) WHERE stderr IS NOT NULL;

CREATE TABLE pabawi_exec_attempts (
    execution   BIGINT NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    attempt     BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT,
    outcome     TEXT   COLLATE "C",
    detail      TEXT   COLLATE "C",
    PRIMARY KEY (execution, position, attempt)
);

CREATE TABLE pabawi_exec_segments (
    execution  BIGINT NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    last_seq   BIGINT NOT NULL,
    first_seq  BIGINT NOT NULL,
    body       BYTEA  NOT NULL,
    PRIMARY KEY (execution, last_seq)
);

CREATE TABLE pabawi_exec_cancel_requests (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner      TEXT   COLLATE "C" NOT NULL,
    execution  BIGINT NOT NULL REFERENCES pabawi_exec_executions (key) ON DELETE CASCADE,
    nodes      TEXT   COLLATE "C",
    grace_ms   BIGINT,
    asked_by   TEXT   COLLATE "C" NOT NULL
);
CREATE INDEX pabawi_exec_cancel_requests_owner ON pabawi_exec_cancel_requests (owner, id);
CREATE INDEX pabawi_exec_cancel_requests_execution ON pabawi_exec_cancel_requests (execution);

CREATE TABLE pabawi_exec_journal (
    key           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            TEXT   COLLATE "C" NOT NULL UNIQUE,
    at            BIGINT NOT NULL,
    node          TEXT   COLLATE "C" NOT NULL,
    seq           BIGINT NOT NULL,
    event_type    TEXT   COLLATE "C" NOT NULL,
    source        TEXT   COLLATE "C" NOT NULL,
    execution_id  TEXT   COLLATE "C",
    user_name     TEXT   COLLATE "C",
    action        TEXT   COLLATE "C" NOT NULL,
    result_status TEXT   COLLATE "C",
    summary       TEXT   COLLATE "C" NOT NULL,
    details       TEXT   COLLATE "C",
    supersedes    TEXT   COLLATE "C",
    prev          BYTEA,
    hash          BYTEA
);
CREATE INDEX pabawi_exec_journal_time ON pabawi_exec_journal (at, key);
CREATE INDEX pabawi_exec_journal_node ON pabawi_exec_journal (node, at, key);
CREATE INDEX pabawi_exec_journal_chain ON pabawi_exec_journal (node, seq);
CREATE INDEX pabawi_exec_journal_type ON pabawi_exec_journal (event_type, at, key);
CREATE INDEX pabawi_exec_journal_execution ON pabawi_exec_journal (execution_id, at, key)
    WHERE execution_id IS NOT NULL;
CREATE INDEX pabawi_exec_journal_supersedes ON pabawi_exec_journal (supersedes)
    WHERE supersedes IS NOT NULL;

CREATE TABLE pabawi_exec_journal_heads (
    node      TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    hash      BYTEA  NOT NULL,
    unchained BIGINT NOT NULL
);

CREATE TABLE pabawi_exec_journal_pruned (
    node      TEXT   COLLATE "C" NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq  BIGINT NOT NULL,
    prev      BYTEA  NOT NULL,
    hash      BYTEA  NOT NULL,
    PRIMARY KEY (node, first_seq)
);

-- What a search finds entries by: their words, separated by blanks, as the domain makes them; `rowid` is the key. They are
-- taken as they are, without a language's stems and stop words.
CREATE TABLE pabawi_exec_journal_words (
    rowid BIGINT NOT NULL PRIMARY KEY,
    words TEXT   COLLATE "C" NOT NULL,
    found TSVECTOR GENERATED ALWAYS AS (array_to_tsvector(array_remove(string_to_array(words, ' '), ''))) STORED
);
CREATE INDEX pabawi_exec_journal_words_found ON pabawi_exec_journal_words USING gin (found);

-- Numbers that every process looks at.
CREATE TABLE pabawi_exec_marks (
    name  TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO pabawi_exec_marks (name, value) VALUES ('outputs_removed', 0), ('events_stripped', 0);

CREATE TABLE pabawi_exec_graph_runs (
    key          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           TEXT   COLLATE "C" NOT NULL UNIQUE,
    owner        TEXT   COLLATE "C" NOT NULL,
    name         TEXT   COLLATE "C" NOT NULL,
    user_name    TEXT   COLLATE "C" NOT NULL,
    entry_point  TEXT   COLLATE "C" NOT NULL,
    status       TEXT   COLLATE "C" NOT NULL,
    counts       TEXT   COLLATE "C" NOT NULL,
    submitted_at BIGINT NOT NULL,
    started_at   BIGINT,
    finished_at  BIGINT,
    cancel_by    TEXT   COLLATE "C",
    graph        TEXT   COLLATE "C" NOT NULL
);
CREATE INDEX pabawi_exec_graph_runs_owner ON pabawi_exec_graph_runs (owner) WHERE owner <> '';
CREATE INDEX pabawi_exec_graph_runs_status ON pabawi_exec_graph_runs (status, key);

CREATE TABLE pabawi_exec_graph_tasks (
    run      BIGINT NOT NULL REFERENCES pabawi_exec_graph_runs (key) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    name     TEXT   COLLATE "C" NOT NULL,
    status   TEXT   COLLATE "C" NOT NULL,
    detail   TEXT   COLLATE "C",
    PRIMARY KEY (run, position)
);

CREATE TABLE pabawi_exec_plans (
    hash       TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    plan       TEXT   COLLATE "C" NOT NULL
);
CREATE INDEX pabawi_exec_plans_created ON pabawi_exec_plans (created_at);

CREATE TABLE pabawi_exec_breakers (
    version       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    component     TEXT   COLLATE "C" NOT NULL UNIQUE,
    state         TEXT   COLLATE "C" NOT NULL,
    since         BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    next_probe_at BIGINT,
    recent        TEXT   COLLATE "C"
);
CREATE INDEX pabawi_exec_breakers_quiet ON pabawi_exec_breakers (since)
    WHERE state = 'closed' AND failures = 0;

CREATE TABLE pabawi_exec_unsettled (
    key        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution  TEXT   COLLATE "C" NOT NULL,
    node       TEXT   COLLATE "C" NOT NULL,
    attempt    BIGINT NOT NULL,
    UNIQUE (execution, node, attempt)
);

CREATE TABLE pabawi_exec_facts (
    node         TEXT   COLLATE "C" NOT NULL,
    provider     TEXT   COLLATE "C" NOT NULL,
    gathered_at  BIGINT NOT NULL,
    collected_at BIGINT NOT NULL,
    facts        TEXT   COLLATE "C" NOT NULL,
    raw          TEXT   COLLATE "C",
    warnings     TEXT   COLLATE "C",
    PRIMARY KEY (node, provider)
);
