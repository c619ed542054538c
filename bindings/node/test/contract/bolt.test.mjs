// Section 17 of the contract: Bolt.
import assert from "node:assert/strict";
import childProcess, { execFileSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it, mock } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { BasePlugin } from "../../pabawi/BasePlugin.js";
import { BoltPlugin } from "../../pabawi/BoltPlugin.js";
import { BoltService } from "../../pabawi/BoltService.js";
import * as types from "../../pabawi/boltTypes.js";
import { isRunning } from "../framework/support.mjs";

const quiet = () => ({ error: mock.fn(), warn: mock.fn(), info: mock.fn(), debug: mock.fn() });

describe("errors of Bolt", () => {
  for (const [name, args, fields] of [
    ["BoltExecutionError", ["m", 2, "err", "out"], { exitCode: 2, stderr: "err", stdout: "out" }],
    ["BoltTimeoutError", ["m", 500], { timeout: 500 }],
    ["BoltParseError", ["m", "text", new SyntaxError("x")], { output: "text", parseError: new SyntaxError("x") }],
    ["BoltInventoryNotFoundError", ["m"], {}],
    ["BoltNodeUnreachableError", ["m", "n", "why"], { nodeId: "n", details: "why" }],
    ["BoltTaskNotFoundError", ["m", "t"], { taskName: "t" }],
    ["BoltTaskParameterError", ["m", "t", ["a", "b"]], { taskName: "t", parameterErrors: ["a", "b"] }],
  ]) {
    it(name, () => {
      const error = new types[name](...args);
      assert.ok(error instanceof Error);
      assert.deepEqual([error.name, error.message], [name, "m"]);
      for (const [field, value] of Object.entries(fields)) assert.deepEqual(error[field], value);
    });
  }
});

