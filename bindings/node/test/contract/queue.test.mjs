// Section 5 of the contract: the execution queue.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ExecutionQueue, ExecutionQueueFullError } from "../../pabawi/ExecutionQueue.js";

const execution = (id, at = Date.now()) => ({
  id,
  type: "command",
  nodeId: `node-${id}`,
  action: "uptime",
  enqueuedAt: new Date(at),
});

/** What became of a promise so far. */
async function state(promise) {
  const pending = Symbol("pending");
  const result = await Promise.race([promise.then(() => "resolved", (error) => error), Promise.resolve(pending)]);
  return result === pending ? "pending" : result;
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("execution queue", () => {
  let queue;
  beforeEach(() => {
    queue = new ExecutionQueue(2, 3);
  });

  it("has Pabawi's defaults", () => {
    assert.equal(new ExecutionQueue().getLimit(), 5);
    assert.equal(new ExecutionQueue().getMaxQueueSize(), 50);
    assert.equal(new ExecutionQueue(7).getMaxQueueSize(), 50);
    assert.deepEqual(new ExecutionQueue(7).getStatus(), { running: 0, queued: 0, limit: 7, queue: [] });
  });

  it("runs at once under the limit, and says so without waiting", () => {
    void queue.acquire(execution("a"));
    assert.equal(queue.isRunning("a"), true);
    assert.equal(queue.isQueued("a"), false);
    assert.equal(queue.getStatus().running, 1);
    queue.release("a");
    assert.equal(queue.isRunning("a"), false);
    assert.equal(queue.getStatus().running, 0);
  });

  it("queues past the limit and grants synchronously on release", async () => {
    await queue.acquire(execution("a"));
    await queue.acquire(execution("b"));
    const waiting = queue.acquire(execution("c"));
    assert.equal(queue.isQueued("c"), true);
    assert.equal(await state(waiting), "pending");
    queue.release("a");
    assert.equal(queue.isRunning("c"), true);
    assert.equal(queue.isQueued("c"), false);
    await waiting;
  });

  it("grants exactly one on each release", async () => {
    await queue.acquire(execution("a"));
    await queue.acquire(execution("b"));
    void queue.acquire(execution("c"));
    void queue.acquire(execution("d"));
    queue.release("a");
    assert.deepEqual([queue.isRunning("c"), queue.isRunning("d")], [true, false]);
    assert.equal(queue.getStatus().running, 2);
  });

  it("grants by the time of queueing, ties by the order of coming", async () => {
    const order = [];
    const one = new ExecutionQueue(1, 10);
    await one.acquire(execution("running"));
    for (const [id, at] of [["late", 300], ["first", 100], ["second", 100], ["middle", 200]]) {
      void one.acquire(execution(id, at)).then(() => order.push(id));
    }
    assert.deepEqual(one.getStatus().queue.map((item) => item.id), ["first", "second", "middle", "late"]);
    for (const id of ["running", "first", "second", "middle", "late"]) {
      one.release(id);
      await settle();
    }
    assert.deepEqual(order, ["first", "second", "middle", "late"]);
  });

  it("rejects with its own error when there is no room", async () => {
    for (const id of ["a", "b"]) await queue.acquire(execution(id));
    for (const id of ["c", "d", "e"]) void queue.acquire(execution(id));
    await assert.rejects(queue.acquire(execution("f")), (error) => {
      assert.ok(error instanceof ExecutionQueueFullError && error instanceof Error);
      assert.equal(error.name, "ExecutionQueueFullError");
      assert.equal(
        error.message,
        "Execution queue is full. Maximum queue size: 3. Please wait for running executions to complete.",
      );
      assert.deepEqual([error.queueSize, error.limit], [3, 3]);
      return true;
    });
    assert.equal(queue.isQueued("f"), false);
  });

  it("takes no execution when none may wait", async () => {
    const none = new ExecutionQueue(1, 0);
    await none.acquire(execution("a"));
    await assert.rejects(none.acquire(execution("b")), { queueSize: 0, limit: 0 });
  });

  it("ignores unknown ids on release", async () => {
    await queue.acquire(execution("a"));
    queue.release("nobody");
    assert.equal(queue.getStatus().running, 1);
  });

  it("cancels only what waits", async () => {
    for (const id of ["a", "b"]) await queue.acquire(execution(id));
    const waiting = queue.acquire(execution("c"));
    assert.equal(queue.cancel("c"), true);
    await assert.rejects(waiting, { name: "Error", message: "Execution cancelled" });
    assert.equal(queue.cancel("c"), false);
    assert.equal(queue.cancel("a"), false);
    assert.equal(queue.isRunning("a"), true);
    assert.equal(queue.getStatus().queued, 0);
  });

  it("does not grant what was cancelled", async () => {
    for (const id of ["a", "b"]) await queue.acquire(execution(id));
    const gone = queue.acquire(execution("c", 1));
    void queue.acquire(execution("d", 2));
    queue.cancel("c");
    await assert.rejects(gone);
    queue.release("a");
    assert.equal(queue.isRunning("d"), true);
  });

  it("clears the queue and leaves what runs", async () => {
    for (const id of ["a", "b"]) await queue.acquire(execution(id));
    const waiting = ["c", "d"].map((id) => queue.acquire(execution(id)));
    queue.clearQueue();
    for (const promise of waiting) {
      await assert.rejects(promise, { message: "Queue cleared" });
    }
    assert.deepEqual(queue.getStatus(), { running: 2, queued: 0, limit: 2, queue: [] });
  });

  it("shows copies with five fields", async () => {
    for (const id of ["a", "b"]) await queue.acquire(execution(id));
    const given = { ...execution("c", 5), extra: 1 };
    void queue.acquire(given);
    const [shown] = queue.getStatus().queue;
    assert.deepEqual(shown, { id: "c", type: "command", nodeId: "node-c", action: "uptime", enqueuedAt: new Date(5) });
    assert.notEqual(shown, given);
    assert.notEqual(queue.getStatus().queue[0], shown);
  });

  it("rejects an id that has a slot or waits, and loses neither", async () => {
    await queue.acquire(execution("a"));
    await assert.rejects(queue.acquire(execution("a")), /already running or queued/);
    assert.equal(queue.getStatus().running, 1);
    await queue.acquire(execution("b"));
    const waiting = queue.acquire(execution("c"));
    await assert.rejects(queue.acquire(execution("c")), /already running or queued/);
    queue.release("a");
    await waiting;
  });

  it("fills a slot that became free when an unknown id is released", async () => {
    const one = new ExecutionQueue(1, 5);
    await one.acquire(execution("a"));
    const waiting = one.acquire(execution("b"));
    one.release("a");
    one.release("a");
    await waiting;
    assert.equal(one.getStatus().running, 1);
  });

  it("drains thousands quickly", async () => {
    const many = new ExecutionQueue(1, 20_000);
    await many.acquire(execution("first"));
    const all = Array.from({ length: 20_000 }, (_, at) => many.acquire(execution(`n${at}`, at)));
    const begin = performance.now();
    many.release("first");
    for (let at = 0; at < 20_000; at += 1) many.release(`n${at}`);
    await Promise.all(all);
    assert.ok(performance.now() - begin < 5_000);
    assert.equal(many.getStatus().running, 0);
  });
});
