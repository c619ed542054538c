// How a framework and its process end: with work that is pending, in an orderly way, in a worker.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";

import { createExecutionFramework } from "../../index.js";
import { all, command, folder, framework, isRunning } from "./support.mjs";

const index = fileURLToPath(new URL("../../index.js", import.meta.url));

/** Runs a program that has a framework named `host`; its output, and how long after `exit` it ended does not matter. */
async function program(database, text, args = ["--input-type=module"]) {
  const whole = `
    import { createExecutionFramework } from ${JSON.stringify(index)};
    const host = await createExecutionFramework({ database: ${JSON.stringify(database)}, authorizer: "allow-all" });
    const command = (text) => ({ action: { type: "command", command: text }, targets: "here", transport: "local" });
    const started = async (id) => { for await (const event of host.events(id)) if (event.type === "output") return event.data.trim(); };
    ${text}`;
  const { stdout } = await promisify(execFile)(process.execPath, [...args, "--eval", whole], { timeout: 30_000 });
  return stdout.trim();
}

/** Waits until a process is gone. */
async function gone(pid) {
  for (let turn = 0; turn < 500 && (await isRunning(pid)); turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  return !(await isRunning(pid));
}

describe("the end", () => {
  it("of a process does not wait for a framework that nobody asks anything", async () => {
    assert.equal(await program(`${folder()}/e.db`, "console.log(typeof host.execute);"), "function");
  });

  it("of a process with work pending ends the work, and the next one finds it as interrupted", async () => {
    const database = `${folder()}/e.db`;
    const told = await program(
      database,
      `const id = await host.submit(command("echo $$; sleep 300"));
       const pid = await started(id);
       host.wait(id).catch(() => {});
       console.log(id, pid);
       process.exit(0);`,
    );
    const [id, pid] = told.split(" ");
    assert.ok(await gone(pid), "the command runs on");
    const later = await framework({ database });
    const record = await later.get(id);
    assert.equal(record.status, "interrupted");
    const { items } = await later.results(id);
    assert.equal(items[0].state, "interrupted");
    const again = await later.resume(id, { rerunUnknown: true });
    await later.cancel(again.id, { kill: true });
    await later.wait(again.id);
  });

  it("of a process waits for what is waited for", async () => {
    assert.equal(await program(`${folder()}/e.db`, `host.execute(command("sleep 0.1")).then((told) => console.log(told.summary.status));`), "completed");
  });

  it("of a framework gives what runs its time, and can be asked for twice", async () => {
    const host = await framework();
    const id = await host.submit(command("sleep 0.1"));
    const [one, two] = await Promise.all([host.shutdown(), host.shutdown()]);
    assert.deepEqual([one.abandoned, two.abandoned], [[], []]);
    await assert.rejects(host.submit(command("true")), { code: "shutting_down", name: "ShutDownError", retryable: true });
    const later = await framework({ database: host.database });
    assert.equal((await later.get(id)).status, "completed");
  });

  it("of a framework leaves nothing that answers, and every call says so", async () => {
    const host = await framework({ authorizer: () => true });
    const id = await host.submit(command("true"));
    await host.shutdown();
    const calls = {
      execute: () => host.execute(command("true")),
      get: () => host.get(id),
      wait: () => host.wait(id),
      events: () => all(host.events(id)),
      export: () => all(host.export(id)),
      executions: () => host.executions(),
      capabilities: () => host.capabilities(),
      inventory: () => host.inventory(),
      journal: () => host.journal.query({}),
      plugins: () => host.plugins.health(),
      plans: () => host.plans.list(),
      stats: () => host.stats(),
    };
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call, { code: "shutting_down", name: "ShutDownError", retryable: true }, name);
    }
    assert.deepEqual((await host.shutdown()).abandoned, []);
  });

  it("of a scope is that of the framework, where Node knows how", async () => {
    const host = await createExecutionFramework({ database: `${folder()}/e.db`, authorizer: "allow-all" });
    if (Symbol.asyncDispose === undefined) {
      await host.shutdown();
    } else {
      await host[Symbol.asyncDispose]();
    }
    await assert.rejects(host.submit(command("true")), { code: "shutting_down" });
  });

  it("of a worker that has work pending leaves the process alone", async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const text = `
        const { parentPort } = require("node:worker_threads");
        const { createExecutionFramework } = require(${JSON.stringify(index)});
        createExecutionFramework({ database: ${JSON.stringify(`${folder()}/e.db`)}, authorizer: () => true, logger: console, logLevel: "error" }).then(async (host) => {
          const request = { action: { type: "command", command: "sleep 300" }, targets: "here", transport: "local" };
          host.execute(request).catch(() => {});
          const id = await host.submit({ ...request, targets: "a,b" });
          for await (const event of host.events(id)) if (event.type === "nodeStarted") parentPort.postMessage(id);
        });`;
      const worker = new Worker(text, { eval: true });
      await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      await worker.terminate();
    }
    const host = await framework();
    assert.equal((await host.execute(command("true"))).summary.status, "completed");
  });
});
