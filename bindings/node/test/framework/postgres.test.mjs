// PostgreSQL from Node: as the framework's database, and as the host's own in whose tables everything is mirrored.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { journalMigration, StoreError } from "../../index.js";
import { PostgresAdapter, startPostgres } from "../postgres.mjs";
import { all, command, framework, shutDown } from "./support.mjs";

const server = await startPostgres();
const adapter = await PostgresAdapter.open(server.url);
after(async () => {
  await adapter.close();
  await server.end();
});

await adapter.execute(
  "INSERT INTO users VALUES ('id-omar', 'omar', 'omar@example.com', 'x', 'Omar', 'O', 1, 0, '2026', '2026', NULL)",
);

describe("PostgreSQL", () => {
  // R5.5, R5.8, R11.13
  it("remembers executions, their events, outputs and journal, for the next framework too", async () => {
    const first = await framework({ database: server.url });
    assert.ok(first.database.includes("/pabawi") && !first.database.includes("pabawi-test"), first.database);
    const { record } = await first.execute(command("echo hello; exit 3", "a,b"), { user: "omar" });
    const events = await all(first.events(record.id));
    await shutDown(first);
    const host = await framework({ database: server.url });
    assert.deepEqual(await all(host.events(record.id)), events);
    const { items } = await host.results(record.id);
    assert.deepEqual(items.map(({ result }) => result), Array(2).fill({ outcome: "exited", code: 3 }));
    assert.equal(await host.outputText(items[0].stdout), "hello\n");
    assert.equal((await host.totals({ target: "b", status: ["failed"] })).total, 1);
    assert.deepEqual((await host.journal.query({ text: "hello" })).items.map(({ node }) => node).sort(), ["a", "b"]);
    assert.equal((await host.journal.verify()).faults.length, 0);
    const plan = await host.journal.planRetention({ executions: [{ keep: 0 }], journal: [{ keep: 1 }] });
    assert.deepEqual([plan.executions[0].executions, plan.journal[0].entries], [1, 1]);
    const { executions, entries } = await host.journal.prune(plan);
    assert.deepEqual([executions, entries], [1, 1]);
    await shutDown(host);
  });

  // R5.9, R10.5
  it("may be the host's own database: executions and journal are mirrored through its adapter", async () => {
    const host = await framework({ database: server.url, hostDatabase: adapter });
    const { record } = await host.execute(command("echo it''s; exit $(uname -n | grep -c .)", "a,b"), { user: "omar" });
    let rows = [];
    for (let turn = 0; turn < 1200 && !(rows.length === 2 && rows.every(({ status }) => status !== "running")); turn += 1) {
      await wait(25);
      rows = await adapter.query("SELECT * FROM executions WHERE batch_id = ? ORDER BY batch_position", [record.id]);
    }
    const of = ({ status, target_nodes, results }) => [status, JSON.parse(target_nodes), JSON.parse(results)[0].output];
    assert.deepEqual(rows.map(of), ["a", "b"].map((node) => ["failed", [node], { stdout: "its\n", exitCode: 1 }]));
    let batch;
    for (let turn = 0; turn < 1200 && batch?.status !== "failed"; turn += 1) {
      await wait(25);
      batch = await adapter.queryOne("SELECT * FROM batch_executions WHERE id = ?", [record.id]);
    }
    assert.deepEqual([batch.user_id, batch.stats_failed], ["id-omar", 2]);
    for (let turn = 0; turn < 1200 && (await host.stats()).mirror.waiting > 0; turn += 1) await wait(25);
    const all = await adapter.query("SELECT node_id, event_type, user_id, details FROM journal_entries ORDER BY node_id");
    const entries = all.map((entry) => ({ ...entry, of: JSON.parse(entry.details).executionId })).filter(({ of }) => rows.some(({ id }) => id === of));
    assert.deepEqual(entries.map(({ node_id, event_type, user_id }) => [node_id, event_type, user_id]), ["a", "b"].map((node) => [node, "command_execution", "id-omar"]));
    assert.deepEqual(entries.map(({ of }) => of), rows.map(({ id }) => id));
    assert.equal((await host.stats()).mirror.refused, 0);
    await shutDown(host);
  });

  // R10.5: applied as Pabawi applies its own.
  it("takes the migration that Pabawi may apply", async () => {
    await adapter.query(journalMigration("postgres").sql);
    const row = "INSERT INTO journal_entries VALUES ('1', 'n', 'u', 'state_change', 'azure', 'a', 's', NULL, NULL, 't')";
    assert.deepEqual(await adapter.execute(row), { changes: 1 });
  });

  // Bad input
  it("that is not there is told without its password", async () => {
    for (const url of ["postgres://pabawi:hunter2@127.0.0.1:1/pabawi", server.url.replace("pabawi-test", "hunter2")]) {
      await assert.rejects(framework({ database: url }), (error) => {
        assert.ok(error instanceof StoreError, `${error}`);
        assert.equal(error.code, "store_unavailable");
        assert.ok(!`${error.message} ${error.stack} ${JSON.stringify(error.details)}`.includes("hunter2"));
        return true;
      });
    }
    await assert.rejects(framework({ database: "postgres://h/d?nonsense=1" }), { name: "ZodError" });
  });
});
