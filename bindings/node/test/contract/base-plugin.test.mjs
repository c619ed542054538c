// Section 2 of the contract: what every plugin has in common.
import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";

import { BasePlugin } from "../../pabawi/BasePlugin.js";
import { PerformanceMonitorService } from "../../pabawi/PerformanceMonitorService.js";

const quiet = () => ({ error: mock.fn(), warn: mock.fn(), info: mock.fn(), debug: mock.fn() });

class Plugin extends BasePlugin {
  inits = 0;
  health = async () => ({ healthy: true, message: "fine" });
  failure;

  constructor(logger = quiet()) {
    super("mine", "both", logger);
  }
  async performInitialization() {
    if (this.failure) throw this.failure;
    this.inits += 1;
  }
  performHealthCheck() {
    return this.health();
  }
  state() {
    return [this.config, this.initialized, this.lastHealthCheck, this.logger, this.performanceMonitor];
  }
  say(...args) {
    this.log(...args);
  }
  complain(...args) {
    this.logError(...args);
  }
}

const config = (more = {}) => ({ enabled: true, name: "mine", type: "both", config: { a: 1 }, ...more });

describe("base plugin", () => {
  it("has a name, a type, and services of its own when it is given none", () => {
    class Bare extends BasePlugin {
      services = () => [this.logger, this.performanceMonitor];
    }
    const plugin = new Bare("x", "execution");
    assert.deepEqual([plugin.name, plugin.type], ["x", "execution"]);
    const [logger, monitor] = plugin.services();
    assert.equal(typeof logger.warn, "function");
    assert.ok(monitor instanceof PerformanceMonitorService);
  });

  it("is a class that can be extended, with state for the subclass", async () => {
    const logger = quiet();
    const plugin = new Plugin(logger);
    assert.ok(plugin instanceof BasePlugin);
    assert.deepEqual(plugin.state().slice(0, 4), [{ enabled: false, name: "mine", type: "both", config: {} }, false, undefined, logger]);
    await plugin.initialize(config());
    assert.equal(plugin.state()[1], true);
  });

  for (const [bad, message] of [
    [{ name: "" }, "Plugin configuration must include a name"],
    [{ name: "other" }, "Configuration name 'other' does not match plugin name 'mine'"],
    [{ type: "execution" }, "Configuration type 'execution' does not match plugin type 'both'"],
  ]) {
    it(`refuses ${JSON.stringify(bad)} and keeps nothing`, async () => {
      const plugin = new Plugin();
      await assert.rejects(plugin.initialize(config(bad)), { message });
      assert.equal(plugin.inits, 0);
      assert.equal(plugin.getConfig().enabled, false);
    });
  }

  it("does its own part when it is enabled", async () => {
    const plugin = new Plugin();
    assert.equal(plugin.isInitialized(), false);
    await plugin.initialize(config());
    assert.equal(plugin.inits, 1);
    assert.deepEqual([plugin.isInitialized(), plugin.isEnabled()], [true, true]);
  });

  it("does not when it is disabled, but keeps the configuration", async () => {
    const plugin = new Plugin();
    await plugin.initialize(config({ enabled: false }));
    assert.equal(plugin.inits, 0);
    assert.deepEqual([plugin.isInitialized(), plugin.isEnabled(), plugin.getConfig().config.a], [false, false, 1]);
  });

  it("passes on why it could not be initialised", async () => {
    const plugin = new Plugin();
    plugin.failure = new Error("no project");
    await assert.rejects(plugin.initialize(config()), { message: "no project" });
    assert.equal(plugin.isInitialized(), false);
  });

  it("gives a copy of its configuration, and its priority", async () => {
    const plugin = new Plugin();
    assert.equal(plugin.getPriority(), 0);
    await plugin.initialize(config({ priority: 7 }));
    plugin.getConfig().enabled = false;
    assert.deepEqual([plugin.isEnabled(), plugin.getPriority()], [true, 7]);
  });

  it("says in its health that it is not initialised or disabled", async () => {
    const plugin = new Plugin();
    const { lastCheck, ...health } = await plugin.healthCheck();
    assert.deepEqual(health, { healthy: false, message: "Plugin is not initialized" });
    assert.ok(!Number.isNaN(Date.parse(lastCheck)));
    await plugin.initialize(config());
    await plugin.initialize(config({ enabled: false }));
    assert.equal((await plugin.healthCheck()).message, "Plugin is disabled");
  });

  it("reports its health with the time, and remembers a copy", async () => {
    const plugin = new Plugin();
    assert.equal(plugin.getLastHealthCheck(), undefined);
    await plugin.initialize(config());
    const health = await plugin.healthCheck();
    assert.deepEqual({ ...health, lastCheck: "" }, { healthy: true, message: "fine", lastCheck: "" });
    assert.deepEqual(plugin.getLastHealthCheck(), health);
    plugin.getLastHealthCheck().healthy = false;
    assert.equal(plugin.getLastHealthCheck().healthy, true);
  });

  it("never rejects a health check", async () => {
    const plugin = new Plugin();
    await plugin.initialize(config());
    plugin.health = () => Promise.reject(new Error("broken"));
    const health = await plugin.healthCheck();
    assert.deepEqual([health.healthy, health.message], [false, "broken"]);
    assert.match(health.details.error, /^Error: broken\n/);
    plugin.health = () => { throw "a word"; };
    assert.equal((await plugin.healthCheck()).message, "a word");
  });

  it("logs with its name", () => {
    const logger = quiet();
    const plugin = new Plugin(logger);
    plugin.say("hello");
    plugin.say("careful", "warn", "op");
    const [message, context] = logger.warn.mock.calls[0].arguments;
    assert.deepEqual([message, context.integration, context.operation], ["careful", "mine", "op"]);
    assert.equal(logger.info.mock.calls[0].arguments[0], "hello");
    plugin.complain("failed", new Error("why"), "op");
    const [text, , error] = logger.error.mock.calls[0].arguments;
    assert.match(text, /^failed/);
    assert.equal(error.message, "why");
  });
});

