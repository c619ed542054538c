// Journal services of the host that do what none should, and processes that end in the middle: nothing stops, nothing is lost.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { command, folder, framework } from "../framework/support.mjs";
import { all, book, caughtUp, database, entriesOf, notes, told } from "../journal-service.mjs";
import { JournalService } from "../../pabawi/JournalService.js";
import { until } from "../waiting.mjs";
import { THROWN, trapping } from "./values.mjs";

const unhandled = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

describe("a journal service", { concurrency: 6 }, () => {
  for (const [name, instead] of [
    ["rejects", () => Promise.reject(new Error("the server is gone"))],
    ["throws", () => { throw new Error("Database not connected"); }],
    ...["null", "undefined", "a symbol", "a Proxy that traps everything", "an error whose getters throw", "a cycle"].map((kind) => [`throws ${kind}`, () => { throw THROWN[kind](); }]),
    ["rejects with nothing", () => Promise.reject()],
    ["answers a thenable whose then throws", () => ({ then() { throw null; } })],
    ["answers a Proxy that traps everything", () => trapping()],
    ["never answers", () => new Promise(() => {})],
  ]) {
    // R7.4, R10.5
    it(`that ${name} stops nothing, is told of, and gets everything later, once`, async () => {
      const journal = book();
      journal.instead = instead;
      const lines = [];
      const logger = Object.fromEntries(["error", "warn", "info", "debug"].map((level) => [level, (message) => lines.push([level, message])]));
      const host = await framework({ journal, logger, limits: { hostJournalTimeoutMs: 200 } });
      assert.equal((await host.execute(command("true"))).summary.status, "completed");
      const { state, lastError, waiting } = await told(host, ({ failures }) => failures > 1);
      assert.deepEqual([state, waiting], ["failing", 1]);
      assert.ok(lastError.length > 0);
      journal.instead = undefined;
      const { refused, written } = await told(host, caughtUp);
      assert.deepEqual([refused, written, journal.entries.length], [0, 1, 1]);
      const said = (part) => lines.filter(([, message]) => message.includes(part)).length;
      await until("the log", () => said("the host's journal goes on") === 1);
      assert.equal(said("the host's journal fails"), 1, "once for each change");
      assert.deepEqual(unhandled.map(String), []);
    });
  }
});

describe("a journal service of its own pace", () => {
  // R7.4: a late answer is an answer.
  it("that answers late is not told the same again", async () => {
    const journal = book();
    const late = [];
    journal.instead = (entry) => {
      journal.entries.push(entry);
      return new Promise((resolve) => late.push(resolve));
    };
    const host = await framework({ journal, limits: { hostJournalTimeoutMs: 1_500 } });
    await notes(host, "a");
    await told(host, ({ failures }) => failures === 1);
    assert.match((await host.stats()).hostJournal.lastError, /has not answered for 1.5 s/);
    late.forEach((resolve) => resolve("an id"));
    await told(host, all(1));
    assert.deepEqual(journal.entries.map(({ nodeId }) => nodeId), ["a"]);
  });

  // R7.4
  it("that blocks its thread for two seconds and more delays no run of the engine", async () => {
    const journal = book();
    const [blocking, ran] = ["blocking", "ran"].map((name) => join(folder(), name));
    const runs = () => (existsSync(ran) ? readFileSync(ran, "utf8").length : 0);
    let during;
    journal.instead = (entry) => {
      journal.entries.push(entry);
      if (during !== undefined) return;
      writeFileSync(blocking, "");
      const begun = Date.now();
      while (Date.now() - begun < 2_000 || (runs() < 2 && Date.now() - begun < 30_000));
      during = runs();
    };
    const host = await framework({ journal });
    // One node after the other: the second is begun by the engine, when the first has ended.
    const text = `until [ -e ${blocking} ]; do sleep 0.05; done; printf + >> ${ran}`;
    const id = await host.submit(command(text, "b,c", { concurrency: 1, timeouts: { nodeMs: 60_000 } }));
    await notes(host, "a");
    assert.equal((await host.wait(id)).summary.status, "completed");
    assert.equal(during, 2, "both ran while the thread was blocked");
    await told(host, all(3));
    assert.deepEqual(journal.entries.map(({ nodeId }) => nodeId), ["a", "b", "c"]);
  });

  // R10.5
  it("that has no user, no word or no room for an entry does not hold up what is behind it", async () => {
    const adapter = await database();
    // The drop-in over Pabawi's own constraints: omar has no such id, and `long` does not fit.
    await adapter.execute("CREATE TRIGGER short BEFORE INSERT ON journal_entries WHEN NEW.node_id = 'long' BEGIN SELECT RAISE(ABORT, 'too long'); END");
    const host = await framework({ journal: new JournalService(adapter) });
    await host.journal.note("long", "x", { user: "id-omar" });
    await host.journal.note("first", "x", { user: "omar" });
    for (let turn = 0; (await host.stats()).hostJournal.refused === 0 && turn < 400; turn += 1) {
      await host.journal.note(`n${turn}`, "x", { user: "id-omar" });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { refused } = await told(host, caughtUp);
    assert.equal(refused, 1);
    const entries = await entriesOf(adapter);
    assert.equal(entries.find(({ node_id }) => node_id === "first").user_id, null);
    const ours = (await host.journal.query({ limit: 1000 })).items.map(({ node }) => node);
    assert.deepEqual(entries.map(({ node_id }) => node_id).sort(), ours.filter((node) => node !== "long").sort());
  });
});

describe("a process with a journal service", () => {
  // R10.5: a process that is killed in the middle loses nothing, and what is told again can be known by its id.
  it("that is killed in the middle leaves the rest to the next", async () => {
    const place = folder();
    const adapter = await database(join(place, "pabawi.db"));
    const url = (path) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
    const program = `
      import { createExecutionFramework } from ${url("../../index.js")};
      import { JournalService } from ${url("../../pabawi/JournalService.js")};
      import { Adapter } from ${url("../sqlite.mjs")};
      const journal = new JournalService(await Adapter.open(${JSON.stringify(join(place, "pabawi.db"))}));
      let told = 0;
      const recordEvent = async (entry) => {
        await journal.recordEvent(entry);
        if (++told === 30) process.kill(process.pid, "SIGKILL");
      };
      const host = await createExecutionFramework({ database: ${JSON.stringify(join(place, "executions.db"))}, authorizer: "allow-all", journal: { recordEvent } });
      const targets = "n[1-50]";
      await host.execute({ action: { type: "command", command: "true" }, targets, transport: "local" }, { user: "id-omar" });
      await new Promise((resolve) => setTimeout(resolve, 60_000));`;
    const ended = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], { timeout: 50_000, cwd: place }).catch((error) => error);
    assert.equal(ended.signal, "SIGKILL", String(ended.stderr));
    const before = (await entriesOf(adapter)).length;
    assert.ok(before >= 30 && before <= 50, String(before));
    const host = await framework({ database: join(place, "executions.db"), journal: new JournalService(adapter) });
    // The one that was killed had the turn, which ends with its time.
    await told(host, ({ state, waiting }) => state === "caughtUp" && waiting === 0);
    const entries = (await entriesOf(adapter)).map(({ node_id, details }) => `${node_id} ${JSON.parse(details).entryId}`);
    const ours = (await host.journal.query({ limit: 1000 })).items.map(({ node, id }) => `${node} ${id}`);
    assert.equal(ours.length, 50);
    assert.deepEqual([...new Set(entries)].sort(), ours.sort(), "nothing is lost");
    assert.ok(entries.length - ours.length <= 32, "what was told again was being told when the process ended");
  });
});
