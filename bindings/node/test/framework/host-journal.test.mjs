// The host's own journal service: the drop-in over a real SQLite file, as Pabawi has it, and a plain object.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";

import { CreateJournalEntrySchema } from "../../pabawi/journalTypes.js";
import { JournalService } from "../../pabawi/JournalService.js";
import { cycle, trapping } from "../hostile/values.mjs";
import { all, book, caughtUp, database, entriesOf, notes, told } from "../journal-service.mjs";
import { until } from "../waiting.mjs";
import { command, folder, framework, shutDown } from "./support.mjs";

describe("a journal service of the host", () => {
  // R10.5, R11.1, R11.6, R11.7, R11.10
  it("that is Pabawi's has the entries of a run, of a denial and of a note, each once, within the constraints of its table", async () => {
    const adapter = await database();
    const journal = new JournalService(adapter);
    const host = await framework({ journal, authorizer: ({ user }) => user === "id-omar" });
    const { record } = await host.execute(command("exit 3", "a,b,c"), { user: "id-omar" });
    await assert.rejects(host.execute(command("true", "a"), { user: "mallory" }), { code: "denied" });
    await host.journal.note("a", "the disk was replaced", { user: "id-omar" });
    // A denial is written behind the answer.
    const entries = await until("five entries", async () => {
      const found = await entriesOf(adapter);
      return found.length >= 5 ? found : undefined;
    });
    const health = await told(host, all(5));
    assert.deepEqual([health.written, health.refused, health.failures], [5, 0, 0]);
    assert.equal((await entriesOf(adapter)).length, 5);
    const ours = (await host.journal.query({}, { user: "id-omar" })).items;
    const ids = entries.map(({ details }) => JSON.parse(details).entryId).sort();
    assert.deepEqual(ids, ours.map(({ id }) => id).sort(), "each of our entries is there once");
    const ran = entries.filter(({ event_type }) => event_type === "command_execution");
    assert.deepEqual(ran.map(({ node_id, action, user_id, source }) => [node_id, action, user_id, source]).sort(), ["a", "b", "c"].map((node) => [node, "exit 3", "id-omar", "system"]));
    for (const { details, node_uri, node_id } of ran) {
      const { executionId, resultStatus, source, occurredAt } = JSON.parse(details);
      assert.deepEqual([executionId, resultStatus, source, node_uri], [record.id, "exited", "local", `local:${node_id}`]);
      assert.ok(!Number.isNaN(Date.parse(occurredAt)));
    }
    // Pabawi has no user of that name and no such type, and the details have both.
    const denied = entries.find(({ event_type }) => event_type === "unknown");
    const { eventType, user, resultStatus } = JSON.parse(denied.details);
    assert.deepEqual([denied.user_id, eventType, user, resultStatus], [null, "execution_denied", "mallory", "denied"]);
    const note = entries.find(({ event_type }) => event_type === "note");
    assert.deepEqual([note.node_id, note.source, note.summary, note.user_id], ["a", "user", "the disk was replaced", "id-omar"]);
    // Pabawi's pages find them.
    assert.equal((await journal.getNodeTimeline("a")).length, 3);
    assert.match(await host.prometheus(), /pabawi_host_journal_up 1\n[^]*pabawi_host_journal_entries_total 5\n/);
  });

  // R10.5
  it("that is a plain object is told what Pabawi's schema takes, in order, with settings beside it", async () => {
    const hostJournal = book();
    const host = await framework({ hostJournal, journal: { level: "off" } });
    await host.execute(command("true"));
    const names = Array.from({ length: 40 }, (_, at) => `n${String(at).padStart(2, "0")}`);
    await notes(host, ...names);
    await told(host, all(40));
    assert.deepEqual(hostJournal.entries.map(({ nodeId }) => nodeId), names, "the run is not journalled, notes are");
    for (const entry of hostJournal.entries) {
      assert.deepEqual(CreateJournalEntrySchema.parse(entry), entry);
      const { details, ...rest } = entry;
      assert.deepEqual(rest, {
        nodeId: entry.nodeId, nodeUri: `user:${entry.nodeId}`, eventType: "note", source: "user", action: "add_note", summary: `about ${entry.nodeId}`, userId: "id-omar",
      });
      assert.deepEqual(Object.keys(details).filter((name) => ["entryId", "occurredAt", "user"].includes(name)).sort(), ["entryId", "occurredAt", "user"]);
    }
  });

  // R10.5: with a database too, each entry is written once, by the service, and names the rows of the executions.
  it("beside a database of the host has the entries alone", async () => {
    const adapter = await database();
    const host = await framework({ hostDatabase: adapter, journal: new JournalService(adapter) });
    const { record } = await host.execute(command("true", "a,b"), { user: "id-omar" });
    await told(host, all(2));
    await until("the mirror", async () => caughtUp((await host.stats()).mirror));
    const entries = await entriesOf(adapter);
    assert.equal(entries.length, 2);
    const rows = await adapter.query("SELECT id FROM executions WHERE batch_id = ?", [record.id]);
    assert.deepEqual(entries.map(({ details }) => JSON.parse(details).executionId).sort(), rows.map(({ id }) => id).sort());
  });

  for (const [name, answer] of [
    ["null", () => null],
    ["nothing", () => undefined],
    ["a number", () => 7],
    ["a BigInt", () => 7n],
    ["a cycle", cycle],
    ["half a character", () => "\ud800"],
  ]) {
    it(`that answers ${name} has taken the entry`, async () => {
      const journal = book();
      journal.instead = (entry) => {
        journal.entries.push(entry);
        return answer();
      };
      const host = await framework({ journal });
      await notes(host, "a", "b");
      await told(host, all(2));
      assert.deepEqual(journal.entries.map(({ nodeId }) => nodeId), ["a", "b"]);
      assert.equal((await host.stats()).hostJournal.allFailures, 0);
    });
  }

  // R9.3, R10.5
  it("that is none is refused by name", async () => {
    for (const bad of [{}, { recordEvent: 7 }, 7, null, trapping(), Object.defineProperty({}, "recordEvent", { get() { throw null; } })]) {
      await assert.rejects(framework({ hostJournal: bad }), (error) => {
        assert.equal(error.name, "ZodError");
        return true;
      });
    }
    for (const bad of [{ recordEvent: 7 }, { level: "loud" }, "journal"]) {
      await assert.rejects(framework({ journal: bad }), (error) => {
        assert.deepEqual([error.name, error.issues[0].path[0]], ["ZodError", "journal"]);
        return true;
      });
    }
    await assert.rejects(framework({ journal: book(), hostJournal: book() }), { name: "ZodError" });
  });

  // R10.5
  it("that fails when the framework ends is told by the next", async () => {
    const journal = book();
    const place = join(folder(), "executions.db");
    const first = await framework({ database: place, journal });
    await notes(first, "a");
    await shutDown(first);
    assert.equal(journal.entries.length, 1, "the end tells what there is");
    journal.instead = () => Promise.reject(new Error("gone"));
    const second = await framework({ database: place, journal });
    await notes(second, "b", "c");
    await shutDown(second);
    const { asked } = journal;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(journal.asked, asked, "nothing is asked when the framework has ended");
    journal.instead = undefined;
    const third = await framework({ database: place, journal });
    await told(third, all(2));
    assert.deepEqual(journal.entries.map(({ nodeId }) => nodeId), ["a", "b", "c"]);
  });
});
