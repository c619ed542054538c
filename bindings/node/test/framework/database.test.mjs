// The mirror in the host's own database: Pabawi's tables in a real SQLite file, through an adapter over the npm package `sqlite3`, as
// Pabawi has it.
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { journalMigration, StoreError } from "../../index.js";
import { Adapter } from "../sqlite.mjs";
import { command, folder, framework, shutDown } from "./support.mjs";

const adapters = [];

after(() => Promise.all(adapters.map((adapter) => adapter.close())));

/** A database with a user. */
async function database() {
  const made = await Adapter.open(join(folder(), "pabawi.db"));
  await made.execute("INSERT INTO users VALUES ('id-omar', 'omar', 'omar@example.com', 'x', 'Omar', 'O', 1, 0, '2026', '2026', NULL)");
  adapters.push(made);
  return made;
}

/** An adapter whose statements go another way as long as `instead` is a function. */
function detour(adapter) {
  const made = {
    instead: undefined,
    asked: 0,
    query: (sql, params) => made.go("query", sql, params),
    execute: (sql, params) => made.go("execute", sql, params),
    getDialect: () => "sqlite",
    go(method, sql, params) {
      made.asked++;
      return made.instead === undefined ? adapter[method](sql, params) : made.instead();
    },
  };
  return made;
}

/** Waits until the mirror is as wanted, for at most 30 s. */
async function mirrored(host, wanted) {
  for (let turn = 0; turn < 1200; turn++) {
    const { mirror } = await host.stats();
    if (wanted(mirror)) return mirror;
    await wait(25);
  }
  throw new Error(JSON.stringify((await host.stats()).mirror));
}
const caughtUp = ({ state, waiting }) => state === "caughtUp" && waiting === 0;

