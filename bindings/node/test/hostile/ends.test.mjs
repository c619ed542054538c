// Threads and frameworks that end in the middle of work, again and again: nothing crashes, and nothing piles up.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";

import { command, folder, framework, shutDown } from "../framework/support.mjs";

const index = fileURLToPath(new URL("../../index.js", import.meta.url));
const plugins = new URL("./plugins.mjs", import.meta.url).href;

/** Runs a program of its own; what it prints. */
async function program(text, args = []) {
  const run = promisify(execFile)(process.execPath, [...args, "--input-type=module", "--eval", text], { timeout: 200_000, cwd: folder() });
  return (await run).stdout.trim();
}

/** A command that goes on for longer than any test, and that no other test has. */
const LONG = `sleep 300.${process.pid}`;

/** Waits until no process of it is left, for at most 20 s. */
async function longAreGone() {
  const left = () =>
    readdirSync("/proc").filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim() === LONG;
      } catch {
        return false;
      }
    });
  for (let turn = 0; turn < 400 && left().length > 0; turn += 1) await wait(50);
  assert.deepEqual(left(), []);
}

/** Threads and descriptors of this process, when no fewer are left for a second. */
async function heldLeast() {
  const held = () => ({ threads: readdirSync("/proc/self/task").length, descriptors: readdirSync("/proc/self/fd").length });
  let least = held();
  for (let turn = 0, same = 0; turn < 200 && same < 10; turn += 1, same += 1) {
    await wait(100);
    const now = held();
    if (now.threads < least.threads || now.descriptors < least.descriptors) [least, same] = [now, 0];
  }
  return least;
}

describe("worker threads", () => {
  // R8.8
  it("are terminated 60 times in the middle of work, at any moment of it", async () => {
    const database = folder();
    let said = 0;
    let first;
    for (let turn = 0; turn < 60; turn += 1) {
      const text = `
        const { parentPort } = require("node:worker_threads");
        const { createExecutionFramework } = require(${JSON.stringify(index)});
        const never = () => new Promise(() => {});
        (async () => {
          const { localNode, plugin } = await import(${JSON.stringify(plugins)});
          const getInventory = async () => [localNode("of-slow"), localNode("n1")];
          const slow = plugin("slow", { executeAction: never, getNodeFacts: never, healthCheck: never, getInventory });
          parentPort.postMessage("opening");
          const host = await createExecutionFramework({
            database: ${JSON.stringify(`${database}/${turn}.db`)}, authorizer: async () => true, logger: console, logLevel: "error", plugins: [slow],
          });
          parentPort.postMessage("open");
          const request = { action: { type: "command", command: ${JSON.stringify(LONG)} }, targets: "n1,of-slow", transport: "local" };
          host.execute(request).catch(() => {});
          host.execute({ ...request, transport: "slow", targets: "n1" }).catch(() => {});
          host.inventory().catch(() => {});
          host.facts("n1").catch(() => {});
          host.plugins.health().catch(() => {});
          const id = await host.submit({ ...request, action: { type: "command", command: "yes | head -c 20000000" } });
          parentPort.postMessage("submitted");
          for await (const event of host.events(id)) parentPort.postMessage(event.type === "output" ? "streaming" : "started");
          parentPort.postMessage("over");
        })();`;
      const worker = new Worker(text, { eval: true });
      const until = ["opening", "open", "submitted", "streaming"][turn % 4];
      await new Promise((resolve, reject) => {
        worker.on("message", (message) => {
          if (message === until) resolve();
          if (message === "over") reject(new Error("it is over, and nothing was streamed"));
        });
        worker.once("error", reject);
      });
      // Not always at the same place in what follows.
      for (let more = 0; more < turn % 7; more += 1) await new Promise((resolve) => setImmediate(resolve));
      said += 1;
      await worker.terminate();
      // What is made once is there by then.
      if (turn === 11) first = await heldLeast();
    }
    assert.equal(said, 60);
    await longAreGone();
    const last = await heldLeast();
    for (const [what, count] of Object.entries(last)) assert.ok(count <= first[what] + 8, `${what}: ${first[what]} -> ${count} in 48 threads`);
    const host = await framework();
    assert.equal((await host.execute(command("true"))).summary.status, "completed");
    await shutDown(host);
  });
});

