// What is remembered: as documents, by its facts, and how it is forgotten.
import assert from "node:assert/strict";
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { describe, it } from "node:test";

import { DeniedError, NotFoundError } from "../../index.js";
import { localNode, plugin } from "../hostile/plugins.mjs";
import { all, command, folder, framework } from "./support.mjs";

const joined = async (pieces) => (await all(pieces)).join("");

describe("an export", () => {
  // R5.5, R11.11
  it("is one object of all that is remembered, or an object for each part", async () => {
    const host = await framework();
    const { record } = await host.execute(command("echo hello; exit $(uname -n | wc -l)", "a,b"));
    const whole = JSON.parse(await joined(host.export(record.id)));
    assert.deepEqual(Object.keys(whole), ["version", "execution", "targets", "attempts", "events", "outputs", "journal", "leftOut"]);
    assert.equal(whole.execution.id, record.id);
    assert.deepEqual(whole.targets.map(({ target, result }) => [target.node, result]), ["a", "b"].map((node) => [node, { outcome: "exited", code: 1 }]));
    assert.deepEqual(whole.events, await all(host.events(record.id)));
    assert.deepEqual(whole.outputs.map(({ data }) => data), ["hello\n"]);
    assert.deepEqual(whole.journal.map(({ node }) => node).sort(), ["a", "b"]);
    const lines = (await joined(host.export(record.id, "ndjson"))).trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines[0], { part: "execution", value: whole.execution });
    assert.deepEqual(lines.filter(({ part }) => part === "event").map(({ value }) => value), whole.events);
  });

  // R5.5
  it("is a page whose text is only text, written to a file as it comes", async () => {
    const host = await framework();
    const { record } = await host.execute(command("echo '<script>alert(1)</script> gr\u00fcn'", "a"));
    const path = join(folder(), "report.html");
    await pipeline(host.export(record.id, "html"), createWriteStream(path));
    const page = readFileSync(path, "utf8");
    assert.match(page, /^<!doctype html>/i);
    assert.match(page, /<\/html>\s*$/);
    assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt; gr\u00fcn") && !page.includes("<script>alert(1)"));
  });

  // R8.5: it is made while it is read, so that no piece is larger than a batch, however large the whole is.
  it("comes in pieces, and reading it can be left", async () => {
    const host = await framework();
    const request = command("seq 1 1000000", "a,b", { debug: true });
    const { record } = await host.execute(request);
    for (const format of ["json", "ndjson"]) {
      const pieces = await all(host.export(record.id, format));
      assert.ok(pieces.length > 3, `${pieces.length} pieces`);
      assert.ok(pieces.every((piece) => piece.length <= 4 * 1024 * 1024));
    }
    const whole = JSON.parse(await joined(host.export(record.id)));
    const text = Buffer.concat(whole.outputs.map(({ data }) => Buffer.from(data.base64 ?? data))).toString();
    assert.equal(text, await host.outputText((await host.results(record.id)).items[0].stdout));
    for await (const piece of host.export(record.id)) {
      assert.ok(piece.length > 0);
      break;
    }
    const gone = new AbortController();
    const reading = host.export(record.id, "json", { signal: gone.signal });
    await reading.next();
    gone.abort();
    await assert.rejects(joined(reading), { code: "aborted" });
  });

  // R10.3
  it("is for those who may see the execution, and says what else they may not", async () => {
    const authorizer = ({ user, capability }) => user !== "bob" && (user !== "eve" || capability !== "journal.read");
    const host = await framework({ authorizer, user: "alice" });
    const { record } = await host.execute(command("true"));
    await assert.rejects(joined(host.export(record.id, "json", { user: "bob" })), DeniedError);
    const { journal, leftOut } = JSON.parse(await joined(host.export(record.id, "json", { user: "eve" })));
    assert.deepEqual([journal, leftOut.map(({ kind }) => kind)], [[], ["journal"]]);
    await assert.rejects(joined(host.export("01890a5d-ac96-774b-bcce-b302099a8057")), NotFoundError);
  });
});

