-- Detached commands whose result is stored and of which their node still keeps output and end. A row is written with the
-- result and goes when the node has forgotten them; what stays was left by a process that died in between.
-- `execution` is the id of the one that the command was started for.

CREATE TABLE pabawi_exec_unsettled (
    key        INTEGER PRIMARY KEY,
    execution  TEXT    NOT NULL,
    node       TEXT    NOT NULL,
    attempt    BIGINT  NOT NULL,
    UNIQUE (execution, node, attempt)
);
