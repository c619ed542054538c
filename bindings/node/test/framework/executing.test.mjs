// Executions through the framework object, by real processes on this machine.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "node:test";

import { AbortedError, NotFoundError, ShutDownError, bytesOf, outputDecoder } from "../../index.js";
import { all, command, folder, framework, isRunning, shutDown } from "./support.mjs";

const types = (events) => events.map((event) => event.type);

/** Waits for the first line of an execution's output, which is a process id. */
async function pidOf(host, id, options) {
  for await (const event of host.events(id, options)) {
    if (event.type === "output") return Number(event.data);
  }
  throw new Error("no output");
}

describe("executions", () => {
  // R1.1, R1.2, R1.4, R1.5, R9.1
  it("run to their end, with output of both streams and exit codes", async () => {
    const host = await framework();
    const { summary, record } = await host.execute(command("echo out; echo err >&2; exit 3", "a,b"));
    assert.deepEqual([summary.status, summary.total, summary.failed], ["failed", 2, 2]);
    assert.equal(record.request.action.command, "echo out; echo err >&2; exit 3");
    const { items } = await host.results(record.id);
    assert.deepEqual(items.map(({ target, result }) => [target.node, result]), [
      ["a", { outcome: "exited", code: 3 }],
      ["b", { outcome: "exited", code: 3 }],
    ]);
    assert.deepEqual([await host.outputText(items[0].stdout), await host.outputText(items[0].stderr)], ["out\n", "err\n"]);
    const groups = await host.outputGroups(record.id, "stdout");
    assert.deepEqual(groups.map((group) => group.nodes), [["a", "b"]]);
    assert.equal(await host.outputText(undefined), "");
  });

  // R1.3, R10.1
  it("are submitted, followed and waited for", async () => {
    const host = await framework();
    const id = await host.submit(command("echo one; echo two >&2"));
    const events = await all(host.events(id));
    assert.deepEqual(events.map((event) => event.seq), events.map((_, place) => place + 1));
    assert.deepEqual([types(events)[0], types(events).at(-1)], ["queued", "finished"]);
    const text = (stream) => events.filter((event) => event.stream === stream).map((event) => event.data).join("");
    assert.deepEqual([text("stdout"), text("stderr")], ["one\n", "two\n"]);
    assert.equal((await host.wait(id)).summary.status, "completed");
    assert.equal((await host.get(id)).status, "completed");
    assert.equal((await host.progress(id)).completed, 1);
    assert.equal((await host.attempts(id, "here")).length, 1);
    assert.equal((await host.explainSlow(id)).slowest.length, 1);
  });

  // R9.3, R5.5: most events cross as their values, and are the same as those that are written whole.
  it("tell events as they are, whatever is in them", async () => {
    const host = await framework();
    const prints = {
      nothing: ":",
      quotes: `echo '"a",{"b":[}] \\\\'`,
      both: "echo gr\u00fcn; sleep 0.2; echo err >&2; exit 3",
      bytes: "printf '\\377\\000'",
      large: "seq 1 5000; sleep 0.2; printf '\u20ac\u{1f600}%.0s' $(seq 1 2000)",
      signal: "kill -9 $$",
      error: "echo err >&2",
      unreachable: undefined,
    };
    const told = {};
    for (const [name, text] of Object.entries(prints)) {
      const request = text === undefined ? command("true", "127.0.0.1:1,127.0.0.1:2", { transport: "ssh" }) : command(text, "a,b");
      const { id, events } = await host.submitAndFollow(request);
      const followed = await all(events);
      const whole = JSON.parse((await all(host.export(id))).join("")).events;
      const again = await all(host.events(id));
      // Equal texts: the order of the fields too.
      assert.deepEqual(again.map((event) => JSON.stringify(event)), whole.map((event) => JSON.stringify(event)));
      assert.deepEqual(again, whole);
      assert.deepEqual(followed.map(({ seq }) => seq), again.map(({ seq }) => seq));
      for (const event of followed) if (event.type !== "progress") assert.deepEqual(event, again[event.seq - 1]);
      told[name] = followed.filter(({ type }) => type === "nodeFinished");
      assert.equal(told[name].length, 2);
    }
    const has = (name) => ["phases", "stdout", "stderr"].filter((field) => field in told[name][0]).join();
    assert.deepEqual(
      ["nothing", "quotes", "both", "error", "unreachable"].map(has),
      ["phases", "phases,stdout", "phases,stdout,stderr", "phases,stderr", ""],
    );
    assert.deepEqual([told.nothing, told.both].map(([{ phases }]) => "firstByteUs" in phases), [false, true]);
  });

  it("are submitted and followed in one", async () => {
    const host = await framework();
    const { id, events } = await host.submitAndFollow(command("echo one"), { mode: "slowTheSource" });
    const followed = await all(events);
    assert.deepEqual(followed.map((event) => event.seq), followed.map((_, place) => place + 1));
    assert.ok(followed.every((event) => event.executionId === id));
    assert.equal(followed.at(-1).type, "finished");
    await assert.rejects(host.submitAndFollow(command("echo"), { signal: AbortSignal.abort() }), AbortedError);
  });

  // R5.8
  it("are counted by where they stand, and found by who did them", async () => {
    const host = await framework();
    await host.execute(command("true"));
    await host.execute(command("false"));
    const { total, byStatus } = await host.totals({ plugin: "local" });
    assert.deepEqual([total, byStatus.completed, byStatus.failed, byStatus.running], [2, 1, 1, 0]);
    assert.equal((await host.executions({ plugin: "ssh" })).items.length, 0);
  });

  // R5.5
  it("are read again from any number, live or stored", async () => {
    const host = await framework();
    const id = await host.submit(command("for i in 1 2 3 4 5; do echo $i; sleep 0.02; done"));
    const live = await all(host.events(id));
    const stored = await all(host.events(id, { from: 3 }));
    assert.deepEqual(stored, live.slice(2));
    // Behind the end there is nothing, and nothing is told twice.
    assert.deepEqual(await all(host.events(id, { from: live.length + 1 })), []);
  });

  it("tell listeners, each event by its type", async () => {
    const host = await framework();
    const id = await host.submit(command("echo hello"));
    const heard = [];
    const watcher = host.watch(id);
    watcher.on("event", (event) => heard.push(event.type));
    watcher.on("output", (event) => heard.push(event.data));
    await new Promise((resolve, reject) => watcher.once("end", resolve).once("error", reject));
    assert.deepEqual(heard.slice(0, 2), ["queued", "started"]);
    assert.ok(heard.indexOf("hello\n") < heard.indexOf("output"), heard.join());
    assert.equal(heard.at(-1), "finished");
  });

  it("tell a watcher what it asks in vain", async () => {
    const host = await framework();
    const watcher = host.watch("00000000-0000-7000-8000-000000000000");
    const error = await new Promise((resolve) => watcher.once("error", resolve));
    assert.ok(error instanceof NotFoundError);
  });

  it("are read in several loops at once, and a loop that is left ends its reading only", async () => {
    const host = await framework();
    const id = await host.submit(command("for i in 1 2 3; do echo $i; sleep 0.05; done"));
    for await (const event of host.events(id)) if (event.type === "output") break;
    const [one, two] = await Promise.all([all(host.events(id)), all(host.events(id, { mode: "slowTheSource" }))]);
    assert.deepEqual(one, two);
  });

  it("are not read any more when somebody stops in the middle of a question", async () => {
    const host = await framework();
    const id = await host.submit(command("sleep 300"));
    const events = host.events(id, { mode: "slowTheSource" });
    const questions = Array.from({ length: 10 }, () => events.next());
    await questions[0];
    await events.return();
    assert.equal((await questions.at(-1)).done, true);
    assert.equal((await events.next()).done, true);
    await host.cancel(id, { kill: true });
  });

  it("have bytes that are no text, and characters that stand in two pieces", async () => {
    const host = await framework();
    const id = await host.submit(command("printf '\\377'; printf '\\305'; sleep 0.1; printf '\\274'"));
    const pieces = (await all(host.events(id))).filter((event) => event.type === "output").map((event) => event.data);
    assert.equal(Buffer.concat(pieces.map(bytesOf)).toString("hex"), "ffc5bc");
    const decoder = outputDecoder();
    assert.equal(pieces.map((piece) => decoder.write(piece)).join("") + decoder.end(), "\ufffdż");
  });

  // R1.4: large pieces of text cross beside the JSON of their events, all others within it.
  it("have large pieces of any text, and of what is none, beside small ones", async () => {
    const host = await framework();
    const lines = (text) => `yes '${text}' | head -c 40000`;
    const broken = "head -c 40000 /dev/zero | tr '\\000' '\\377'";
    const parts = ["echo small", lines("a line, \\\\ and a quote \""), lines("żółć 😀 ;,+:"), broken, "echo end"];
    const id = await host.submit(command(parts.join("; sleep 0.05; "), "a,b"));
    const events = await all(host.events(id, { mode: "slowTheSource" }));
    const cut = (text) => Buffer.from(`${text}\n`.repeat(3_000)).subarray(0, 40_000);
    const wanted = Buffer.concat([
      Buffer.from("small\n"), cut("a line, \\\\ and a quote \""), cut("żółć 😀 ;,+:"), Buffer.alloc(40_000, 0xff), Buffer.from("end\n"),
    ]);
    for (const node of ["a", "b"]) {
      const pieces = events.filter((event) => event.type === "output" && event.node === node);
      assert.ok(pieces.some(({ data }) => typeof data === "string" && data.length > 1_024));
      assert.ok(Buffer.concat(pieces.map(({ data }) => bytesOf(data))).equals(wanted), `the output of ${node} is another`);
      let at = 0;
      for (const { offset, data } of pieces) {
        assert.equal(offset, at);
        at += bytesOf(data).length;
      }
    }
  });

  // R8.8
  it("are cancelled, and their processes are gone then", async () => {
    const host = await framework();
    const id = await host.submit(command("echo $$; sleep 300 & wait"));
    const pid = await pidOf(host, id);
    assert.ok(await isRunning(pid));
    assert.deepEqual(await host.cancel(id), { receipt: "ordered", notStarted: 0, stopping: 1 });
    const { summary } = await host.wait(id);
    assert.deepEqual([summary.status, summary.unconfirmed], ["cancelled", 0]);
    assert.equal(await isRunning(pid), false);
    assert.deepEqual((await host.results(id)).items[0].result, { outcome: "cancelled", termination: { state: "confirmed" } });
    assert.deepEqual(await host.cancel(id, { kill: true }), { receipt: "alreadyEnded" });
  });

  // R8.8
  it("are cancelled by a signal, and settle when it is known what was stopped", async () => {
    const host = await framework();
    const ending = new AbortController();
    const running = host.execute(command("echo $$; sleep 300"), { signal: ending.signal });
    const find = async () => {
      for (let turn = 0; turn < 1000; turn += 1) {
        const [found] = (await host.executions()).items;
        if (found !== undefined) return found.id;
      }
      throw new Error("it was not recorded");
    };
    const pid = await pidOf(host, await find());
    ending.abort(new Error("enough"));
    await assert.rejects(running, (error) => {
      assert.ok(error instanceof AbortedError);
      assert.deepEqual([error.code, error.cause.message], ["aborted", "enough"]);
      assert.equal(error.details.outcome.summary.status, "cancelled");
      assert.match(error.stack, /executing\.test\.mjs/);
      return true;
    });
    assert.equal(await isRunning(pid), false);
  });

  it("are not begun, not waited for and not read any more when the signal says so", async () => {
    const host = await framework();
    const signal = AbortSignal.abort();
    await assert.rejects(host.execute(command("echo"), { signal }), AbortedError);
    await assert.rejects(host.submit(command("echo"), { signal }), AbortedError);
    assert.equal((await host.executions()).items.length, 0);
    const id = await host.submit(command("sleep 300"));
    const ending = new AbortController();
    const waiting = assert.rejects(host.wait(id, { signal: ending.signal }), AbortedError);
    const reading = async () => {
      for await (const event of host.events(id, { signal: ending.signal })) if (event.type === "nodeConnected") ending.abort();
    };
    await assert.rejects(reading(), AbortedError);
    await waiting;
    assert.equal((await host.get(id)).status, "running");
    await host.cancel(id, { kill: true });
  });

  it("are run again where they failed", async () => {
    const host = await framework();
    // Only one of them can make the directory.
    const first = await host.execute(command(`mkdir ${folder()}/made`, "a,b"));
    assert.equal(first.summary.status, "partial");
    const failed = (await host.results(first.record.id, { outcomes: ["exited"] })).items.map((item) => item.target.node);
    const id = await host.rerun(first.record.id, { selection: "failed" });
    const { record } = await host.wait(id);
    assert.equal(record.request.rerunOf, first.record.id);
    assert.deepEqual((await host.results(id)).items.map((item) => item.target.node), failed);
    const again = await host.rerun(first.record.id, { selection: { nodes: ["a"] } });
    assert.equal((await host.wait(again)).summary.total, 1);
    assert.deepEqual((await host.get(first.record.id)).reruns.toSorted(), [id, again].toSorted());
  });

  it("are found again by another framework on the same database", async () => {
    const host = await framework();
    const { record } = await host.execute(command("echo kept", "here", { tags: ["nightly"] }));
    const { database } = host;
    await shutDown(host);
    await assert.rejects(host.submit(command("echo")), ShutDownError);
    const later = await framework({ database });
    const { items } = await later.executions({ tag: "nightly", status: ["completed"] });
    assert.deepEqual(items.map((item) => item.id), [record.id]);
    const [result] = (await later.results(record.id)).items;
    assert.equal(await later.outputText(result.stdout), "kept\n");
    assert.equal((await all(later.events(record.id))).at(-1).type, "finished");
  });

  it("of two frameworks in one process do not meet", async () => {
    const [one, two] = await Promise.all([framework(), framework()]);
    const [first, second] = await Promise.all([one.execute(command("echo 1")), two.execute(command("echo 2"))]);
    await assert.rejects(one.get(second.record.id), NotFoundError);
    await assert.rejects(two.get(first.record.id), NotFoundError);
    await shutDown(one);
    assert.equal((await two.execute(command("true"))).summary.status, "completed");
  });

  it("leave the thread of JavaScript to others", async () => {
    const host = await framework();
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 5);
    const id = await host.submit(command("seq 1 20000", Array.from({ length: 10 }, (_, n) => `n${n}`).join()));
    const events = await all(host.events(id, { mode: "slowTheSource" }));
    await host.execute(command("sleep 0.2"));
    clearInterval(turning);
    const bytes = events.filter((event) => event.type === "output").reduce((sum, event) => sum + event.data.length, 0);
    assert.equal(bytes, 10 * 108_894);
    assert.ok(turns > 0, "no timer had its turn");
  });
});

