// Section 7 of the contract: streams of output.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { StreamingExecutionManager } from "../../pabawi/StreamingExecutionManager.js";

const quiet = { error() {}, warn() {}, info() {}, debug() {} };

class Response extends EventEmitter {
  headers = {};
  text = "";
  ended = 0;
  constructor(ip = "10.0.0.1") {
    super();
    this.req = { ip };
  }
  setHeader(name, value) {
    this.headers[name] = value;
  }
  write(text) {
    this.text += text;
    return true;
  }
  end() {
    this.ended += 1;
    this.emit("close");
  }
  /** Events as [type, data]; the frame is checked on the way. */
  events() {
    return this.text.split("\n\n").filter((part) => part && !part.startsWith(":")).map((part) => {
      const [, type, json] = /^event: (\w+)\ndata: (.*)$/.exec(part);
      const event = JSON.parse(json);
      assert.equal(event.type, type);
      assert.ok(!Number.isNaN(Date.parse(event.timestamp)));
      return [type, event.data];
    });
  }
  after() {
    return this.events().slice(1);
  }
}

describe("streaming", () => {
  let manager;
  let response;
  const make = (more = {}) => {
    manager?.cleanup();
    manager = new StreamingExecutionManager({ bufferMs: 100, maxOutputSize: 1000, maxLineLength: 50, ...more }, quiet);
  };
  beforeEach(() => {
    mock.timers.enable({ apis: ["Date", "setTimeout", "setInterval"], now: 1_000_000 });
    make();
    response = new Response();
  });
  afterEach(() => {
    manager.cleanup();
    manager = undefined;
    mock.timers.reset();
  });

  it("greets the subscriber, and only that one", () => {
    assert.equal(manager.subscribe("e", response), true);
    const second = new Response();
    manager.subscribe("e", second);
    for (const one of [response, second]) {
      assert.deepEqual(one.events(), [["start", { message: "Connected to execution stream" }]]);
    }
    assert.deepEqual(response.headers, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache",
      Connection: "keep-alive",
      "X-Accel-Buffering": "no",
    });
    assert.equal(JSON.parse(/data: (.*)/.exec(response.text)[1]).executionId, "e");
  });

  for (const [name, call, event] of [
    ["status", () => manager.emitStatus("e", "running"), ["status", { status: "running" }]],
    ["commands", () => manager.emitCommand("e", "ls"), ["command", { command: "ls" }]],
    ["completion", () => manager.emitComplete("e", { ok: 1 }), ["complete", { ok: 1 }]],
    ["errors", () => manager.emitError("e", new Error("broke")), ["error", { error: "broke" }]],
    ["errors that are words", () => manager.emitError("e", "broke"), ["error", { error: "broke" }]],
    ["any event", () => manager.emit("e", { type: "status", data: [1] }), ["status", [1]]],
    ["an event without data", () => manager.emit("e", { type: "status" }), ["status", undefined]],
  ]) {
    it(`sends ${name}`, () => {
      manager.subscribe("e", response);
      manager.subscribe("other", new Response());
      call();
      assert.deepEqual(response.after(), [event]);
    });
  }

  it("collects output, standard output first", () => {
    manager.subscribe("e", response);
    manager.emitStderr("e", "E1");
    manager.emitStdout("e", "O1");
    manager.emitStdout("e", "O2");
    assert.deepEqual(response.after(), []);
    mock.timers.tick(100);
    assert.deepEqual(response.after(), [["stdout", { output: "O1O2" }], ["stderr", { output: "E1" }]]);
  });

  it("waits until output pauses", () => {
    manager.subscribe("e", response);
    for (let at = 0; at < 12; at += 1) {
      manager.emitStdout("e", "x");
      mock.timers.tick(50);
    }
    assert.deepEqual(response.after(), []);
    mock.timers.tick(49);
    assert.deepEqual(response.after(), []);
    mock.timers.tick(1);
    assert.deepEqual(response.after(), [["stdout", { output: "x".repeat(12) }]]);
  });

  it("shows output that never pauses", () => {
    manager.subscribe("e", response);
    for (let at = 0; at < 60; at += 1) {
      manager.emitStdout("e", "x");
      mock.timers.tick(50);
    }
    assert.deepEqual(response.after().map(([, { output }]) => output.length), [20, 20, 20]);
  });

  it("flushes before the end, and ends connections a second later", () => {
    manager.subscribe("e", response);
    manager.emitStdout("e", "last words");
    manager.emitComplete("e", { status: "success" });
    assert.deepEqual(response.after(), [["stdout", { output: "last words" }], ["complete", { status: "success" }]]);
    mock.timers.tick(999);
    assert.equal(response.ended, 0);
    mock.timers.tick(1);
    assert.equal(response.ended, 1);
    assert.deepEqual([manager.getSubscriberCount("e"), manager.getActiveExecutionCount()], [0, 0]);
  });

  it("cuts long lines, and not chunks of many short ones", () => {
    manager.subscribe("e", response);
    manager.emitStdout("e", "a".repeat(60));
    manager.emitStderr("e", "short line\n".repeat(10));
    mock.timers.tick(100);
    assert.deepEqual(response.after(), [
      ["stdout", { output: `${"a".repeat(50)}... [truncated 10 characters]` }],
      ["stderr", { output: "short line\n".repeat(10) }],
    ]);
  });

  it("ends output at its limit and says so once", () => {
    make({ maxOutputSize: 10 });
    manager.subscribe("e", response);
    for (const chunk of ["12345", "1234567890", "more", "more"]) {
      manager.emitStdout("e", chunk);
      manager.emitStderr("e", chunk);
      mock.timers.tick(100);
    }
    const output = response.after().map(([, data]) => data.output).join("");
    const notice = "\n[Output limit of 10 bytes reached. Further output will be truncated.]\n";
    assert.equal(output, `1234512345${notice}`);
  });

  it("gives a callback in expert mode only", () => {
    assert.equal(manager.createStreamingCallback("e", false), undefined);
    const callback = manager.createStreamingCallback("e", true);
    manager.subscribe("e", response);
    callback.onCommand("ls");
    callback.onStdout("o");
    callback.onStderr("e");
    mock.timers.tick(100);
    assert.deepEqual(response.after().map(([type]) => type), ["command", "stdout", "stderr"]);
  });

  it("greets the first subscriber alone, and shows it what came before as it shows output", () => {
    manager.emitCommand("e", "ls");
    manager.emitStdout("e", "early");
    mock.timers.tick(100);
    manager.subscribe("e", response);
    assert.deepEqual(response.after(), []);
    mock.timers.tick(99);
    assert.deepEqual(response.after(), []);
    mock.timers.tick(1);
    assert.deepEqual(response.after(), [["command", { command: "ls" }], ["stdout", { output: "early" }]]);
    const second = new Response();
    manager.subscribe("e", second);
    mock.timers.tick(100);
    assert.deepEqual(second.after(), []);
  });

  it("shows what came before ahead of the end", () => {
    manager.emitStdout("e", "early");
    mock.timers.tick(100);
    manager.subscribe("e", response);
    manager.emitComplete("e", {});
    assert.deepEqual(response.after(), [["stdout", { output: "early" }], ["complete", {}]]);
  });

  it("bears executions that nobody watches", () => {
    manager.emitStdout("e", "x".repeat(200_000));
    manager.emitStatus("e", "running");
    manager.emitComplete("e", {});
    manager.emitComplete("nobody", {});
    manager.unsubscribe("nobody", response);
    assert.equal(manager.getActiveExecutionCount(), 0);
  });

  it("counts subscribers and executions", () => {
    manager.subscribe("a", response);
    manager.subscribe("a", new Response());
    manager.subscribe("b", new Response());
    assert.deepEqual([manager.getSubscriberCount("a"), manager.getSubscriberCount("c")], [2, 0]);
    assert.equal(manager.getActiveExecutionCount(), 2);
    manager.unsubscribe("a", response);
    assert.equal(manager.getSubscriberCount("a"), 1);
    manager.emitStatus("a", "x");
    assert.deepEqual(response.after(), []);
  });

  it("forgets who closes the connection", () => {
    manager.subscribe("e", response);
    response.emit("close");
    assert.equal(manager.getSubscriberCount("e"), 0);
  });

  it("takes ten connections of an address, and does not touch the eleventh", () => {
    for (let at = 0; at < 10; at += 1) assert.equal(manager.subscribe(`e${at}`, new Response()), true);
    assert.equal(manager.subscribe("e", response), false);
    assert.deepEqual([response.text, response.headers], ["", {}]);
    assert.equal(manager.subscribe("e", new Response("10.0.0.2")), true);
    assert.equal(manager.getSubscriberCount("e"), 1);
  });

  it("counts a connection once that subscribes again", () => {
    for (let at = 0; at < 11; at += 1) assert.equal(manager.subscribe("e", response), true);
    assert.equal(manager.getSubscriberCount("e"), 1);
    for (let at = 0; at < 9; at += 1) assert.equal(manager.subscribe(`e${at}`, new Response()), true);
    assert.equal(manager.subscribe("f", new Response()), false);
  });

  it("counts streams that it ended no longer", () => {
    for (let at = 0; at < 25; at += 1) {
      assert.equal(manager.subscribe(`e${at}`, new Response()), true, String(at));
      manager.emitComplete(`e${at}`, {});
      mock.timers.tick(1000);
    }
  });

  it("goes by the socket where Express gives no address", () => {
    for (let at = 0; at < 10; at += 1) {
      const one = new Response();
      one.req = { socket: { remoteAddress: "::1" } };
      manager.subscribe("e", one);
    }
    response.req = { socket: { remoteAddress: "::1" } };
    assert.equal(manager.subscribe("e", response), false);
  });

  it("keeps connections alive, until it is told not to", () => {
    manager.subscribe("e", response);
    mock.timers.tick(30_000);
    assert.match(response.text, /: heartbeat\n\n$/);
    const { length } = response.text;
    manager.stopHeartbeat();
    mock.timers.tick(60_000);
    assert.equal(response.text.length, length);
  });

  it("drops a subscriber that cannot be written to", () => {
    manager.subscribe("e", response);
    response.write = () => { throw new Error("gone"); };
    manager.emitStatus("e", "x");
    assert.equal(manager.getSubscriberCount("e"), 0);
  });

  it("ends everything on cleanup", () => {
    manager.subscribe("e", response);
    manager.emitStdout("e", "x");
    manager.cleanup();
    assert.equal(response.ended, 1);
    assert.deepEqual([manager.getSubscriberCount("e"), manager.getActiveExecutionCount()], [0, 0]);
  });
});
