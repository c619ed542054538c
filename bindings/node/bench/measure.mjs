// What the parts of the benchmark share. Nothing in here is part of the package.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";

import { createExecutionFramework } from "../index.js";

/** A framework with a database of its own, for as long as a function needs it. */
export async function withFramework(use) {
  const folder = mkdtempSync(join(tmpdir(), "pabawi-bench-"));
  const framework = await createExecutionFramework({ database: join(folder, "executions.db"), authorizer: "allow-all" });
  try {
    return await use(framework);
  } finally {
    await framework.shutdown({ deadlineMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A command on this machine, under any number of names. */
export function command(text, targets, more = {}) {
  return { action: { type: "command", command: text }, targets, transport: "local", ...more };
}

/** How long something takes, in milliseconds, each of so many times; the shortest and the middle one. */
export function timed(times, make, what) {
  const took = [];
  for (let turn = 0; turn < times; turn += 1) {
    const given = make();
    const begun = performance.now();
    what(given);
    took.push(performance.now() - begun);
  }
  return ofTimes(took);
}

export function ofTimes(took) {
  const sorted = [...took].sort((a, b) => a - b);
  return { least: sorted[0], median: sorted[Math.floor(sorted.length / 2)], most: sorted.at(-1) };
}

/** What the event loop was late by while something was done: p99 and most, in milliseconds. Its timer is due each millisecond. */
export async function watched(what) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const result = await what();
  delays.disable();
  const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1);
  return { ...result, lagP99: late(delays.percentile(99)), lagMost: late(delays.max) };
}