describe("what Bolt's output means", () => {
  const bolt = new BoltService("/project");

  it("knows its settings", () => {
    assert.deepEqual([bolt.getBoltProjectPath(), bolt.getDefaultTimeout()], ["/project", 300_000]);
    assert.equal(new BoltService("/p", 5).getDefaultTimeout(), 5);
  });

  it("reads JSON, or says what is wrong with it", () => {
    assert.deepEqual(bolt.parseJsonOutput('{"a":1}'), { a: 1 });
    assert.throws(() => bolt.parseJsonOutput(" \n"), { name: "BoltParseError", message: "Bolt command returned empty output" });
    assert.throws(() => bolt.parseJsonOutput("{x"), (error) => {
      assert.ok(error instanceof types.BoltParseError && error.parseError instanceof SyntaxError);
      assert.deepEqual([error.message, error.output], ["Failed to parse Bolt JSON output", "{x"]);
      return true;
    });
  });

  for (const [args, line] of [
    [["inventory", "show"], "bolt inventory show"],
    [["command", "run", "ls -l"], 'bolt command run "ls -l"'],
    [["command", "run", 'echo "a"'], 'bolt command run "echo \\"a\\""'],
    [["--params", '{"a":1}'], 'bolt --params "{\\"a\\":1}"'],
  ]) {
    it(`writes ${line}`, () => assert.equal(bolt.buildCommandString(args), line));
  }

  it("makes ids", () => {
    assert.match(bolt.generateExecutionId(), /^exec_\d{13}_[0-9a-z]{9}$/);
    assert.notEqual(bolt.generateExecutionId(), bolt.generateExecutionId());
  });

  for (const [text, category, message = text] of [
    ['{"_error":{"kind":"puppetlabs.tasks/connect-error","msg":"no route"}}', "connection", "no route"],
    ['{"_error":{"kind":"bolt/connect-error","msg":"m"}}', "connection", "m"],
    ['{"_error":{"kind":"puppetlabs.tasks/task-error","msg":"m"}}', "execution", "m"],
    ['{"_error":{"kind":"bolt/run-failure","msg":"m"}}', "execution", "m"],
    ['{"_error":{"kind":"bolt/validation-error","msg":"m"}}', "validation", "m"],
    ['{"_error":{"kind":"other/kind","msg":"connection"}}', "unknown", "connection"],
    ["Host is UNREACHABLE", "connection"],
    ["connection refused", "connection"],
    ["timed out", "connection"],
    ["No route to host", "connection"],
    ["Could not find a task named x", "task_not_found"],
    ["unknown task", "task_not_found"],
    ["inventory file is bad", "inventory_not_found"],
    ["No such file or directory", "inventory_not_found"],
    ["parameter 'x' expects", "validation"],
    ["value is required", "validation"],
    ["something else", "unknown"],
    ["{broken json", "unknown"],
  ]) {
    it(`takes ${text} for ${category}`, () => assert.deepEqual(bolt.categoriseError(text), { category, message }));
  }

  it("knows errors in JSON", () => {
    assert.equal(bolt.isBoltJsonError({ _error: { kind: "k", msg: "m" } }), true);
    for (const other of [null, "x", {}, { _error: {} }, { _error: { kind: 1, msg: "m" } }]) assert.equal(bolt.isBoltJsonError(other), false);
    assert.equal(BoltService.getErrorKindMap()["bolt/run-failure"], "execution");
  });

  it("finds lines about parameters", () => {
    assert.deepEqual(bolt.extractParameterErrors("Error:\n parameter 'a' expects\nother\nb is required"), ["parameter 'a' expects", "b is required"]);
    assert.deepEqual(bolt.extractParameterErrors("Parameter A"), ["Parameter A"]);
  });

  describe("of commands", () => {
    const of = (...items) => bolt.transformCommandOutput("id", "n", "ls", { items }, 1000, 1250, { stdout: "raw", stderr: "err", command: "bolt x" });

    it("that succeed", () => {
      assert.deepEqual(of({ target: "n", status: "success", value: { stdout: "o", stderr: "e", exit_code: 0 } }), {
        id: "id", type: "command", targetNodes: ["n"], action: "ls", status: "success", startedAt: "1970-01-01T00:00:01.000Z",
        completedAt: "1970-01-01T00:00:01.250Z", command: "bolt x", stdout: "raw", stderr: "err",
        results: [{ nodeId: "n", status: "success", output: { stdout: "o", stderr: "e", exitCode: 0 }, duration: 250 }],
      });
    });

    for (const [item, error] of [
      [{ value: { _error: { kind: "k", msg: "from value" } } }, "from value"],
      [{ value: { _error: { message: "older" } } }, "older"],
      [{ error: { msg: "from item" } }, "from item"],
      [{ error: { message: "older item" } }, "older item"],
      [{ value: { exit_code: 2 } }, "Command execution failed"],
      [{}, "Command execution failed"],
    ]) {
      it(`that fail with ${JSON.stringify(item)}`, () => {
        const result = of({ target: "n", status: "failure", ...item });
        assert.deepEqual([result.status, result.results[0].status, result.results[0].error], ["failed", "failed", error]);
      });
    }

    it("on several nodes, or none", () => {
      const both = of({ target: "a", status: "success", value: {} }, { target: "b", status: "failure", value: {} });
      assert.deepEqual([both.status, both.results.map(({ nodeId }) => nodeId)], ["failed", ["a", "b"]]);
      assert.deepEqual([of().status, of().results], ["success", []]);
      assert.deepEqual(bolt.transformCommandOutput("id", "n", "ls", null, 1, 2).results, []);
    });
  });

  describe("of tasks", () => {
    const of = (item, parameters) => bolt.transformTaskOutput("id", "n", "t", parameters, { items: [{ target: "n", ...item }] }, 0, 5);

    it("that succeed keep their value", () => {
      const result = of({ status: "success", value: { installed: true } }, { name: "x" });
      assert.deepEqual([result.type, result.action, result.parameters, result.status], ["task", "t", { name: "x" }, "success"]);
      assert.deepEqual(result.results[0], { nodeId: "n", status: "success", value: { installed: true }, duration: 5 });
    });

    for (const [value, error, stdout, exitCode] of [
      [{ _output: "text", _error: { kind: "k/t", msg: "m", details: { exit_code: 3 } } }, "[k/t] m (exit code 3)\n\nOutput:\ntext", "text", 3],
      [{ _error: { kind: "k/t", msg: "m", details: {} } }, "[k/t] m", "[k/t] m", undefined],
      [{ _output: " ", _error: { kind: "k/t", msg: "m" } }, "[k/t] m", "[k/t] m", undefined],
      [{ _output: "text" }, "text", "text", undefined],
      [{}, "Task execution failed", undefined, undefined],
    ]) {
      it(`that fail with ${JSON.stringify(value)}`, () => {
        const [result] = of({ status: "failure", value }).results;
        assert.deepEqual([result.error, result.output?.stdout, result.output?.exitCode, result.value], [error, stdout, exitCode, value]);
      });
    }
  });

  describe("of lists of tasks", () => {
    const parameters = (params) => bolt.transformTaskListOutput([{ name: "m::t", metadata: { parameters: params } }])[0].parameters;

    for (const [what, json] of [
      ["pairs", { tasks: [["package", "Manage"], ["facts", null]] }],
      ["objects", [{ name: "package", metadata: { description: "Manage" } }, { name: "facts" }]],
      ["names", { tasks: { package: { description: "Manage" }, facts: {} } }],
    ]) {
      it(`as ${what}`, () => {
        assert.deepEqual(bolt.transformTaskListOutput(json), [
          { name: "package", module: "core", description: "Manage", parameters: [], modulePath: "" },
          { name: "facts", module: "core", parameters: [], modulePath: "" },
        ]);
      });
    }

    it("with modules", () => {
      const [task] = bolt.transformTaskListOutput([{ name: "psick::puppet_agent", module: "/modules/psick" }]);
      assert.deepEqual([task.module, task.modulePath], ["psick", "/modules/psick"]);
    });

    for (const [type, base, required, words] of [
      ["String", "String", true], ["String[1]", "String", true], ["Optional[String[1]]", "String", false], ["Integer[0,10]", "Integer", true],
      ["Numeric", "Integer", true], ["Boolean", "Boolean", true], ["Optional[Boolean]", "Boolean", false], ["Array[String]", "Array", true],
      ["Hash", "Hash", true], ["Struct[{a => String}]", "Hash", true], ["Enum[a, 'b', \"c\"]", "String", true, ["a", "b", "c"]],
      ["Optional[Enum[on, off]]", "String", false, ["on", "off"]], ["Pattern[/x/]", "String", true], ["Variant[Integer, String]", "Integer", true],
    ]) {
      it(`with a parameter of type ${type}`, () => {
        const [parameter] = parameters({ p: { type, description: "d" } });
        const expected = { name: "p", type: base, description: "d", required, puppetType: type };
        assert.deepEqual(parameter, words ? { ...expected, enum: words } : expected);
      });
    }

    it("with parameters that say whether they are required, or have no type", () => {
      assert.deepEqual(parameters({ a: { type: "String", required: false, default: "x" }, b: { type: "Optional[String]", required: true }, c: {} }).map(
        ({ name, required, type, default: value }) => [name, required, type, value]), [["a", false, "String", "x"], ["b", true, "String", undefined], ["c", false, "String", undefined]]);
    });
  });

  it("of facts, whose missing parts are filled", () => {
    const { gatheredAt, ...facts } = bolt.transformFactsOutput("n", { items: [{ status: "failure" }, { status: "success", value: {
      os: { family: "Debian", name: "Debian", release: { full: "12.5", major: "12" } }, processors: { count: 2, models: ["x"] }, custom: 1,
    } }] });
    assert.ok(!Number.isNaN(Date.parse(gatheredAt)));
    assert.deepEqual(facts, { nodeId: "n", facts: {
      custom: 1, os: { family: "Debian", name: "Debian", release: { full: "12.5", major: "12" } }, processors: { count: 2, models: ["x"] },
      memory: { system: { total: "0", available: "0" } }, networking: { hostname: "unknown", interfaces: {} },
    } });
    assert.equal(bolt.transformFactsOutput("n", {}).facts.os.release.major, "unknown");
    assert.equal(bolt.transformFactsOutput("n", { os: { family: "RedHat" } }).facts.os.family, "RedHat");
  });
});

