// Every public call with arguments that are missing, too many, or of the wrong kind: a ZodError of the host's own Zod that names
// the parameter, and nothing has happened.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { before, describe, it } from "node:test";

import { crossing, withProto } from "../../framework/crossing.js";
import { PabawiError, createExecutionFramework, schemas } from "../../index.js";
import { all, command, folder, framework } from "./support.mjs";

const { ZodError } = createRequire(import.meta.url)("../../internal/zod.js").zod;
const ID = "01890a5d-ac96-774b-bcce-b302099a8057";
const HASH = "0".repeat(64);

/** Whether an issue is about a field: by its path, or, of one too many, by its key. */
function names(error, field) {
  return error.issues.some(({ path, keys }) => {
    const whole = path.join(".");
    return whole === field || (keys ?? []).some((key) => [whole, key].filter(Boolean).join(".") === field);
  });
}

async function refused(call, field) {
  let answer;
  try {
    answer = call();
    await (answer?.[Symbol.asyncIterator] ? all(answer) : answer);
  } catch (error) {
    assert.ok(error instanceof ZodError, `${error}`);
    assert.ok(names(error, field), `${field} is not named: ${JSON.stringify(error.issues)}`);
    assert.match(error.stack, /arguments\.test\.mjs/);
    return;
  }
  assert.fail(`${field}: it was taken`);
}

let host;
before(async () => {
  host = await framework();
});

const action = { type: "command", command: "true" };

