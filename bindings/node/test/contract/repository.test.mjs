// Section 8 of the contract: records of executions.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ExecutionRepository } from "../../pabawi/ExecutionRepository.js";
import { answering, Database } from "../database.mjs";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const base = (more = {}) => ({
  type: "command", targetNodes: ["web1"], action: "uptime", status: "running", startedAt: "2026-01-01T00:00:00.000Z", results: [], ...more,
});

describe("execution repository", () => {
  let db;
  let repository;
  beforeEach(() => {
    db = new Database();
    repository = new ExecutionRepository(db);
  });

  it("stores little and gives it back with its defaults", async () => {
    const id = await repository.create(base());
    assert.match(id, UUID);
    assert.deepEqual(await repository.findById(id), {
      id, ...base(), parameters: undefined, completedAt: undefined, error: undefined, command: undefined, expertMode: false,
      originalExecutionId: undefined, reExecutionCount: 0, stdout: undefined, stderr: undefined, executionTool: "bolt",
      batchId: undefined, batchPosition: undefined,
    });
    const row = await db.queryOne("SELECT * FROM executions");
    assert.deepEqual([row.parameters, row.expert_mode, row.target_nodes, row.results], [null, 0, '["web1"]', "[]"]);
  });

  it("stores everything and gives it back", async () => {
    const all = base({
      parameters: { a: [1, { b: null }] }, completedAt: "2026-01-01T00:00:01.000Z", status: "partial",
      results: [{ nodeId: "web1", status: "failed", error: "x", duration: 5 }], error: "e", command: "bolt x", expertMode: true,
      originalExecutionId: "o", reExecutionCount: 3, stdout: "out", stderr: "err", executionTool: "ssh", batchId: "b", batchPosition: 0,
    });
    const id = await repository.create(all);
    assert.deepEqual(await repository.findById(id), { id, ...all });
  });

  it("finds nothing as null", async () => assert.equal(await repository.findById("gone"), null));

  it("takes an unknown tool for bolt", async () => {
    const row = { id: "1", type: "command", target_nodes: "[]", action: "a", status: "success", started_at: "t", results: "[]", execution_tool: "salt" };
    const found = await new ExecutionRepository(answering([row])).findById("1");
    assert.deepEqual([found.executionTool, found.reExecutionCount, found.expertMode], ["bolt", 0, false]);
  });

  for (const [field, value, stored = value] of [
    ["status", "success"],
    ["completedAt", "2026-01-01T00:00:01.000Z"],
    ["results", [{ nodeId: "a", status: "success", duration: 1 }]],
    ["error", "broke"],
    ["error", "", undefined],
    ["command", "bolt command run"],
    ["expertMode", true],
    ["originalExecutionId", "other"],
    ["reExecutionCount", 4],
    ["stdout", "text"],
    ["stdout", "", undefined],
    ["stderr", "text"],
    ["executionTool", "ansible"],
  ]) {
    it(`updates ${field} to ${JSON.stringify(value)}`, async () => {
      const id = await repository.create(base({ error: "old", stdout: "old" }));
      await repository.update(id, { [field]: value });
      assert.deepEqual((await repository.findById(id))[field], value === "" ? undefined : stored);
    });
  }

  it("ignores other fields, and asks nothing when none is left", async () => {
    const id = await repository.create(base());
    const { length } = db.asked;
    await repository.update(id, { action: "rm", type: "task", startedAt: "x", targetNodes: [], batchId: "b", error: undefined });
    assert.equal(db.asked.length, length);
    await repository.update(id, { action: "rm", status: "failed" });
    assert.deepEqual([(await repository.findById(id)).action, (await repository.findById(id)).status], ["uptime", "failed"]);
  });

  it("updates an id that is not there without error", async () => {
    await repository.update("gone", { status: "failed" });
  });

  describe("lists", () => {
    beforeEach(async () => {
      for (let at = 0; at < 6; at += 1) {
        await repository.create(base({
          action: `a${at}`,
          startedAt: `2026-01-0${at + 1}T00:00:00.000Z`,
          type: at % 2 ? "task" : "command",
          status: at < 3 ? "success" : "failed",
          targetNodes: at === 5 ? ["web_1", "db"] : [`web${at}`],
        }));
      }
    });
    const actions = async (...args) => (await repository.findAll(...args)).map(({ action }) => action);

    for (const [what, args, expected] of [
      ["all, the newest first", [], ["a5", "a4", "a3", "a2", "a1", "a0"]],
      ["by type", [{ type: "task" }], ["a5", "a3", "a1"]],
      ["by status", [{ status: "success" }], ["a2", "a1", "a0"]],
      ["by both", [{ type: "task", status: "failed" }], ["a5", "a3"]],
      ["by node", [{ targetNode: "web2" }], ["a2"]],
      ["by one of several nodes", [{ targetNode: "db" }], ["a5"]],
      ["by the whole name of a node", [{ targetNode: "web" }], []],
      ["no wildcard for %", [{ targetNode: "%" }], []],
      ["no wildcard for _", [{ targetNode: "web_1" }], ["a5"]],
      ["from a time", [{ startDate: "2026-01-05T00:00:00.000Z" }], ["a5", "a4"]],
      ["to a time", [{ endDate: "2026-01-02T00:00:00.000Z" }], ["a1", "a0"]],
      ["between times", [{ startDate: "2026-01-02", endDate: "2026-01-04" }], ["a2", "a1"]],
      ["a page", [{}, { page: 2, pageSize: 2 }], ["a3", "a2"]],
      ["the last page", [{}, { page: 2, pageSize: 4 }], ["a1", "a0"]],
      ["a page past the end", [{}, { page: 9, pageSize: 4 }], []],
    ]) {
      it(what, async () => assert.deepEqual(await actions(...args), expected));
    }

    it("50 at a time", async () => {
      await repository.findAll();
      assert.deepEqual(db.asked.at(-1).params, [50, 0]);
    });

    it("counts", async () => {
      assert.deepEqual(await repository.countByStatus(), { total: 6, running: 0, success: 3, failed: 3, partial: 0 });
    });
  });

  it("counts nothing", async () => {
    assert.deepEqual(await repository.countByStatus(), { total: 0, running: 0, success: 0, failed: 0, partial: 0 });
  });

  it("counts what PostgreSQL counts", async () => {
    const counts = await new ExecutionRepository(answering([{ status: "running", count: "7" }])).countByStatus();
    assert.deepEqual([counts.total, counts.running], [7, 7]);
  });

  it("links repetitions with what they repeat", async () => {
    const original = await repository.create(base());
    const first = await repository.createReExecution(original, base({ startedAt: "2026-01-02T00:00:00.000Z" }));
    const second = await repository.createReExecution(original, base({ startedAt: "2026-01-03T00:00:00.000Z" }));
    assert.equal((await repository.findById(original)).reExecutionCount, 2);
    assert.deepEqual((await repository.findReExecutions(original)).map(({ id }) => id), [second, first]);
    assert.equal((await repository.findOriginalExecution(first)).id, original);
    assert.equal((await repository.findById(first)).reExecutionCount, 0);
    assert.equal(await repository.findOriginalExecution(original), null);
    assert.equal(await repository.findOriginalExecution("gone"), null);
    await assert.rejects(repository.createReExecution("gone", base()), { message: "Original execution not found: gone" });
  });

  it("loses no repetition that is counted at the same time", async () => {
    const original = await repository.create(base());
    await Promise.all(Array.from({ length: 10 }, () => repository.createReExecution(original, base())));
    assert.equal((await repository.findById(original)).reExecutionCount, 10);
  });

  for (const [what, call, message] of [
    ["create", (r) => r.create(base()), "Failed to create execution record: disk full"],
    ["findById", (r) => r.findById("1"), "Failed to find execution by ID: disk full"],
    ["findAll", (r) => r.findAll(), "Failed to find executions: disk full"],
    ["findOriginalExecution", (r) => r.findOriginalExecution("1"), /^Failed to find original execution: .*disk full$/],
    ["findReExecutions", (r) => r.findReExecutions("1"), "Failed to find re-executions: disk full"],
    ["countByStatus", (r) => r.countByStatus(), "Failed to count executions by status: disk full"],
    ["update", (r) => r.update("1", { status: "failed" }), /^Failed to update execution record: disk full \(Details: \{"operation":"update","executionId":"1","fields":\["status"\],"sqlError":"disk full"\}\)$/],
  ]) {
    it(`wraps the error of ${what}`, async () => {
      db.failure = new Error("disk full");
      await assert.rejects(call(repository), { message });
    });
  }

  it("wraps what an adapter throws at once", async () => {
    const broken = { queryOne() { throw new Error("Database not connected"); } };
    await assert.rejects(new ExecutionRepository(broken).findById("1"), {
      message: "Failed to find execution by ID: Database not connected",
    });
  });
});
