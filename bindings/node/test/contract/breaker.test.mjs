// Section 19 of the contract: circuit breaker and retry.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import {
  CircuitBreaker,
  CircuitBreakerOpenError,
  createPuppetDBCircuitBreaker,
} from "../../pabawi/CircuitBreaker.js";
import {
  DEFAULT_RETRY_CONFIG,
  calculateBackoffDelay,
  createIntegrationRetryConfig,
  createPuppetDBRetryConfig,
  createPuppetserverRetryConfig,
  createRetryWrapper,
  isRetryableError,
  withRetry,
} from "../../pabawi/RetryLogic.js";

const fails = () => Promise.reject(new Error("down"));
const works = () => Promise.resolve("ok");

describe("circuit breaker", () => {
  beforeEach(() => mock.timers.enable({ apis: ["Date", "setTimeout"], now: 1_000_000 }));
  afterEach(() => mock.timers.reset());

  const opened = async (more = {}) => {
    const breaker = new CircuitBreaker({ failureThreshold: 3, resetTimeout: 1000, ...more });
    for (let at = 0; at < 3; at += 1) await assert.rejects(breaker.execute(fails), { message: "down" });
    return breaker;
  };

  for (const [config, message] of [
    [{ failureThreshold: 0, resetTimeout: 1 }, "Failure threshold must be at least 1"],
    [{ failureThreshold: 1, resetTimeout: -1 }, "Reset timeout must be non-negative"],
  ]) {
    it(`refuses ${JSON.stringify(config)}`, () => assert.throws(() => new CircuitBreaker(config), { message }));
  }

  it("begins closed, with no times", () => {
    const breaker = new CircuitBreaker({ failureThreshold: 3, resetTimeout: 1000 });
    assert.deepEqual(breaker.getStats(), {
      state: "closed",
      failureCount: 0,
      successCount: 0,
      lastFailureTime: undefined,
      lastSuccessTime: undefined,
      openedAt: undefined,
    });
    assert.deepEqual([breaker.isClosed(), breaker.isOpen(), breaker.isHalfOpen()], [true, false, false]);
  });

  it("passes results and counts", async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 3, resetTimeout: 1000 });
    assert.equal(await breaker.execute(works), "ok");
    await assert.rejects(breaker.execute(fails));
    const stats = breaker.getStats();
    assert.deepEqual([stats.successCount, stats.failureCount], [1, 1]);
    assert.deepEqual([stats.lastSuccessTime, stats.lastFailureTime], [1_000_000, 1_000_000]);
  });

  it("opens by failures in total and then makes no calls", async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 2, resetTimeout: 1000 });
    await assert.rejects(breaker.execute(fails));
    await breaker.execute(works);
    await assert.rejects(breaker.execute(fails));
    assert.equal(breaker.getState(), "open");
    assert.equal(breaker.getStats().openedAt, 1_000_000);
    const call = mock.fn(works);
    await assert.rejects(breaker.execute(call), (error) => {
      assert.ok(error instanceof CircuitBreakerOpenError);
      assert.equal(error.name, "CircuitBreakerOpenError");
      assert.equal(error.message, "Circuit breaker is open. Service will be retried after 1000ms");
      return true;
    });
    assert.equal(call.mock.callCount(), 0);
  });

  it("stays open until the first call after the reset time", async () => {
    const breaker = await opened();
    mock.timers.tick(999);
    await assert.rejects(breaker.execute(works), CircuitBreakerOpenError);
    mock.timers.tick(1);
    assert.equal(breaker.getState(), "open");
    let seen;
    await breaker.execute(async () => (seen = breaker.getState()));
    assert.equal(seen, "half-open");
    assert.equal(breaker.getState(), "closed");
    assert.equal(breaker.getStats().failureCount, 0);
  });

  it("opens again when the probe fails", async () => {
    const breaker = await opened();
    mock.timers.tick(1000);
    await assert.rejects(breaker.execute(fails), { message: "down" });
    assert.equal(breaker.isOpen(), true);
    assert.equal(breaker.getStats().openedAt, 1_001_000);
  });

  it("lets every call through while half open, and goes by the first that ends", async () => {
    for (const [ends, state] of [["resolve", "closed"], ["reject", "open"]]) {
      const told = [];
      const breaker = await opened({ onStateChange: (from, to) => told.push(to) });
      mock.timers.tick(1000);
      const calls = [];
      const probes = Array.from({ length: 4 }, () =>
        breaker.execute(() => new Promise((resolve, reject) => calls.push({ resolve, reject }))));
      assert.equal(calls.length, 4);
      assert.equal(breaker.isHalfOpen(), true);
      calls[0][ends](new Error("down"));
      await Promise.allSettled([probes[0]]);
      assert.equal(breaker.getState(), state);
      for (const call of calls) call[ends](new Error("down"));
      await Promise.allSettled(probes);
      assert.equal(breaker.getState(), state);
      assert.deepEqual(told, ["open", "half-open", state]);
    }
  });

  it("forgets failures from long before that were followed by success", async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 2, resetTimeout: 1000 });
    await assert.rejects(breaker.execute(fails));
    mock.timers.tick(24 * 3600 * 1000);
    await breaker.execute(works);
    await assert.rejects(breaker.execute(fails));
    assert.equal(breaker.isClosed(), true);
  });

  it("tells of every change", async () => {
    const told = [];
    const breaker = await opened({
      onStateChange: (from, to) => told.push(`${from}>${to}`),
      onOpen: (count) => told.push(`open ${count}`),
      onClose: () => told.push("close"),
    });
    mock.timers.tick(1000);
    await breaker.execute(works);
    assert.deepEqual(told, ["closed>open", "open 3", "open>half-open", "half-open>closed", "close"]);
  });

  it("times out, counts that, and leaves no timer", async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 1, resetTimeout: 1000, timeout: 50 });
    const late = breaker.execute(() => new Promise(() => {}));
    mock.timers.tick(50);
    await assert.rejects(late, { message: "Operation timed out" });
    assert.equal(breaker.isOpen(), true);
  });

  it("is opened and closed by force", async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 3, resetTimeout: 1000 });
    breaker.forceOpen();
    assert.equal(breaker.isOpen(), true);
    await assert.rejects(breaker.execute(works), CircuitBreakerOpenError);
    breaker.forceReset();
    assert.deepEqual([breaker.isClosed(), breaker.getStats().failureCount], [true, 0]);
    assert.equal(await breaker.execute(works), "ok");
  });

  it("counts what throws before it promises", async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 1, resetTimeout: 1000 });
    await assert.rejects(breaker.execute(() => { throw new Error("at once"); }), { message: "at once" });
    assert.equal(breaker.isOpen(), true);
  });

  it("has an error with a message of its own, and PuppetDB's defaults", async () => {
    assert.equal(new CircuitBreakerOpenError().message, "Circuit breaker is open");
    const breaker = createPuppetDBCircuitBreaker();
    for (let at = 0; at < 4; at += 1) await assert.rejects(breaker.execute(fails));
    assert.equal(breaker.isClosed(), true);
    await assert.rejects(breaker.execute(fails));
    await assert.rejects(breaker.execute(works), /after 60000ms/);
  });
});

