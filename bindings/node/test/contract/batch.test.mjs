// Section 6 of the contract: batches.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { BatchExecutionService } from "../../pabawi/BatchExecutionService.js";
import { ExecutionQueue, ExecutionQueueFullError } from "../../pabawi/ExecutionQueue.js";
import { ExecutionRepository } from "../../pabawi/ExecutionRepository.js";
import { Database } from "../database.mjs";

const quiet = { error() {}, warn: mock.fn(), info() {}, debug() {} };
const result = (nodeId, more = {}) => ({
  id: "r", type: "command", targetNodes: [nodeId], action: "uptime", status: "success", startedAt: "2026-01-01T00:00:00.000Z",
  completedAt: "2026-01-01T00:00:01.000Z",
  results: [{ nodeId, status: "success", output: { stdout: `out of ${nodeId}`, stderr: "", exitCode: 0 }, duration: 5 }],
  command: "bolt command run uptime", ...more,
});

async function until(condition) {
  const end = Date.now() + 5_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, "waited too long");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("batches", () => {
  let db;
  let queue;
  let repository;
  let manager;
  let service;
  const nodes = Array.from({ length: 12 }, (_, at) => ({ id: `n${at}`, name: `Node ${at}` }));
  const ids = nodes.map(({ id }) => id);
  const groups = [
    { id: "bolt:web", name: "web", nodes: ["n1", "n2"] },
    { id: "bolt:all", name: "all", nodes: ["n0", "n1", "n1"] },
    { id: "bolt:ghosts", name: "ghosts", nodes: ["gone"] },
  ];
  const make = (limit = 20, size = 50) => {
    queue = new ExecutionQueue(limit, size);
    service = new BatchExecutionService(db, queue, repository, manager, quiet);
  };
  const request = (more = {}) => ({ type: "command", action: "uptime", targetNodeIds: ["n0", "n1"], ...more });
  const rows = () => db.query("SELECT * FROM executions ORDER BY batch_position");
  const settled = (batchId) => until(async () => (await service.getBatchStatus(batchId)).batch.status !== "running");

  beforeEach(() => {
    db = new Database();
    repository = new ExecutionRepository(db);
    manager = {
      executeAction: mock.fn(async (_, { target }) => result(target)),
      getAggregatedInventory: mock.fn(async () => ({ nodes, groups, sources: {} })),
    };
    make();
  });
  afterEach(() => quiet.warn.mock.resetCalls());

  describe("targets", () => {
    for (const [given, expected] of [
      [{ targetNodeIds: ["n3", "n0"] }, ["n3", "n0"]],
      [{ targetNodeIds: undefined, targetGroupIds: ["bolt:web"] }, ["n1", "n2"]],
      [{ targetNodeIds: ["n2", "n9"], targetGroupIds: ["bolt:web", "bolt:all"] }, ["n2", "n9", "n1", "n0"]],
      [{ targetNodeIds: ["n0", "n0"] }, ["n0"]],
      [{ targetNodeIds: ["n0"], targetGroupIds: ["bolt:none"] }, ["n0"]],
      [{ targetNodeIds: ["n0"], targetGroupIds: ["web"] }, ["n0"]],
      [{ targetNodeIds: [] }, []],
    ]) {
      it(`of ${JSON.stringify(given)} are ${expected.join(" ") || "none"}`, async () => {
        const made = await service.createBatch(request(given), "u1");
        assert.deepEqual(made.expandedNodeIds, expected);
        assert.equal(made.targetCount, expected.length);
        assert.equal(made.executionIds.length, expected.length);
        assert.match(made.batchId, /^[0-9a-f-]{36}$/);
      });
    }

    it("must be nodes", async () => {
      await assert.rejects(service.createBatch(request({ targetNodeIds: ["n0", "x", "Node 1"] }), "u1"), {
        message: "Invalid node IDs: x, Node 1",
      });
      await assert.rejects(service.createBatch(request({ targetGroupIds: ["bolt:ghosts"] }), "u1"), {
        message: "Invalid node IDs: gone",
      });
      assert.deepEqual([(await rows()).length, manager.executeAction.mock.callCount()], [0, 0]);
    });

    it("leave out a group whose inventory cannot be had, and only that", async () => {
      manager.getAggregatedInventory.mock.mockImplementationOnce(() => Promise.reject(new Error("down")));
      assert.deepEqual(await service.expandGroups(["bolt:all", "bolt:web"]), ["n1", "n2"]);
      assert.equal(quiet.warn.mock.callCount(), 1);
    });

    it("are expanded with repetitions, then deduplicated", async () => {
      assert.deepEqual(await service.expandGroups(["bolt:all", "bolt:web"]), ["n0", "n1", "n1", "n1", "n2"]);
      assert.deepEqual(service.deduplicateNodes(["b", "a", "b"]), ["b", "a"]);
      await service.validateNodes([]);
    });
  });

  it("are stored with their executions", async () => {
    const made = await service.createBatch(request({ parameters: { a: 1 }, tool: "ssh", targetGroupIds: ["bolt:web"] }), "u1");
    const [batch] = await db.query("SELECT * FROM batch_executions");
    assert.deepEqual(
      { ...batch, created_at: "", started_at: "" },
      {
        id: made.batchId, type: "command", action: "uptime", parameters: '{"a":1}', target_nodes: '["n0","n1","n2"]',
        target_groups: '["bolt:web"]', status: "running", created_at: "", started_at: "", completed_at: null, user_id: "u1",
        execution_ids: JSON.stringify(made.executionIds), stats_total: 3, stats_queued: 3, stats_running: 0, stats_success: 0, stats_failed: 0,
      },
    );
    assert.equal(batch.created_at, batch.started_at);
    const executions = await rows();
    assert.deepEqual(executions.map(({ id, batch_position, execution_tool, batch_id, started_at, target_nodes }) =>
      [id, batch_position, execution_tool, batch_id, started_at, target_nodes]),
      ["n0", "n1", "n2"].map((node, at) => [made.executionIds[at], at, "ssh", made.batchId, batch.created_at, `["${node}"]`]));
  });

  it("run by the tool, bolt by default", async () => {
    const { batchId } = await service.createBatch(request({ parameters: { x: 1 } }), "u1");
    await settled(batchId);
    assert.deepEqual(manager.executeAction.mock.calls.map((call) => call.arguments), ["n0", "n1"].map((target) => [
      "bolt", { type: "command", target, action: "uptime", parameters: { x: 1 } },
    ]));
    const other = await service.createBatch(request({ tool: "ansible", targetNodeIds: ["n5"] }), "u1");
    await settled(other.batchId);
    assert.equal(manager.executeAction.mock.calls.at(-1).arguments[0], "ansible");
  });

  it("store what came of them, and give every slot back", async () => {
    manager.executeAction.mock.mockImplementation(async (_, { target }) => {
      if (target === "n1") throw new Error("unreachable");
      return result(target);
    });
    const { batchId, executionIds } = await service.createBatch(request(), "u1");
    await settled(batchId);
    const [good, bad] = await Promise.all(executionIds.map((id) => repository.findById(id)));
    assert.deepEqual([good.status, good.completedAt, good.command, good.results[0].output.stdout], ["success", "2026-01-01T00:00:01.000Z", "bolt command run uptime", "out of n0"]);
    assert.deepEqual([bad.status, bad.error, bad.results], ["failed", "unreachable", [{ nodeId: "n1", status: "failed", error: "unreachable", duration: 0 }]]);
    assert.ok(bad.completedAt);
    await until(() => queue.getStatus().running === 0);
  });

  it("survive a database that does not store a result", async () => {
    const broken = { create: (e) => repository.create(e), update: () => Promise.reject(new Error("locked")) };
    service = new BatchExecutionService(db, queue, broken, manager, quiet);
    await service.createBatch(request(), "u1");
    await until(() => queue.getStatus().running === 0 && quiet.warn.mock.callCount() === 2);
  });

  it("are returned, and can be asked for, while most of their executions wait", async () => {
    make(3, 5);
    const open = [];
    manager.executeAction.mock.mockImplementation((_, { target }) => new Promise((resolve) => open.push(() => resolve(result(target)))));
    const { batchId, executionIds } = await service.createBatch(request({ targetNodeIds: ids }), "u1");
    assert.equal(executionIds.length, 12);
    const { batch, progress } = await service.getBatchStatus(batchId);
    assert.deepEqual([batch.status, progress, batch.stats], ["running", 0, { total: 12, queued: 9, running: 3, success: 0, failed: 0 }]);
    assert.equal(queue.getStatus().running, 3);
    for (let ended = 0; ended < 12; ended += 1) {
      await until(() => open.length > 0);
      open.shift()();
    }
    await settled(batchId);
    assert.equal((await service.getBatchStatus(batchId)).batch.status, "success");
  });

  it("may be larger than the queue", async () => {
    make(1, 1);
    const { batchId } = await service.createBatch(request({ targetNodeIds: ids }), "u1");
    await settled(batchId);
    assert.equal((await service.getBatchStatus(batchId)).batch.stats.success, 12);
  });

  it("are refused when the queue has no room, and leave nothing that looks as if it ran", async () => {
    const full = new ExecutionQueueFullError("Execution queue is full. Maximum queue size: 1. Please wait.", 1, 1);
    queue.acquire = mock.fn(() => Promise.reject(full));
    await assert.rejects(service.createBatch(request(), "u1"), {
      message: "Failed to enqueue execution for node n0: Execution queue is full. Maximum queue size: 1. Please wait.",
    });
    assert.deepEqual((await rows()).map(({ status }) => status), ["failed"]);
    assert.deepEqual([manager.executeAction.mock.callCount(), await db.query("SELECT * FROM batch_executions")], [0, []]);
  });

  it("are recorded and queued node by node, and then stored", async () => {
    const order = [];
    const noted = (object, name, note) => {
      const original = object[name].bind(object);
      object[name] = (...args) => {
        if (note(...args)) order.push(note(...args));
        return original(...args);
      };
    };
    noted(repository, "create", ({ targetNodes }) => `create ${targetNodes[0]}`);
    noted(queue, "acquire", ({ nodeId }) => `acquire ${nodeId}`);
    noted(db, "execute", (sql) => sql.includes("batch_executions") && "store");
    await service.createBatch(request(), "u1");
    assert.deepEqual(order, ["create n0", "acquire n0", "create n1", "acquire n1", "store"]);
  });

  for (const [what, breaks] of [
    ["cannot be stored", () => mock.method(db, "execute", (sql, ...rest) =>
      sql.includes("batch_executions") ? Promise.reject(new Error("locked")) : Database.prototype.execute.call(db, sql, ...rest))],
    ["cannot be recorded to the end", () => {
      const create = repository.create.bind(repository);
      repository.create = (execution) => (execution.batchPosition === 3 ? Promise.reject(new Error("locked")) : create(execution));
    }],
  ]) {
    it(`that ${what} start nothing more`, async () => {
      make(1, 5);
      const open = [];
      manager.executeAction.mock.mockImplementation((_, { target }) => new Promise((resolve) => open.push(() => resolve(result(target)))));
      breaks();
      await assert.rejects(service.createBatch(request({ targetNodeIds: ids.slice(0, 4) }), "u1"), /locked/);
      assert.deepEqual([queue.getStatus().running, queue.getStatus().queued], [1, 0]);
      open.shift()();
      await until(() => queue.getStatus().running === 0);
      await until(async () => (await rows())[0].status === "success");
      assert.deepEqual((await rows()).slice(1, 3).map(({ status, error }) => [status, /locked/.test(error)]), Array(2).fill(["failed", true]));
      assert.equal(manager.executeAction.mock.callCount(), 1);
    });
  }

  it("wait for room that others have taken", async () => {
    make(1, 1);
    let free;
    manager.executeAction.mock.mockImplementationOnce((_, { target }) => new Promise((resolve) => (free = () => resolve(result(target)))));
    const { batchId } = await service.createBatch(request({ targetNodeIds: ["n0", "n1", "n2"] }), "u1");
    let other;
    const acquire = mock.method(queue, "acquire");
    const release = queue.release.bind(queue);
    queue.release = (id) => {
      release(id);
      other ??= queue.acquire({ id: "other", type: "command", nodeId: "x", action: "a", enqueuedAt: new Date(0) });
    };
    free();
    await until(() => acquire.mock.callCount() === 2);
    await assert.rejects(acquire.mock.calls[1].result, ExecutionQueueFullError);
    await other;
    queue.release("other");
    await settled(batchId);
    assert.equal((await service.getBatchStatus(batchId)).batch.stats.success, 3);
  });

  describe("status", () => {
    const execution = (position, status, more = {}) => db.execute(
      "INSERT INTO executions (id, type, target_nodes, action, status, started_at, completed_at, results, stdout, batch_id, batch_position) VALUES (?, 'command', ?, 'a', ?, ?, ?, ?, ?, 'b', ?)",
      [`e${position}`, `["n${position}"]`, status, "2026-01-01T00:00:00.000Z", more.completed ?? (status === "running" ? null : "2026-01-01T00:00:02.500Z"),
        more.results ?? "[]", more.stdout ?? null, position],
    );
    beforeEach(() => db.execute(
      "INSERT INTO batch_executions VALUES ('b', 'command', 'a', '{\"x\":1}', '[\"n0\"]', '[]', 'running', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', NULL, 'u1', '[\"e0\"]', 1, 1, 0, 0, 0)",
    ));

    it("of an unknown batch is an error", async () => {
      await assert.rejects(service.getBatchStatus("gone"), { message: "Batch execution gone not found" });
      await assert.rejects(service.cancelBatch("gone"), { message: "Batch execution gone not found" });
    });

    for (const [statuses, status, progress] of [
      [[], "success", 0],
      [["running"], "running", 0],
      [["success"], "success", 100],
      [["failed"], "failed", 100],
      [["success", "failed"], "partial", 100],
      [["success", "running", "running"], "running", 33],
      [["success", "failed", "running"], "running", 67],
    ]) {
      it(`of ${statuses.join(", ") || "no executions"} is ${status}, ${progress} %`, async () => {
        for (const [at, one] of statuses.entries()) await execution(at, one);
        const told = await service.getBatchStatus("b");
        assert.deepEqual([told.batch.status, told.progress, told.batch.stats.total], [status, progress, statuses.length]);
      });
    }

    it("tells of the batch", async () => {
      const { batch } = await service.getBatchStatus("b");
      assert.deepEqual([batch.id, batch.type, batch.action, batch.parameters, batch.targetNodes, batch.targetGroups, batch.userId, batch.executionIds],
        ["b", "command", "a", { x: 1 }, ["n0"], [], "u1", ["e0"]]);
      assert.ok(batch.createdAt instanceof Date && batch.startedAt instanceof Date);
    });

    it("tells of executions in their order", async () => {
      await execution(1, "running");
      const results = JSON.stringify([{ nodeId: "n0", status: "success", output: { exitCode: 3, stderr: "E" }, duration: 1 }]);
      await execution(0, "success", { results, stdout: "whole output" });
      const { executions } = await service.getBatchStatus("b");
      assert.deepEqual(executions, [
        {
          id: "e0", nodeId: "n0", nodeName: "Node 0", status: "success", startedAt: new Date("2026-01-01T00:00:00.000Z"),
          completedAt: new Date("2026-01-01T00:00:02.500Z"), duration: 2500, result: { exitCode: 3, stdout: "whole output", stderr: "E" },
        },
        {
          id: "e1", nodeId: "n1", nodeName: "Node 1", status: "running", startedAt: new Date("2026-01-01T00:00:00.000Z"),
          completedAt: undefined, duration: undefined, result: undefined,
        },
      ]);
    });

    it("lists by status and counts all", async () => {
      for (const [at, one] of ["success", "failed", "running"].entries()) await execution(at, one);
      const told = await service.getBatchStatus("b", "failed");
      assert.deepEqual(told.executions.map(({ id }) => id), ["e1"]);
      assert.deepEqual(told.batch.stats, { total: 3, queued: 0, running: 1, success: 1, failed: 1 });
    });

    it("bears results that cannot be read, and an inventory that cannot be had", async () => {
      await execution(0, "success", { results: "{" });
      manager.getAggregatedInventory.mock.mockImplementationOnce(() => Promise.reject(new Error("down")));
      const [one] = (await service.getBatchStatus("b")).executions;
      assert.deepEqual([one.nodeName, one.result], ["n0", undefined]);
    });

    it("needs no more columns than Pabawi's own tests have", async () => {
      const small = new Database(`
        CREATE TABLE executions (id TEXT, type TEXT, target_nodes TEXT, action TEXT, parameters TEXT, status TEXT, started_at TEXT,
          completed_at TEXT, results TEXT, batch_id TEXT, batch_position INTEGER, error TEXT);
        CREATE TABLE batch_executions (id TEXT, type TEXT, action TEXT, parameters TEXT, target_nodes TEXT, target_groups TEXT, status TEXT,
          created_at TEXT, started_at TEXT, completed_at TEXT, user_id TEXT, execution_ids TEXT, stats_total INTEGER, stats_queued INTEGER,
          stats_running INTEGER, stats_success INTEGER, stats_failed INTEGER);
        INSERT INTO batch_executions VALUES ('b', 'task', 'a', NULL, '[]', '[]', 'running', '2026', '2026', NULL, 'u', '[]', 0, 0, 0, 0, 0);
        INSERT INTO executions VALUES ('e', 'task', '["n0"]', 'a', NULL, 'running', NULL, NULL, '[]', 'b', 0, NULL)`);
      const other = new BatchExecutionService(small, queue, repository, manager, quiet);
      assert.deepEqual((await other.getBatchStatus("b")).batch.stats, { total: 1, queued: 1, running: 0, success: 0, failed: 0 });
      assert.deepEqual(await other.cancelBatch("b"), { cancelledCount: 1 });
    });

    it("is changed by a cancellation", async () => {
      for (const [at, one] of ["success", "running", "running"].entries()) await execution(at, one);
      assert.deepEqual(await service.cancelBatch("b"), { cancelledCount: 2 });
      const executions = await rows();
      assert.deepEqual(executions.map(({ status, error }) => [status, error]), [["success", null], ["failed", "Cancelled by user"], ["failed", "Cancelled by user"]]);
      assert.ok(executions[1].completed_at);
      assert.equal((await db.queryOne("SELECT status FROM batch_executions")).status, "cancelled");
      assert.deepEqual(await service.cancelBatch("b"), { cancelledCount: 0 });
    });
  });

  it("start nothing more once they are cancelled, and stay cancelled when actions end", async () => {
    make(3, 5);
    const open = [];
    manager.executeAction.mock.mockImplementation((_, { target }) => new Promise((resolve) => open.push(() => resolve(result(target)))));
    const { batchId } = await service.createBatch(request({ targetNodeIds: ids }), "u1");
    assert.deepEqual(await service.cancelBatch(batchId), { cancelledCount: 12 });
    for (const end of open.splice(0)) end();
    await until(() => queue.getStatus().running === 0 && queue.getStatus().queued === 0);
    assert.equal(manager.executeAction.mock.callCount(), 3);
    assert.deepEqual(new Set((await rows()).map(({ status, error }) => `${status} ${error}`)), new Set(["failed Cancelled by user"]));
  });
});