/** [what is called, how, the field that is wrong] */
const WRONG = [
  // Nothing where something has to be.
  ["execute", () => host.execute(), ""],
  ["execute", () => host.execute({}), "action"],
  ["execute", () => host.execute({ action }), "targets"],
  ["execute", () => host.execute({ action: { type: "command" }, targets: "a" }), "action.command"],
  ["submit", () => host.submit(), ""],
  ["submit", () => host.submit({ targets: "a" }), "action"],
  ["submitAndFollow", () => host.submitAndFollow(), ""],
  ["submitAndFollow", () => host.submitAndFollow({ action, targets: 7 }), "targets"],
  ["submitAndFollow", () => host.submitAndFollow({ action, targets: "a" }, { mode: "fast" }), "mode"],
  ["totals", () => host.totals({ status: "done" }), "status"],
  ["wait", () => host.wait(), "id"],
  ["events", () => host.events(), "id"],
  ["watch", () => host.watch(), "id"],
  ["cancel", () => host.cancel(), "id"],
  ["rerun", () => host.rerun(ID), "selection"],
  ["resume", () => host.resume(), "id"],
  ["get", () => host.get(), "id"],
  ["progress", () => host.progress(), "id"],
  ["results", () => host.results(), "id"],
  ["attempts", () => host.attempts(), "id"],
  ["output", () => host.output(), "hash"],
  ["outputText", () => host.outputText({}), "hash"],
  ["outputGroups", () => host.outputGroups(ID), "stream"],
  ["explainSlow", () => host.explainSlow(), "id"],
  ["resetBreaker", () => host.resetBreaker(), "component"],
  ["facts", () => host.facts(), "targets"],
  ["factsMatching", () => host.factsMatching(), "condition"],
  ["export", () => host.export(), "id"],
  ["journal.planRetention", () => host.journal.planRetention(), ""],
  ["journal.prune", () => host.journal.prune(), "plan"],
  ["plugins.reload", () => host.plugins.reload(), "plugin"],
  ["plugins.reloadTool", () => host.plugins.reloadTool(), "tool"],
  ["plugins.reloadExternal", () => host.plugins.reloadExternal(), "plugin"],
  ["useSshConfig", () => host.useSshConfig(), "path"],
  ["plans.make", () => host.plans.make(), ""],
  ["plans.get", () => host.plans.get(), "hash"],
  ["plans.apply", () => host.plans.apply(), "hash"],
  ["graphs.run", () => host.graphs.run(), ""],
  ["graphs.run", () => host.graphs.run({ name: "g", tasks: [{ name: "a", targets: "a" }] }), "tasks.0.action"],
  ["graphs.get", () => host.graphs.get(), "id"],
  ["graphs.wait", () => host.graphs.wait(), "id"],
  ["graphs.cancel", () => host.graphs.cancel(), "id"],
  ["graphs.resume", () => host.graphs.resume(), "id"],
  ["graphs.events", () => host.graphs.events(), "id"],
  ["targets.resolve", () => host.targets.resolve(), "expression"],
  ["targets.explain", () => host.targets.explain(), "expression"],
  ["journal.note", () => host.journal.note("a"), "text"],
  ["journal.editNote", () => host.journal.editNote(ID), "text"],
  ["journal.versions", () => host.journal.versions(), "id"],
  ["plugins.call", () => host.plugins.call(), ""],
  ["plugins.call", () => host.plugins.call({}), "capability"],
  // Something of the wrong kind.
  ["execute", () => host.execute({ action, targets: ["a"] }), "targets"],
  ["execute", () => host.execute({ action: { ...action, env: { A: 1 } }, targets: "a" }), "action.env.A"],
  ["execute", () => host.execute({ action, targets: "a", concurrency: 1.5 }), "concurrency"],
  ["execute", () => host.execute({ action: { type: "dance" }, targets: "a" }), "action.type"],
  ["submit", () => host.submit({ action, targets: "a", rollout: { mode: { type: "rolling", waves: "1" } } }), "rollout.mode.waves"],
  ["wait", () => host.wait("seven"), "id"],
  ["events", () => host.events(ID, { from: 0 }), "from"],
  ["events", () => host.events(ID, { mode: "fast" }), "mode"],
  ["cancel", () => host.cancel(ID, { graceMs: -1 }), "graceMs"],
  ["rerun", () => host.rerun(ID, { selection: 7 }), "selection"],
  ["get", () => host.get(7), "id"],
  ["executions", () => host.executions({ status: ["done"] }), "status.0"],
  ["executions", () => host.executions(7), ""],
  ["results", () => host.results(ID, { state: "gone" }), "state"],
  ["attempts", () => host.attempts(ID, 7), "node"],
  ["output", () => host.output("abc"), "hash"],
  ["output", () => host.output(HASH, { maxBytes: 0 }), "maxBytes"],
  ["outputGroups", () => host.outputGroups(ID, "stdlog"), "stream"],
  ["explainSlow", () => host.explainSlow(ID, -1), "most"],
  ["inventory", () => host.inventory({ freshness: "old" }), "freshness"],
  ["facts", () => host.facts("a", { freshness: { maxAgeMs: "1" } }), "freshness"],
  ["plans.list", () => host.plans.list({ limit: 0 }), "limit"],
  ["plans.apply", () => host.plans.apply(HASH, { again: "yes" }), "again"],
  ["graphs.list", () => host.graphs.list({ limit: "1" }), "limit"],
  ["targets.explain", () => host.targets.explain("a", "a"), "nodes"],
  ["journal.query", () => host.journal.query({ nodes: "a" }), "nodes"],
  ["journal.timeline", () => host.journal.timeline({ live: 1 }), "live"],
  ["journal.verify", () => host.journal.verify(7), "node"],
  ["plugins.health", () => host.plugins.health(7), "plugin"],
  ["shutdown", () => host.shutdown({ deadlineMs: -1 }), "deadlineMs"],
  ["factsMatching", () => host.factsMatching(7), "condition"],
  ["export", () => host.export(ID, "pdf"), "format"],
  ["journal.planRetention", () => host.journal.planRetention({ executions: [{ keep: -1 }] }), "executions.0.keep"],
  ["journal.planRetention", () => host.journal.planRetention({ outputs: [{ actionKind: "shell" }] }), "outputs.0.actionKind"],
  ["journal.planRetention", () => host.journal.planRetention({ outputs: [{ plugin: "" }] }), "outputs.0.plugin"],
  ["journal.planRetention", () => host.journal.planRetention({ journal: [{ maxAgeMs: "1" }] }), "journal.0.maxAgeMs"],
  ["journal.prune", () => host.journal.prune({ journal: [{ entries: "all" }] }), "plan.journal.0.entries"],
  ["plugins.reload", () => host.plugins.reload("bolt"), "plugin"],
  ["plugins.reloadTool", () => host.plugins.reloadTool({ kind: "chef" }), "tool.kind"],
  ["plugins.reloadExternal", () => host.plugins.reloadExternal({ program: 7 }), "plugin.program"],
  // What only the native half knows.
  ["execute", () => host.execute(command(" ")), "action.command"],
  ["execute", () => host.execute({ action: { ...action, env: { "A-B": "x" } }, targets: "a" }), "action.env"],
  ["execute", () => host.execute(command("true", "web[")), "targets"],
  ["execute", () => host.execute(command("true", "a", { timeouts: { nodeMs: 2 ** 50 } })), "timeouts.nodeMs"],
  ["execute", () => host.execute(command("true", "a", { attach: [] , priority: 5000 })), "priority"],
  ["targets.resolve", () => host.targets.resolve("a,,[b"), "targets"],
  ["factsMatching", () => host.factsMatching("=x"), "condition"],
  ["factsMatching", () => host.factsMatching("os.family~("), "condition"],
  ["journal.planRetention", () => host.journal.planRetention({ journal: [{ keep: 1 }, { keep: 2 }] }), "journal.1"],
  ["journal.planRetention", () => host.journal.planRetention({ outputs: [{ keep: 1 }, { keep: 2 }] }), "outputs.1"],
  // What only Rust knows of names.
  ["executions", () => host.executions({ plugin: "" }), "plugin"],
  ["execute", () => host.execute({ action, targets: "a", transport: "S S H" }), "transport"],
  ["submitAndFollow", () => host.submitAndFollow({ action, targets: "a", transport: "S S H" }), "transport"],
  ["createExecutionFramework", () => createExecutionFramework({ tools: [{ kind: "bolt", name: "S S H" }] }), "tools.0.name"],
  ["journal.prune", () => host.journal.prune({ journal: [{ entries: 1, mark: "7" }] }), "plan.journal.0.mark"],
  ["journal.prune", () => host.journal.prune({ journal: [], executions: [{ executions: 1, targets: 1, mark: "x" }] }), "plan.executions.0.mark"],
  ["plugins.reloadExternal", () => host.plugins.reloadExternal({ program: "/no/such/program" }), "plugin.program"],
  ["useSshConfig", () => host.useSshConfig("/no/such/file"), "path"],
  // More than there is.
  ["execute", () => host.execute({ action, targets: "a", sudo: true }), "sudo"],
  ["execute", () => host.execute({ action: { ...action, shell: "sh" }, targets: "a" }), "action.shell"],
  ["events", () => host.events(ID, { since: 1 }), "since"],
  ["cancel", () => host.cancel(ID, { signal: 9 }), "signal"],
  ["rerun", () => host.rerun(ID, { selection: "all", nodes: [] }), "nodes"],
  ["executions", () => host.executions({ page: 2 }), "page"],
  ["results", () => host.results(ID, { page: 2 }), "page"],
  ["output", () => host.output(HASH, { from: 1 }), "from"],
  ["inventory", () => host.inventory({ fresh: true }), "fresh"],
  ["facts", () => host.facts("a", { ttl: 1 }), "ttl"],
  ["journal.planRetention", () => host.journal.planRetention({ everyMs: 60_000 }), "everyMs"],
  ["journal.prune", () => host.journal.prune({ journal: [], all: true }), "plan.all"],
  ["plugins.reloadTool", () => host.plugins.reloadTool({ kind: "bolt", settings: {} }), "tool.settings"],
  ["plans.make", () => host.plans.make({ action, targets: "a", dryRun: true }), "dryRun"],
  ["graphs.run", () => host.graphs.run({ name: "g", tasks: [], steps: [] }), "steps"],
  ["graphs.cancel", () => host.graphs.cancel(ID, { nodes: [] }), "nodes"],
  ["journal.query", () => host.journal.query({ node: "a" }), "node"],
  ["plugins.call", () => host.plugins.call({ capability: "a.b", params: {} }), "params"],
  ["shutdown", () => host.shutdown({ now: true }), "now"],
  // Who asks, and the signal, for every kind of call.
  ["execute", () => host.execute(command("true"), { user: "" }), "user"],
  ["execute", () => host.execute(command("true"), { user: "a\0b" }), "user"],
  ["get", () => host.get(ID, { signal: {} }), "signal"],
  ["events", () => host.events(ID, { user: 7 }), "user"],
  ["plugins.list", () => host.plugins.list({ timeout: 1 }), "timeout"],
  ["capabilities", () => host.capabilities("alice"), ""],
  ["breakers", () => host.breakers({ user: 7 }), "user"],
  ["stats", () => host.stats({ user: 7 }), "user"],
  ["metrics", () => host.metrics({ user: 7 }), "user"],
  ["prometheus", () => host.prometheus({ user: 7 }), "user"],
];