describe("totals", () => {
  // R5.8
  it("are those of the executions that a query finds", async () => {
    const host = await framework();
    for (const text of ["true", "true", "exit 1"]) await host.execute(command(text));
    await host.execute(command("true", "other"));
    const { total, byStatus } = await host.totals();
    assert.deepEqual([total, byStatus.completed, byStatus.failed], [4, 3, 1]);
    assert.equal((await host.totals({ target: "other" })).total, 1);
    assert.equal((await host.totals({ status: ["failed"] })).total, 1);
  });
});

describe("facts", () => {
  // R4.3
  it("find nodes by what is stored of them", async () => {
    const facts = (by) => async (nodeId) => ({ nodeId, gatheredAt: "2026-01-01T00:00:00Z", facts: by[nodeId] });
    // What else is known is that they are this machine.
    const known = { a: { site: { rack: "r1", units: 4 } }, b: { site: { rack: "r2", units: 16 } }, c: { site: { rack: "r1", units: 2 } } };
    const getInventory = async () => Object.keys(known).map(localNode);
    const asked = plugin("cmdb", { getInventory, getGroups: async () => [], getNodeFacts: facts(known) });
    const authorizer = ({ user, nodes }) => user !== "eve" || !nodes.includes("a");
    const host = await framework({ plugins: [asked], authorizer });
    assert.deepEqual(await host.factsMatching("site.rack=r1"), [], "nothing is collected for the question");
    await host.facts("a,b,c");
    assert.deepEqual(await host.factsMatching("site.rack=r1"), ["a", "c"]);
    assert.deepEqual(await host.factsMatching("site.units>=4"), ["a", "b"]);
    assert.deepEqual(await host.factsMatching("no.such.fact"), []);
    assert.deepEqual(await host.factsMatching("site.rack=r1", { user: "eve" }), ["c"]);
  });
});

describe("forgetting", () => {
  // R11.13
  it("is planned, shown, and done as it was planned", async () => {
    const host = await framework();
    for (let run = 0; run < 3; run += 1) await host.execute(command(`echo ${run}`, "a,b"));
    const limits = {
      executions: [{ keep: 1 }, { actionKind: "task", keep: 0 }],
      journal: [{ source: "local", keep: 1 }, { eventType: "note" }],
      outputs: [{ plugin: "local", maxAgeMs: 0 }, { keep: 1_000 }],
    };
    const plan = await host.journal.planRetention(limits);
    assert.deepEqual(plan.executions.map(({ actionKind, executions, targets }) => [actionKind, executions, targets]), [
      [undefined, 2, 4],
      ["task", 0, 0],
    ]);
    assert.deepEqual([plan.outputs.outputs, plan.outputs.executions.map(({ plugin, executions }) => [plugin, executions])], [
      3,
      [["local", 3], [undefined, 0]],
    ]);
    assert.deepEqual(plan.journal.map(({ source, entries }) => [source, entries]), [["local", 5], [undefined, 0]]);
    assert.equal((await host.executions()).items.length, 3, "nothing is gone yet");
    // What has come since was not planned.
    await host.execute(command("echo later", "a"));
    // As a host does that shows a plan in a page.
    const removed = await host.journal.prune(JSON.parse(JSON.stringify(plan)));
    assert.deepEqual([removed.executions, removed.targets, removed.entries], [2, 4, 5]);
    assert.ok(removed.steps > 0);
    assert.equal((await host.executions()).items.length, 2);
    assert.equal((await host.journal.query()).items.length, 2);
    assert.equal((await host.journal.verify()).faults.length, 0);
    assert.equal((await host.journal.prune(plan)).executions, 0, "twice is once");
  });

  // R11.13, R10.3
  it("is for those who may, of journal and executions each", async () => {
    const host = await framework({ authorizer: ({ user, capability }) => user === "root" || capability !== "journal.prune" });
    const of = (limits, user) => host.journal.planRetention(limits, { user });
    assert.equal((await of({ executions: [{ keep: 0 }] }, "eve")).executions[0].executions, 0);
    await assert.rejects(of({ journal: [{ keep: 0 }] }, "eve"), DeniedError);
    const plan = await of({ journal: [{ keep: 0 }] }, "root");
    await assert.rejects(host.journal.prune(plan, { user: "eve" }), DeniedError);
  });
});