describe("performance monitor", () => {
  const metric = (operation, duration) => ({ operation, duration, timestamp: "t" });

  it("measures", async () => {
    const monitor = new PerformanceMonitorService();
    const end = monitor.startTimer("op");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const measured = end({ nodes: 3 });
    assert.deepEqual([measured.operation, measured.metadata], ["op", { nodes: 3 }]);
    assert.ok(measured.duration >= 4 && measured.duration < 5_000);
    assert.ok(!Number.isNaN(Date.parse(measured.timestamp)));
    assert.deepEqual(monitor.getMetrics(), [measured]);
    assert.equal("metadata" in monitor.startTimer("op")(), false);
  });

  it("computes by operation", () => {
    const monitor = new PerformanceMonitorService();
    for (const [operation, duration] of [["a", 4], ["b", 100], ["a", 2], ["a", 6]]) monitor.recordMetric(metric(operation, duration));
    assert.deepEqual(monitor.getStatistics("a"), { count: 3, avgDuration: 4, minDuration: 2, maxDuration: 6, totalDuration: 12 });
    assert.equal(monitor.getStatistics("c"), null);
    assert.deepEqual(monitor.getOperations(), ["a", "b"]);
    assert.equal(monitor.getMetrics("a").length, 3);
    assert.equal(monitor.getMetricsCount(), 4);
  });

  it("is cleared, all of it or one operation", () => {
    const monitor = new PerformanceMonitorService();
    for (const operation of ["a", "b", "a"]) monitor.recordMetric(metric(operation, 1));
    monitor.clearMetricsForOperation("a");
    assert.deepEqual(monitor.getOperations(), ["b"]);
    monitor.clearMetrics();
    assert.deepEqual([monitor.getMetricsCount(), monitor.getMetrics()], [0, []]);
  });

  it("keeps the newest 10 000", () => {
    const monitor = new PerformanceMonitorService();
    for (let at = 0; at < 25_000; at += 1) monitor.recordMetric(metric("a", at));
    assert.equal(monitor.getMetricsCount(), 10_000);
    assert.deepEqual([monitor.getMetrics()[0].duration, monitor.getMetrics().at(-1).duration], [15_000, 24_999]);
    assert.equal(monitor.getStatistics("a").minDuration, 15_000);
  });

  it("gives lists of its own", () => {
    const monitor = new PerformanceMonitorService();
    monitor.recordMetric(metric("a", 1));
    monitor.getMetrics().pop();
    assert.equal(monitor.getMetricsCount(), 1);
  });
});
