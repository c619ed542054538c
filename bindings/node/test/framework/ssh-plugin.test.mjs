// Pabawi's SSH plugin over the native transport, on a real sshd and under the replaced IntegrationManager.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { createSshPlugin } from "../../index.js";
import { IntegrationManager } from "../../pabawi/IntegrationManager.js";
import { folder, isRunning } from "./support.mjs";
import { sshd } from "./sshd.mjs";

const { config: clientConfig } = await sshd();
const [, ...settings] = readFileSync(clientConfig, "utf8").split("\n");
const configPath = join(folder(), "config");
const host = (name, more = settings) => [`Host ${name}`, ...more].join("\n");
writeFileSync(configPath, `${host("web-prod-1 first")}\n${host("web-prod-2")}\nHost web-prod-*\n  Compression no\n`);
const logger = Object.fromEntries(["error", "warn", "info", "debug"].map((level) => [level, () => undefined]));
const entry = { enabled: true, name: "ssh", type: "both", config: {}, priority: 50 };
const opened = [];

async function plugin(more = {}) {
  const made = createSshPlugin({ configPath, defaultUser: "nobody", logger, ...more });
  opened.push(made);
  await made.initialize(entry);
  return made;
}
after(() => Promise.all(opened.map((one) => one.shutdown())));

const ssh = await plugin();
const command = (action, target = "web-prod-1", more = {}) => ({ type: "command", target, action, ...more });

describe("the SSH plugin", () => {
  // R4.1
  it("is taken by the manager, tells its nodes, groups and health, and runs on several nodes", async () => {
    const manager = new IntegrationManager({ logger });
    const made = createSshPlugin({ configPath, defaultUser: "nobody", logger });
    opened.push(made);
    manager.registerPlugin(made, entry);
    assert.deepEqual(await manager.initializePlugins(), []);
    const { nodes } = await manager.getAggregatedInventory();
    assert.deepEqual(nodes.map(({ id }) => id).sort(), ["web-prod-1", "web-prod-2"]);
    assert.deepEqual((await made.getGroups()).map(({ id }) => id), ["ssh:web-prod", "ssh:production"]);
    assert.equal((await made.healthCheck()).message, "SSH plugin is healthy with 2 configured host(s)");
    const result = await manager.executeAction("ssh", command("echo out; echo err >&2", ["web-prod-1", "web-prod-2"]));
    assert.equal(result.status, "success");
    assert.deepEqual(result.results.map(({ output }) => output), Array(2).fill({ stdout: "out\n", stderr: "err\n", exitCode: 0 }));
  });

  // R7.1
  it("tells exit codes, timeouts, nodes that cannot be reached and types that it lacks", async () => {
    const partial = await ssh.executeAction(command("exit 3", ["web-prod-1", "nowhere.invalid", "-oX"], { timeout: 20 }));
    assert.equal(partial.status, "failed");
    assert.deepEqual(partial.results.map(({ output }) => output.exitCode), [3, -1, -1]);
    const late = await ssh.executeAction(command("sleep 300", "first", { timeout: 1 }));
    assert.equal(late.results[0].error, "Command timeout after 1 seconds");
    const other = await ssh.executeAction({ type: "task", target: "first", action: "x" });
    assert.deepEqual([other.status, other.error], ["failed", "Unsupported action type: task"]);
  });

  it("refuses a host key that it does not know", async () => {
    const strict = await plugin({ knownHosts: [join(folder(), "none")] });
    const { results } = await strict.executeAction(command("true"));
    assert.match(results[0].error, /^Host key verification failed: /);
  });

  // R8.8
  it("streams, and its end ends the remote command", async () => {
    const made = await plugin();
    let pid;
    let told;
    const seen = new Promise((resolve) => (told = resolve));
    const streamingCallback = { onStdout: (chunk) => told((pid = Number(chunk))) };
    const running = made.executeAction(command("echo $$; exec sleep 300", "web-prod-1", { metadata: { streamingCallback } }));
    await seen;
    assert.ok(await isRunning(pid));
    await made.shutdown();
    assert.equal((await running).status, "failed");
    assert.equal(await isRunning(pid), false);
    await assert.rejects(made.executeAction(command("true")), { message: "SSH service not initialized" });
  });

  // R8.8
  it("ends a command whose signal gives it up", async () => {
    const gone = new AbortController();
    let pid;
    const onStdout = (chunk) => {
      pid = Number(chunk);
      gone.abort();
    };
    const metadata = { streamingCallback: { onStdout }, signal: gone.signal };
    const { results } = await ssh.executeAction(command("echo $$; exec sleep 300", "web-prod-1", { metadata }));
    assert.equal(results[0].error, "Command cancelled");
    assert.equal(await isRunning(pid), false);
  });

  it("gathers facts, and sees a changed client configuration", async () => {
    const { facts } = await ssh.getNodeFacts("web-prod-1");
    assert.ok(facts.processors.count > 0 && facts.networking.hostname !== "unknown");
    appendFileSync(configPath, `${host("later")}\n`);
    assert.ok((await ssh.getInventory()).some(({ id }) => id === "later"));
    assert.equal((await ssh.executeAction(command("true", "later"))).status, "success");
  });

  it("names each setting that cannot be", async () => {
    assert.throws(() => createSshPlugin({ defaultPort: "x", nonsense: 1 }), (error) => {
      assert.match(JSON.stringify(error.issues), /defaultPort.*nonsense/);
      return error.name === "ZodError";
    });
    await assert.rejects(createSshPlugin({ defaultUser: "a", defaultPort: 70000, logger }).initialize(entry), /defaultPort must be between/);
  });
});