describe("arguments", () => {
  for (const [name, call, field] of WRONG) {
    // R9.2, R9.3, R9.4, R9.5, R9.6
    it(`${name}: ${field || "the argument itself"} in ${call.toString().slice(6)}`, () => refused(call, field));
  }

  it("are tried for every public call", () => {
    const tried = new Set(WRONG.map(([name]) => name));
    for (const [name, member] of Object.entries(host)) {
      const calls = typeof member === "object" ? Object.keys(member).map((call) => `${name}.${call}`) : [name];
      for (const call of calls.filter(() => name !== "database")) assert.ok(tried.has(call), `${call} is not tried`);
    }
  });

  // R9.3
  it("that are wrong start nothing", async () => {
    assert.deepEqual((await host.executions()).items, []);
  });

  it("that JSON cannot hold are refused, and not left out or changed", async () => {
    const parameters = {};
    parameters.self = parameters;
    const deep = {};
    let at = deep;
    for (let depth = 0; depth < 200; depth += 1) at = at.in = {};
    const call = (given) => () => host.plugins.call({ capability: "task.list", parameters: given });
    for (const [field, given] of [
      ["parameters.self.self", parameters],
      ["parameters.in", deep],
      ["parameters.big", { big: 7n }],
      ["parameters.a.1", { a: [1, NaN] }],
      ["parameters.far", { far: -Infinity }],
      ["parameters.f", { f() {} }],
      ["parameters.s", { s: Symbol("s") }],
      ["parameters.in.map", { in: { map: new Map([[1, 2]]) } }],
      ["parameters.set", { set: new Set() }],
      ["parameters.late", { late: Promise.resolve(1) }],
      ["parameters.hole.0", { hole: [, 1] }],
      ["parameters.none.1", { none: [1, undefined] }],
      ["parameters.__proto__", JSON.parse('{"__proto__": {"admin": true}}')],
    ]) {
      await refused(call(given), field);
    }
    const env = JSON.parse('{"__proto__": "x", "A": "1"}');
    await refused(() => host.submit({ action: { ...action, env }, targets: "a" }), "action.env.__proto__");
    await refused(() => host.submitAndFollow({ action: { ...action, env }, targets: "a" }), "action.env.__proto__");
    const task = { name: "one", action: { ...action, env }, targets: "a" };
    await refused(() => host.graphs.run({ name: "g", tasks: [task] }), "tasks.0.action.env.__proto__");
  });

  it("that only look odd are taken as they are", () => {
    const parameters = { within: JSON.parse('{"__proto__": {"a": 1}, "at": null}'), when: new Date(0), text: Object("x"), none: undefined };
    const request = { action: { type: "task", name: "t", parameters }, targets: "a" };
    const taken = crossing(withProto(request, schemas.ExecutionRequestSchema.parse(request)));
    for (const part of ['{"__proto__":{"a":1},"at":null}', '"when":"1970-01-01T00:00:00.000Z"', '"text":"x"']) assert.ok(taken.includes(part), taken);
  });

  it("that name nothing that is there are refused by their names", async () => {
    await refused(() => host.plugins.health("typo"), "plugin");
    await refused(() => host.executions({ cursor: "junk" }), "cursor");
    await refused(() => host.journal.query({ cursor: "junk" }), "cursor");
    await refused(() => host.graphs.list({ cursor: "junk" }), "cursor");
  });
});