/** A project directory with a program `bolt` that does what a script says and notes its arguments. */
function project() {
  const directory = mkdtempSync(join(tmpdir(), "pabawi-bolt-"));
  const path = process.env.PATH;
  process.env.PATH = `${directory}:${path}`;
  const asked = join(directory, "asked");
  return {
    directory,
    script(text) {
      rmSync(asked, { force: true });
      writeFileSync(join(directory, "bolt"), `#!/bin/sh\nprintf '%s\\n' "$*" >> '${asked}'\n${text}\n`);
      chmodSync(join(directory, "bolt"), 0o755);
    },
    prints(json, status = 0) {
      writeFileSync(join(directory, "answer"), typeof json === "string" ? json : JSON.stringify(json));
      this.script(`cat '${directory}/answer'\nexit ${status}`);
    },
    asked: () => readFileSync(asked, "utf8").trim().split("\n"),
    remove() {
      process.env.PATH = path;
      rmSync(directory, { recursive: true });
    },
  };
}

describe("running Bolt", () => {
  let files;
  let bolt;
  before(() => (files = project()));
  after(() => files.remove());
  beforeEach(() => (bolt = new BoltService(files.directory, 20_000)));

  const items = (...all) => ({ items: all });
  const good = { target: "web1", status: "success", value: { stdout: "hi", stderr: "", exit_code: 0 } };

  it("gives what it printed, without blanks, and its exit code", async () => {
    files.script("pwd; echo ' complaint ' >&2; exit 3");
    const result = await bolt.executeCommand(["a", "b c"]);
    assert.deepEqual(result, { success: false, stdout: files.directory, stderr: "complaint", exitCode: 3, error: "complaint", command: 'bolt a "b c"' });
    assert.deepEqual(files.asked(), ["a b c"]);
    files.script("exit 4");
    assert.equal((await bolt.executeCommand([])).error, "Bolt command failed with exit code 4");
    assert.equal((await bolt.executeCommand([], { cwd: "/" })).success, false);
  });

  it("streams while it runs, with characters whole", async () => {
    files.script("printf 'gr\\303'; sleep 0.1; printf '\\274n'; echo e >&2");
    const told = [];
    await bolt.executeCommand(["x"], {}, {
      onCommand: (command) => told.push(command),
      onStdout: (chunk) => told.push(`o:${chunk}`),
      onStderr: (chunk) => told.push(`e:${chunk.trim()}`),
    });
    assert.equal(told[0], "bolt x");
    assert.equal(told.filter((one) => one.startsWith("o:")).map((one) => one.slice(2)).join(""), "grün");
    assert.ok(told.includes("e:e"));
  });

  it("ends a process that takes too long, also one that does not heed TERM", async () => {
    files.script("trap '' TERM; while :; do sleep 0.1; done");
    const begin = Date.now();
    await assert.rejects(bolt.executeCommand(["x"], { timeout: 200 }), (error) => {
      assert.ok(error instanceof types.BoltTimeoutError);
      assert.deepEqual([error.message, error.timeout], ["Bolt command execution exceeded timeout of 200ms", 200]);
      return true;
    });
    assert.ok(Date.now() - begin < 15_000);
  });

  // R8.8
  it("leaves no child of a Bolt that took too long, also one that does not heed TERM or has lost its parent", async () => {
    // The pipe of the last one stays open on purpose: it must not be waited for.
    files.script(`
      (trap '' TERM; while :; do sleep 1; done) & echo $! >> '${files.directory}/children'
      (sleep 300 >/dev/null 2>&1 & echo $! >> '${files.directory}/children')
      sleep 300 & echo $! >> '${files.directory}/children'
      wait`);
    await assert.rejects(bolt.executeCommand(["x"], { timeout: 1_000 }), { name: "BoltTimeoutError" });
    const children = readFileSync(join(files.directory, "children"), "utf8").trim().split("\n").map(Number);
    assert.equal(children.length, 3);
    for (const pid of children) assert.equal(await isRunning(pid), false, `${pid} is left`);
  });

  // R8.8
  it("takes Bolt along when the process ends", async () => {
    files.script(`echo $$ > '${files.directory}/pid'; (trap : TERM; sleep 300) & wait`);
    const text = `
      const { BoltService } = require(${JSON.stringify(fileURLToPath(new URL("../../pabawi/BoltService.js", import.meta.url)))});
      const { existsSync } = require("node:fs");
      new BoltService(${JSON.stringify(files.directory)}).executeCommand(["x"]).catch(() => {});
      setInterval(() => existsSync(${JSON.stringify(join(files.directory, "pid"))}) && process.exit(0), 10);`;
    execFileSync(process.execPath, ["--eval", text], { timeout: 20_000 });
    const pid = Number(readFileSync(join(files.directory, "pid"), "utf8"));
    for (let turn = 0; turn < 400 && (await isRunning(pid)); turn += 1) await wait(25);
    assert.equal(await isRunning(pid), false);
  });

  it("says when there is no Bolt", async () => {
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent";
    try {
      await assert.rejects(bolt.executeCommand(["x"]), { name: "BoltExecutionError", message: "Failed to execute Bolt command: spawn bolt ENOENT", exitCode: null });
    } finally {
      process.env.PATH = path;
    }
  });

  it("reads JSON, and fails where Bolt does", async () => {
    files.prints({ a: 1 });
    assert.deepEqual(await bolt.executeCommandWithJsonOutput(["x"]), { a: 1 });
    files.prints("");
    await assert.rejects(bolt.executeCommandWithJsonOutput(["x"]), { message: "Bolt command returned empty output" });
    files.script("echo broken >&2; exit 1");
    await assert.rejects(bolt.executeCommandWithJsonOutput(["x"]), { name: "BoltExecutionError", message: "broken", exitCode: 1 });
  });

  it("runs commands", async () => {
    files.prints(items(good));
    const result = await bolt.runCommand("web1", "uptime -p");
    assert.deepEqual([result.status, result.action, result.command], ["success", "uptime -p", 'bolt command run "uptime -p" --targets web1 --format json']);
    assert.deepEqual(files.asked(), ["command run uptime -p --targets web1 --format json"]);
    assert.deepEqual([result.stdout, result.stderr], [JSON.stringify(items(good)), ""]);
    assert.ok(result.results[0].duration >= 0);
  });

  it("runs tasks, with parameters when there are some", async () => {
    files.prints(items({ target: "web1", status: "success", value: { ok: 1 } }));
    assert.deepEqual((await bolt.runTask("web1", "facts", {})).results[0].value, { ok: 1 });
    assert.deepEqual(files.asked(), ["task run facts --targets web1 --format json"]);
    await bolt.runTask("web1", "package", { name: "nginx" });
    assert.equal(files.asked()[1], 'task run package --targets web1 --format json --params {"name":"nginx"}');
  });

  it("makes a result of JSON also when Bolt fails", async () => {
    files.prints(items({ target: "web1", status: "failure", value: { stderr: "connection", exit_code: 7, _error: { kind: "k", msg: "exit 7" } } }), 2);
    const result = await bolt.runCommand("web1", "x");
    assert.deepEqual([result.status, result.results[0].output.exitCode, result.error], ["failed", 7, "exit 7"]);
  });

  it("takes no results for success, unless Bolt failed", async () => {
    files.prints(items());
    const result = await bolt.runCommand("web1", "x");
    assert.deepEqual([result.status, result.error, result.results], ["success", undefined, []]);
    files.prints(items(), 1);
    const failed = await bolt.runCommand("web1", "x");
    assert.deepEqual([failed.status, failed.error, failed.results.length], ["failed", "Bolt returned no result for node web1", 1]);
  });

  it("is started with Pabawi's options", async () => {
    files.prints("");
    const spawn = mock.method(childProcess, "spawn");
    try {
      await bolt.executeCommand(["x"]);
      assert.deepEqual(spawn.mock.calls[0].arguments, ["bolt", ["x"], { cwd: files.directory, env: process.env, shell: false }]);
    } finally {
      spawn.mock.restore();
    }
  });

  it("ends what stands for a process by its own method, and once where that ends it at once", async () => {
    const killed = [];
    const child = Object.assign(new EventEmitter(), { pid: process.pid, stdout: new EventEmitter(), stderr: new EventEmitter() });
    child.kill = (name) => {
      killed.push(name);
      child.emit("close", null);
    };
    const spawn = mock.method(childProcess, "spawn", () => child);
    const group = mock.method(process, "kill", () => true);
    const timers = mock.method(globalThis, "setTimeout");
    try {
      await assert.rejects(bolt.executeCommand(["x"], { timeout: 10 }), { name: "BoltTimeoutError" });
      assert.deepEqual([killed, group.mock.callCount()], [["SIGTERM"], 0]);
      const [, killer] = timers.mock.calls.filter(({ arguments: [, ms] }) => ms === 10 || ms === 5_000);
      assert.equal(killer.result.hasRef() && killer.result._destroyed !== true, false);
    } finally {
      for (const one of [spawn, group, timers]) one.mock.restore();
    }
  });

  it("that cannot be given its arguments is told as one that cannot be started", async () => {
    await assert.rejects(bolt.executeCommand(["a\0b"]), { name: "BoltExecutionError", message: /^Failed to execute Bolt command: /, exitCode: null });
  });

  it("is asked for JSON by one method", async () => {
    const own = new BoltService(files.directory);
    own.executeCommandWithJsonOutput = mock.fn(async () => ({ targets: [{ name: "a" }], items: [{ status: "success", value: { x: 1 } }] }));
    assert.deepEqual((await own.getInventory()).map(({ id }) => id), ["a"]);
    assert.equal((await own.gatherFacts("n")).facts.x, 1);
    assert.equal((await own.getTaskDetails("t")).name, "t");
    assert.equal(own.executeCommandWithJsonOutput.mock.callCount(), 3);
  });

  for (const [complaint, error] of [
    ["Host unreachable", { name: "BoltNodeUnreachableError", message: "Node web1 is unreachable", nodeId: "web1" }],
    ["Could not find a task named t", { name: "BoltTaskNotFoundError", message: "Task 't' not found in Bolt modules", taskName: "t" }],
    ["parameter 'a' is required", { name: "BoltTaskParameterError", message: "Invalid parameters for task 't'", parameterErrors: ["parameter 'a' is required"] }],
  ]) {
    it(`makes ${error.name} of: ${complaint}`, async () => {
      files.script(`echo "${complaint}" >&2; exit 1`);
      await assert.rejects(bolt.runTask("web1", "t"), error);
    });
  }

  it("makes a failed result of other complaints", async () => {
    files.script("echo 'ruby is missing' >&2; exit 1");
    const result = await bolt.runCommand("web1", "x");
    assert.deepEqual([result.status, result.error, result.results[0].output.exitCode], ["failed", "ruby is missing", 1]);
    await assert.rejects(new BoltService(files.directory).gatherFacts("web1"), { name: "BoltExecutionError" });
  });

  for (const [what, call, field, value] of [
    ["a node", (b) => b.runCommand("-x", "ls"), "nodeId", "-x"],
    ["no node", (b) => b.runTask("", "t"), "nodeId", ""],
    ["a command", (b) => b.runCommand("n", "--help"), "command", "--help"],
    ["a task", (b) => b.runTask("n", "-t"), "taskName", "-t"],
    ["a node's facts", (b) => b.gatherFacts("-n"), "nodeId", "-n"],
  ]) {
    it(`refuses ${what} that Bolt would take for an option`, async () => {
      await assert.rejects(call(bolt), {
        name: "BoltExecutionError",
        message: `Refusing to pass ${field}="${value}" to bolt: leading '-' would be parsed as a flag`,
        exitCode: -1,
      });
    });
  }

  it("reads the inventory, and remembers it", async () => {
    files.prints({ inventory: { targets: [
      { name: "a", uri: "ssh://a:22", transport: "SSH", config: { k: 1 }, user: "u", port: 22 },
      { name: "b", config: { transport: "winrm", user: "own" }, user: "u" },
      { name: "c", transport: "pcp" },
      { uri: "nameless" },
    ] } });
    const nodes = await bolt.getInventory();
    assert.deepEqual(nodes, [
      { id: "a", name: "a", uri: "ssh://a:22", transport: "ssh", config: { k: 1, user: "u", port: 22 } },
      { id: "b", name: "b", uri: "b", transport: "winrm", config: { transport: "winrm", user: "own" } },
      { id: "c", name: "c", uri: "c", transport: "ssh", config: {} },
    ]);
    await bolt.getInventory();
    assert.deepEqual(files.asked(), ["inventory show --format json --detail"]);
    bolt.invalidateInventoryCache();
    await bolt.getInventory();
    assert.equal(files.asked().length, 2);
  });

  it("reads other shapes of inventories", async () => {
    for (const json of [{ targets: [{ name: "a" }] }, { a: { uri: "a" } }, { targets: ["a"] }]) {
      files.prints(json);
      assert.deepEqual((await new BoltService(files.directory).getInventory()).map(({ id }) => id), ["a"]);
    }
    files.script("echo 'Could not parse inventory file' >&2; exit 1");
    await assert.rejects(new BoltService(files.directory).getInventory(), { name: "BoltInventoryNotFoundError" });
  });

  it("gathers facts, and remembers them per node", async () => {
    files.prints(items({ target: "web1", status: "success", value: { os: { name: "Debian" } } }));
    const facts = await bolt.gatherFacts("web1");
    assert.deepEqual([facts.nodeId, facts.facts.os.name, facts.command], ["web1", "Debian", "bolt task run facts --targets web1 --format json"]);
    await bolt.gatherFacts("web1");
    await bolt.gatherFacts("web2");
    assert.equal(files.asked().length, 2);
    bolt.invalidateFactsCache("web1");
    await bolt.gatherFacts("web1");
    await bolt.gatherFacts("web2");
    assert.equal(files.asked().length, 3);
    bolt.invalidateAllCaches();
    await bolt.gatherFacts("web2");
    assert.equal(files.asked().length, 4);
  });

  it("takes facts that could not be gathered for an error, and remembers none", async () => {
    files.prints(items({ target: "web1", status: "failure", value: { _error: { kind: "puppetlabs.tasks/connect-error", msg: "Failed to connect: connection refused" } } }), 2);
    await assert.rejects(bolt.gatherFacts("web1"), { name: "BoltNodeUnreachableError", message: "Node web1 is unreachable" });
    files.prints(items({ target: "web1", status: "failure", value: { _error: { kind: "k", msg: "no ruby" } } }), 2);
    await assert.rejects(bolt.gatherFacts("web1"), { name: "BoltExecutionError", message: "[k] no ruby" });
  });

  it("lists tasks with their parameters", async () => {
    files.script(`case "$3" in
      --format) echo '{"tasks": [["package", "Manage"], ["m::broken", "x"]]}' ;;
      package) echo '{"name": "package", "metadata": {"description": "Manage packages", "parameters": {"name": {"type": "String"}}}}' ;;
      *) echo oops >&2; exit 1 ;;
    esac`);
    const tasks = await bolt.listTasks();
    assert.deepEqual(tasks.map(({ name, description, parameters }) => [name, description, parameters.length]), [["package", "Manage packages", 1], ["m::broken", "x", 0]]);
    assert.deepEqual(files.asked().slice().sort(), ["task show --format json", "task show m::broken --format json", "task show package --format json"]);
    assert.deepEqual(Object.keys(await bolt.listTasksByModule()), ["core", "m"]);
    assert.equal(files.asked().length, 3);
  });

  it("looks tasks up", async () => {
    files.prints({ name: "t", metadata: { description: "d" } });
    assert.equal((await bolt.getTaskDetails("t")).description, "d");
    files.script("echo 'Could not find a task named t' >&2; exit 1");
    assert.equal(await bolt.getTaskDetails("t"), null);
  });

  it("runs the agent of Puppet", async () => {
    files.prints(items({ target: "n", status: "success", value: {} }));
    await bolt.runPuppetAgent("n", { tags: ["a", "b"], environment: "prod", noop: true, noNoop: false, debug: true });
    await bolt.runPuppetAgent("n");
    assert.deepEqual(files.asked(), [
      'task run psick::puppet_agent --targets n --format json --params {"tags":"a,b","environment":"prod","noop":true,"no_noop":false,"debug":true}',
      "task run psick::puppet_agent --targets n --format json",
    ]);
  });

  for (const [ensure, action] of [["present", "install"], ["absent", "uninstall"], ["latest", "upgrade"], ["1.2", "1.2"]]) {
    it(`installs packages: ${ensure} is ${action}`, async () => {
      files.prints(items({ target: "n", status: "success", value: {} }));
      await bolt.installPackage("n", "package", { packageName: "nginx", ensure, version: "1" }, { packageName: "name", ensure: "action", version: "version" });
      await bolt.installPackage("n", "p", { packageName: "nginx", ensure, settings: { a: 1 } }, { packageName: "pkg", ensure: "ensure", settings: "opts" });
      await bolt.installPackage("n", "p", { packageName: "nginx", ensure, version: "1" }, { packageName: "pkg" });
      assert.deepEqual(files.asked().map((line) => line.split("--params ")[1]), [
        `{"name":"nginx","action":"${action}","version":"1"}`, `{"pkg":"nginx","ensure":"${ensure}","opts":{"a":1}}`, '{"pkg":"nginx"}',
      ]);
    });
  }

  describe("as a plugin", () => {
    const config = { enabled: true, name: "bolt", type: "both", config: {} };
    const make = async (service = {}) => {
      const fake = {
        getBoltProjectPath: () => files.directory,
        runCommand: mock.fn(async (nodeId) => ({ id: "r", targetNodes: [nodeId], results: [{ nodeId }], status: "success" })),
        runTask: mock.fn(async (nodeId) => ({ id: "r", targetNodes: [nodeId], results: [{ nodeId }], status: "failed", error: "e" })),
        getInventory: mock.fn(async () => [{ id: "a" }, { id: "b" }]),
        gatherFacts: mock.fn(async (nodeId) => ({ nodeId })),
        ...service,
      };
      const plugin = new BoltPlugin(fake, quiet());
      await plugin.initialize(config);
      return { plugin, fake };
    };

    it("is one", async () => {
      const { plugin, fake } = await make();
      assert.ok(plugin instanceof BasePlugin);
      assert.deepEqual([plugin.name, plugin.type, plugin.isInitialized()], ["bolt", "both", true]);
      assert.equal(plugin.getBoltService(), fake);
      assert.deepEqual(plugin.listCapabilities().map(({ name }) => name), ["command", "task"]);
    });

    it("does nothing before it is initialised", async () => {
      const plugin = new BoltPlugin({ getBoltProjectPath: () => "/" }, quiet());
      await assert.rejects(plugin.executeAction({ type: "command", target: "n", action: "ls" }), { message: "Bolt plugin not initialized" });
      assert.equal((await plugin.healthCheck()).message, "Plugin is not initialized");
    });

    it("runs commands and tasks, with sudo and the callback", async () => {
      const { plugin, fake } = await make();
      const streamingCallback = {};
      await plugin.executeAction({ type: "command", target: "n", action: "ls" });
      await plugin.executeAction({ type: "command", target: ["n"], action: "ls", parameters: { sudo: true }, metadata: { streamingCallback } });
      await plugin.executeAction({ type: "task", target: "n", action: "t", parameters: { a: 1 }, metadata: { streamingCallback } });
      assert.deepEqual(fake.runCommand.mock.calls.map((call) => call.arguments), [["n", "ls", undefined], ["n", "sudo ls", streamingCallback]]);
      assert.deepEqual(fake.runTask.mock.calls[0].arguments, ["n", "t", { a: 1 }, streamingCallback]);
    });

    it("runs on the first target, and says so", async () => {
      const answer = {};
      const { fake } = await make({ runCommand: mock.fn(async () => answer) });
      const logger = { ...quiet(), warn: mock.fn() };
      const plugin = new BoltPlugin(fake, logger);
      await plugin.initialize(config);
      assert.equal(await plugin.executeAction({ type: "command", target: ["a", "b", "c"], action: "ls" }), answer);
      assert.deepEqual(fake.runCommand.mock.calls.map((call) => call.arguments), [["a", "ls", undefined]]);
      assert.deepEqual(logger.warn.mock.calls.map((call) => call.arguments[0]), ["Only a is used, and not b, c"]);
    });

    for (const [action, message] of [
      [{ type: "command", target: [], action: "ls" }, "No target specified for action"],
      [{ type: "command", target: "", action: "ls" }, "No target specified for action"],
      [{ type: "plan", target: "n", action: "p" }, "Plan execution not yet implemented"],
      [{ type: "script", target: "n", action: "s" }, "Script execution not yet implemented"],
      [{ type: "dance", target: "n", action: "s" }, "Unsupported action type: dance"],
    ]) {
      it(`refuses ${JSON.stringify(action)}`, async () => {
        await assert.rejects((await make()).plugin.executeAction(action), { message });
      });
    }

    it("passes on the service's errors", async () => {
      const error = new types.BoltTimeoutError("late", 1);
      const { plugin } = await make({ runCommand: () => Promise.reject(error) });
      await assert.rejects(plugin.executeAction({ type: "command", target: "n", action: "ls" }), (thrown) => thrown === error);
    });

    it("measures", async () => {
      const operations = [];
      const monitor = { startTimer: (operation) => (operations.push(operation), () => {}) };
      const { fake } = await make();
      const plugin = new BoltPlugin(fake, quiet(), monitor);
      await plugin.initialize(config);
      await plugin.getInventory();
      await plugin.getNodeFacts("n");
      assert.deepEqual(operations, ["bolt:initialization", "bolt:getInventory", "bolt:getNodeFacts"]);
    });

    it("tells nodes, facts and nothing else of a node", async () => {
      const { plugin } = await make();
      assert.equal((await plugin.getInventory()).length, 2);
      assert.deepEqual(await plugin.getNodeData("n", "facts"), { nodeId: "n" });
      await assert.rejects(plugin.getNodeData("n", "reports"), { message: "Bolt does not support data type: reports" });
    });

    it("tells groups of the inventory file", async () => {
      const { plugin } = await make();
      assert.deepEqual(await plugin.getGroups(), []);
      const file = join(files.directory, "inventory.yaml");
      writeFileSync(file, `
groups:
  - name: web
    description: Servers
    targets: [web1, {name: web2, uri: 10.0.0.2}, {uri: web3.example.com}, {}]
    vars: {role: web}
    config: {transport: ssh}
    groups: [by_name, {name: inner, targets: [web4]}]
  - targets: [nameless]
  - name: empty
`);
      const groups = await plugin.getGroups();
      assert.deepEqual(groups[0], {
        id: "bolt:web", name: "web", source: "bolt", sources: ["bolt"], linked: false, nodes: ["bolt:web1", "bolt:web2"],
        metadata: { description: "Servers", variables: { role: "web" }, config: { transport: "ssh" }, hierarchy: ["by_name", "inner"] },
      });
      assert.deepEqual(groups.slice(1).map(({ name, nodes }) => [name, nodes]), [["empty", []]]);
      writeFileSync(file, "groups: [");
      assert.deepEqual(await plugin.getGroups(), []);
      rmSync(file);
    });

    it("needs nothing of its service but what is asked for", async () => {
      const service = { getInventory: async () => [], gatherFacts: async () => ({}) };
      const plugin = new BoltPlugin(service, quiet());
      await plugin.initialize(config);
      assert.deepEqual([await plugin.getGroups(), await plugin.getInventory()], [[], []]);
      const { healthy, message } = await plugin.healthCheck();
      assert.equal(healthy, false);
      assert.match(message, /^Bolt health check failed: /);
    });

    it("tells how it is", async () => {
      const { plugin } = await make();
      files.script("echo 4.0.0");
      const health = async () => (({ lastCheck, details, ...rest }) => rest)(await plugin.healthCheck());
      const unconfigured = { healthy: true, message: "Bolt project configuration is missing. Using global configuration as fallback." };
      assert.deepEqual(await health(), unconfigured);
      const [inventory, configuration] = ["inventory.yaml", "bolt-project.yaml"].map((name) => join(files.directory, name));
      writeFileSync(inventory, "");
      assert.deepEqual(await health(), unconfigured);
      rmSync(inventory);
      writeFileSync(configuration, "");
      const missing = await health();
      assert.deepEqual([missing.message, missing.degraded], ["Bolt inventory file is missing. Task execution will be limited.", true]);
      writeFileSync(inventory, "");
      assert.deepEqual(await health(), { healthy: true, message: "Bolt is properly configured. 2 nodes in inventory." });
      plugin.getBoltService().getInventory = () => Promise.reject(new Error("broken"));
      assert.deepEqual(await health(), { healthy: false, message: "Bolt health check failed: broken" });
      files.script("exit 1");
      assert.deepEqual(await health(), { healthy: false, message: "Bolt command is not available. Please install Puppet Bolt." });
      rmSync(inventory);
      rmSync(configuration);
    });
  });
});
