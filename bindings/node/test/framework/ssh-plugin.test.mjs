// Pabawi's SSH plugin over the native transport, on a real sshd and under the replaced IntegrationManager.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { createSshPlugin } from "../../index.js";
import { IntegrationManager } from "../../pabawi/IntegrationManager.js";
import { closedGate, until } from "../waiting.mjs";
import { folder, isRunning } from "./support.mjs";
import { sshd } from "./sshd.mjs";

const index = fileURLToPath(new URL("../../index.js", import.meta.url));
const server = await sshd({ addresses: Array.from({ length: 6 }, (_, index) => `127.78.0.${index + 1}`) });
const configPath = join(folder(), "config");
const host = (name, number = 1) => `Host ${name}\n  HostName 127.78.0.${number}\n  Port ${server.port}\n${server.login}`;
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

  // R7.1, R7.2
  it("tells partial where some nodes fail and some do not, with what became of each, in the order of the targets", async () => {
    const some = `test "$(printf %s "$SSH_CONNECTION" | cut -d" " -f3)" = 127.78.0.1 && { echo here; exit 0; }; echo not here >&2; exit 4`;
    writeFileSync(configPath, `${readFileSync(configPath, "utf8")}\n${host("second", 2)}\n`);
    const mixed = await ssh.executeAction(command(some, ["second", "web-prod-1", "nowhere.invalid"], { timeout: 20 }));
    assert.equal(mixed.status, "partial");
    assert.deepEqual(mixed.targetNodes, ["second", "web-prod-1", "nowhere.invalid"]);
    assert.deepEqual(mixed.results.map(({ nodeId, status, output }) => [nodeId, status, output.exitCode]), [
      ["second", "failed", 4],
      ["web-prod-1", "success", 0],
      ["nowhere.invalid", "failed", -1],
    ]);
    const [exited, good] = mixed.results;
    assert.deepEqual([exited.output.stderr, exited.error, good.output.stdout, good.error], ["not here\n", "Command failed with exit code 4", "here\n", undefined]);
    // None fails, or all do.
    assert.equal((await ssh.executeAction(command("true", ["second", "web-prod-1"]))).status, "success");
    assert.equal((await ssh.executeAction(command("false", ["second", "web-prod-1"]))).status, "failed");
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

  it("refuses a host key that it does not know, and one that has changed, says what to do, and runs nothing", async () => {
    const marker = join(folder(), "ran");
    const strict = await plugin({ knownHosts: [join(folder(), "none")] });
    const unknown = (await strict.executeAction(command(`touch ${marker}`))).results[0];
    assert.match(unknown.error, /^Host key verification failed: .*127\.78\.0\.1.*(known_hosts|accept-new)/s);

    const another = await sshd();
    const path = join(folder(), "config");
    writeFileSync(path, readFileSync(another.config, "utf8").replace("node*", "moved"));
    const before = await plugin({ configPath: path });
    assert.equal((await before.executeAction(command("true", "moved"))).status, "success");
    await before.shutdown();
    await another.otherKey();
    for (const hostKeys of ["strict", "accept-new"]) {
      const made = await plugin({ configPath: path, hostKeys });
      const { status, results } = await made.executeAction(command(`touch ${marker}`, "moved"));
      assert.equal(status, "failed");
      assert.match(results[0].error, /^Host key verification failed: .*changed.*known_hosts/s);
      assert.match(results[0].error, /remove|replace|ssh-keygen -R/);
      await assert.rejects(made.getNodeFacts("moved"), /Host key verification failed/);
    }
    assert.equal(existsSync(marker), false);
    // Whoever says that it does not matter gets in.
    const off = await plugin({ configPath: path, hostKeyCheck: false });
    assert.equal((await off.executeAction(command(`touch ${marker}`, "moved"))).status, "success");
    assert.ok(existsSync(marker));
  });

  // R1.4
  it("runs as another user, by sudo, and tells when it may not", async () => {
    const as = async (more, parameters) => {
      const made = await plugin({ sudo: { passwordless: true, ...more } });
      return (await made.executeAction(command("id -un", "first", { parameters }))).results[0];
    };
    assert.equal((await as({ runAsUser: "nobody" }, { sudo: true })).output.stdout, "nobody\n");
    assert.equal((await as({ runAsUser: "nobody", enabled: true })).output.stdout, "nobody\n");
    assert.equal((await as({ runAsUser: "nobody" })).output.stdout, `${userInfo().username}\n`);
    const { status, error, output } = await as({ runAsUser: "no_such_user" }, { sudo: true });
    assert.deepEqual([status, output.stdout], ["failed", ""]);
    assert.match(error, /sudo did not let us become no_such_user.*unknown user/s);
    assert.equal((await as({ runAsUser: "nobody", enabled: true, command: "/usr/bin/sudo -n" })).output.stdout, "nobody\n");
  });

  it("takes no program for sudo that is none, where it is used", async () => {
    const given = (program, enabled) => plugin({ sudo: { command: program, enabled } });
    for (const program of ["pbrun", "sudo -E", "doas -n", " "]) {
      await assert.rejects(given(program, true), (error) => error.message.includes("sudo.command must be sudo (") && error.message.endsWith(`got: ${program}`));
      const made = await given(program, false);
      assert.equal((await made.executeAction(command("true", "first"))).status, "success");
      const { status, error } = await made.executeAction(command("true", "first", { parameters: { sudo: true } }));
      assert.equal(status, "failed");
      assert.match(error, /SSH_SUDO_COMMAND must be sudo/);
    }
  });

  // R8.2
  it("runs one after the other on one connection, and on another only when that is gone", async () => {
    const own = await sshd({ addresses: ["127.78.1.1", "127.78.1.2"] });
    const path = join(folder(), "config");
    const of = (name, number) => `Host ${name}\n  HostName 127.78.1.${number}\n  Port ${own.port}\n${own.login}`;
    writeFileSync(path, `${of("n1", 1)}\n${of("n2", 2)}\n`);
    const made = await plugin({ configPath: path });
    // The port of this end is that of one connection.
    const ports = async (target) => (await made.executeAction(command("echo $SSH_CONNECTION", target))).results.map(({ output }) => output.stdout.split(" ")[1]);
    const [first] = await ports("n1");
    for (let turn = 0; turn < 4; turn += 1) assert.deepEqual(await ports("n1"), [first]);
    await made.getNodeFacts("n1");
    await until("the log", () => own.logins() >= 1);
    assert.equal(own.logins(), 1, "executions and facts of a node share its connection");
    const both = await ports(["n1", "n2"]);
    assert.equal(both[0], first);
    await until("the log", () => own.logins() >= 2);
    assert.deepEqual([own.logins(), both[1] === first], [2, false], "another node has another");
    // A connection that is gone is not used again.
    const kill = 'p=$$; while read -r name < /proc/$p/comm; do case $name in sshd*) kill $p; exit;; esac; p=$(cut -d" " -f4 /proc/$p/stat); done';
    assert.equal((await made.executeAction(command(`${kill}; sleep 60`, "n1"))).status, "failed");
    assert.notEqual((await ports("n1"))[0], first);
    await made.shutdown();
    const again = await plugin({ configPath: path });
    assert.equal((await again.executeAction(command("true", "n1"))).status, "success");
    await until("the log", () => own.logins() === 4);
  });

  // R8.2, R8.4
  for (const [most, atOnce] of [[50, 5], [2, 2]]) {
    it(`has no more than ${most} connections at once, also after its client configuration has changed`, async () => {
      const work = folder();
      const path = join(work, "config");
      writeFileSync(path, [1, 2, 3, 4].map((number) => `${host(`n${number}`, number)}\n`).join(""));
      const made = await plugin({ configPath: path, maxConnections: most, maxConnectionsPerHost: 1 });
      const gate = await closedGate(work);
      const begun = () => (existsSync(join(work, "log")) ? readFileSync(join(work, "log"), "utf8") : "");
      const text = `printf + >> ${work}/log; flock -s ${work}/gate true; printf - >> ${work}/log`;
      const running = [made.executeAction(command(text, ["n1", "n2", "n3", "n4"]))];
      await until("the first to run", () => begun().length === Math.min(4, atOnce));
      appendFileSync(path, `${host("n5", 5)}\n`);
      running.push(made.executeAction(command(text, "n5")));
      if (atOnce > 4) await until("all to run", () => begun().length === 5);
      // It knows the new node, so what is not let on now waits for a connection.
      assert.ok((await made.getInventory()).some(({ id }) => id === "n5"));
      await gate.open();
      for (const { status } of await Promise.all(running)) assert.equal(status, "success");
      let [now, highest] = [0, 0];
      for (const sign of begun()) highest = Math.max(highest, (now += sign === "+" ? 1 : -1));
      assert.deepEqual([begun().length, now, highest], [10, 0, atOnce]);
    });
  }

  it("goes on with the client configuration that it has where the new one cannot be used, and takes the next", async () => {
    const path = join(folder(), "config");
    writeFileSync(path, `${host("n1")}\n`);
    const errors = [];
    const made = await plugin({ configPath: path, logger: { ...logger, error: (message) => errors.push(message) } });
    writeFileSync(path, `${host("n1")}\n${host("n2")}\nHost n2\n  ProxyJump n2,n2,\n  Port x\n`);
    assert.equal((await made.executeAction(command("true", "n1"))).status, "success");
    assert.ok(errors.some((message) => message.includes("the one before is kept")), JSON.stringify(errors));
    writeFileSync(path, `${host("n3")}\n`);
    assert.deepEqual((await made.getInventory()).map(({ id }) => id), ["n3"]);
    assert.equal((await made.executeAction(command("true", "n3"))).status, "success");
  });

  it("names each setting that cannot be", async () => {
    assert.throws(() => createSshPlugin({ defaultPort: "x", nonsense: 1 }), (error) => {
      assert.match(JSON.stringify(error.issues), /defaultPort.*nonsense/);
      return error.name === "ZodError";
    });
    await assert.rejects(createSshPlugin({ defaultUser: "a", defaultPort: 70000, logger }).initialize(entry), /defaultPort must be between/);
  });

  it("keeps the beginning and the end of a long output, and tells all of it as it comes", async () => {
    const printed = 'i=0; while [ $i -lt 30000 ]; do echo "$i a line of output as programs print them, of some sixty bytes"; i=$((i+1)); done';
    const told = [];
    const streamingCallback = { onStdout: (chunk) => told.push(chunk) };
    const { status, results } = await ssh.executeAction(command(`${printed}; echo little >&2`, "web-prod-1", { metadata: { streamingCallback } }));
    const whole = told.join("");
    assert.deepEqual([status, whole.split("\n").length, results[0].output.stderr], ["success", 30_001, "little\n"]);
    const kept = 512 * 1024;
    const mark = `\n[${whole.length - 2 * kept} characters left out]\n`;
    assert.equal(results[0].output.stdout, whole.slice(0, kept) + mark + whole.slice(-kept));
  });

  it("outlives a command that prints without end", async () => {
    const text = `
      import { createSshPlugin } from ${JSON.stringify(index)};
      const ssh = createSshPlugin({ configPath: ${JSON.stringify(configPath)}, defaultUser: "nobody" });
      await ssh.initialize(${JSON.stringify(entry)});
      const { status, results } = await ssh.executeAction({ type: "command", target: "web-prod-1", action: "yes", timeout: 5 });
      await ssh.shutdown();
      console.log(JSON.stringify([status, results[0].error, results[0].output.stdout.length]));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--max-old-space-size=100", "--input-type=module", "--eval", text]);
    const [status, error, length] = JSON.parse(stdout.trim().split("\n").at(-1));
    assert.deepEqual([status, error], ["failed", "Command timeout after 5 seconds"]);
    assert.ok(length > 1024 * 1024 && length < 1024 * 1024 + 100, `${length}`);
  });

  it("leaves nothing in the directory for temporary files, and removes what a process that was killed has left", async () => {
    const temporary = folder();
    const left = () => readdirSync(temporary).filter((name) => name.startsWith("pabawi-ssh-"));
    const started = (more) => {
      const text = `
        import { createSshPlugin } from ${JSON.stringify(index)};
        const ssh = createSshPlugin({ configPath: ${JSON.stringify(configPath)}, defaultUser: "nobody" });
        await ssh.initialize(${JSON.stringify(entry)});
        await ssh.executeAction({ type: "command", target: "web-prod-1", action: "echo hello" });
        console.log("ready");
        ${more}`;
      const child = spawn(process.execPath, ["--input-type=module", "--eval", text], { env: { ...process.env, TMPDIR: temporary }, stdio: ["pipe", "pipe", "inherit"] });
      return Promise.race([once(child.stdout, "data").then(() => child), once(child, "exit").then(() => assert.fail("it has ended"))]);
    };
    const ended = async (child) => child.exitCode ?? child.signalCode ?? (await once(child, "exit"));
    await ended(await started("process.exit(0);"));
    assert.deepEqual(left(), []);
    const killed = await started("setInterval(() => {}, 1_000);");
    killed.kill("SIGKILL");
    await ended(killed);
    const [remains] = left();
    assert.equal(statSync(join(temporary, remains)).mode & 0o777, 0o700);
    // Of somebody who cannot be known nothing is removed.
    for (const [name, owner] of [["pabawi-ssh-a", undefined], ["pabawi-ssh-b", "no JSON"], ["pabawi-ssh-c", '{"pid":1,"started":"0","place":"elsewhere"}']]) {
      mkdirSync(join(temporary, name), { mode: 0o700 });
      if (owner !== undefined) writeFileSync(join(temporary, name, "owner"), owner);
    }
    const living = await started("process.stdin.on('end', () => process.exit(0)).resume();");
    assert.ok(!left().includes(remains) && left().length === 4, left().join(" "));
    const [own] = left().filter((name) => name.length > "pabawi-ssh-a".length);
    await ended(await started("await ssh.shutdown();"));
    assert.ok(left().includes(own) && left().length === 4, left().join(" "));
    living.stdin.end();
    await ended(living);
    assert.deepEqual(left(), ["pabawi-ssh-a", "pabawi-ssh-b", "pabawi-ssh-c"]);
  });

  it("takes an action as it was when it was given", async () => {
    const given = command("echo first", "web-prod-1", { metadata: { streamingCallback: undefined, other: 1 } });
    const running = ssh.executeAction(given);
    Object.assign(given, { action: "echo second", target: "nowhere.invalid" });
    const { action, results } = await running;
    assert.deepEqual([action, results[0].output.stdout], ["echo first", "first\n"]);
  });
});