describe("retry", () => {
  const plain = { maxAttempts: 3, initialDelay: 100, jitter: false };

  it("has Pabawi's defaults", () => {
    const { shouldRetry, ...rest } = DEFAULT_RETRY_CONFIG;
    assert.deepEqual(rest, { maxAttempts: 3, initialDelay: 1000, maxDelay: 30000, backoffMultiplier: 2, jitter: true });
    assert.equal(shouldRetry(new Error("x")), true);
  });

  for (const [attempt, config, delay] of [
    [0, plain, 100],
    [1, plain, 200],
    [5, plain, 3200],
    [20, plain, 30000],
    [3, { ...plain, maxDelay: 500 }, 500],
    [2, { ...plain, backoffMultiplier: 3 }, 900],
    [1, { ...plain, backoffMultiplier: 1.5, initialDelay: 33 }, 49],
    [1, { ...plain, maxDelay: undefined }, 200],
  ]) {
    it(`waits ${delay} ms after ${attempt} retries with ${JSON.stringify(config)}`, () => {
      assert.equal(calculateBackoffDelay(attempt, config), delay);
    });
  }

  it("draws between nothing and the full wait", () => {
    const random = mock.method(Math, "random", () => 0.5);
    assert.equal(calculateBackoffDelay(1, { maxAttempts: 1, initialDelay: 101 }), 101);
    random.mock.restore();
    for (let at = 0; at < 100; at += 1) {
      const delay = calculateBackoffDelay(2, { maxAttempts: 1, initialDelay: 100 });
      assert.ok(Number.isInteger(delay) && delay >= 0 && delay <= 400);
    }
  });

  it("retries so many times after the first try, and rejects with the last error", async () => {
    let calls = 0;
    const operation = () => Promise.reject(new Error(`call ${(calls += 1)}`));
    await assert.rejects(withRetry(operation, { ...plain, initialDelay: 0 }), { message: "call 4" });
    assert.equal(calls, 4);
  });

  it("tells of each retry, and stops at success", async () => {
    const told = [];
    let calls = 0;
    const operation = async () => {
      if ((calls += 1) < 3) throw new Error("busy");
      return calls;
    };
    const config = { ...plain, initialDelay: 1, onRetry: (attempt, delay, error) => told.push([attempt, delay, error.message]) };
    assert.equal(await createRetryWrapper(config)(operation), 3);
    assert.deepEqual(told, [[1, 1, "busy"], [2, 2, "busy"]]);
  });

  it("asks whether to try again", async () => {
    let calls = 0;
    const operation = () => Promise.reject(new Error(`call ${(calls += 1)}`));
    await assert.rejects(withRetry(operation, { ...plain, shouldRetry: () => false }), { message: "call 1" });
    await assert.rejects(withRetry(operation, { ...plain, maxAttempts: 0 }), { message: "call 2" });
  });

  for (const [thrown, retryable] of [
    [new Error("connect ECONNREFUSED"), true],
    [new Error("ECONNRESET"), true],
    [new Error("ETIMEDOUT"), true],
    [new Error("Timeout of 5"), true],
    [new Error("Network down"), true],
    [new Error("socket hang up"), true],
    [new Error("HTTP_503"), true],
    [new Error("http_429"), true],
    [new Error("http_404"), false],
    [new Error("no"), false],
    ["timeout", false],
    [undefined, false],
  ]) {
    it(`${retryable ? "retries" : "does not retry"} ${String(thrown)}`, () => {
      assert.equal(isRetryableError(thrown), retryable);
    });
  }

  for (const [name, config] of [
    ["PuppetDB", createPuppetDBRetryConfig()],
    ["Puppetserver", createPuppetserverRetryConfig()],
    ["any", createIntegrationRetryConfig("any")],
  ]) {
    it(`has a configuration for ${name} that logs`, () => {
      const warn = mock.method(console, "warn", () => {});
      assert.deepEqual([config.maxAttempts, config.initialDelay], [3, 1000]);
      assert.equal(config.shouldRetry, isRetryableError);
      config.onRetry(2, 10, new Error("busy"));
      assert.match(warn.mock.calls[0].arguments[0], /Retry attempt 2 after 10ms/);
      warn.mock.restore();
    });
  }

  it("takes other numbers", () => {
    assert.deepEqual([createPuppetDBRetryConfig(7, 5).maxAttempts, createPuppetDBRetryConfig(7, 5).initialDelay], [7, 5]);
  });
});
