// Section 10 of the contract: permissions.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { fileURLToPath } from "node:url";

import { PermissionService, setPermissionCheckRecorder } from "../../pabawi/PermissionService.js";
import { Database } from "../database.mjs";

const NOW = "2026-01-01T00:00:00.000Z";

describe("permissions", () => {
  let db;
  let service;
  const insert = (table, values) => {
    const names = Object.keys(values).map((name) => `"${name}"`).join(", ");
    db.db.run(`INSERT INTO ${table} (${names}) VALUES (${Object.keys(values).map(() => "?").join(", ")})`, Object.values(values));
  };
  const user = (id, more = {}) =>
    insert("users", { id, username: id, email: id, password_hash: "x", first_name: "a", last_name: "b", created_at: NOW, updated_at: NOW, ...more });
  const asked = () => db.asked.length;

  beforeEach(() => {
    db = new Database();
    service = new PermissionService(db);
    for (const [resource, action] of [["bolt", "read"], ["bolt", "execute"], ["ansible", "read"], ["journal", "note"]]) {
      insert("permissions", { id: `${resource}-${action}`, resource, action, description: `Can ${action}`, created_at: NOW });
    }
    for (const [id, permissions] of [["viewer", ["bolt-read", "ansible-read"]], ["operator", ["bolt-execute", "bolt-read"]]]) {
      insert("roles", { id, name: id, description: "", created_at: NOW, updated_at: NOW });
      for (const permission of permissions) insert("role_permissions", { role_id: id, permission_id: permission, assigned_at: NOW });
    }
    insert("groups", { id: "ops", name: "ops", description: "", created_at: NOW, updated_at: NOW });
    insert("group_roles", { group_id: "ops", role_id: "operator", assigned_at: NOW });
    user("direct");
    insert("user_roles", { user_id: "direct", role_id: "viewer", assigned_at: NOW });
    user("member");
    insert("user_groups", { user_id: "member", group_id: "ops", assigned_at: NOW });
    user("both");
    insert("user_roles", { user_id: "both", role_id: "viewer", assigned_at: NOW });
    insert("user_groups", { user_id: "both", group_id: "ops", assigned_at: NOW });
    user("none");
    user("admin", { is_admin: 1 });
    user("inactive", { is_active: 0 });
    insert("user_roles", { user_id: "inactive", role_id: "viewer", assigned_at: NOW });
    user("inactive-admin", { is_active: 0, is_admin: 1 });
  });
  afterEach(() => mock.timers.reset());

  for (const [who, resource, action, allowed] of [
    ["direct", "bolt", "read", true],
    ["direct", "bolt", "execute", false],
    ["direct", "ansible", "read", true],
    ["member", "bolt", "execute", true],
    ["member", "ansible", "read", false],
    ["both", "bolt", "execute", true],
    ["both", "ansible", "read", true],
    ["both", "journal", "note", false],
    ["none", "bolt", "read", false],
    ["admin", "bolt", "read", true],
    ["admin", "nothing", "at_all", true],
    ["inactive", "bolt", "read", false],
    ["inactive-admin", "bolt", "read", false],
    ["unknown", "bolt", "read", false],
    ["direct", "*", "*", false],
    ["direct", "bolt", "%", false],
    ["direct", "BOLT", "read", false],
  ]) {
    it(`${allowed ? "lets" : "does not let"} ${who} ${action} ${resource}`, async () => {
      assert.equal(await service.hasPermission(who, resource, action), allowed);
    });
  }

  it("remembers both answers for five minutes", async () => {
    mock.timers.enable({ apis: ["Date"], now: 0 });
    await service.hasPermission("direct", "bolt", "read");
    await service.hasPermission("direct", "bolt", "execute");
    const before = asked();
    mock.timers.tick(299_999);
    assert.deepEqual([await service.hasPermission("direct", "bolt", "read"), await service.hasPermission("direct", "bolt", "execute")], [true, false]);
    assert.equal(asked(), before);
    mock.timers.tick(1);
    await service.hasPermission("direct", "bolt", "read");
    assert.ok(asked() > before);
  });

  const revoke = () => db.db.run("DELETE FROM role_permissions WHERE role_id = 'operator'");
  for (const [what, forget] of [
    ["a user", (other) => other.invalidateUserPermissionCache("member")],
    ["a role of a group", (other) => other.invalidateRolePermissionCache("operator")],
    ["all", (other) => other.invalidateAllPermissionCache()],
  ]) {
    it(`forgets ${what}, at every service of the database`, async () => {
      assert.equal(await service.hasPermission("member", "bolt", "execute"), true);
      revoke();
      assert.equal(await service.hasPermission("member", "bolt", "execute"), true);
      await forget(new PermissionService(db));
      assert.equal(await service.hasPermission("member", "bolt", "execute"), false);
    });
  }

  it("forgets a role of users themselves", async () => {
    await service.hasPermission("direct", "bolt", "read");
    db.db.run("DELETE FROM role_permissions WHERE role_id = 'viewer'");
    await service.invalidateRolePermissionCache("viewer");
    assert.equal(await service.hasPermission("direct", "bolt", "read"), false);
  });

  it("forgets only what it is told", async () => {
    await service.hasPermission("direct", "bolt", "read");
    const before = asked();
    service.invalidateUserPermissionCache("member");
    await service.hasPermission("direct", "bolt", "read");
    assert.equal(asked(), before);
  });

  it("does not remember an answer to a question from before it forgot", async () => {
    const pending = service.hasPermission("direct", "bolt", "read");
    service.invalidateUserPermissionCache("direct");
    await pending;
    const before = asked();
    await service.hasPermission("direct", "bolt", "read");
    assert.ok(asked() > before);
  });

  it("shares nothing between databases", async () => {
    await service.hasPermission("direct", "bolt", "read");
    assert.equal(await new PermissionService(new Database()).hasPermission("direct", "bolt", "read"), false);
  });

  it("passes on faults and remembers none", async () => {
    db.failure = new Error("gone");
    await assert.rejects(service.hasPermission("direct", "bolt", "read"), { message: "gone" });
    db.failure = undefined;
    assert.equal(await service.hasPermission("direct", "bolt", "read"), true);
  });

  it("answers several questions in their order", async () => {
    const checks = [{ resource: "bolt", action: "execute" }, { resource: "bolt", action: "read" }];
    assert.deepEqual(await service.checkMultiplePermissions("direct", checks), [
      { resource: "bolt", action: "execute", allowed: false },
      { resource: "bolt", action: "read", allowed: true },
    ]);
    assert.deepEqual(await service.checkMultiplePermissions("direct", []), []);
  });

  for (const [who, expected] of [
    ["direct", ["ansible-read", "bolt-read"]],
    ["both", ["ansible-read", "bolt-execute", "bolt-read"]],
    ["none", []],
    ["unknown", []],
    ["inactive", []],
    ["admin", ["ansible-read", "bolt-execute", "bolt-read", "journal-note"]],
  ]) {
    it(`lists the permissions of ${who}`, async () => {
      const permissions = await service.getUserPermissions(who);
      assert.deepEqual(permissions.map(({ id }) => id), expected);
    });
  }

  it("tells the time of each check", async () => {
    const told = [];
    const recorder = { recordPermissionCheck: (ms, hit) => told.push([typeof ms, hit]) };
    const watched = new PermissionService(db, recorder);
    await watched.hasPermission("direct", "bolt", "read");
    await watched.hasPermission("direct", "bolt", "read");
    assert.deepEqual(told, [["number", false], ["number", true]]);
    setPermissionCheckRecorder(recorder);
    await service.hasPermission("direct", "bolt", "read");
    setPermissionCheckRecorder(undefined);
    await service.hasPermission("direct", "bolt", "read");
    assert.equal(told.length, 3);
  });

  it("tells the time of each check to the monitor of Pabawi that stands beside the module it replaces", () => {
    const home = mkdtempSync(join(tmpdir(), "permissions-"));
    try {
      mkdirSync(join(home, "services"));
      const write = (name, text) => writeFileSync(join(home, "services", name), text);
      const own = fileURLToPath(new URL("../../pabawi/PermissionService.js", import.meta.url));
      write("PermissionService.js", `module.exports = require(${JSON.stringify(own)});`);
      write("PerformanceMonitor.js", `exports.performanceMonitor = {
        told: [], recordPermissionCheck(ms, hit) { this.told.push([typeof ms, hit]); } };`);
      write("server.js", `
        const { PermissionService } = require("./PermissionService");
        const service = new PermissionService({ queryOne: async () => null });
        service.hasPermission("u", "bolt", "read").then(() => service.hasPermission("u", "bolt", "read")).then(() =>
          console.log(JSON.stringify(require("./PerformanceMonitor").performanceMonitor.told)));`);
      const told = () => JSON.parse(execFileSync(process.execPath, [join(home, "services", "server.js")], { encoding: "utf8" }));
      assert.deepEqual(told(), [["number", false], ["number", true]]);
      write("PerformanceMonitor.js", "exports.performanceMonitor = { told: [] };");
      assert.deepEqual(told(), []);
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it("creates and finds", async () => {
    const made = await service.createPermission({ resource: "new_1", action: "use", description: "d" });
    assert.deepEqual(await service.getPermissionById(made.id), made);
    assert.match(made.id, /^[0-9a-f-]{36}$/);
    assert.equal(new Date(made.createdAt).toISOString(), made.createdAt);
    assert.equal(await service.getPermissionById("gone"), null);
  });

  for (const [bad, message] of [
    [{ resource: "ab" }, "Resource must be between 3 and 100 characters"],
    [{ resource: "a".repeat(101) }, "Resource must be between 3 and 100 characters"],
    [{ resource: "Bolt" }, "Resource must be lowercase alphanumeric characters and underscores only"],
    [{ resource: "bo-lt" }, "Resource must be lowercase alphanumeric characters and underscores only"],
    [{ action: "ab" }, "Action must be between 3 and 50 characters"],
    [{ action: "a".repeat(51) }, "Action must be between 3 and 50 characters"],
    [{ action: "re ad" }, "Action must be lowercase alphanumeric characters and underscores only"],
    [{ description: "x".repeat(501) }, "Permission description must not exceed 500 characters"],
    [{ resource: "bolt", action: "read" }, "Permission with this resource-action combination already exists"],
  ]) {
    it(`refuses to create: ${message}`, async () => {
      const given = { resource: "thing", action: "use", description: "", ...bad };
      await assert.rejects(service.createPermission(given), { name: "Error", message });
    });
  }

  for (const [filters, ids, total] of [
    [undefined, ["ansible-read", "bolt-execute", "bolt-read", "journal-note"], 4],
    [{ limit: 2 }, ["ansible-read", "bolt-execute"], 4],
    [{ limit: 2, offset: 3 }, ["journal-note"], 4],
    [{ resource: "bolt" }, ["bolt-execute", "bolt-read"], 2],
    [{ action: "read" }, ["ansible-read", "bolt-read"], 2],
    [{ resource: "bolt", action: "read" }, ["bolt-read"], 1],
    [{ search: "NOTE" }, ["journal-note"], 1],
    [{ search: "can ex" }, ["bolt-execute"], 1],
    [{ search: "zzz" }, [], 0],
  ]) {
    it(`lists with ${JSON.stringify(filters)}`, async () => {
      const page = await service.listPermissions(filters);
      assert.deepEqual(page.items.map(({ id }) => id), ids);
      assert.deepEqual([page.total, page.limit, page.offset], [total, filters?.limit ?? 50, filters?.offset ?? 0]);
    });
  }

  it("searches without regard to case on PostgreSQL", async () => {
    const seen = [];
    const postgres = { getDialect: () => "postgres", queryOne: async (sql) => (seen.push(sql), { count: "3" }), query: async () => [] };
    assert.equal((await new PermissionService(postgres).listPermissions({ search: "x" })).total, 3);
    assert.match(seen[0], /ILIKE/);
  });
});
