-- The last facts of each node and provider. `facts`, `raw` and `warnings` are JSON; `raw` is absent where it is the same as
-- `facts`, `warnings` where there are none.

CREATE TABLE pabawi_exec_facts (
    node         TEXT   NOT NULL,
    provider     TEXT   NOT NULL,
    gathered_at  BIGINT NOT NULL,
    collected_at BIGINT NOT NULL,
    facts        TEXT   NOT NULL,
    raw          TEXT,
    warnings     TEXT,
    PRIMARY KEY (node, provider)
);
