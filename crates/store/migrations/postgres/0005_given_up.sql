-- Outputs may be kept for different times, by what an execution does and by its plugins: `outputs_given_up` is 1 for an
-- execution whose outputs retention has removed as far as no other one has them, and from whose events it has taken them. The
-- number up to which all were so, `events_stripped`, stood among the marks before. The index holds those that still have theirs.
ALTER TABLE pabawi_exec_executions ADD COLUMN outputs_given_up SMALLINT NOT NULL DEFAULT 0;
UPDATE pabawi_exec_executions SET outputs_given_up = 1
    WHERE key <= (SELECT value FROM pabawi_exec_marks WHERE name = 'events_stripped');
DELETE FROM pabawi_exec_marks WHERE name = 'events_stripped';
CREATE INDEX pabawi_exec_executions_with_outputs ON pabawi_exec_executions (key, outputs_given_up)
    WHERE outputs_given_up = 0;
