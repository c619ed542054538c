// Signals that many calls wait for, and one that gives up the opening of a framework.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { AbortedError, createExecutionFramework } from "../../index.js";
import { until } from "../waiting.mjs";
import { all, command, folder, framework } from "./support.mjs";

/** What the process warns of while that runs. */
async function warnings(what) {
  const told = [];
  const hear = (warning) => told.push(`${warning.name}: ${warning.message}`);
  process.on("warning", hear);
  try {
    await what();
    // Warnings are told later.
    await wait(20);
  } finally {
    process.off("warning", hear);
  }
  return told;
}

describe("a signal", () => {
  it("may be that of many calls and streams, and is left by all of them", async () => {
    const host = await framework();
    const running = await host.submit(command("sleep 300"));
    const told = await warnings(async () => {
      const ending = new AbortController();
      const { signal } = ending;
      const waits = Array.from({ length: 50 }, () => host.wait(running, { signal }));
      const reads = Array.from({ length: 50 }, () => all(host.events(running, { signal })));
      const unread = Array.from({ length: 50 }, () => host.events(running, { signal }));
      const watchers = Array.from({ length: 20 }, () => host.watch(running, { signal }));
      await Promise.all(Array.from({ length: 50 }, () => host.get(running, { signal })));
      assert.equal(getEventListeners(signal, "abort").length, 1);
      const ended = Promise.all(watchers.map((watcher) => new Promise((resolve) => watcher.on("end", resolve))));
      ending.abort(new Error("enough"));
      for (const given of await Promise.allSettled([...waits, ...reads, ...unread.map((stream) => stream.next())])) {
        assert.ok(given.reason instanceof AbortedError && given.reason.cause.message === "enough", `${given.reason}`);
      }
      await ended;
      assert.equal(getEventListeners(signal, "abort").length, 0);
    });
    assert.deepEqual(told, []);
    assert.equal((await host.get(running)).status, "running");
    await host.cancel(running, { kill: true });
  });

  it("that is never aborted keeps nothing of what has ended", async () => {
    const host = await framework();
    const { signal } = new AbortController();
    const told = await warnings(async () => {
      const done = await Promise.all(Array.from({ length: 20 }, () => host.execute(command("true"), { signal })));
      await Promise.all(done.map(({ record }) => all(host.events(record.id, { signal }))));
    });
    assert.deepEqual([told, getEventListeners(signal, "abort").length], [[], 0]);
  });

  it("gives up the opening of a framework at once, and what opens all the same is closed", async () => {
    const [database, ending] = [`${folder()}/e.db`, new AbortController()];
    let closed = 0;
    let go;
    const plugin = {
      name: "slow",
      type: "execution",
      initialize: () => new Promise((resolve) => (go = resolve)),
      isInitialized: () => true,
      healthCheck: async () => ({ healthy: true, lastCheck: "" }),
      getConfig: () => ({}),
      executeAction: async () => ({}),
      listCapabilities: () => [],
      cleanup: async () => void (closed += 1),
    };
    const opening = createExecutionFramework({ database, authorizer: "allow-all", plugins: [plugin], signal: ending.signal });
    await until("the plugin", () => go !== undefined);
    ending.abort(new Error("too slow"));
    await assert.rejects(opening, (error) => error instanceof AbortedError && error.cause.message === "too slow");
    go();
    await until("its end", () => closed === 1);
    assert.equal(getEventListeners(ending.signal, "abort").length, 0);
    // Nobody holds it any more.
    await (await framework({ database })).shutdown();
  });
});