describe("options", () => {
  const path = `${folder()}/e.db`;
  const given = (options) => () => createExecutionFramework({ database: path, authorizer: "allow-all", ...options });
  for (const [field, options] of [
    ["database", { database: 7 }],
    ["database", { database: { query() {} } }],
    ["hostDatabase", { hostDatabase: { query() {} } }],
    ["user", { user: "a\0b" }],
    ["user", { user: "a\nb" }],
    ["user", { user: "" }],
    ["authorizer", { authorizer: "root" }],
    ["authorizer", { authorizer: { may: () => true } }],
    ["logger", { logger: console.log }],
    ["performanceMonitor", { performanceMonitor: {} }],
    ["hostJournal", { hostJournal: {} }],
    ["hostJournal", { hostJournal: { recordEvent: true } }],
    ["journal.level", { journal: { level: "loud" } }],
    ["journal.recordEvent", { journal: { recordEvent: true } }],
    ["plugins", { plugins: {} }],
    ["plugins.0", { plugins: ["bolt"] }],
    ["logLevel", { logLevel: "loud" }],
    ["inventory", { inventory: "hosts" }],
    ["inventory.0", { inventory: ["/no/such/file"] }],
    ["ssh.hostKeys", { ssh: { hostKeys: "never" } }],
    ["ssh.config", { ssh: { config: "/no/such/file" } }],
    ["limits.maxNodeRuns", { limits: { maxNodeRuns: 0 } }],
    ["limits.maxNodes", { limits: { maxNodes: 1 } }],
    ["limits.hostJournalTimeoutMs", { limits: { hostJournalTimeoutMs: 0 } }],
    ["commandPolicy.whitelist", { commandPolicy: { whitelist: "ls" } }],
    ["tools.0.kind", { tools: [{ kind: "chef" }] }],
    ["externalPlugins.0.program", { externalPlugins: [{}] }],
    ["databse", { databse: path }],
  ]) {
    // R9.3, R9.6
    it(`${field} is named where it is wrong: ${JSON.stringify(options)}`, () => refused(given(options), field));
  }

  it("are all told at once, those that are data and those that are objects", async () => {
    await assert.rejects(given({ user: "", limits: { maxNodeRuns: "many" } })(), (error) => {
      assert.ok(names(error, "user") && names(error, "limits.maxNodeRuns"), JSON.stringify(error.issues));
      return true;
    });
  });

  it("that fail for another reason are a PabawiError", async () => {
    await assert.rejects(given({ database: "/proc/nowhere/e.db" })(), (error) => {
      assert.ok(error instanceof PabawiError, `${error}`);
      assert.equal(error.code, "store_unavailable");
      assert.match(error.stack, /arguments\.test\.mjs/);
      return true;
    });
  });
});