describe("what stands around executions", () => {
  // R2.1
  it("runs graphs", async () => {
    const host = await framework();
    const task = (name, text, more = {}) => ({ name, ...command(text), ...more });
    const id = await host.graphs.run({ name: "release", tasks: [task("build", "echo 1"), task("ship", "echo 2", { after: ["build"] })] });
    const events = await all(host.graphs.events(id));
    const view = await host.graphs.wait(id);
    assert.equal(view.status, "completed");
    assert.deepEqual(view.tasks.map((one) => [one.name, one.status]), [["build", "completed"], ["ship", "completed"]]);
    assert.ok(events.every((event) => event.graphId === id));
    assert.deepEqual((await host.graphs.list()).items.map((run) => run.id), [id]);
    assert.equal(await host.graphs.cancel(id), false);
    assert.deepEqual(await all(host.graphs.events(id)), []);
  });

  it("says what would be done, and does it if it is still that", async () => {
    const file = `${folder()}/hosts`;
    writeFileSync(file, "web1\nweb2\n");
    const host = await framework({ inventory: [`hosts:${file}`] });
    const planned = await host.plans.make(command("true", "all"));
    assert.deepEqual(planned.targets.map((target) => [target.node, target.permission]), [["web1", "allowed"], ["web2", "allowed"]]);
    assert.deepEqual((await host.plans.list()).map((plan) => plan.hash), [planned.hash]);
    assert.equal((await host.plans.get(planned.hash)).request.action.command, "true");
    assert.deepEqual((await host.executions()).items, []);
    const id = await host.plans.apply(planned.hash);
    assert.equal((await host.wait(id)).summary.succeeded, 2);
    await assert.rejects(host.plans.apply(planned.hash), { name: "ConflictError", code: "plan_applied", details: { executionId: id } });
    writeFileSync(file, "web1\n");
    await host.inventory({ freshness: "forced" });
    await assert.rejects(host.plans.apply(planned.hash, { again: true }), (error) => {
      assert.deepEqual([error.code, error.details.changes], ["plan_changed", [{ type: "nodesGone", nodes: ["web2"] }]]);
      return true;
    });
  });

  // R3.1, R4.1
  it("knows targets, an inventory, facts", async () => {
    const host = await framework();
    const targets = await host.targets.resolve("web[1-3]");
    assert.deepEqual(targets.map((target) => target.node), ["web1", "web2", "web3"]);
    const explained = await host.targets.explain("web[1-3]!web2", ["web2"]);
    assert.deepEqual([explained.count, explained.asked[0].selected], [2, false]);
    assert.deepEqual((await host.inventory({ freshness: "forced" })).sources, []);
    const file = `${folder()}/nodes.yaml`;
    writeFileSync(file, "nodes:\n  - {name: me, transport: local}\ngroups:\n  all-of-us: [me]\n");
    const listed = await framework({ inventory: [`pabawi:${file}`] });
    const view = await listed.inventory();
    assert.deepEqual([view.nodes.map((node) => node.id), view.groups.map((group) => group.name)], [["me"], ["all-of-us"]]);
    const [facts] = await listed.facts("@all-of-us", { freshness: { maxAgeMs: 60_000 } });
    assert.equal(facts.node, "me");
    assert.ok(facts.providers.some((one) => one.provider === "ssh"), JSON.stringify(facts.failures));
    assert.equal(typeof facts.facts.os, "object");
  });

  // R10.5, R11.1
  it("keeps a journal", async () => {
    const host = await framework();
    const { record } = await host.execute(command("echo", "here"), { user: "alice" });
    const note = await host.journal.note("here", "looked at it", { user: "bob" });
    const edited = await host.journal.editNote(note.id, "looked at it again", { user: "bob" });
    const { items } = await host.journal.query({ nodes: ["here"] });
    assert.deepEqual(items.map((entry) => [entry.user, entry.executionId]), [["bob", undefined], ["alice", record.id]]);
    assert.equal((await host.journal.versions(edited.id)).length, 2);
    assert.equal((await host.journal.timeline({ query: { nodes: ["here"] }, live: true })).items.length, 2);
    assert.equal((await host.journal.verify()).faultCount, 0);
  });

  // R6.5, R5.7
  it("tells of plugins, capabilities and measurements", async () => {
    const host = await framework();
    await host.execute(command("true"));
    const names = (plugins) => plugins.map((plugin) => plugin.name).sort();
    assert.deepEqual(names(await host.plugins.list()), ["local", "ssh"]);
    assert.deepEqual(names(await host.plugins.health("local")), ["local"]);
    assert.ok((await host.capabilities()).some((one) => one.name === "command.execute" && one.plugin === "ssh"));
    assert.deepEqual(await host.breakers(), []);
    assert.equal(await host.resetBreaker("node:here"), false);
    assert.equal((await host.stats()).nodeRuns, 0);
    assert.ok((await host.metrics()).operations.some((one) => one.operation === "local:command"));
    assert.match(await host.prometheus(), /^# HELP pabawi_/m);
  });

  it("is used through require as well", () => {
    const { createExecutionFramework, PabawiError } = createRequire(import.meta.url)("../../index.js");
    assert.equal(typeof createExecutionFramework, "function");
    assert.ok(new PabawiError({ code: "x", message: "y" }) instanceof Error);
  });
});
