-- The node journal becomes a chain for each node: every entry holds the hash of the one before it. `seq` counts the entries
-- of a node from 1. Entries from before have no hash; `unchained` of their node says up to which number.
-- There is deliberately no unique index on (node, seq): whoever tampers with the table must not be able to keep results from
-- being written. A look at the chain finds it.

DROP INDEX pabawi_exec_journal_time;
DROP INDEX pabawi_exec_journal_node;
DROP INDEX pabawi_exec_journal_execution;
ALTER TABLE pabawi_exec_journal RENAME TO pabawi_exec_journal_before;

CREATE TABLE pabawi_exec_journal (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    at            BIGINT  NOT NULL,
    node          TEXT    NOT NULL,
    seq           BIGINT  NOT NULL,
    event_type    TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    execution_id  TEXT,
    user_name     TEXT,
    action        TEXT    NOT NULL,
    result_status TEXT,
    summary       TEXT    NOT NULL,
    details       TEXT,
    -- The id of the entry in whose place this one stands.
    supersedes    TEXT,
    prev          BLOB,
    hash          BLOB
);
CREATE INDEX pabawi_exec_journal_time ON pabawi_exec_journal (at, key);
CREATE INDEX pabawi_exec_journal_node ON pabawi_exec_journal (node, at, key);
CREATE INDEX pabawi_exec_journal_chain ON pabawi_exec_journal (node, seq);
CREATE INDEX pabawi_exec_journal_type ON pabawi_exec_journal (event_type, at, key);
CREATE INDEX pabawi_exec_journal_execution ON pabawi_exec_journal (execution_id, at, key)
    WHERE execution_id IS NOT NULL;
CREATE INDEX pabawi_exec_journal_supersedes ON pabawi_exec_journal (supersedes)
    WHERE supersedes IS NOT NULL;

-- The end of each node's chain.
CREATE TABLE pabawi_exec_journal_heads (
    node      TEXT   NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    hash      BLOB   NOT NULL,
    unchained BIGINT NOT NULL
);

-- Entries in a row that retention has removed: the chain reaches over them from `prev`, the hash before the first, to `hash`,
-- that of the last.
CREATE TABLE pabawi_exec_journal_pruned (
    node      TEXT   NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq  BIGINT NOT NULL,
    prev      BLOB   NOT NULL,
    hash      BLOB   NOT NULL,
    PRIMARY KEY (node, first_seq)
);

-- What a search finds entries by: their words, separated by blanks, as the domain makes them. `rowid` is the key.
CREATE VIRTUAL TABLE pabawi_exec_journal_words USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co M*'"
);

INSERT INTO pabawi_exec_journal (key, id, at, node, seq, event_type, source, execution_id, user_name, action,
        result_status, summary, details)
    SELECT id, printf('00000000-0000-8000-8000-%012x', id), at, node,
        row_number() OVER (PARTITION BY node ORDER BY at, id), event_type, source, execution_id, user_name, action,
        result_status, summary, details
    FROM pabawi_exec_journal_before;
INSERT INTO pabawi_exec_journal_heads (node, seq, hash, unchained)
    SELECT node, max(seq), zeroblob(32), max(seq) FROM pabawi_exec_journal GROUP BY node;
INSERT INTO pabawi_exec_journal_words (rowid, words)
    SELECT key, summary || ' ' || action || ' ' || coalesce(user_name, '') || ' ' || event_type || ' ' || source || ' '
        || coalesce(result_status, '')
    FROM pabawi_exec_journal;
DROP TABLE pabawi_exec_journal_before;
