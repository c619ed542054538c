-- Circuit breakers are read while they change: `version` is given anew with every writing, so that a process asks for what
-- was written since it looked last. One that is closed and has seen no failure stays for a while, so that the others learn
-- of it; `since` says which of two states was entered later.

ALTER TABLE pabawi_exec_breakers RENAME TO pabawi_exec_breakers_before;

CREATE TABLE pabawi_exec_breakers (
    version       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    component     TEXT    NOT NULL UNIQUE,
    state         TEXT    NOT NULL,
    since         BIGINT  NOT NULL,
    failures      BIGINT  NOT NULL,
    next_probe_at BIGINT,
    recent        TEXT
);
CREATE INDEX pabawi_exec_breakers_quiet ON pabawi_exec_breakers (since)
    WHERE state = 'closed' AND failures = 0;

INSERT INTO pabawi_exec_breakers (component, state, since, failures, next_probe_at, recent)
    SELECT component, state, since, failures, next_probe_at, recent FROM pabawi_exec_breakers_before;

DROP TABLE pabawi_exec_breakers_before;