describe("a process", () => {
  // R8.8
  it("exits with everything pending", async () => {
    const text = `
      import { createExecutionFramework } from ${JSON.stringify(index)};
      import { localNode, plugin } from ${JSON.stringify(plugins)};
      const never = () => new Promise(() => {});
      const getInventory = async () => [localNode("of-slow"), localNode("n1")];
      const slow = plugin("slow", { executeAction: never, healthCheck: never, getNodeFacts: never, shutdown: never, getInventory });
      const open = (name) => createExecutionFramework({ database: name, authorizer: async () => true, plugins: [slow] });
      const [one, two] = await Promise.all([open("one.db"), open("two.db")]);
      for (const host of [one, two]) {
        const request = { action: { type: "command", command: ${JSON.stringify(LONG)} }, targets: "n1,of-slow", transport: "local" };
        const id = await host.submit(request);
        for (const pending of [host.execute(request), host.wait(id), host.inventory(), host.plugins.health(), host.facts("n1"), host.graphs.list(),
          host.submitAndFollow(request).then(({ events }) => events.next()), host.watch(id)]) Promise.resolve(pending).catch(() => {});
        for await (const { type } of host.events(id)) if (type === "nodeConnected") break;
      }
      two.shutdown({ deadlineMs: 60_000 }).catch(() => {});
      console.log("leaving");
      setTimeout(() => process.exit(0), 100);`;
    assert.equal(await program(text), "leaving");
    await longAreGone();
  });
});

