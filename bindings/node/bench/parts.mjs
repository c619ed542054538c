// The parts of the benchmark: each measures itself and what it is compared with in turns, and returns numbers.
import { performance } from "node:perf_hooks";

import { ExecutionQueue } from "../pabawi/ExecutionQueue.js";
import { NodeLinkingService } from "../pabawi/NodeLinkingService.js";
import { command, ofTimes, timed, watched, withFramework } from "./measure.mjs";

const WAITERS = 8_000;
const LINKED = 20_000;
const SOURCES = ["bolt", "puppetdb", "ssh"];

/** A queue as it is written when nobody thinks of thousands: one array, looked through at each grant. */
class ArrayQueue {
  running = new Set();
  waiting = [];

  constructor(limit) {
    this.limit = limit;
  }

  acquire(execution) {
    if (this.running.size < this.limit) {
      this.running.add(execution.id);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.waiting.push({ execution, resolve });
      this.waiting.sort((a, b) => a.execution.enqueuedAt.getTime() - b.execution.enqueuedAt.getTime());
    });
  }

  release(id) {
    this.running.delete(id);
    const next = this.waiting.shift();
    if (next !== undefined) {
      this.running.add(next.execution.id);
      next.resolve();
    }
  }
}

const executions = Array.from({ length: WAITERS + 1 }, (_, place) => ({
  id: `execution-${place}`,
  type: "command",
  nodeId: `node-${place}`,
  action: "uptime",
  enqueuedAt: new Date(1_700_000_000_000 + place),
}));

function filled(queue) {
  for (const execution of executions) void queue.acquire(execution);
  return queue;
}

function drain(queue) {
  for (const { id } of executions) queue.release(id);
}

/** Draining 8,000 that wait; filling is beside it. */
export async function queue(rounds) {
  const ours = timed(5 * rounds, () => filled(new ExecutionQueue(1, WAITERS)), drain);
  const filling = timed(rounds, () => new ExecutionQueue(1, WAITERS), filled);
  const array = timed(rounds, () => new ArrayQueue(1), (empty) => drain(filled(empty)));
  return { drainMs: ours.median, fillMs: filling.median, arrayMs: array.median };
}

function inventory() {
  return SOURCES.flatMap((source) =>
    Array.from({ length: LINKED }, (_, place) => ({
      id: source === "ssh" ? `alias-${place}` : `web${place}.example.org`,
      name: `web${place}.example.org`,
      uri: `ssh://web${place}.example.org`,
      transport: "ssh",
      config: { user: "root", port: 22 },
      source,
    })),
  );
}

/** Linking 20,000 nodes that three sources have each; copying them as JSON is the floor of whoever crosses a boundary. */
export async function linking(rounds) {
  const nodes = inventory();
  const service = new NodeLinkingService({ getAggregatedInventory: async () => ({ nodes }), getInformationSource: () => null });
  let linked = 0;
  const ours = timed(3 * rounds, () => nodes, (all) => { linked = service.linkNodes(all).length; });
  if (linked !== LINKED) throw new Error(`${linked} nodes were linked`);
  const copied = timed(3 * rounds, () => nodes, (all) => JSON.parse(JSON.stringify(all)));
  return { linkMs: ours.median, copyMs: copied.median };
}

/** What `submit` of a thousand targets costs the thread of JavaScript: the call, and settling its promise. */
export async function submit(rounds) {
  return withFramework(async (framework) => {
    const names = Array.from({ length: 1_000 }, (_, place) => `node-${place}.example.org`).join(",");
    const [calls, busy] = [[], []];
    // The first ones warm up what everybody needs once.
    for (let turn = -3; turn < 20 * rounds; turn += 1) {
      const before = performance.eventLoopUtilization();
      const begun = performance.now();
      const submitted = framework.submit(command("true", names, { concurrency: 1 }));
      const called = performance.now() - begun;
      const id = await submitted;
      const active = performance.eventLoopUtilization(before).active;
      await framework.cancel(id, { kill: true });
      await framework.wait(id);
      if (turn >= 0) {
        calls.push(called);
        busy.push(active);
      }
    }
    return { callMs: ofTimes(calls).median, callMostMs: ofTimes(calls).most, busyMs: ofTimes(busy).median };
  });
}

/** Reads events again and again until told to stop, and tells how many a second. */
async function replay(framework, id, until) {
  const begun = performance.now();
  let seen = 0;
  while (performance.now() < until) {
    for await (const event of framework.events(id)) {
      if (event.type.length > 0) seen += 1;
    }
  }
  return (seen * 1_000) / (performance.now() - begun);
}

/** A command that prints as fast as it is read. */
const PRINTS = "exec yes 'a line of output as programs print them, of some sixty bytes'";

/** Bytes per second that each of two commands prints: together a little more than the aim. */
const RATE = 102_000_000;

/** A command that prints so many bytes per second, if they are read. */
const PRINTS_AT_A_RATE = `exec ${process.execPath} -e '
  const { writeSync } = require("node:fs");
  const part = Buffer.from("a line of output as programs print them, of some sixty bytes\\n".repeat(4_300));
  const begun = performance.now();
  let written = 0;
  (function print() {
    while (written < ((performance.now() - begun) / 1_000) * ${RATE}) written += writeSync(1, part);
    setTimeout(print, 1);
  })();'`;

/** Runs a command twice, and tells how many bytes of both came in a second, from the first of them on. */
async function stream(framework, prints, until) {
  const { id, events } = await framework.submitAndFollow(command(prints, "one,two"));
  let [bytes, begun, last] = [0, 0, 0];
  for await (const event of events) {
    if (event.type === "output") {
      bytes += begun === 0 ? 0 : lengthOf(event.data);
      last = performance.now();
      begun ||= last;
    }
    if (performance.now() >= until) break;
  }
  await framework.cancel(id, { kill: true });
  await framework.wait(id);
  return (bytes * 1_000) / (last - begun);
}

function lengthOf(data) {
  return typeof data === "string" ? data.length : Math.floor((data.base64.length * 3) / 4);
}

const SECONDS = 4;

/**
 * Events per second to JavaScript, output per second, each alone and both together, with what the event loop was late by. Together
 * there is as much output as the aim says, so that no more of the machine goes to output that nobody asked for.
 */
export async function events(rounds) {
  return withFramework(async (framework) => {
    const { record, summary } = await framework.execute(command("true", "node[0001-2000]", { concurrency: 200 }));
    if (summary.succeeded !== 2_000) throw new Error(JSON.stringify(summary));
    const stored = [];
    for await (const event of framework.events(record.id)) stored.push(event);
    const text = JSON.stringify(stored);
    // What JavaScript itself takes to read as many events, in one go.
    const parsed = timed(5 * rounds, () => text, (all) => JSON.parse(all));
    const until = () => performance.now() + SECONDS * 1_000 * rounds;
    const alone = await watched(async () => ({ events: await replay(framework, record.id, until()) }));
    const output = await watched(async () => ({ bytes: await stream(framework, PRINTS, until()) }));
    const both = await watched(async () => {
      const [events, bytes] = await Promise.all([
        replay(framework, record.id, until()),
        stream(framework, PRINTS_AT_A_RATE, until()),
      ]);
      return { events, bytes };
    });
    return { stored: stored.length, bytesEach: text.length / stored.length, parsedPerSecond: (stored.length * 1_000) / parsed.median, alone, output, both };
  });
}
