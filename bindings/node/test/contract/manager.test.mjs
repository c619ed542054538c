// Section 3 of the contract: the integration manager.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { IntegrationManager } from "../../pabawi/IntegrationManager.js";

const logger = { error: mock.fn(), warn: mock.fn(), info: mock.fn(), debug: mock.fn() };
const node = (id, more = {}) => ({ id, name: id, uri: `ssh://${id}`, transport: "ssh", config: {}, ...more });
const group = (id, name, nodes, more = {}) => ({ id, name, source: "x", sources: ["x"], linked: false, nodes, ...more });
const settle = () => new Promise((resolve) => setImmediate(resolve));

function plugin(name, more = {}) {
  return {
    name,
    type: "both",
    ready: true,
    initialize: mock.fn(async () => {}),
    healthCheck: mock.fn(async () => ({ healthy: true, lastCheck: "t" })),
    getConfig: () => ({ name }),
    isInitialized() {
      return this.ready;
    },
    executeAction: mock.fn(async () => ({ id: "result" })),
    listCapabilities: () => [],
    getInventory: mock.fn(async () => []),
    getGroups: mock.fn(async () => []),
    getNodeFacts: mock.fn(async (id) => ({ nodeId: id })),
    getNodeData: mock.fn(async () => null),
    ...more,
  };
}
const config = (name, type = "both") => ({ enabled: true, name, type, config: {} });

