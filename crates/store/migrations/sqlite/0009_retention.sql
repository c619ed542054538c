-- Forgetting what is old.
--
-- Numbers that every process looks at: `outputs_removed` rises whenever an output is removed, so that those who remember ids
-- of outputs forget them; `events_stripped` is the key of the execution up to which no event holds output any more.
CREATE TABLE pabawi_exec_marks (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO pabawi_exec_marks (name, value) VALUES ('outputs_removed', 0), ('events_stripped', 0);

-- Who has an output: it goes with the last one.
CREATE INDEX pabawi_exec_targets_stdout ON pabawi_exec_targets (stdout) WHERE stdout IS NOT NULL;
CREATE INDEX pabawi_exec_targets_stderr ON pabawi_exec_targets (stderr) WHERE stderr IS NOT NULL;
