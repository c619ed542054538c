SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.pabawi_exec_attempts (
    execution bigint NOT NULL,
    "position" bigint NOT NULL,
    attempt bigint NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint,
    outcome text COLLATE pg_catalog."C",
    detail text COLLATE pg_catalog."C"
);

CREATE TABLE public.pabawi_exec_breakers (
    version bigint NOT NULL,
    component text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    since bigint NOT NULL,
    failures bigint NOT NULL,
    next_probe_at bigint,
    recent text COLLATE pg_catalog."C"
);

ALTER TABLE public.pabawi_exec_breakers ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pabawi_exec_breakers_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pabawi_exec_cancel_requests (
    id bigint NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    execution bigint NOT NULL,
    nodes text COLLATE pg_catalog."C",
    grace_ms bigint,
    asked_by text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE public.pabawi_exec_cancel_requests ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pabawi_exec_cancel_requests_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pabawi_exec_executions (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    user_name text NOT NULL COLLATE pg_catalog."C",
    entry_point text NOT NULL COLLATE pg_catalog."C",
    action_kind text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    submitted_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    correlation_id text COLLATE pg_catalog."C",
    idempotency_key text COLLATE pg_catalog."C",
    rerun_of text COLLATE pg_catalog."C",
    progress text NOT NULL COLLATE pg_catalog."C",
    summary text COLLATE pg_catalog."C",
    action_text text NOT NULL COLLATE pg_catalog."C",
    action_folded text COLLATE pg_catalog."C",
    request text NOT NULL COLLATE pg_catalog."C",
    mirrored smallint DEFAULT 0 NOT NULL,
    outputs_given_up smallint DEFAULT 0 NOT NULL
);

CREATE TABLE public.pabawi_exec_facts (
    node text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    gathered_at bigint NOT NULL,
    collected_at bigint NOT NULL,
    facts text NOT NULL COLLATE pg_catalog."C",
    raw text COLLATE pg_catalog."C",
    warnings text COLLATE pg_catalog."C"
);

CREATE TABLE public.pabawi_exec_graph_runs (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    user_name text NOT NULL COLLATE pg_catalog."C",
    entry_point text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    counts text NOT NULL COLLATE pg_catalog."C",
    submitted_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    cancel_by text COLLATE pg_catalog."C",
    graph text NOT NULL COLLATE pg_catalog."C"
);

ALTER TABLE public.pabawi_exec_graph_runs ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pabawi_exec_graph_runs_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pabawi_exec_graph_tasks (
    run bigint NOT NULL,
    "position" bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    detail text COLLATE pg_catalog."C"
);

CREATE TABLE public.pabawi_exec_journal (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    node text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    execution_id text COLLATE pg_catalog."C",
    user_name text COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    result_status text COLLATE pg_catalog."C",
    summary text NOT NULL COLLATE pg_catalog."C",
    details text COLLATE pg_catalog."C",
    supersedes text COLLATE pg_catalog."C",
    prev bytea,
    hash bytea
);

CREATE TABLE public.pabawi_exec_journal_heads (
    node text NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    unchained bigint NOT NULL
);

ALTER TABLE public.pabawi_exec_journal ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pabawi_exec_journal_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pabawi_exec_journal_pruned (
    node text NOT NULL COLLATE pg_catalog."C",
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    prev bytea NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE public.pabawi_exec_journal_words (
    rowid bigint NOT NULL,
    words text NOT NULL COLLATE pg_catalog."C",
    found tsvector GENERATED ALWAYS AS (array_to_tsvector(array_remove(string_to_array(words, ' '::text), ''::text))) STORED
);

CREATE TABLE public.pabawi_exec_large (
    hash bytea NOT NULL,
    variant bigint NOT NULL,
    bytes bigint NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    used_at bigint NOT NULL
);

CREATE TABLE public.pabawi_exec_marks (
    name text NOT NULL COLLATE pg_catalog."C",
    value bigint NOT NULL
);

CREATE TABLE public.pabawi_exec_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);

CREATE TABLE public.pabawi_exec_output_uses (
    output bigint NOT NULL,
    execution bigint NOT NULL
);

CREATE TABLE public.pabawi_exec_outputs (
    id bigint NOT NULL,
    hash bytea NOT NULL,
    total bigint NOT NULL,
    kept bigint NOT NULL,
    head bigint NOT NULL,
    file bigint NOT NULL,
    body bytea
);
ALTER TABLE ONLY public.pabawi_exec_outputs ALTER COLUMN body SET STORAGE EXTERNAL;

ALTER TABLE public.pabawi_exec_outputs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pabawi_exec_outputs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.pabawi_exec_owners (
    id text NOT NULL COLLATE pg_catalog."C",
    process_id bigint NOT NULL,
    opened_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    lease_ms bigint NOT NULL,
    host text NOT NULL COLLATE pg_catalog."C",
    boot text NOT NULL COLLATE pg_catalog."C",
    process_start bigint NOT NULL
);

CREATE TABLE public.pabawi_exec_pieces (
    hash bytea NOT NULL,
    variant bigint NOT NULL,
    "position" bigint NOT NULL,
    body bytea NOT NULL
);
ALTER TABLE ONLY public.pabawi_exec_pieces ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE public.pabawi_exec_plans (
    hash text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    plan text NOT NULL COLLATE pg_catalog."C"
);

CREATE TABLE public.pabawi_exec_plugins (
    plugin text NOT NULL COLLATE pg_catalog."C",
    execution bigint NOT NULL
);

CREATE TABLE public.pabawi_exec_segments (
    execution bigint NOT NULL,
    last_seq bigint NOT NULL,
    first_seq bigint NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE public.pabawi_exec_tags (
    tag text NOT NULL COLLATE pg_catalog."C",
    execution bigint NOT NULL
);

CREATE TABLE public.pabawi_exec_targets (
    execution bigint NOT NULL,
    "position" bigint NOT NULL,
    node text NOT NULL COLLATE pg_catalog."C",
    state bigint NOT NULL,
    attempt bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    stdout bigint,
    stderr bigint,
    outcome text COLLATE pg_catalog."C",
    detail text COLLATE pg_catalog."C",
    endpoint text COLLATE pg_catalog."C"
)
WITH (fillfactor='50');

CREATE TABLE public.pabawi_exec_unsettled (
    key bigint NOT NULL,
    execution text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C",
    attempt bigint NOT NULL
);

ALTER TABLE public.pabawi_exec_unsettled ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.pabawi_exec_unsettled_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

INSERT INTO public.pabawi_exec_attempts (execution, "position", attempt, started_at, finished_at, outcome, detail) VALUES (1790000001000000000, 1, 1, 1790000011000000000, 1790000015000000000, 'exited', '{"outcome":"exited","code":9}');

INSERT INTO public.pabawi_exec_breakers (version, component, state, since, failures, next_probe_at, recent) OVERRIDING SYSTEM VALUE VALUES (1, 'node:n1', 'open', 1728000000000000000, 3, 1728000000000000000, NULL);
INSERT INTO public.pabawi_exec_breakers (version, component, state, since, failures, next_probe_at, recent) OVERRIDING SYSTEM VALUE VALUES (2, 'node:n2', 'closed', 1728003600000000000, 2, NULL, NULL);

INSERT INTO public.pabawi_exec_executions (key, id, owner, user_name, entry_point, action_kind, status, submitted_at, started_at, finished_at, correlation_id, idempotency_key, rerun_of, progress, summary, action_text, action_folded, request, mirrored, outputs_given_up) VALUES (1790000001000000000, '01a0c450-6c01-7101-8101-010101010101', '6d770af7-d487-4499-adf3-9b9112b7fb8a', 'ada', 'cli', 'command', 'partial', 1790000001000000000, 1790000010000000000, 1790000039000000000, 'req-7', 'once', NULL, '{"total":4,"queued":0,"running":0,"succeeded":2,"failed":1,"cancelled":0,"skipped":1,"interrupted":0}', '{"status":"partial","total":4,"queued":0,"running":0,"succeeded":2,"failed":1,"cancelled":0,"skipped":1,"interrupted":0,"outcomes":{"exited":1,"skipped":1,"succeeded":2},"unconfirmed":0,"durationMs":29000}', 'uptime żółw', NULL, '{"action":{"type":"command","command":"uptime żółw"},"targets":"n[0-3]","timeouts":{},"priority":0,"debug":false,"idempotencyKey":"once","correlationId":"req-7","tags":["deploy","web"]}', 0, 0);
INSERT INTO public.pabawi_exec_executions (key, id, owner, user_name, entry_point, action_kind, status, submitted_at, started_at, finished_at, correlation_id, idempotency_key, rerun_of, progress, summary, action_text, action_folded, request, mirrored, outputs_given_up) VALUES (1790000050000000000, '01a0c450-6c02-7202-8202-020202020202', '6d770af7-d487-4499-adf3-9b9112b7fb8a', 'ada', 'cli', 'command', 'running', 1790000050000000000, 1790000051000000000, NULL, NULL, NULL, '01a0c450-6c01-7101-8101-010101010101', '{"total":2,"queued":1,"running":1,"succeeded":0,"failed":0,"cancelled":0,"skipped":0,"interrupted":0}', NULL, 'sleep 9', NULL, '{"action":{"type":"command","command":"sleep 9"},"targets":"n0,n1","timeouts":{},"priority":0,"debug":false,"rerunOf":"01a0c450-6c01-7101-8101-010101010101"}', 0, 0);

INSERT INTO public.pabawi_exec_facts (node, provider, gathered_at, collected_at, facts, raw, warnings) VALUES ('n0', 'ssh', 1790000029000000000, 1790000030000000000, '{"list":[1,"two"],"os":{"family":"Debian"}}', '"raw"', '["slow"]');

INSERT INTO public.pabawi_exec_graph_runs (key, id, owner, name, user_name, entry_point, status, counts, submitted_at, started_at, finished_at, cancel_by, graph) OVERRIDING SYSTEM VALUE VALUES (1, '01a0c450-6c03-7303-8303-030303030303', '', 'roll', 'ada', 'cli', 'partial', '{"total":2,"queued":0,"running":0,"completed":1,"partial":0,"failed":1,"cancelled":0,"interrupted":0,"skipped":0,"notNeeded":0}', 1790000059000000000, 1790000060000000000, 1790000080000000000, NULL, '{"name":"roll","tasks":[{"name":"first","when":"succeeded","action":{"type":"command","command":"uptime"},"targets":"n0","timeouts":{},"priority":0,"debug":false},{"name":"second","after":["first"],"when":"succeeded","action":{"type":"command","command":"uptime"},"targets":"n0","timeouts":{},"priority":0,"debug":false}]}');

INSERT INTO public.pabawi_exec_graph_tasks (run, "position", name, status, detail) VALUES (1, 0, 'first', 'completed', '{"position":0,"name":"first","status":"completed","executions":["01a0c450-6c01-7101-8101-010101010101"],"startedAt":"2026-09-21T14:14:20Z","finishedAt":"2026-09-21T14:14:30Z"}');
INSERT INTO public.pabawi_exec_graph_tasks (run, "position", name, status, detail) VALUES (1, 1, 'second', 'failed', '{"position":1,"name":"second","status":"failed","reason":"exit 3"}');

INSERT INTO public.pabawi_exec_journal (key, id, at, node, seq, event_type, source, execution_id, user_name, action, result_status, summary, details, supersedes, prev, hash) OVERRIDING SYSTEM VALUE VALUES (1, 'e5a70b1c-6f14-8502-b3eb-2294b10154c5', 1790000005000000000, 'n0', 1, 'command_execution', 'ssh', NULL, 'ada', 'one', 'succeeded', 'did one', '{"n":5}', NULL, '\x0000000000000000000000000000000000000000000000000000000000000000', '\x876b103cbec9dc306cf3c329647091b8bc0c5665220bb6c71402e198b20151c2');
INSERT INTO public.pabawi_exec_journal (key, id, at, node, seq, event_type, source, execution_id, user_name, action, result_status, summary, details, supersedes, prev, hash) OVERRIDING SYSTEM VALUE VALUES (2, 'a05af700-aebb-8713-a4b6-fab6f24604c6', 1790000006000000000, 'n0', 2, 'command_execution', 'ssh', '01a0c450-6c01-7101-8101-010101010101', 'ada', 'two', 'succeeded', 'did two', '{"n":6}', NULL, '\x876b103cbec9dc306cf3c329647091b8bc0c5665220bb6c71402e198b20151c2', '\x87e5f02090dc5e77cade2d1d6ebccb430a9e0e6727b1bc4f10c1bca82f74fc24');
INSERT INTO public.pabawi_exec_journal (key, id, at, node, seq, event_type, source, execution_id, user_name, action, result_status, summary, details, supersedes, prev, hash) OVERRIDING SYSTEM VALUE VALUES (3, '6d3ebcb3-c517-83e5-9566-489187142bfb', 1790000007000000000, 'n1', 1, 'command_execution', 'ssh', NULL, 'ada', 'one', 'succeeded', 'did one', '{"n":7}', NULL, '\x0000000000000000000000000000000000000000000000000000000000000000', '\x87451eb9b9bc4d50e1da30cf95654d14371f1705a7283482defa05adf833c342');

INSERT INTO public.pabawi_exec_journal_heads (node, seq, hash, unchained) VALUES ('n0', 2, '\x87e5f02090dc5e77cade2d1d6ebccb430a9e0e6727b1bc4f10c1bca82f74fc24', 0);
INSERT INTO public.pabawi_exec_journal_heads (node, seq, hash, unchained) VALUES ('n1', 1, '\x87451eb9b9bc4d50e1da30cf95654d14371f1705a7283482defa05adf833c342', 0);

INSERT INTO public.pabawi_exec_journal_words (rowid, words) VALUES (1, 'did one ada command execution ssh succeeded');
INSERT INTO public.pabawi_exec_journal_words (rowid, words) VALUES (2, 'did two ada command execution ssh succeeded');
INSERT INTO public.pabawi_exec_journal_words (rowid, words) VALUES (3, 'did one ada command execution ssh succeeded');

INSERT INTO public.pabawi_exec_large (hash, variant, bytes, owner, used_at) VALUES ('\xc2ba5a47d895695dfa71af85bad740c90efa3064dafc5ecb527489d08ace88af', 1, 1100000, '6d770af7-d487-4499-adf3-9b9112b7fb8a', 1795851272153);

INSERT INTO public.pabawi_exec_marks (name, value) VALUES ('outputs_removed', 0);
INSERT INTO public.pabawi_exec_marks (name, value) VALUES ('journal_mirrored', 0);

INSERT INTO public.pabawi_exec_migrations (version, description, installed_on, success, checksum, execution_time) VALUES (1, 'initial', '2026-11-28 07:34:31.798708+00', true, '\x62aedfe322e3e34090a3956c8c43a0017b02ae86d2a42e3f4cf6c02a2f3fa4e47fce53891e6e4df79c975dc53f059b88', 38187330);
INSERT INTO public.pabawi_exec_migrations (version, description, installed_on, success, checksum, execution_time) VALUES (2, 'plugins', '2026-11-28 07:34:31.837942+00', true, '\x1cbe807613b7aec7a074c3f6f3728c78f0abc7a2adad912c04931854b83a72ff249329b03e55590771b6033eb72da376', 6321292);
INSERT INTO public.pabawi_exec_migrations (version, description, installed_on, success, checksum, execution_time) VALUES (3, 'host', '2026-11-28 07:34:31.844456+00', true, '\xb62f652883632d1a6560172fe534b1926a8b02617366412051bfaf6fcc3758523d555c368f7431fd8e8cde8cf435df53', 1528595);
INSERT INTO public.pabawi_exec_migrations (version, description, installed_on, success, checksum, execution_time) VALUES (4, 'hot path', '2026-11-28 07:34:31.846189+00', true, '\x25240c608958408574aeaeae34b2b61543b211f3951e9f3f1b5579888cdb40b414032a8f3c0b378d1a82c9059e4f9407', 3233116);
INSERT INTO public.pabawi_exec_migrations (version, description, installed_on, success, checksum, execution_time) VALUES (5, 'given up', '2026-11-28 07:34:31.849682+00', true, '\x7f42d903bcc5605e9cb05f45a36ab227dbeb9fcd6ef3386bbc143c20653d935bd63d258563ba47a41fc04b1a6674dc55', 1595448);

INSERT INTO public.pabawi_exec_output_uses (output, execution) VALUES (1, 1790000001000000000);
INSERT INTO public.pabawi_exec_output_uses (output, execution) VALUES (2, 1790000001000000000);
INSERT INTO public.pabawi_exec_output_uses (output, execution) VALUES (3, 1790000001000000000);

INSERT INTO public.pabawi_exec_outputs (id, hash, total, kept, head, file, body) OVERRIDING SYSTEM VALUE VALUES (1, '\xdb5a5ceac8c26e13208b3bd796f0bdbe3bede62e7d9526847486c757458cda91', 4, 4, 4, 0, '\x75700aff');
INSERT INTO public.pabawi_exec_outputs (id, hash, total, kept, head, file, body) OVERRIDING SYSTEM VALUE VALUES (2, '\x0707070707070707070707070707070707070707070707070707070707070707', 1000, 12, 4, 0, '\x68656164746865207461696c');
INSERT INTO public.pabawi_exec_outputs (id, hash, total, kept, head, file, body) OVERRIDING SYSTEM VALUE VALUES (3, '\xc2ba5a47d895695dfa71af85bad740c90efa3064dafc5ecb527489d08ace88af', 1100000, 1100000, 1100000, 1, NULL);

INSERT INTO public.pabawi_exec_owners (id, process_id, opened_at, seen_at, lease_ms, host, boot, process_start) VALUES ('6d770af7-d487-4499-adf3-9b9112b7fb8a', 29328, 1795851271852226710, 0, 60000, 'vm', '1d3d7784-1e3a-45a8-90e3-4b03b36c5b6a pid:[4026531836]', 1859255);

INSERT INTO public.pabawi_exec_plans (hash, created_at, expires_at, plan) VALUES ('abababababababababababababababababababababababababababababababab', 1790000001000000000, 1790001000000000000, '{"hash":"abababababababababababababababababababababababababababababababab","caller":{"user":"ada","entryPoint":"cli"},"createdAt":"2026-09-21T14:13:21Z","expiresAt":"2026-09-21T14:30:00Z","request":{"action":{"type":"command","command":"sleep 9"},"targets":"n0,n1","timeouts":{},"priority":0,"debug":false,"rerunOf":"01a0c450-6c01-7101-8101-010101010101"},"basis":{"format":1,"request":{"action":{"type":"command","command":"sleep 9"},"targets":"n0,n1","timeouts":{},"priority":0,"debug":false,"rerunOf":"01a0c450-6c01-7101-8101-010101010101"},"targets":[]},"surface":"of the surface"}');

INSERT INTO public.pabawi_exec_plugins (plugin, execution) VALUES ('bolt', 1790000001000000000);
INSERT INTO public.pabawi_exec_plugins (plugin, execution) VALUES ('ssh', 1790000001000000000);

INSERT INTO public.pabawi_exec_segments (execution, last_seq, first_seq, body) VALUES (1790000001000000000, 3, 1, '\x7b22736571223a312c226174223a22323032362d30392d32315431343a31333a34305a222c2274797065223a226e6f646553746172746564222c226e6f6465223a226e30222c22617474656d7074223a317d0a7b22736571223a322c226174223a22323032362d30392d32315431343a31333a34305a222c2274797065223a226f7574707574222c226e6f6465223a226e30222c2273747265616d223a227374646f7574222c226f6666736574223a302c2264617461223a7b22626173653634223a226458414b2f773d3d227d7d0a7b22736571223a332c226174223a22323032362d30392d32315431343a31333a34305a222c2274797065223a2266696e6973686564222c2273756d6d617279223a7b22737461747573223a227061727469616c222c22746f74616c223a342c22717565756564223a302c2272756e6e696e67223a302c22737563636565646564223a322c226661696c6564223a312c2263616e63656c6c6564223a302c22736b6970706564223a312c22696e746572727570746564223a302c226f7574636f6d6573223a7b22657869746564223a312c22736b6970706564223a312c22737563636565646564223a327d2c22756e636f6e6669726d6564223a302c226475726174696f6e4d73223a32393030307d7d0a');

INSERT INTO public.pabawi_exec_tags (tag, execution) VALUES ('deploy', 1790000001000000000);
INSERT INTO public.pabawi_exec_tags (tag, execution) VALUES ('web', 1790000001000000000);

INSERT INTO public.pabawi_exec_targets (execution, "position", node, state, attempt, started_at, finished_at, stdout, stderr, outcome, detail, endpoint) VALUES (1790000001000000000, 0, 'n0', 2, 1, 1790000011000000000, 1790000020000000000, 1, NULL, 'succeeded', NULL, NULL);
INSERT INTO public.pabawi_exec_targets (execution, "position", node, state, attempt, started_at, finished_at, stdout, stderr, outcome, detail, endpoint) VALUES (1790000001000000000, 1, 'n1', 2, 2, 1790000012000000000, 1790000020000000000, 1, 2, 'exited', '{"outcome":"exited","code":3}', '{"port":2222,"user":"root"}');
INSERT INTO public.pabawi_exec_targets (execution, "position", node, state, attempt, started_at, finished_at, stdout, stderr, outcome, detail, endpoint) VALUES (1790000001000000000, 2, 'n2', 2, 1, 1790000011000000000, 1790000020000000000, 3, NULL, 'succeeded', NULL, NULL);
INSERT INTO public.pabawi_exec_targets (execution, "position", node, state, attempt, started_at, finished_at, stdout, stderr, outcome, detail, endpoint) VALUES (1790000001000000000, 3, 'n3', 2, 0, NULL, 1790000020000000000, NULL, NULL, 'skipped', '{"outcome":"skipped","why":"interrupted"}', NULL);
INSERT INTO public.pabawi_exec_targets (execution, "position", node, state, attempt, started_at, finished_at, stdout, stderr, outcome, detail, endpoint) VALUES (1790000050000000000, 1, 'n1', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.pabawi_exec_targets (execution, "position", node, state, attempt, started_at, finished_at, stdout, stderr, outcome, detail, endpoint) VALUES (1790000050000000000, 0, 'n0', 1, 1, 1790000011000000000, NULL, NULL, NULL, NULL, NULL, NULL);

INSERT INTO public.pabawi_exec_unsettled (key, execution, node, attempt) OVERRIDING SYSTEM VALUE VALUES (1, '01a0c450-6c01-7101-8101-010101010101', 'n0', 1);

SELECT pg_catalog.setval('public.pabawi_exec_breakers_version_seq', 2, true);

SELECT pg_catalog.setval('public.pabawi_exec_cancel_requests_id_seq', 1, false);

SELECT pg_catalog.setval('public.pabawi_exec_graph_runs_key_seq', 1, true);

SELECT pg_catalog.setval('public.pabawi_exec_journal_key_seq', 3, true);

SELECT pg_catalog.setval('public.pabawi_exec_outputs_id_seq', 3, true);

SELECT pg_catalog.setval('public.pabawi_exec_unsettled_key_seq', 1, true);

ALTER TABLE ONLY public.pabawi_exec_attempts
    ADD CONSTRAINT pabawi_exec_attempts_pkey PRIMARY KEY (execution, "position", attempt);

ALTER TABLE ONLY public.pabawi_exec_breakers
    ADD CONSTRAINT pabawi_exec_breakers_component_key UNIQUE (component);

ALTER TABLE ONLY public.pabawi_exec_breakers
    ADD CONSTRAINT pabawi_exec_breakers_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.pabawi_exec_cancel_requests
    ADD CONSTRAINT pabawi_exec_cancel_requests_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pabawi_exec_executions
    ADD CONSTRAINT pabawi_exec_executions_id_key UNIQUE (id);

ALTER TABLE ONLY public.pabawi_exec_executions
    ADD CONSTRAINT pabawi_exec_executions_idempotency_key_key UNIQUE (idempotency_key);

ALTER TABLE ONLY public.pabawi_exec_executions
    ADD CONSTRAINT pabawi_exec_executions_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.pabawi_exec_facts
    ADD CONSTRAINT pabawi_exec_facts_pkey PRIMARY KEY (node, provider);

ALTER TABLE ONLY public.pabawi_exec_graph_runs
    ADD CONSTRAINT pabawi_exec_graph_runs_id_key UNIQUE (id);

ALTER TABLE ONLY public.pabawi_exec_graph_runs
    ADD CONSTRAINT pabawi_exec_graph_runs_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.pabawi_exec_graph_tasks
    ADD CONSTRAINT pabawi_exec_graph_tasks_pkey PRIMARY KEY (run, "position");

ALTER TABLE ONLY public.pabawi_exec_journal_heads
    ADD CONSTRAINT pabawi_exec_journal_heads_pkey PRIMARY KEY (node);

ALTER TABLE ONLY public.pabawi_exec_journal
    ADD CONSTRAINT pabawi_exec_journal_id_key UNIQUE (id);

ALTER TABLE ONLY public.pabawi_exec_journal
    ADD CONSTRAINT pabawi_exec_journal_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.pabawi_exec_journal_pruned
    ADD CONSTRAINT pabawi_exec_journal_pruned_pkey PRIMARY KEY (node, first_seq);

ALTER TABLE ONLY public.pabawi_exec_journal_words
    ADD CONSTRAINT pabawi_exec_journal_words_pkey PRIMARY KEY (rowid);

ALTER TABLE ONLY public.pabawi_exec_large
    ADD CONSTRAINT pabawi_exec_large_pkey PRIMARY KEY (hash, variant);

ALTER TABLE ONLY public.pabawi_exec_marks
    ADD CONSTRAINT pabawi_exec_marks_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.pabawi_exec_migrations
    ADD CONSTRAINT pabawi_exec_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.pabawi_exec_output_uses
    ADD CONSTRAINT pabawi_exec_output_uses_pkey PRIMARY KEY (output, execution);

ALTER TABLE ONLY public.pabawi_exec_outputs
    ADD CONSTRAINT pabawi_exec_outputs_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.pabawi_exec_outputs
    ADD CONSTRAINT pabawi_exec_outputs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pabawi_exec_owners
    ADD CONSTRAINT pabawi_exec_owners_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.pabawi_exec_pieces
    ADD CONSTRAINT pabawi_exec_pieces_pkey PRIMARY KEY (hash, variant, "position");

ALTER TABLE ONLY public.pabawi_exec_plans
    ADD CONSTRAINT pabawi_exec_plans_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.pabawi_exec_plugins
    ADD CONSTRAINT pabawi_exec_plugins_pkey PRIMARY KEY (plugin, execution);

ALTER TABLE ONLY public.pabawi_exec_segments
    ADD CONSTRAINT pabawi_exec_segments_pkey PRIMARY KEY (execution, last_seq);

ALTER TABLE ONLY public.pabawi_exec_tags
    ADD CONSTRAINT pabawi_exec_tags_pkey PRIMARY KEY (tag, execution);

ALTER TABLE ONLY public.pabawi_exec_targets
    ADD CONSTRAINT pabawi_exec_targets_pkey PRIMARY KEY (execution, "position");

ALTER TABLE ONLY public.pabawi_exec_unsettled
    ADD CONSTRAINT pabawi_exec_unsettled_execution_node_attempt_key UNIQUE (execution, node, attempt);

ALTER TABLE ONLY public.pabawi_exec_unsettled
    ADD CONSTRAINT pabawi_exec_unsettled_pkey PRIMARY KEY (key);

CREATE INDEX pabawi_exec_breakers_quiet ON public.pabawi_exec_breakers USING btree (since) WHERE ((state = 'closed'::text) AND (failures = 0));

CREATE INDEX pabawi_exec_cancel_requests_execution ON public.pabawi_exec_cancel_requests USING btree (execution);

CREATE INDEX pabawi_exec_cancel_requests_owner ON public.pabawi_exec_cancel_requests USING btree (owner, id);

CREATE INDEX pabawi_exec_executions_correlation ON public.pabawi_exec_executions USING btree (correlation_id, key) WHERE (correlation_id IS NOT NULL);

CREATE INDEX pabawi_exec_executions_open ON public.pabawi_exec_executions USING btree (owner, key) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX pabawi_exec_executions_rerun ON public.pabawi_exec_executions USING btree (rerun_of, key) WHERE (rerun_of IS NOT NULL);

CREATE INDEX pabawi_exec_executions_status ON public.pabawi_exec_executions USING btree (status, key);

CREATE INDEX pabawi_exec_executions_unmirrored ON public.pabawi_exec_executions USING btree (key, mirrored) WHERE (mirrored = 0);

CREATE INDEX pabawi_exec_executions_user ON public.pabawi_exec_executions USING btree (user_name, key);

CREATE INDEX pabawi_exec_executions_with_outputs ON public.pabawi_exec_executions USING btree (key, outputs_given_up) WHERE (outputs_given_up = 0);

CREATE INDEX pabawi_exec_graph_runs_owner ON public.pabawi_exec_graph_runs USING btree (owner) WHERE (owner <> ''::text);

CREATE INDEX pabawi_exec_graph_runs_status ON public.pabawi_exec_graph_runs USING btree (status, key);

CREATE INDEX pabawi_exec_journal_chain ON public.pabawi_exec_journal USING btree (node, seq);

CREATE INDEX pabawi_exec_journal_execution ON public.pabawi_exec_journal USING btree (execution_id, at, key) WHERE (execution_id IS NOT NULL);

CREATE INDEX pabawi_exec_journal_node ON public.pabawi_exec_journal USING btree (node, at, key);

CREATE INDEX pabawi_exec_journal_supersedes ON public.pabawi_exec_journal USING btree (supersedes) WHERE (supersedes IS NOT NULL);

CREATE INDEX pabawi_exec_journal_time ON public.pabawi_exec_journal USING btree (at, key);

CREATE INDEX pabawi_exec_journal_type ON public.pabawi_exec_journal USING btree (event_type, at, key);

CREATE INDEX pabawi_exec_journal_words_found ON public.pabawi_exec_journal_words USING gin (found);

CREATE INDEX pabawi_exec_large_owner ON public.pabawi_exec_large USING btree (owner);

CREATE INDEX pabawi_exec_output_uses_execution ON public.pabawi_exec_output_uses USING btree (execution);

CREATE INDEX pabawi_exec_plans_created ON public.pabawi_exec_plans USING btree (created_at);

CREATE INDEX pabawi_exec_plugins_execution ON public.pabawi_exec_plugins USING btree (execution);

CREATE INDEX pabawi_exec_tags_execution ON public.pabawi_exec_tags USING btree (execution);

CREATE UNIQUE INDEX pabawi_exec_targets_node ON public.pabawi_exec_targets USING btree (node, execution);

ALTER TABLE ONLY public.pabawi_exec_attempts
    ADD CONSTRAINT pabawi_exec_attempts_execution_fkey FOREIGN KEY (execution) REFERENCES public.pabawi_exec_executions(key) ON DELETE CASCADE;

ALTER TABLE ONLY public.pabawi_exec_cancel_requests
    ADD CONSTRAINT pabawi_exec_cancel_requests_execution_fkey FOREIGN KEY (execution) REFERENCES public.pabawi_exec_executions(key) ON DELETE CASCADE;

ALTER TABLE ONLY public.pabawi_exec_graph_tasks
    ADD CONSTRAINT pabawi_exec_graph_tasks_run_fkey FOREIGN KEY (run) REFERENCES public.pabawi_exec_graph_runs(key) ON DELETE CASCADE;

ALTER TABLE ONLY public.pabawi_exec_pieces
    ADD CONSTRAINT pabawi_exec_pieces_hash_variant_fkey FOREIGN KEY (hash, variant) REFERENCES public.pabawi_exec_large(hash, variant) ON DELETE CASCADE;

ALTER TABLE ONLY public.pabawi_exec_plugins
    ADD CONSTRAINT pabawi_exec_plugins_execution_fkey FOREIGN KEY (execution) REFERENCES public.pabawi_exec_executions(key) ON DELETE CASCADE;

ALTER TABLE ONLY public.pabawi_exec_segments
    ADD CONSTRAINT pabawi_exec_segments_execution_fkey FOREIGN KEY (execution) REFERENCES public.pabawi_exec_executions(key) ON DELETE CASCADE;

ALTER TABLE ONLY public.pabawi_exec_tags
    ADD CONSTRAINT pabawi_exec_tags_execution_fkey FOREIGN KEY (execution) REFERENCES public.pabawi_exec_executions(key) ON DELETE CASCADE;

ALTER TABLE ONLY public.pabawi_exec_targets
    ADD CONSTRAINT pabawi_exec_targets_execution_fkey FOREIGN KEY (execution) REFERENCES public.pabawi_exec_executions(key) ON DELETE CASCADE;

