-- Plans that were shown and may be applied later. `plan` is the whole of it as JSON, without secrets.

CREATE TABLE pabawi_exec_plans (
    hash       TEXT   NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    plan       TEXT   NOT NULL
);

CREATE INDEX pabawi_exec_plans_created ON pabawi_exec_plans (created_at);
