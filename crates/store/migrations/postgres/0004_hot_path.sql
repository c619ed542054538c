-- What every result and its entry write becomes less.
--
-- Which executions have an output: a row for each pair, however many of its targets printed it. Indexes over every
-- target's outputs stood here before, and had each result written into all indexes of its target. There are no foreign keys,
-- since checking them would cost every result look-ups.
CREATE TABLE pabawi_exec_output_uses (
    output    BIGINT NOT NULL,
    execution BIGINT NOT NULL,
    PRIMARY KEY (output, execution)
);
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