describe("garbage", () => {
  it("does not pile up over frameworks, and they and their plugins are freed after the shutdown", async () => {
    const text = `
      import { readdirSync } from "node:fs";
      import { createExecutionFramework } from ${JSON.stringify(index)};
      import { plugin } from ${JSON.stringify(plugins)};
      let freed = { framework: 0, plugin: 0, logger: 0, stuck: 0 };
      const registry = new FinalizationRegistry((what) => (freed[what] += 1));
      const never = () => new Promise(() => {});
      async function cycle(turn) {
        const one = plugin("one");
        const stuck = plugin("stuck", { executeAction: never, getNodeData: never });
        const logger = { error() {}, warn() {}, info() {}, debug() {} };
        const host = await createExecutionFramework({ database: turn + ".db", authorizer: "allow-all", plugins: [one, stuck], logger, logLevel: "debug" });
        for (const [object, what] of [[host, "framework"], [one, "plugin"], [stuck, "stuck"], [logger, "logger"]]) registry.register(object, what);
        const request = (transport) => ({ action: { type: "command", command: "x" }, targets: "n1", transport });
        await host.execute(request("one"));
        host.execute(request("stuck")).catch(() => {});
        host.plugins.call({ capability: "node_data.get", plugin: "stuck", nodes: ["n1"], parameters: { type: "x" } }).catch(() => {});
        const { events } = await host.submitAndFollow(request("one"));
        await events.next();
        await host.inventory();
        await host.shutdown({ deadlineMs: 0 });
      }
      async function settle() {
        for (let turn = 0; turn < 20; turn += 1) {
          await new Promise((resolve) => setTimeout(resolve, 25));
          globalThis.gc();
        }
      }
      function measure() {
        const { heapUsed, external, arrayBuffers } = process.memoryUsage();
        return { heapUsed, external, arrayBuffers, handles: readdirSync("/proc/self/fd").length };
      }
      for (let turn = 0; turn < 3; turn += 1) await cycle(turn);
      await settle();
      const before = measure();
      for (let turn = 3; turn < 15; turn += 1) await cycle(turn);
      await settle();
      for (let turn = 0; turn < 50 && Object.values(freed).some((count) => count < 14); turn += 1) await settle();
      console.log(JSON.stringify({ before, after: measure(), freed }));`;
    const { before, after, freed } = JSON.parse(await program(text, ["--expose-gc"]));
    // The last one may still stand on the stack of what made it.
    for (const [what, count] of Object.entries(freed)) assert.ok(count >= 14, `${what}: ${count} of 15 are freed`);
    const MIB = 1024 * 1024;
    assert.ok(after.heapUsed - before.heapUsed < 4 * MIB, `heap: ${before.heapUsed} -> ${after.heapUsed}`);
    assert.ok(after.external - before.external < 2 * MIB, `external: ${before.external} -> ${after.external}`);
    assert.ok(after.handles - before.handles <= 8, `handles: ${before.handles} -> ${after.handles}`);
  });

  it("is collected in the middle of work, and nothing that works is", async () => {
    const text = `
      import { createExecutionFramework } from ${JSON.stringify(index)};
      import { localNode, plugin } from ${JSON.stringify(plugins)};
      let collected = 0;
      const collecting = setInterval(() => { globalThis.gc(); collected += 1; }, 1);
      const slow = (text) => new Promise((resolve) => setTimeout(() => resolve(text), 20));
      const getInventory = async () => ["a", "b", "n1"].map((name) => localNode(name));
      const executeAction = async ({ target, metadata }) => {
        for (let piece = 0; piece < 20; piece += 1) metadata.streamingCallback.onStdout(await slow("x".repeat(2000)));
        return slow({ id: "1", type: "command", targetNodes: [target], action: "x", status: "success", startedAt: new Date().toISOString(),
          results: [{ nodeId: target, status: "success", output: { stdout: "", stderr: "", exitCode: 0 }, duration: 1 }] });
      };
      const host = await createExecutionFramework({
        database: "one.db", authorizer: async () => slow(true), plugins: [plugin("one", { executeAction, getInventory })], logger: { error() {}, warn() {}, info() {}, debug() {} },
      });
      const bytes = async (transport, command, targets) => {
        const { id, events } = await host.submitAndFollow({ action: { type: "command", command }, targets, transport }, { mode: "slowTheSource" });
        let bytes = 0;
        for await (const event of events) if (event.type === "output") bytes += event.data.length;
        return [bytes, (await host.wait(id)).summary.succeeded];
      };
      const all = await Promise.all([bytes("local", "yes 0123456 | head -c 4000000", "a,b"), bytes("one", "x", "n1"), bytes("one", "y", "n1")]);
      clearInterval(collecting);
      await host.shutdown();
      console.log(JSON.stringify({ all, often: collected > 50 }));`;
    assert.deepEqual(JSON.parse(await program(text, ["--expose-gc"])), { all: [[8_000_000, 2], [40_000, 1], [40_000, 1]], often: true });
  });

  it("does not pile up over plugins that are put in the place of others while the framework runs", async () => {
    const text = `
      import { createExecutionFramework } from ${JSON.stringify(index)};
      import { plugin } from ${JSON.stringify(plugins)};
      let freed = 0;
      const registry = new FinalizationRegistry(() => (freed += 1));
      const made = () => {
        const one = plugin("one");
        registry.register(one);
        return one;
      };
      const host = await createExecutionFramework({ database: "one.db", authorizer: "allow-all", plugins: [made()] });
      for (let turn = 0; turn < 20; turn += 1) {
        await host.execute({ action: { type: "command", command: "x" }, targets: "n1", transport: "one" });
        await host.plugins.reload(made());
      }
      for (let turn = 0; turn < 200 && freed < 19; turn += 1) {
        await new Promise((resolve) => setTimeout(resolve, 25));
        globalThis.gc();
      }
      console.log(freed);
      await host.shutdown();`;
    // The last one that was replaced may still stand on the stack of what made it.
    assert.ok(Number(await program(text, ["--expose-gc"])) >= 19);
  });
});
