// Section 9 of the contract: the journal.
import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";

import { JournalService } from "../../pabawi/JournalService.js";
import { answering, Database } from "../database.mjs";

const { z } = await import(process.env.PABAWI_TEST_ZOD ?? "zod");
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const UUID = /^[0-9a-f-]{36}$/;

const created = (more = {}) => ({
  nodeId: "node-1", nodeUri: "proxmox:1", eventType: "provision", source: "proxmox", action: "create", summary: "made", ...more,
});
const row = (more = {}) => ({
  id: "1", nodeId: "node-1", nodeUri: "u", eventType: "note", source: "user", action: "a", summary: "s", details: '{"a":1}',
  userId: null, timestamp: "2026-01-01T00:00:00.000Z", ...more,
});

describe("writing to the journal", () => {
  it("asks once, with the values in the order of the columns", async () => {
    const db = answering();
    const id = await new JournalService(db).recordEvent(created({ details: { vm: 1 }, userId: "u1" }));
    assert.equal(db.asked.length, 1);
    assert.match(db.asked[0].sql, /INSERT INTO journal_entries/);
    const { params } = db.asked[0];
    assert.match(id, UUID);
    assert.deepEqual(params.slice(0, 9), [id, "node-1", "proxmox:1", "provision", "proxmox", "create", "made", '{"vm":1}', "u1"]);
    assert.equal(new Date(params[9]).toISOString(), params[9]);
    assert.equal(params.length, 10);
  });

  it("stores no details as {} and no user as NULL", async () => {
    const db = answering();
    await new JournalService(db).recordEvent(created());
    assert.deepEqual(db.asked[0].params.slice(7, 9), ["{}", null]);
  });

  for (const bad of [{ nodeId: "" }, { eventType: "x" }, { source: "puppet" }, { summary: "" }, { nodeUri: undefined }, { details: 1 }]) {
    it(`refuses ${JSON.stringify(bad)} before it asks`, async () => {
      const db = answering();
      await assert.rejects(new JournalService(db).recordEvent(created(bad)), (error) => error instanceof z.ZodError);
      assert.equal(db.asked.length, 0);
    });
  }

  it("passes on what the database says", async () => {
    const db = { ...answering(), execute: () => Promise.reject(new Error("CHECK failed")) };
    await assert.rejects(new JournalService(db).recordEvent(created()), { message: "CHECK failed" });
  });

  it("adds notes", async () => {
    const db = answering();
    const id = await new JournalService(db).addNote("node-1", "u1", "rebooted by hand");
    assert.deepEqual(db.asked[0].params.slice(0, 9), [
      id, "node-1", "user:node-1", "note", "user", "add_note", "rebooted by hand", "{}", "u1",
    ]);
    await assert.rejects(new JournalService(db).addNote("node-1", "u1", ""), (error) => error instanceof z.ZodError);
  });
});

describe("reading the journal", () => {
  for (const [nodeId, options, part, params] of [
    ["node-1", undefined, "WHERE node_id IN (?) ORDER BY timestamp DESC LIMIT ? OFFSET ?", ["node-1", 50, 0]],
    ["node-1", { limit: 10, offset: 5 }, "LIMIT ? OFFSET ?", ["node-1", 10, 5]],
    [["a", "b"], {}, "WHERE node_id IN (?, ?)", ["a", "b", 50, 0]],
    ["node-1", { eventType: "provision", source: "proxmox", limit: 10, offset: 5 }, "WHERE node_id IN (?) AND event_type IN (?) AND source IN (?) ORDER", ["node-1", "provision", "proxmox", 10, 5]],
    ["node-1", { eventType: ["note", "start"] }, " AND event_type IN (?, ?)", ["node-1", "note", "start", 50, 0]],
    ["node-1", { startDate: "2026-01-01T00:00:00Z" }, " AND timestamp >= ?", ["node-1", "2026-01-01T00:00:00Z", 50, 0]],
    ["node-1", { endDate: "2026-01-02T00:00:00Z" }, " AND timestamp <= ?", ["node-1", "2026-01-02T00:00:00Z", 50, 0]],
    ["node-1", { source: "aws", startDate: "2026-01-01T00:00:00Z", endDate: "2026-01-02T00:00:00Z" }, " AND source IN (?) AND timestamp >= ? AND timestamp <= ?", ["node-1", "aws", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 50, 0]],
  ]) {
    it(`asks for ${JSON.stringify(nodeId)} with ${JSON.stringify(options)}`, async () => {
      const db = answering([row()]);
      const entries = await new JournalService(db).getNodeTimeline(nodeId, options);
      assert.equal(db.asked.length, 1);
      assert.ok(db.asked[0].sql.includes(part), db.asked[0].sql);
      assert.deepEqual(db.asked[0].params, params);
      assert.deepEqual(entries, [{ ...row(), details: { a: 1 }, isLive: false }]);
    });
  }

  for (const bad of [{ limit: 0 }, { limit: 201 }, { offset: -1 }, { eventType: "x" }, { startDate: "soon" }]) {
    it(`refuses ${JSON.stringify(bad)} before it asks`, async () => {
      const db = answering();
      const journal = new JournalService(db);
      for (const ask of [() => journal.getNodeTimeline("n", bad), () => journal.aggregateTimeline("n", bad), () => journal.getGlobalTimeline(bad), () => journal.getGlobalEntryCount(bad)]) {
        await assert.rejects(ask(), (error) => error instanceof z.ZodError);
      }
      assert.equal(db.asked.length, 0);
    });
  }

  it("bears details that cannot be read", async () => {
    const entries = await new JournalService(answering([row({ details: "{" }), row({ details: null })])).getNodeTimeline("n");
    assert.deepEqual(entries.map(({ details }) => details), [{ unreadable: "{" }, {}]);
  });

  it("searches summaries and details", async () => {
    const db = answering([row()]);
    const entries = await new JournalService(db).searchEntries("nginx", { limit: 5 });
    assert.match(db.asked[0].sql, /WHERE summary LIKE \? OR details LIKE \?/);
    assert.deepEqual(db.asked[0].params, ["%nginx%", "%nginx%", 5, 0]);
    assert.equal(entries[0].isLive, false);
  });

  it("reads and writes real tables", async () => {
    const journal = new JournalService(new Database());
    const ids = [];
    for (const summary of ["one", "two", "three"]) ids.push(await journal.addNote("node-1", null, summary));
    await journal.recordEvent(created({ nodeId: "node-2" }));
    const timeline = await journal.getNodeTimeline("node-1");
    assert.deepEqual(new Set(timeline.map(({ id }) => id)), new Set(ids));
    assert.deepEqual((await journal.searchEntries("tw")).map(({ summary }) => summary), ["two"]);
    assert.equal(await journal.getGlobalEntryCount(), 4);
    assert.equal(await journal.getGlobalEntryCount({ nodeIds: ["node-2"], limit: 1 }), 1);
    assert.equal(await journal.getGlobalEntryCount({ eventType: "note", source: "user" }), 3);
    assert.equal((await journal.getGlobalTimeline({ limit: 2 })).length, 2);
    assert.deepEqual((await journal.getGlobalTimeline({ nodeIds: ["node-2"] })).map(({ summary }) => summary), ["made"]);
  });
});

