// Plugins that are hostile in one way of their own: shapes, callbacks, time, themselves. Each case has a plugin and, where there
// is more to hold than what holds for all, `sees`; `during` is done while the framework is open, `after` when it is shut down.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { node, plugin, result } from "./plugins.mjs";
import { action, ran, SHORT } from "./support.mjs";
import { cycle, trapping } from "./values.mjs";

const hostile = (methods) => plugin("hostile", methods);
const source = ({ inventory }) => inventory.value.sources.find(({ name }) => name === "hostile");
const parsed = (json) => JSON.parse(json);
const callbacks = ({ metadata }) => metadata.streamingCallback;

/** Loops for so long, and does nothing else. */
function block(ms) {
  for (const until = Date.now() + ms; Date.now() < until; );
}

export const SHAPES = {
  "nodes with keys of prototypes": {
    plugin: hostile({
      getInventory: () => parsed(`[{"id":"__proto__","name":"__proto__","uri":"ssh://x","transport":"ssh","config":{"__proto__":{"polluted":1}}},
        {"id":"constructor","name":"constructor","uri":"ssh://y","transport":"ssh","__proto__":{"polluted":1},"config":{"constructor":{"prototype":{"polluted":1}}}}]`),
      getNodeFacts: (nodeId) => parsed(`{"nodeId":"${nodeId}","gatheredAt":"x","facts":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`),
    }),
    sees: ({ facts }) => {
      assert.equal({}.polluted, undefined);
      assert.ok(Object.hasOwn(facts.value[0].facts, "constructor"));
    },
  },
  "numbers that JSON has not": {
    plugin: hostile({
      getNodeFacts: (nodeId) => ({ nodeId, gatheredAt: Infinity, facts: { a: NaN, b: -Infinity, c: 1e308 * 10, d: -0, e: 2 ** 53 } }),
      executeAction: ({ target }) => ({ ...result(target, "x"), results: [{ nodeId: target, status: "success", duration: NaN, output: { exitCode: Infinity } }] }),
    }),
    sees: ({ facts }) => assert.equal(facts.value[0].facts.e, 2 ** 53),
  },
  "one node among many that is none": {
    plugin: hostile({ getInventory: () => [node("fine"), null, { id: 7 }, { id: "" }, node("x".repeat(1_000_000)), node("a\nb"), node("\ud800"), node("fine")] }),
    sees: (seen) => {
      assert.ok(seen.inventory.value.nodes.some(({ id }) => id === "fine"));
      assert.equal(source(seen).error, undefined);
    },
  },
  "groups of groups of themselves": {
    plugin: hostile({ getGroups: () => [{ id: "a", name: "a", nodes: ["a", 7, null, { a: 1 }], metadata: { hierarchy: ["a", "a"] } }, { id: "a", name: "a", nodes: "n1" }, 7] }),
  },
  "a group with a million names": {
    plugin: hostile({ getGroups: () => [{ id: "a", name: "a", source: "hostile", sources: [], linked: false, nodes: Array(1_000_000).fill("nobody") }] }),
  },
  "facts of another node": { plugin: hostile({ getNodeFacts: () => ({ nodeId: "other", facts: {} }) }) },
  "facts that are a list": { plugin: hostile({ getNodeFacts: (nodeId) => ({ nodeId, gatheredAt: [], facts: [1, 2] }) }) },
  "health that is a text": {
    plugin: hostile({ healthCheck: () => ({ healthy: "yes", message: { a: 1 } }) }),
    sees: ({ health }) => assert.equal(health.value[0].health.health.state, "unhealthy"),
  },
  "health with a huge message": {
    plugin: hostile({ healthCheck: () => ({ healthy: false, message: "x".repeat(16 * 1024 * 1024) }) }),
    sees: ({ health }) => assert.ok(JSON.stringify(health.value).length < 100_000),
  },
  "degraded health of unknown words": { plugin: hostile({ healthCheck: () => ({ healthy: true, degraded: true, workingCapabilities: [7, "x", null], failingCapabilities: "all" }) }) },
  "a result of another node": {
    plugin: hostile({ executeAction: () => result("other", "x") }),
    sees: ({ action: { error } }) => assert.deepEqual([error.code, error.plugin], ["plugin_fault", "hostile"]),
  },
  "a result that still runs": {
    plugin: hostile({ executeAction: ({ target }) => ({ ...result(target, "x"), status: "running", results: [] }) }),
    sees: ({ action: { error } }) => assert.equal(error.code, "plugin_fault"),
  },
  "a result whose output is no text": { plugin: hostile({ executeAction: ({ target }) => ({ ...result(target, "x"), results: [{ nodeId: target, status: "success", output: { stdout: new Uint8Array(5), stderr: 7, exitCode: "0" } }] }) }) },
  "a result with half a character": {
    plugin: hostile({ executeAction: ({ target }) => result(target, "a\ud800\\ud800b") }),
    sees: ({ action: { text } }) => assert.equal(text, "a\ufffd\\ud800b"),
  },
  "a result with 32 MiB of output": {
    plugin: hostile({ executeAction: ({ target }) => result(target, "x".repeat(32 * 1024 * 1024)) }),
    sees: ({ action: { value } }) => assert.equal(value.result.outcome, "succeeded"),
  },
  "data that is everything": {
    plugin: hostile({ getNodeData: () => [undefined, () => {}, Symbol("x"), new Date(0), new Map([[1, 2]]), NaN, new Uint8Array(2)] }),
    sees: ({ data }) => assert.deepEqual(data.value, [null, null, null, "1970-01-01T00:00:00.000Z", {}, null, { 0: 0, 1: 0 }]),
  },
  "capabilities that are none": { plugin: hostile({ listCapabilities: () => [null, 7, { name: 7 }, { name: "__proto__" }, { name: "command", parameters: "x" }, cycle] }) },
  "capabilities without an end": { plugin: hostile({ listCapabilities: () => Array.from({ length: 20_000 }, (_, at) => ({ name: `c${at}`, description: "x".repeat(1_000) })) }) },
  "nothing but what is private": {
    plugin: new (class {
      #name = "hostile";
      type = "both";
      get name() { return this.#name; }
      async initialize() { void this.#name; }
      async healthCheck() { return { healthy: true, lastCheck: this.#name }; }
      async getInventory() { return [node(this.#name)]; }
      async getNodeFacts() { return null; }
      async getNodeData() { return this.#name; }
      async executeAction({ target }) { return result(target, this.#name); }
    })(),
    sees: ({ data, action: { text } }) => assert.deepEqual([data.value, text], ["hostile", "hostile"]),
  },
  "an object that is frozen": { plugin: Object.freeze(hostile()), sees: ({ action: { text } }) => assert.equal(text, "by hostile\n") },
  "an object without a prototype": { plugin: Object.assign(Object.create(null), hostile()), sees: ({ action: { text } }) => assert.equal(text, "by hostile\n") },
};

/** What is refused when the framework is opened, with the code, or the field that is named. */
export const REFUSED = {
  "a Proxy that traps everything": [trapping(), /^plugin_fault$/],
  "a function that traps everything": [trapping(() => {}), /^plugin_fault$/],
  "a name whose getter throws": [Object.defineProperty(hostile(), "name", { get() { throw null; } }), /^plugin_fault$/],
  "a type whose getter throws": [Object.defineProperty(hostile(), "type", { get() { throw cycle(); } }), /^plugin_fault$/],
  "a name that is a number": [{ ...hostile(), name: 7 }, /^name$/],
  "a name that is huge": [{ ...hostile(), name: "x".repeat(10_000_000) }, /^name$/],
  "a name with half a character": [{ ...hostile(), name: "\ud800" }, /^name$/],
  "a name of two lines": [{ ...hostile(), name: "a\nb" }, /^name$/],
  "a name that the other one has": [{ ...hostile(), name: "good" }, /^bad_config$/],
  "a type that is none": [{ ...hostile(), type: "__proto__" }, /^type$/],
  "methods that are no functions": [{ ...hostile(), executeAction: {}, getInventory: "x", healthCheck: 7 }, /^methods\./],
  "nothing at all": [Object.create(null), /^(name|type)$/],
  "a configuration with a BigInt": [{ plugin: hostile(), config: { enabled: true, name: "hostile", type: "both", config: { a: 1n } } }, /^$/],
  "a configuration that is a cycle": [{ plugin: hostile(), config: cycle() }, /^$/],
  "a configuration whose getter throws nothing": [{ plugin: hostile(), config: { get enabled() { throw undefined; } } }, /^$/],
};

export const BEHAVIOURS = {
  "gets ready with a throw": {
    plugin: hostile({ initialize() { throw trapping(); } }),
    sees: ({ action: { error } }) => assert.ok(error),
  },
  "never gets ready": { limits: SHORT, plugin: hostile({ initialize: () => new Promise(() => {}) }), sees: ({ action: { error } }) => assert.ok(error) },
  "says that it is not ready": { plugin: hostile({ isInitialized: () => false }), sees: ({ action: { error } }) => assert.equal(error.code, "unavailable") },
  "settles twice": {
    plugin: hostile({ executeAction: ({ target }) => ({ then(resolve, reject) { resolve(result(target, "first\n")); resolve(result(target, "second\n")); reject(new Error("third")); throw new Error("fourth"); } }) }),
    sees: ({ action: { text } }) => assert.equal(text, "first\n"),
  },
  "is rejected after it was fulfilled": {
    plugin: hostile({ executeAction: ({ target }) => new Promise((resolve, reject) => { resolve(result(target, "done\n")); setTimeout(reject, 1, new Error("late")); }) }),
    sees: ({ action: { text } }) => assert.equal(text, "done\n"),
  },
  "is rejected when nobody waits any more": {
    limits: SHORT,
    plugin: hostile({ executeAction: () => new Promise((_, reject) => setTimeout(reject, 1_000, trapping())), getNodeData: () => new Promise((_, reject) => setTimeout(reject, 1_000, null)) }),
    during: () => sleep(1_200),
  },
  "loops for two seconds": {
    plugin: hostile({ executeAction({ target }) { block(2_000); return result(target, "late\n"); } }),
    sees: ({ action: { text } }) => assert.equal(text, "late\n"),
  },
  "loops past its time": {
    limits: SHORT,
    plugin: hostile({ getNodeData() { block(1_000); return { late: true }; } }),
    sees: ({ data }) => assert.match(data.error?.message ?? "none", /did not answer within 500 ms/),
  },
  "streams 100,000 times": {
    plugin: hostile({ async executeAction(given) { for (let at = 0; at < 100_000; at += 1) callbacks(given).onStdout("x\n"); return result(given.target, ""); } }),
    sees: ({ action: { value } }) => assert.deepEqual([value.result.outcome, value.stdout.totalBytes], ["succeeded", 200_000], JSON.stringify(value)),
  },
  "streams what is no text": {
    plugin: hostile({ async executeAction(given) { for (const one of [Symbol("x"), Object.create(null), trapping(), 7n, null, undefined, cycle()]) for (const tell of Object.values(callbacks(given))) tell(one); return result(given.target, "x"); } }),
    sees: ({ action: { value } }) => assert.equal(value.result.outcome, "succeeded"),
  },
  "streams more than is read": {
    plugin: hostile({ async executeAction(given) { for (let at = 0; at < 64; at += 1) callbacks(given).onStdout("x".repeat(1024 * 1024)); return result(given.target, ""); } }),
    sees: ({ action: { value } }) => assert.equal(value.result.outcome, "succeeded"),
  },
  "streams after its end, and after that of all": () => {
    const kept = [];
    return {
      plugin: hostile({ async executeAction(given) { kept.push(callbacks(given)); return result(given.target, "in time\n"); } }),
      during: async (host) => {
        for (let at = 0; at < 1_000; at += 1) kept[0].onStdout("late\n");
        assert.equal((await ran(host, "hostile")).text, "in time\n");
      },
      sees: ({ action: { text } }) => {
        assert.equal(text, "in time\n");
        for (let at = 0; at < 1_000; at += 1) for (const tell of Object.values(kept[0])) tell("too late\n");
      },
    };
  },
  "changes what it is given": {
    plugin: hostile({
      initialize: async (config) => { for (const name of Object.keys(config)) delete config[name]; config.__proto__ = { polluted: 1 }; },
      async executeAction(given) { const { target } = given; for (const name of Object.keys(given)) delete given[name]; Object.setPrototypeOf(given, trapping()); Object.freeze(given); return result(target, "x"); },
    }),
    during: async (host) => assert.equal((await ran(host, "hostile")).text, "x"),
  },
  "replaces its methods": {
    plugin: hostile({ async executeAction({ target }) { this.executeAction = 7; this.healthCheck = null; return result(target, "once\n"); } }),
    sees: ({ action: { text } }) => assert.equal(text, "once\n"),
    during: async (host) => {
      const { error } = await ran(host, "hostile");
      assert.deepEqual([error.code, error.plugin], ["unsupported", "hostile"]);
      assert.equal((await host.plugins.health("hostile"))[0].health.health.state, "unhealthy");
    },
  },
  "deletes its methods": {
    plugin: hostile({ async getNodeData() { for (const name of Object.keys(this)) delete this[name]; return null; } }),
    sees: ({ action: { error } }) => assert.equal(error.plugin, "hostile"),
  },
  "becomes another one": {
    plugin: hostile({ async getNodeData() { this.name = "good"; this.type = 7; return null; } }),
    sees: ({ action: { value } }) => assert.equal(value.result.outcome, "succeeded"),
  },
  "has methods that come and go": () => {
    let turn = 0;
    const own = hostile();
    return { plugin: new Proxy(own, { get: (target, name) => ((turn += 1) % 3 === 0 && name !== "name" && name !== "type" ? undefined : target[name]) }), mayBeRefused: true };
  },
  "asks the framework while it is asked": () => {
    let host;
    return {
      plugin: hostile({ executeAction: async ({ target }) => result(target, host === undefined ? "" : (await ran(host, "good")).text) }),
      during: async (opened) => { host = opened; assert.equal((await ran(host, "hostile")).text, "by good\n"); },
    };
  },
  "is asked by ten at once and fails for each in its way": () => {
    let calls = 0;
    return {
      plugin: hostile({ executeAction: ({ target }) => { calls += 1; if (calls % 3 === 0) throw null; return calls % 3 === 1 ? Promise.reject(calls) : result(target, "x"); } }),
      during: async (host) => {
        const ids = await Promise.all(Array.from({ length: 10 }, () => host.submit(action("hostile"))));
        const ended = await Promise.all(ids.map((id) => host.wait(id)));
        assert.equal(ended.length, 10);
      },
    };
  },
  "does not let go": {
    limits: SHORT,
    plugin: hostile({ shutdown: () => new Promise(() => {}) }),
    sees: () => {},
  },
  "lets go with a throw": { plugin: hostile({ shutdown() { throw trapping(); } }), sees: () => {} },
};
