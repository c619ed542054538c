// The framework in a host like Pabawi's, on 200 nodes of real sshd: what an operator does and sees, and what is left when the host is
// killed in the middle of it.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import { eventsOf, sse } from "../sse.mjs";
import { Adapter } from "../sqlite.mjs";
import { closedGate, until } from "../waiting.mjs";
import { folder, isRunning } from "../framework/support.mjs";
import { counted, fleet, onNodes, populate, startHost } from "./support.mjs";

const NODES = 200;
/** Nodes at once, as the host has it. */
const AT_ONCE = 60;
const OMAR = { "X-User": "id-omar" };

const { nodes, work, sshConfig } = await fleet(NODES);
const names = nodes.map(({ name }) => name);
const place = folder();
const settings = { place, nodes, sshConfig };
const there = onNodes(work, nodes);
let host;
let id;
/** Rows of the host's own that were there when it was last looked. */
let acknowledged = 0;

before(async () => {
  await populate(place);
  host = await startHost(settings);
});

const batch = async (text, more = { targetNodeIds: names }, user = undefined) => {
  const { status, body } = await host.post("/executions/batch", { action: text, ...more }, user);
  assert.equal(status, 201, JSON.stringify(body));
  return body.batchId;
};
const stream = (execution) => `${host.url}/executions/${execution}/stream`;
const outputs = (events) => events.filter(([, type]) => type === "output").map(([, , { node, data }]) => [node, data]);
const finished = (events) => events.at(-1)[2].summary;
/** Waits until the host's tables are as wanted, and nothing was refused on the way there. */
async function mirrored(is) {
  await until("the host's tables", is);
  await until("the mirror", async () => (await host.get("/mirror")).waiting === 0);
  assert.equal((await host.get("/mirror")).refused, 0);
}
const isOver = (execution) => async () => {
  const { batch, by } = await tables(execution);
  return batch !== null && batch.status !== "running" && by.running === undefined;
};

/** The host's own database is sound, and has all that was ever acknowledged to the host. */
async function isSound() {
  const { told, audited, count } = await host.get("/integrity");
  assert.deepEqual(told, ["ok"]);
  assert.ok(count >= acknowledged && count >= audited, `${count} of ${Math.max(acknowledged, audited)}`);
  acknowledged = count;
}

/** What stands in the host's tables of an execution, by the status of its nodes. */
async function tables(execution) {
  const { batch, executions } = await host.get(`/executions/batch/${execution}`);
  const by = {};
  for (const { status } of executions) by[status] = (by[status] ?? 0) + 1;
  return { batch, executions, by };
}

/** A command that waits before the gate between its two lines. */
const through = (work) => counted(work, `echo begin; flock -s '${work}/gate' true; echo end; echo > $at.done`);

