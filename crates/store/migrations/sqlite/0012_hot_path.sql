-- What every result and its entry write becomes less.
--
-- Which executions have an output: a row for each pair, however many of its targets printed it. Indexes over every
-- target's outputs stood here before. There are no foreign keys, since checking them would cost every result look-ups.
CREATE TABLE pabawi_exec_output_uses (
    output    BIGINT NOT NULL,
    execution BIGINT NOT NULL,
    PRIMARY KEY (output, execution)
) WITHOUT ROWID;
CREATE INDEX pabawi_exec_output_uses_execution ON pabawi_exec_output_uses (execution);
INSERT INTO pabawi_exec_output_uses (output, execution)
    SELECT stdout, execution FROM pabawi_exec_targets WHERE stdout IS NOT NULL
    UNION SELECT stderr, execution FROM pabawi_exec_targets WHERE stderr IS NOT NULL;
DROP INDEX pabawi_exec_targets_stdout;
DROP INDEX pabawi_exec_targets_stderr;

-- `journal_mirrored` is the key of the entry up to which a host application has the journal; a mark stood with every entry
-- before. Keys rise in the order of the commits, since one process writes at a time.
INSERT INTO pabawi_exec_marks (name, value) SELECT 'journal_mirrored', coalesce(
    (SELECT min(key) - 1 FROM pabawi_exec_journal WHERE mirrored = 0),
    (SELECT max(key) FROM pabawi_exec_journal), 0);
DROP INDEX pabawi_exec_journal_unmirrored;
ALTER TABLE pabawi_exec_journal DROP COLUMN mirrored;

-- Small rows that are found by their key only stand in one tree, and not in a table and an index.
ALTER TABLE pabawi_exec_journal_heads RENAME TO pabawi_exec_journal_heads_before;
CREATE TABLE pabawi_exec_journal_heads (
    node      TEXT   NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    hash      BLOB   NOT NULL,
    unchained BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO pabawi_exec_journal_heads (node, seq, hash, unchained)
    SELECT node, seq, hash, unchained FROM pabawi_exec_journal_heads_before ORDER BY node;
DROP TABLE pabawi_exec_journal_heads_before;

ALTER TABLE pabawi_exec_journal_pruned RENAME TO pabawi_exec_journal_pruned_before;
CREATE TABLE pabawi_exec_journal_pruned (
    node      TEXT   NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq  BIGINT NOT NULL,
    prev      BLOB   NOT NULL,
    hash      BLOB   NOT NULL,
    PRIMARY KEY (node, first_seq)
) WITHOUT ROWID;
INSERT INTO pabawi_exec_journal_pruned (node, first_seq, last_seq, prev, hash)
    SELECT node, first_seq, last_seq, prev, hash FROM pabawi_exec_journal_pruned_before ORDER BY node, first_seq;
DROP TABLE pabawi_exec_journal_pruned_before;
