-- What is already in the tables of a host application: `mirrored` is 0 until all of it is there. The indexes hold what is not.

ALTER TABLE pabawi_exec_executions ADD COLUMN mirrored SMALLINT NOT NULL DEFAULT 0;
CREATE INDEX pabawi_exec_executions_unmirrored ON pabawi_exec_executions (key, mirrored) WHERE mirrored = 0;

ALTER TABLE pabawi_exec_journal ADD COLUMN mirrored SMALLINT NOT NULL DEFAULT 0;
CREATE INDEX pabawi_exec_journal_unmirrored ON pabawi_exec_journal (key, mirrored) WHERE mirrored = 0;