describe("a host like Pabawi's", () => {
  // R10.1, R8.1, R5.4, R8.5, R5.9
  it("creates a batch of 200 nodes at once, and is followed live by a browser that comes back", async () => {
    const gate = await closedGate(work);
    id = await batch(through(work));
    // The call has returned, and no node can be done.
    assert.equal(there.having("done"), 0);
    const begun = await eventsOf(stream(id), OMAR, (found) => outputs(found).length >= AT_ONCE);
    assert.equal(there.having("done"), 0);
    assert.deepEqual([...new Set(outputs(begun).map(([, data]) => data))], ["begin\n"]);
    assert.equal(there.having("count"), AT_ONCE, "no more nodes at once than the host has it");
    await until("the batch in the host's tables", async () => (await tables(id)).batch?.status === "running");
    assert.deepEqual((await tables(id)).by, { running: NODES });
    await isSound();
    await gate.open();
    const rest = [];
    for await (const event of sse(stream(id), { ...OMAR, "Last-Event-ID": String(begun.at(-1)[0]) })) {
      rest.push(event);
      if (rest.length % 100 === 0) await isSound();
    }
    const whole = [...begun, ...rest];
    assert.deepEqual(whole.map(([seq]) => seq), whole.map((_, index) => index + 1), "each event once, in order");
    const said = Object.fromEntries(names.map((name) => [name, ""]));
    for (const [node, data] of outputs(whole)) said[node] += data;
    assert.deepEqual(said, Object.fromEntries(names.map((name) => [name, "begin\nend\n"])));
    const done = whole.filter(([, type]) => type === "progress").map(([, , { succeeded }]) => succeeded);
    assert.deepEqual(done, [...done].sort((a, b) => a - b));
    const { status, succeeded } = finished(whole);
    assert.deepEqual([status, succeeded], ["completed", NODES]);
    assert.deepEqual(there.counts(), Object.fromEntries(names.map((name) => [name, 1])));
    // The same again, from what is stored.
    assert.deepEqual(await eventsOf(stream(id), OMAR), whole);
  });

  // R5.9, R11.10, R11.11
  it("has the batch, its executions and the journal in its own tables in the end", async () => {
    await mirrored(isOver(id));
    const { batch, executions, by } = await tables(id);
    assert.deepEqual(by, { success: NODES });
    const { status, user_id, stats_total, stats_success, stats_failed, stats_running, stats_queued } = batch;
    assert.deepEqual([status, user_id], ["success", "id-omar"]);
    assert.deepEqual([stats_total, stats_success, stats_failed, stats_running, stats_queued], [NODES, NODES, 0, 0, 0]);
    assert.deepEqual(JSON.parse(batch.target_nodes), names);
    assert.deepEqual(JSON.parse(batch.execution_ids), executions.map((row) => row.id));
    assert.deepEqual(executions.map(({ target_nodes }) => JSON.parse(target_nodes)), names.map((name) => [name]));
    const [{ execution_tool, results, completed_at }] = executions;
    assert.deepEqual([execution_tool, JSON.parse(results)[0].output], ["ssh", { stdout: "begin\nend\n", exitCode: 0 }]);
    assert.ok(!Number.isNaN(Date.parse(completed_at)));
    for (const name of [names[0], names.at(-1)]) {
      const [entry, ...more] = await host.get(`/journal/${name}`);
      assert.deepEqual([entry.event_type, entry.source, entry.user_id, more], ["command_execution", "ssh", "id-omar", []]);
      assert.equal(entry.details.executionId, executions[names.indexOf(name)].id);
    }
    await isSound();
  });

  // R10.3, R6.6, R11.1
  it("answers 403 to who may not, runs nothing, and has that in the journal", async () => {
    const before = there.counts();
    const { status, body } = await host.post("/executions/batch", { action: counted(work, "true"), targetNodeIds: names.slice(0, 2) }, "id-vera");
    assert.deepEqual([status, body.error.code], [403, "INSUFFICIENT_PERMISSIONS"]);
    assert.match(body.error.message, /ssh:execute/);
    const cancelled = await host.post(`/executions/batch/${id}/cancel`, {}, "id-vera");
    assert.equal(cancelled.status, 403);
    assert.equal((await eventsOf(stream(id), { "X-User": "id-vera" })).at(-1)[1], "finished", "but she may look");
    assert.equal((await fetch(stream(id), { headers: { "X-User": "nobody" } })).status, 403);
    assert.deepEqual(there.counts(), before);
    const denied = async (name, type) => (await host.get(`/journal/${name}`)).find(({ details }) => details.eventType === type);
    // What was to be run, and the order to cancel.
    for (const type of ["execution_denied", "access_denied"]) {
      for (const name of names.slice(0, 2)) {
        await mirrored(async () => (await denied(name, type)) !== undefined);
      }
    }
    for (const name of names.slice(0, 2)) {
      const { user_id, summary } = await denied(name, "execution_denied");
      assert.equal(user_id, "id-vera");
      assert.match(summary, /ssh:execute is missing/);
    }
  });

  // R10.4, R5.4
  it("has plugins of v1.x run actions of their own, and streams what they say", async () => {
    const batchId = await batch("deploy", { targetNodeIds: names.slice(0, 5), tool: "runbook" });
    const events = await eventsOf(stream(batchId), OMAR);
    assert.deepEqual(finished(events).outcomes, { succeeded: 5 });
    assert.deepEqual(outputs(events).filter(([node]) => node === "n002").map(([, data]) => data).join(""), "deploy one on n002\ndeploy two on n002\n");
    const failed = await batch("fail", { targetNodeIds: names.slice(0, 2), tool: "runbook" });
    assert.deepEqual(finished(await eventsOf(stream(failed), OMAR)).outcomes, { exited: 2 });
    assert.equal((await host.post("/executions/batch", { action: "x", targetNodeIds: ["n001"], tool: "runbook" }, "id-vera")).status, 403);
    const wrong = await host.post("/executions/batch", { action: 7, targetNodeIds: ["n001"] });
    assert.deepEqual([wrong.status, wrong.body.error.code], [400, "VALIDATION_ERROR"]);
    await mirrored(isOver(failed));
    assert.equal((await tables(failed)).batch.status, "failed");
  });

  // R8.8
  it("cancels a batch, and every process of it is gone from the nodes", async () => {
    const gate = await closedGate(work);
    const before = there.pids().length;
    // A child in the background, and one that does not heed TERM.
    const text = counted(work, `sleep 3600 & echo $! >> $at.pids; (trap '' TERM; echo begin; flock -s '${work}/gate' sleep 3600) & wait`);
    const batchId = await batch(text, { targetGroupIds: ["cmdb:all-nodes"] });
    await eventsOf(stream(batchId), OMAR, (found) => outputs(found).length >= AT_ONCE);
    assert.ok(there.pids().length >= before + 2 * AT_ONCE);
    const { status, body } = await host.post(`/executions/batch/${batchId}/cancel`, {});
    assert.deepEqual([status, body.receipt], [200, "ordered"]);
    const summary = finished(await eventsOf(stream(batchId), OMAR));
    assert.equal(summary.status, "cancelled");
    assert.equal(summary.unconfirmed, 0, "what is told as ended was seen to be gone");
    for (const pid of there.pids()) assert.equal(await isRunning(pid), false, `${pid} is left`);
    await gate.open();
    await mirrored(isOver(batchId));
    const { batch: row, by } = await tables(batchId);
    assert.deepEqual([row.status, by], ["cancelled", { failed: NODES }]);
    await isSound();
  });

  // R5.5, R7.1, R8.8
  it("is killed in the middle of a batch and started again: nothing is lost, and nothing runs twice", async () => {
    const before = there.counts();
    const ran = () => Object.fromEntries(Object.entries(there.counts()).map(([name, count]) => [name, count - before[name]]));
    const gate = await closedGate(work);
    // Every third node does not wait.
    nodes.forEach(({ address }, index) => index % 3 === 0 && writeFileSync(join(work, `${address}.quick`), ""));
    const text = counted(work, `echo begin; [ -e $at.quick ] || flock -s '${work}/gate' true; echo end`);
    const batchId = await batch(text);
    const seen = await eventsOf(stream(batchId), OMAR, (found) => {
      const ended = found.filter(([, type]) => type === "nodeFinished").length;
      return ended >= 20 && outputs(found).filter(([, data]) => data.startsWith("begin")).length >= ended + AT_ONCE;
    });
    const pids = there.pids();
    await host.end("SIGKILL");
    await until("what ran on the nodes to be gone", async () => (await Promise.all(pids.map(isRunning))).every((is) => !is));
    const started = ran();
    assert.ok(Object.values(started).filter((count) => count === 1).length < NODES, "not all had begun");

    host = await startHost(settings);
    await isSound();
    // What was shown before is what is told now.
    const told = await eventsOf(stream(batchId), OMAR);
    assert.deepEqual(told.slice(0, seen.length), seen);
    const summary = finished(told);
    assert.equal(summary.status, "interrupted");
    assert.equal(summary.succeeded + summary.interrupted + summary.skipped, NODES);
    assert.deepEqual(ran(), started, "nothing was run again by itself");
    await mirrored(isOver(batchId));
    const { batch: row, by } = await tables(batchId);
    assert.deepEqual([row.status, row.stats_success], ["failed", summary.succeeded]);
    assert.deepEqual(by, { success: summary.succeeded, failed: NODES - summary.succeeded });

    // An operator goes on: with those nodes on which nothing had begun.
    await gate.open();
    const { status, body } = await host.post(`/executions/batch/${batchId}/resume`, {});
    assert.equal(status, 200, JSON.stringify(body));
    const rest = await eventsOf(stream(body.id), OMAR);
    assert.equal(finished(rest).succeeded, summary.skipped);
    // Once on each; not at all where it was about to begin when the host was killed, which is told as unknown.
    assert.equal(body.unknown.length, summary.interrupted);
    for (const [name, count] of Object.entries(ran())) assert.ok(count === 1 || (count === 0 && body.unknown.includes(name)), `${name}: ${count}`);
    await mirrored(isOver(body.id));
    await isSound();
  });

  // R5.9
  it("ends when it is told to, and leaves its database sound", async () => {
    await isSound();
    assert.ok(acknowledged > 100, `${acknowledged} rows are no load`);
    assert.deepEqual(await host.end("SIGTERM"), [0, null]);
    const database = await Adapter.open(join(place, "pabawi.db"));
    assert.deepEqual(await database.query("PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
    assert.deepEqual(await database.query("PRAGMA foreign_key_check"), []);
    const [{ count }] = await database.query("SELECT count(*) AS count FROM audit_logs");
    assert.ok(count >= acknowledged);
    assert.deepEqual(await database.query("SELECT id FROM executions WHERE status = 'running'"), []);
    await database.close();
  });
});
