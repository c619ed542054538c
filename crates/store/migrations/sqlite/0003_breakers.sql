-- Circuit breakers that are not closed or have seen failures lately. `next_probe_at` is absent where it is closed;
-- `recent` is what its window holds, as JSON, and absent where it is not.

CREATE TABLE pabawi_exec_breakers (
    component     TEXT    NOT NULL PRIMARY KEY,
    state         TEXT    NOT NULL,
    since         BIGINT  NOT NULL,
    failures      BIGINT  NOT NULL,
    next_probe_at BIGINT,
    recent        TEXT
);