describe("integration manager", () => {
  let manager;
  const add = (...plugins) => {
    for (const one of plugins) manager.registerPlugin(one, config(one.name, one.type));
    return plugins[0];
  };
  beforeEach(() => {
    for (const log of Object.values(logger)) log.mock.resetCalls();
    manager = new IntegrationManager({ logger });
  });
  afterEach(() => {
    manager.stopHealthCheckScheduler();
    mock.timers.reset();
  });

  describe("registration", () => {
    it("sorts plugins by what they can", () => {
      const [tool, source, both] = [plugin("t", { type: "execution" }), plugin("s", { type: "information" }), plugin("b")];
      add(tool, source, both);
      assert.equal(manager.getPluginCount(), 3);
      assert.deepEqual(manager.getAllExecutionTools(), [tool, both]);
      assert.deepEqual(manager.getAllInformationSources(), [source, both]);
      assert.equal(manager.getExecutionTool("t"), tool);
      assert.equal(manager.getInformationSource("b"), both);
      assert.deepEqual([manager.getExecutionTool("s"), manager.getInformationSource("t"), manager.getExecutionTool("x")], [null, null, null]);
      const [registration] = manager.getAllPlugins();
      assert.deepEqual([registration.plugin, registration.config], [tool, config("t", "execution")]);
      assert.ok(!Number.isNaN(Date.parse(registration.registeredAt)));
    });

    it("refuses a name twice", () => {
      add(plugin("a"));
      assert.throws(() => add(plugin("a")), { message: "Plugin 'a' is already registered" });
    });

    it("bears a plugin without configuration", () => {
      manager.registerPlugin(plugin("a"), undefined);
      assert.equal(manager.getAllPlugins()[0].config, undefined);
    });

    it("forgets plugins", () => {
      add(plugin("a"));
      assert.equal(manager.unregisterPlugin("a"), true);
      assert.equal(manager.unregisterPlugin("a"), false);
      assert.deepEqual([manager.getPluginCount(), manager.getExecutionTool("a"), manager.getInformationSource("a")], [0, null, null]);
    });

    it("works without options", () => assert.equal(new IntegrationManager().getPluginCount(), 0));
  });

  describe("initialisation", () => {
    it("goes in order, one after the other, and collects failures", async () => {
      const order = [];
      const failing = plugin("b", { initialize: async () => { order.push("b"); throw new Error("no"); } });
      add(
        plugin("a", { initialize: async (given) => { await settle(); order.push(given.name); } }),
        failing,
        plugin("c", { initialize: async () => { order.push("c"); } }),
      );
      assert.equal(manager.isInitialized(), false);
      const errors = await manager.initializePlugins();
      assert.deepEqual(order, ["a", "b", "c"]);
      assert.deepEqual(errors.map(({ plugin: name, error }) => [name, error.message]), [["b", "no"]]);
      assert.equal(manager.isInitialized(), true);
    });

    it("makes errors of what is thrown", async () => {
      add(plugin("a", { initialize: () => { throw "word"; } }));
      const [{ error }] = await manager.initializePlugins();
      assert.ok(error instanceof Error && error.message === "word");
    });
  });

  describe("actions", () => {
    const action = { type: "command", target: "n", action: "ls" };

    it("go to the tool untouched", async () => {
      const tool = add(plugin("t"));
      const answer = { id: "x" };
      tool.executeAction = mock.fn(async () => answer);
      assert.equal(await manager.executeAction("t", action), answer);
      assert.equal(tool.executeAction.mock.calls[0].arguments[0], action);
    });

    for (const [what, name, message] of [
      ["no tool", "x", "Execution tool 'x' not found"],
      ["a source", "s", "Execution tool 's' not found"],
      ["a tool that is not initialised", "t", "Execution tool 't' is not initialized"],
    ]) {
      it(`fail with ${what}`, async () => {
        add(plugin("s", { type: "information" }), plugin("t", { ready: false }));
        await assert.rejects(manager.executeAction(name, action), { message });
      });
    }

    it("pass on the tool's error", async () => {
      const error = new Error("mine");
      add(plugin("t", { executeAction: () => Promise.reject(error) }));
      await assert.rejects(manager.executeAction("t", action), (thrown) => thrown === error);
    });

    it("list what can be provisioned", () => {
      const capabilities = [{ name: "vm", description: "", operation: "create" }];
      add(
        plugin("a"),
        plugin("b", { listProvisioningCapabilities: () => capabilities }),
        plugin("c", { listProvisioningCapabilities: () => [] }),
        plugin("d", { listProvisioningCapabilities: () => { throw new Error("no"); } }),
      );
      assert.deepEqual(manager.getAllProvisioningCapabilities(), [{ source: "b", capabilities }]);
    });
  });

  describe("inventory", () => {
    it("links the nodes of all sources in the order of registration", async () => {
      add(plugin("bolt", { getInventory: async () => [node("a"), node("b")] }), plugin("ssh", { getInventory: async () => [node("a", { extra: 1 })] }));
      const { nodes, sources, fetchDiagnostics } = await manager.getAggregatedInventory();
      assert.deepEqual(nodes.map(({ id, sources: from, source, extra }) => [id, from, source, extra]), [["a", ["bolt", "ssh"], "ssh", 1], ["b", ["bolt"], "bolt", undefined]]);
      assert.deepEqual({ ...sources.bolt, lastSync: "" }, { nodeCount: 2, groupCount: 0, lastSync: "", status: "healthy" });
      assert.ok(!Number.isNaN(Date.parse(sources.bolt.lastSync)));
      const { durationMs, ...diagnostics } = fetchDiagnostics.ssh;
      assert.deepEqual(diagnostics, { timedOut: false, status: "healthy", nodeCount: 1, groupCount: 0 });
      assert.ok(durationMs >= 0);
    });

    it("does not change what plugins own", async () => {
      const own = node("a");
      add(plugin("bolt", { getInventory: async () => [own] }));
      await manager.getAggregatedInventory();
      assert.equal(own.source, undefined);
    });

    for (const [what, more, error] of [
      ["is not initialised", { ready: false }, "Source is not initialized"],
      ["fails", { getInventory: () => Promise.reject(new Error("down")) }, "down"],
      ["throws at once", { getInventory: () => { throw new Error("at once"); } }, "at once"],
    ]) {
      it(`tells of a source that ${what}`, async () => {
        add(plugin("bad", more), plugin("good", { getInventory: async () => [node("a")] }));
        const { nodes, sources, fetchDiagnostics } = await manager.getAggregatedInventory();
        assert.equal(nodes.length, 1);
        assert.deepEqual({ ...sources.bad, lastSync: "" }, { nodeCount: 0, groupCount: 0, lastSync: "", status: "unavailable" });
        assert.deepEqual([fetchDiagnostics.bad.error, fetchDiagnostics.bad.timedOut], [error, false]);
      });
    }

    it("takes failing groups for none", async () => {
      add(plugin("a", { getInventory: async () => [node("n")], getGroups: () => Promise.reject(new Error("x")) }));
      const { nodes, groups, sources } = await manager.getAggregatedInventory();
      assert.deepEqual([nodes.length, groups, sources.a.status], [1, [], "healthy"]);
      assert.equal(logger.error.mock.callCount(), 1);
    });

    for (const [name, ms] of [["slow", 15_000], ["checkmk", 60_000]]) {
      it(`gives ${name} up after ${ms} ms`, async () => {
        mock.timers.enable({ apis: ["setTimeout"] });
        add(plugin(name, { getInventory: () => new Promise(() => {}) }), plugin("good", { getInventory: async () => [node("n")] }));
        const pending = manager.getAggregatedInventory();
        await settle();
        mock.timers.tick(ms - 1);
        await settle();
        mock.timers.tick(1);
        const { nodes, sources, fetchDiagnostics } = await pending;
        assert.deepEqual([nodes.length, sources[name].status], [1, "unavailable"]);
        assert.deepEqual([fetchDiagnostics[name].error, fetchDiagnostics[name].timedOut], [`Source '${name}' timed out after ${ms}ms`, true]);
      });
    }

    it("is cached, the same object, for its time", async () => {
      mock.timers.enable({ apis: ["Date"], now: 0 });
      manager = new IntegrationManager({ logger, inventoryCacheTTL: 1000 });
      const source = add(plugin("a"));
      const first = await manager.getAggregatedInventory();
      mock.timers.tick(999);
      assert.equal(await manager.getAggregatedInventory(), first);
      mock.timers.tick(1);
      assert.notEqual(await manager.getAggregatedInventory(), first);
      assert.equal(source.getInventory.mock.callCount(), 2);
    });

    it("is asked again without the cache, after it is cleared, and when plugins go", async () => {
      const source = add(plugin("a"), plugin("b"));
      await manager.getAggregatedInventory();
      await manager.getAggregatedInventory(false);
      manager.clearInventoryCache();
      await manager.getAggregatedInventory();
      manager.clearAllCaches();
      await manager.getAggregatedInventory();
      manager.unregisterPlugin("b");
      await manager.getAggregatedInventory();
      assert.equal(source.getInventory.mock.callCount(), 5);
    });

    it("is asked by each who finds nothing remembered", async () => {
      const source = add(plugin("a"));
      const ask = () => Promise.all(Array.from({ length: 5 }, () => manager.getAggregatedInventory()));
      assert.equal(new Set(await ask()).size, 5);
      assert.equal(source.getInventory.mock.callCount(), 5);
      await ask();
      assert.equal(source.getInventory.mock.callCount(), 5);
      manager.clearInventoryCache();
      await ask();
      assert.equal(source.getInventory.mock.callCount(), 10);
    });

    it("is asked once however many find it out of date", async () => {
      mock.timers.enable({ apis: ["Date"], now: 0 });
      manager = new IntegrationManager({ logger, inventoryCacheTTL: 1000 });
      const source = add(plugin("a"));
      await manager.getAggregatedInventory();
      mock.timers.tick(1000);
      await Promise.all(Array.from({ length: 5 }, () => manager.getAggregatedInventory()));
      assert.equal(source.getInventory.mock.callCount(), 2);
    });

    it("does not remember an answer from before it was cleared", async () => {
      let answer;
      const source = add(plugin("a", { getInventory: mock.fn(() => new Promise((resolve) => (answer = resolve))) }));
      const old = manager.getAggregatedInventory();
      await settle();
      manager.clearInventoryCache();
      answer([node("old")]);
      assert.equal((await old).nodes[0].id, "old");
      source.getInventory = async () => [node("new")];
      assert.equal((await manager.getAggregatedInventory()).nodes[0].id, "new");
    });

    it("looks methods up when it calls them", async () => {
      const source = add(plugin("a"));
      source.getInventory = async () => [node("late")];
      assert.equal((await manager.getLinkedInventory()).nodes[0].id, "late");
    });

    it("bears more nodes than arguments fit on a stack", async () => {
      const many = Array.from({ length: 200_000 }, (_, at) => node(`n${at}`));
      add(plugin("a", { getInventory: async () => many }));
      assert.equal((await manager.getAggregatedInventory()).nodes.length, 200_000);
    });
  });

  describe("groups", () => {
    const groupsOf = async (groups, nodes = []) => {
      add(plugin("x", { getInventory: async () => nodes, getGroups: async () => groups }));
      return (await manager.getAggregatedInventory()).groups;
    };

    for (const [what, bad] of [
      ["no id", { id: undefined }], ["an id that is no text", { id: 7 }], ["no name", { name: "" }],
      ["members that are no list", { nodes: "a" }],
    ]) {
      it(`leave out one with ${what}`, async () => {
        assert.deepEqual(await groupsOf([group("x:a", "a", [], bad), group("x:b", "b", [])]), [group("x:b", "b", [])]);
        assert.equal(logger.warn.mock.callCount(), 1);
      });
    }

    it("keep the first of an id", async () => {
      assert.deepEqual((await groupsOf([group("x:a", "one", []), group("x:a", "two", [])])).map(({ name }) => name), ["one"]);
    });

    for (const [given, shown] of [
      ["<script>alert('xss')</script>malicious-group", "scriptalertxss/scriptmalicious-group"],
      [" web servers_1.2:3/4 ", "web servers_1.2:3/4"],
      ["日本", "sanitized_group"],
    ]) {
      it(`show ${given} as ${shown}`, async () => assert.equal((await groupsOf([group("x:a", given, [])]))[0].name, shown));
    }

    it("warn of members that are no nodes, with at most five names, and keep them", async () => {
      const members = Array.from({ length: 8 }, (_, at) => `gone${at}`);
      const [one] = await groupsOf([group("x:a", "a", ["n", ...members])], [node("n")]);
      assert.deepEqual(one.nodes, ["n", ...members]);
      const { metadata } = logger.warn.mock.calls[0].arguments[1];
      assert.deepEqual([metadata.count, metadata.members], [8, members.slice(0, 5)]);
    });

    it("have the ids of linked nodes as members, each once", async () => {
      const [one] = await groupsOf([group("x:a", "a", ["x:web", "web", "vm-1", "other"])], [node("vm-1", { name: "web" })]);
      assert.deepEqual(one.nodes, ["web", "other"]);
    });

    it("of one name become one", async () => {
      add(
        plugin("p", { getGroups: async () => [group("p:web", "web", ["a", "b"], { metadata: { description: "one", k: 1 } }), group("p:only", "only", ["a"])] }),
        plugin("q", { getGroups: async () => [group("q:web", "web", ["b", "c"], { metadata: { description: "two" } })] }),
      );
      const { groups } = await manager.getAggregatedInventory();
      assert.deepEqual(groups, [
        { id: "linked:web", name: "web", source: "p", sources: ["p", "q"], linked: true, nodes: ["a", "b", "c"], metadata: { description: "two", k: 1 } },
        { ...group("p:only", "only", ["a"]), source: "p" },
      ]);
    });

    it("have no metadata when none of them has", async () => {
      add(plugin("p", { getGroups: async () => [group("p:w", "w", [])] }), plugin("q", { getGroups: async () => [group("q:w", "w", [])] }));
      assert.equal((await manager.getAggregatedInventory()).groups[0].metadata, undefined);
    });
  });

  describe("data of a node", () => {
    it("comes from the first source that has it, with the facts of all", async () => {
      add(
        plugin("off", { ready: false, getInventory: async () => [node("n", { uri: "off" })] }),
        plugin("broken", { getInventory: () => Promise.reject(new Error("x")), getNodeFacts: () => Promise.reject(new Error("y")) }),
        plugin("a", { getInventory: async () => [node("other")] }),
        plugin("b", { getInventory: async () => [node("n", { uri: "from b" })] }),
        plugin("c", { getInventory: async () => [node("n", { uri: "from c" })] }),
      );
      const data = await manager.getNodeData("n");
      assert.equal(data.node.uri, "from b");
      assert.deepEqual(Object.keys(data.facts), ["a", "b", "c"]);
      assert.deepEqual([data.executionHistory, data.additionalData], [[], {}]);
    });

    it("is an error for a node that no source has", async () => {
      add(plugin("a"));
      await assert.rejects(manager.getNodeData("gone"), { message: "Node 'gone' not found in any source" });
      await assert.rejects(manager.getLinkedNodeData("gone"), { message: "Node 'gone' not found in any source" });
    });

    it("is linked", async () => {
      add(plugin("bolt", { getInventory: async () => [node("n")] }), plugin("ssh", { getInventory: async () => [node("n")] }));
      const { node: found, dataBySource } = await manager.getLinkedNodeData("n");
      assert.deepEqual([found.sources, Object.keys(dataBySource)], [["bolt", "ssh"], ["bolt", "ssh"]]);
    });
  });

  describe("health", () => {
    it("is a Map, with failures as a state", async () => {
      add(plugin("a"), plugin("b", { healthCheck: () => Promise.reject(new Error("broke")) }));
      const health = await manager.healthCheckAll();
      assert.ok(health instanceof Map);
      assert.deepEqual(health.get("a"), { healthy: true, lastCheck: "t" });
      assert.deepEqual({ ...health.get("b"), lastCheck: "" }, { healthy: false, message: "Health check failed: broke", lastCheck: "" });
      const cache = manager.getHealthCheckCache();
      assert.deepEqual([...cache.keys()], ["a", "b"]);
      assert.ok(!Number.isNaN(Date.parse(cache.get("a").cachedAt)));
      cache.clear();
      assert.equal(manager.getHealthCheckCache().size, 2);
    });

    it("is remembered for those who ask so, while it is whole and fresh", async () => {
      mock.timers.enable({ apis: ["Date"], now: 0 });
      manager = new IntegrationManager({ logger, healthCheckCacheTTL: 1000 });
      const one = add(plugin("a"));
      await manager.healthCheckAll(true);
      await manager.healthCheckAll(true);
      assert.equal(one.healthCheck.mock.callCount(), 1);
      await manager.healthCheckAll();
      assert.equal(one.healthCheck.mock.callCount(), 2);
      mock.timers.tick(1000);
      await manager.healthCheckAll(true);
      assert.equal(one.healthCheck.mock.callCount(), 3);
      add(plugin("b"));
      await manager.healthCheckAll(true);
      assert.equal(one.healthCheck.mock.callCount(), 4);
      manager.clearHealthCheckCache();
      assert.equal(manager.getHealthCheckCache().size, 0);
    });

    it("does not wait for ever", async () => {
      mock.timers.enable({ apis: ["setTimeout"] });
      add(plugin("a", { healthCheck: () => new Promise(() => {}) }));
      const pending = manager.healthCheckAll();
      mock.timers.tick(60_000);
      assert.match((await pending).get("a").message, /^Health check failed: no answer within 60000ms/);
    });
  });

  describe("scheduler", () => {
    beforeEach(() => {
      mock.timers.enable({ apis: ["setTimeout", "Date"] });
      manager = new IntegrationManager({ logger, healthCheckIntervalMs: 1000, healthCheckRetryMs: 100 });
    });
    const tick = async (ms) => {
      mock.timers.tick(ms);
      await settle();
    };

    it("checks at once, and then after the interval", async () => {
      const one = add(plugin("a"));
      manager.startHealthCheckScheduler();
      manager.startHealthCheckScheduler();
      await settle();
      assert.equal(one.healthCheck.mock.callCount(), 1);
      await tick(999);
      assert.equal(one.healthCheck.mock.callCount(), 1);
      await tick(1);
      await tick(1000);
      assert.equal(one.healthCheck.mock.callCount(), 3);
    });

    it("takes what is due already for an answer, though a clock was moved past its time", async () => {
      const healthCheck = async () => {
        for (let turn = 0; turn < 20; turn += 1) await undefined;
        return { healthy: true, lastCheck: "t" };
      };
      add(plugin("a", { healthCheck }));
      manager.startHealthCheckScheduler();
      mock.timers.tick(300_000);
      await settle();
      assert.equal(manager.getHealthCheckCache().get("a").status.healthy, true);
    });

    it("begins with what is remembered", async () => {
      const one = add(plugin("a"));
      await manager.healthCheckAll();
      manager.startHealthCheckScheduler();
      await settle();
      assert.equal(one.healthCheck.mock.callCount(), 1);
    });

    it("checks sooner while a plugin is unhealthy", async () => {
      const one = add(plugin("a", { healthCheck: mock.fn(async () => ({ healthy: false, lastCheck: "t" })) }));
      manager.startHealthCheckScheduler();
      await settle();
      await tick(100);
      assert.equal(one.healthCheck.mock.callCount(), 2);
    });

    it("stops, also in the middle of a round", async () => {
      let answer;
      const one = add(plugin("a", { healthCheck: mock.fn(() => new Promise((resolve) => (answer = resolve))) }));
      manager.startHealthCheckScheduler();
      await settle();
      manager.stopHealthCheckScheduler();
      answer({ healthy: true, lastCheck: "t" });
      await settle();
      await tick(10_000);
      assert.equal(one.healthCheck.mock.callCount(), 1);
      manager.startHealthCheckScheduler();
      await settle();
      manager.stopHealthCheckScheduler();
    });
  });
});