describe("live sources", () => {
  const live = (events, more = {}) => ({ isInitialized: () => true, getNodeData: mock.fn(async () => events), ...more });
  const journal = (rows, sources) => {
    const db = answering(rows);
    return { db, service: new JournalService(db, new Map(Object.entries(sources)), quiet) };
  };

  it("are merged with what is stored, the newest first", async () => {
    const checkmk = live([{ timestamp: "2026-01-02T00:00:00.000Z", summary: "CRIT" }, { timestamp: "2025-12-31T00:00:00.000Z" }]);
    const { db, service } = journal([row()], { checkmk });
    const entries = await service.aggregateTimeline("node-1");
    assert.deepEqual(entries.map(({ summary, isLive, source }) => [summary, isLive, source]), [
      ["CRIT", true, "checkmk"], ["s", false, "user"], ["Live event", true, "checkmk"],
    ]);
    assert.deepEqual(checkmk.getNodeData.mock.calls[0].arguments, ["node-1", "events"]);
    assert.deepEqual(db.asked[0].params, ["node-1", 200, 0]);
  });

  it("have defaults for what they do not say", async () => {
    const { service } = journal([], { checkmk: live([{}]) });
    const [{ id, timestamp, ...entry }] = await service.aggregateTimeline("node-1");
    assert.match(id, UUID);
    assert.ok(!Number.isNaN(Date.parse(timestamp)));
    assert.deepEqual(entry, {
      nodeId: "node-1", nodeUri: "checkmk:unknown", eventType: "unknown", source: "checkmk", action: "unknown",
      summary: "Live event", details: {}, userId: null, isLive: true,
    });
  });

  it("are left out when they fail, are not initialised or send no list", async () => {
    const { service } = journal([row()], {
      a: live([], { getNodeData: () => Promise.reject(new Error("down")) }),
      b: live([{ summary: "hidden" }], { isInitialized: () => false }),
      c: live({ not: "a list" }),
      d: live([{ summary: "seen", timestamp: "2025-01-01T00:00:00.000Z" }]),
    });
    assert.deepEqual((await service.aggregateTimeline("node-1")).map(({ summary }) => summary), ["s", "seen"]);
  });

  it("are paged together, also past the first 200 that are stored", async () => {
    const events = Array.from({ length: 5 }, (_, at) => ({ summary: `e${at}`, timestamp: `2026-01-0${5 - at}T00:00:00.000Z` }));
    const { service, db } = journal([], { checkmk: live(events) });
    assert.deepEqual((await service.aggregateTimeline("n", { limit: 2, offset: 1 })).map(({ summary }) => summary), ["e1", "e2"]);
    await service.aggregateTimeline("n", { limit: 50, offset: 300 });
    assert.deepEqual(db.asked.at(-1).params, ["n", 350, 0]);
  });

  it("are not filtered", async () => {
    const { service, db } = journal([], { checkmk: live([{ eventType: "start", summary: "x" }]) });
    assert.equal((await service.aggregateTimeline("n", { eventType: "note" })).length, 1);
    assert.deepEqual(db.asked[0].params, ["n", "note", 200, 0]);
  });
});
