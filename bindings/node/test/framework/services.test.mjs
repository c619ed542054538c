// The host's objects: logger, authorizer, performance monitor, plugins of v1.x.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { DeniedError, targetError } from "../../index.js";
import { BasePlugin } from "../../pabawi/BasePlugin.js";
import { PerformanceMonitorService } from "../../pabawi/PerformanceMonitorService.js";
import { all, command, framework, shutDown } from "./support.mjs";

const quiet = () => Object.fromEntries(["error", "warn", "info", "debug"].map((level) => [level, () => {}]));

describe("logger", () => {
  // R5.1, R10.6
  it("gets lines with the ids of execution and request", async () => {
    const lines = [];
    const logger = Object.fromEntries(Object.keys(quiet()).map((level) => [level, (message, context) => lines.push({ level, message, ...context })]));
    const host = await framework({ logger, logLevel: "debug" });
    const { record } = await host.execute(command("exit 3", "here", { correlationId: "ticket-9" }));
    await shutDown(host);
    const failed = lines.find((line) => line.message.includes("exit status 3"));
    assert.equal(failed.level, "warn");
    assert.equal(failed.component, "engine");
    assert.deepEqual([failed.metadata.executionId, failed.metadata.correlationId], [record.id, "ticket-9"]);
    assert.ok(lines.some((line) => line.level === "info" && line.message.includes("started")));
  });

  it("is called as a method of its object, and told no more than it wants", async () => {
    class Logger {
      count = 0;
      error() {
        this.count += 1;
      }
      warn = this.error;
      info() {
        throw new Error("not wanted");
      }
      debug = this.info;
    }
    const logger = new Logger();
    const host = await framework({ logger, logLevel: "error" });
    await host.execute(command("exit 3"));
    await shutDown(host);
    assert.equal(logger.count, 0);
  });

  it("that throws, or blocks, stops nothing", async () => {
    const fail = (line) => {
      if (line.includes("started")) for (const until = Date.now() + 50; Date.now() < until; );
      throw new Error("the logger is broken");
    };
    const host = await framework({ logger: { error: fail, warn: fail, info: fail, debug: fail }, logLevel: "debug" });
    assert.equal((await host.execute(command("true", "n[1-50]"))).summary.succeeded, 50);
    assert.equal((await host.stats()).log.dropped, 0);
  });
});

describe("performance monitor", () => {
  // R5.7, R10.7
  it("gets the time of each operation, in milliseconds", async () => {
    const performanceMonitor = new PerformanceMonitorService();
    const host = await framework({ performanceMonitor });
    await host.execute(command("sleep 0.05"));
    await shutDown(host);
    const [metric] = performanceMonitor.getMetrics("local:command");
    assert.ok(metric.duration >= 50 && metric.duration < 30_000, JSON.stringify(metric));
    assert.ok(!Number.isNaN(Date.parse(metric.timestamp)));
    assert.equal(performanceMonitor.getStatistics("local:command").count, 1);
  });

  it("that throws stops nothing", async () => {
    const recordMetric = () => {
      throw new Error("the monitor is broken");
    };
    const host = await framework({ performanceMonitor: { recordMetric } });
    assert.equal((await host.execute(command("true"))).summary.status, "completed");
  });
});