describe("a database of the host", () => {
  // R10.5: two copies of SQLite in one process corrupt a file.
  it("is not taken for the framework's own, by whatever name", async () => {
    const place = join(folder(), "pabawi.db");
    const adapter = await Adapter.open(place);
    const link = join(folder(), "link.db");
    symlinkSync(place, link);
    for (const database of [place, link]) {
      await assert.rejects(framework({ database, hostDatabase: adapter }), (error) => {
        assert.ok(error instanceof StoreError, `${error}`);
        assert.match(error.message, /open already, by another copy of SQLite .* give the framework a file of its own/);
        return true;
      });
    }
    assert.deepEqual(await adapter.query("PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
    await adapter.close();
    // Nobody has it open any more; and a second framework of this process is the same copy.
    const [first, second] = [await framework({ database: place }), await framework({ database: place })];
    await shutDown(first);
    await shutDown(await framework({ database: place }));
    await shutDown(second);
    await shutDown(await framework({ database: place }));
  });

  // R5.9, R10.5
  it("is told what ran, in Pabawi's tables", async () => {
    const adapter = await database();
    const host = await framework({ hostDatabase: adapter });
    const { record } = await host.execute(command("echo hello", "a,b"), { user: "omar" });
    await mirrored(host, ({ written }) => written >= 5);
    await mirrored(host, caughtUp);
    const rows = await adapter.query("SELECT * FROM executions ORDER BY batch_position");
    assert.deepEqual(rows.map(({ status, results, batch_id }) => [status, JSON.parse(results)[0].output.stdout, batch_id]), [
      ["success", "hello\n", record.id],
      ["success", "hello\n", record.id],
    ]);
    const [batch] = await adapter.query("SELECT id, status, user_id, stats_success FROM batch_executions");
    assert.deepEqual(batch, { id: record.id, status: "success", user_id: "id-omar", stats_success: 2 });
    const entries = await adapter.query("SELECT node_id, event_type, user_id FROM journal_entries ORDER BY node_id");
    const entry = { event_type: "command_execution", user_id: "id-omar" };
    assert.deepEqual(entries, [{ node_id: "a", ...entry }, { node_id: "b", ...entry }]);
    const metrics = await host.prometheus();
    assert.match(metrics, /pabawi_mirror_up 1\n/);
    assert.match(metrics, /pabawi_mirror_waiting 0\n/);
  });

  for (const [name, instead] of [
    ["rejects", () => Promise.reject(new Error("the server is gone"))],
    ["throws", () => { throw new Error("Database not connected"); }],
    ["throws what is no error", () => { throw null; }],
    ["answers nonsense", () => "yes"],
    ["answers nothing", () => undefined],
    ["answers what is no JSON", () => Promise.resolve([{ n: 1n }])],
    ["never answers", () => new Promise(() => {})],
  ]) {
    // R5.9, R7.4
    it(`that ${name} stops nothing and gets everything later`, async () => {
      const adapter = await database();
      const way = detour(adapter);
      way.instead = instead;
      const host = await framework({ hostDatabase: way, limits: { hostDatabaseTimeoutMs: 200 } });
      assert.equal((await host.execute(command("true"))).summary.status, "completed");
      const { state, lastError } = await mirrored(host, ({ failures }) => failures > 0);
      assert.equal(state, "failing");
      assert.ok(lastError.length > 0);
      way.instead = undefined;
      await mirrored(host, caughtUp);
      assert.equal((await adapter.query("SELECT id FROM executions WHERE status = 'success'")).length, 1);
      assert.equal((await host.stats()).mirror.refused, 0);
    });
  }

  // R5.9: what is not there at the end is brought over by the next framework.
  it("is given what is left when the framework ends", async () => {
    const adapter = await database();
    const way = detour(adapter);
    const place = join(folder(), "executions.db");
    const first = await framework({ database: place, hostDatabase: way });
    await first.execute(command("true"));
    await shutDown(first);
    const rows = () => adapter.query("SELECT id FROM executions WHERE status = 'success'");
    assert.equal((await rows()).length, 1);
    way.instead = () => Promise.reject(new Error("gone"));
    const second = await framework({ database: place, hostDatabase: way });
    await second.execute(command("true"));
    await shutDown(second);
    const asked = way.asked;
    assert.equal((await rows()).length, 1);
    way.instead = undefined;
    const third = await framework({ database: place, hostDatabase: way });
    await mirrored(third, caughtUp);
    assert.equal((await rows()).length, 2);
    await shutDown(third);
    assert.ok(way.asked > asked);
    const after = way.asked;
    await wait(100);
    assert.equal(way.asked, after, "nothing is asked when the framework has ended");
  });

  // Bad input
  it("that is none is refused by the name that it was given under", async () => {
    const none = () => {};
    for (const [bad, text] of [
      [{ query: none }, /query, execute/],
      [{ query: none, execute: none, getDialect: () => "mysql" }, /getDialect/],
      [{ query: none, execute: none, getDialect: () => { throw new Error("x"); } }, /getDialect/],
    ]) {
      for (const options of [{ hostDatabase: bad }, { database: bad }]) {
        await assert.rejects(framework(options), (error) => {
          assert.equal(error.name, "ZodError");
          assert.deepEqual(error.issues.map((issue) => issue.path), [Object.keys(options)]);
          assert.match(error.issues[0].message, text);
          return true;
        });
      }
    }
  });

  // R10.5: applied as Pabawi applies its own, it widens what the journal takes.
  it("has a migration that Pabawi may apply", async () => {
    const { file, sql } = journalMigration("sqlite");
    assert.equal(file, "016_journal_sources_and_states.sqlite.sql");
    const adapter = await database();
    const statements = sql.replace(/--.*$/gm, "").split(";").filter((statement) => statement.trim() !== "");
    for (const statement of statements) await adapter.execute(statement);
    const row = "INSERT INTO journal_entries VALUES ('1', 'n', 'u', 'state_change', 'azure', 'a', 's', NULL, NULL, 't')";
    assert.deepEqual(await adapter.execute(row), { changes: 1 });
    assert.match(journalMigration("postgres").sql, /ALTER TABLE journal_entries/);
  });
});

describe("retention", () => {
  // R11.13
  it("is carried out by itself, and told", async () => {
    const database = join(folder(), "executions.db");
    const first = await framework({ database });
    for (let run = 0; run < 3; run++) await first.execute(command("true"));
    await shutDown(first);
    const host = await framework({ database, retention: { executions: [{ keep: 1 }], journal: [{ keep: 2 }] } });
    let stats;
    for (let turn = 0; turn < 1200 && !(stats?.worked > 0); turn++) {
      await wait(25);
      stats = (await host.stats()).retention;
    }
    assert.deepEqual(stats, { worked: 1, failed: 0, entries: 1, executions: 2, outputs: 0 });
    assert.equal((await host.executions()).items.length, 1);
    assert.match(await host.prometheus(), /pabawi_retention_removed_total\{what="executions"\} 2\n/);
    await assert.rejects(framework({ retention: {} }), { name: "ZodError" });
  });
});