describe("command policy", () => {
  // R6.6, R9.6
  it("refuses what is not on its list, whoever asks, and has that in the journal", async () => {
    const host = await framework({ commandPolicy: { whitelist: ["true"] } });
    assert.equal((await host.execute(command("true"))).summary.status, "completed");
    await assert.rejects(host.execute(command("touch never")), (error) => {
      assert.ok(error instanceof DeniedError, `${error}`);
      assert.deepEqual([error.code, error.details.command, error.retryable], ["command_not_allowed", "touch never", false]);
      assert.match(error.message, /^Command not allowed: touch never: .*; it is not on the list$/);
      return true;
    });
    const refused = async () => (await host.journal.query({ nodes: ["here"] })).items.filter((entry) => entry.resultStatus === "denied");
    // It is written behind the answer.
    for (const until = Date.now() + 30_000; (await refused()).length === 0 && Date.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual((await refused()).map((entry) => [entry.eventType, entry.action]), [["execution_denied", "touch never"]]);
  });
});

describe("authorizer", () => {
  // R10.3
  it("that is missing denies", async () => {
    const host = await framework({ authorizer: undefined });
    await assert.rejects(host.execute(command("true")), (error) => {
      assert.ok(error instanceof DeniedError, `${error}`);
      assert.deepEqual([error.code, error.details.capability, error.retryable], ["denied", "command.execute", false]);
      return true;
    });
  });

  // R10.3
  it("is asked who, what, by which way and where", async () => {
    const asked = [];
    const authorizer = async (query) => {
      asked.push(query);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return query.user === "alice" ? true : { allow: false, reason: "only alice" };
    };
    const host = await framework({ authorizer, user: "alice" });
    assert.equal((await host.execute(command("true", "a,b"))).summary.status, "completed");
    const question = { user: "alice", capability: "command.execute", action: "command", risk: "execute", plugin: "local", nodes: ["a", "b"] };
    assert.deepEqual(asked[0], question);
    assert.ok(asked.some((query) => query.nodes.length === 1), "each target is asked about again");
    await assert.rejects(host.execute(command("true"), { user: "bob" }), /only alice/);
    await assert.rejects(host.executions({}, { user: "bob" }), DeniedError);
  });

  for (const [name, authorizer] of [
    ["throws", () => { throw new Error("no database"); }],
    ["rejects", () => Promise.reject(new Error("no database"))],
    ["answers nonsense", () => "yes"],
    ["answers nothing", () => undefined],
    ["answers what is no JSON", () => ({ allow: 1n })],
    ["answers too late", () => new Promise(() => {})],
  ]) {
    // R10.3
    it(`that ${name} denies`, async () => {
      const host = await framework({ authorizer, limits: { authorizerTimeoutMs: 200 } });
      await assert.rejects(host.execute(command("true")), DeniedError);
    });
  }

  // R10.3
  it("may be Pabawi's permission service, which is asked in its words", async () => {
    const asked = [];
    const authorizer = {
      granted: new Set(["alice local:execute"]),
      async hasPermission(user, resource, action) {
        asked.push(`${user} ${resource}:${action}`);
        if (user === "carol") throw new Error("no database");
        return this.granted.has(`${user} ${resource}:${action}`);
      },
    };
    const host = await framework({ authorizer });
    const outcomes = {};
    for (const user of ["alice", "bob", "carol"]) {
      outcomes[user] = await host.submit(command("true"), { user }).then(() => "allowed", (error) => error.code);
    }
    assert.deepEqual(outcomes, { alice: "allowed", bob: "denied", carol: "denied" });
    assert.deepEqual([...new Set(asked)].sort(), ["alice local:execute", "bob local:execute", "carol local:execute"]);
  });
});

/** A plugin as v1.x has them, over the replacement of its base class. */
class Echo extends BasePlugin {
  calls = [];
  constructor() {
    super("echo", "both", quiet());
  }
  async performInitialization() {}
  async performHealthCheck() {
    return { healthy: true, message: "fine" };
  }
  listCapabilities() {
    return [{ name: "command", description: "Says a command again" }];
  }
  async executeAction(action) {
    this.calls.push({ self: this, action });
    const { streamingCallback } = action.metadata;
    streamingCallback?.onCommand?.(`echo ${action.action}`);
    streamingCallback?.onStdout?.("streamed\n");
    if (action.action === "throw") throw new TypeError("it broke");
    return {
      id: "1", type: "command", targetNodes: [action.target], action: action.action, status: "success", startedAt: new Date().toISOString(),
      results: [{ nodeId: action.target, status: "success", output: { stdout: "streamed\n", stderr: "", exitCode: 0 }, duration: 1 }],
    };
  }
  async getInventory() {
    return [
      { id: "n1", name: "n1", uri: "ssh://n1", transport: "ssh", config: {} },
      { id: "here", name: "here", uri: "local://here", transport: "local", config: {} },
    ];
  }
  async getGroups() {
    return [];
  }
  async getNodeFacts(nodeId) {
    return { nodeId, gatheredAt: new Date().toISOString(), facts: { os: { family: "Plan9", name: "plan9", release: { full: "4", major: "4" } } } };
  }
  async getNodeData() {
    return null;
  }
}

const config = { enabled: true, name: "echo", type: "both", config: {}, priority: 7 };
const byEcho = (text) => ({ action: { type: "command", command: text }, targets: "n1", transport: "echo" });

describe("plugins of v1.x", () => {
  // R10.2, R10.4, R10.8
  it("run, stream, list nodes and know facts, unchanged", async () => {
    const plugin = new Echo();
    const host = await framework({ plugins: [{ plugin, config }] });
    const [status] = await host.plugins.health("echo");
    assert.deepEqual([status.state, status.health.health.state, status.priority], ["ready", "healthy", 7]);
    const id = await host.submit(byEcho("hello"));
    const events = await all(host.events(id));
    assert.equal(events.filter((event) => event.type === "output").map((event) => event.data).join(""), "streamed\n");
    assert.equal((await host.wait(id)).summary.status, "completed", JSON.stringify((await host.results(id)).items));
    assert.deepEqual(plugin.calls.map(({ action }) => [action.type, action.target, action.action]), [["command", "n1", "hello"]]);
    assert.equal(plugin.calls[0].self, plugin);
    assert.deepEqual((await host.inventory()).nodes.map((node) => node.id).sort(), ["here", "n1"]);
    const [facts] = await host.facts("n1");
    assert.equal(facts.facts.os.family, "Plan9", JSON.stringify(facts));
  });

  // R9.2, R9.8, R10.4
  it("are initialised with what their own schema of zod lets through, and with nothing else", async () => {
    const { z } = await import(process.env.PABAWI_TEST_ZOD ?? "zod");
    const schema = z.object({ port: z.number().int(), mode: z.enum(["fast", "safe"]) }).refine((value) => value.port !== 1, { message: "port 1 is taken", path: ["port"] });
    const state = async (own) => {
      const plugin = Object.assign(new Echo(), { configSchema: schema });
      const host = await framework({ plugins: [{ plugin, config: { ...config, config: own } }] });
      const status = (await host.plugins.list()).find(({ name }) => name === "echo");
      await shutDown(host);
      return [status.state, JSON.stringify(status)];
    };
    assert.equal((await state({ port: 8080, mode: "fast" }))[0], "ready");
    for (const [own, ...fields] of [[{ port: "8080", mode: "fast" }, "port"], [{}, "port", "mode"], [{ port: 1, mode: "safe" }, "port 1 is taken"]]) {
      const [name, told] = await state(own);
      assert.equal(name, "failed", told);
      for (const field of fields) assert.ok(told.includes(field === "port 1 is taken" ? field : `config.config.${field}: `), told);
    }
  });

  // R7.4, R10.4
  it("are asked by the methods that they have when they are called", async () => {
    const plugin = new Echo();
    const host = await framework({ plugins: [{ plugin, config }] });
    const { record } = await host.execute(byEcho("throw"));
    const [target] = (await host.results(record.id)).items;
    const { result } = target;
    assert.deepEqual([targetError(target).plugin, targetError(target).node], ["echo", "n1"]);
    assert.match(result.error.message, /it broke/);
    assert.equal(result.error.plugin.name, "echo");
    assert.match(result.error.plugin.stack, /TypeError: it broke[^]*services\.test\.mjs/);
    const original = plugin.executeAction;
    plugin.executeAction = async function (action) {
      return { ...(await original.call(this, action)), replaced: true };
    };
    assert.equal((await host.execute(byEcho("hello"))).summary.status, "completed");
    assert.equal(plugin.calls.length, 2);
  });

  // R6.4, R10.4
  it("that lack what their type needs are refused by name", async () => {
    const plugin = { name: "half", type: "execution", initialize: async () => {}, healthCheck: async () => ({ healthy: true, lastCheck: "" }) };
    await assert.rejects(framework({ plugins: [plugin] }), (error) => {
      assert.equal(error.name, "ZodError");
      assert.ok(error.issues.some((issue) => issue.path.join(".") === "methods.executeAction"), JSON.stringify(error.issues));
      return true;
    });
  });

  // R7.4
  it("that never answer hold nobody else up", async () => {
    const plugin = new Echo();
    plugin.executeAction = () => new Promise(() => {});
    const host = await framework({ plugins: [{ plugin, config }] });
    const id = await host.submit(byEcho("hang"));
    assert.equal((await host.execute(command("true"))).summary.status, "completed");
    await host.cancel(id);
    assert.equal((await host.wait(id)).summary.status, "cancelled");
  });
});
