// Arguments of the SSH plugin, of every wrong and hostile kind, in every place: told by their names, or by the result.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { createSshPlugin, PabawiError } from "../../index.js";
import { deep, RETURNED, THROWN, trapping } from "../hostile/values.mjs";
import { sshd } from "./sshd.mjs";
import { folder } from "./support.mjs";

// Paths that are given may be relative.
process.chdir(folder());
const server = await sshd({ addresses: ["127.79.0.1", "127.79.0.2"] });
const configPath = join(folder(), "config");
const host = (name, number) => `Host ${name}\n  HostName 127.79.0.${number}\n  Port ${server.port}\n${server.login}`;
writeFileSync(configPath, `${host("node1", 1)}\n${host("all", 2)}\n${host("web[1-2] odd", 1)}\n`);
const logger = Object.fromEntries(["error", "warn", "info", "debug"].map((level) => [level, () => undefined]));
const entry = { enabled: true, name: "ssh", type: "both", config: {}, priority: 50 };
const options = { configPath, defaultUser: "nobody", logger };
const action = { type: "command", target: "node1", action: "true" };

/** One that cannot be made but by throwing it is left out. */
const { "an error whose getters throw": _, ...MADE } = THROWN;
const VALUES = {
  ...MADE,
  "a huge text": RETURNED["a huge text"][0],
  "a Map": RETURNED["a Map"][0],
  "a thenable whose then throws": RETURNED["a thenable whose then throws"][0],
  "a boolean": () => true,
  "half a character": () => "\ud800",
  "a text with NUL": () => "a\0b",
  "two lines": () => "a\nProxyCommand touch /tmp/x",
  "an empty array": () => [],
  "an array of what traps": () => [trapping()],
  "an array that traps": () => trapping([]),
  "an array with holes": RETURNED["an array with holes"][0],
  "an array of texts that are no names": () => ["", "\0", "a b"],
  "an object with __proto__": () => JSON.parse('{"__proto__": {"type": "command", "then": 1}}'),
  "a deep object": () => ({ a: deep(10_000) }),
};
const TEXTS = ["a text", "an empty text", "a huge text", "half a character", "a text with NUL", "two lines"];
const NUMBERS = ["a number"];
/** As good as an empty object, where that may be: what it has is no matter of the plugin's. */
const AN_OBJECT = /^an? (frozen |deep )?(error|object|cycle|AggregateError|Map|promise|thenable)/i;
const OBJECTS = Object.keys(VALUES).filter((kind) => AN_OBJECT.test(kind));
/** The same where the plugin does not ask whether it is an array. */
const ARRAYS = Object.keys(VALUES).filter((kind) => /array/.test(kind) && kind !== "an array that traps");

let ssh;
before(async () => {
  ssh = createSshPlugin(options);
  await ssh.initialize(entry);
});
after(() => ssh.shutdown());

const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
const opened = async (option, value) => {
  const made = createSshPlugin({ ...options, [option]: value });
  try {
    await made.initialize(entry);
  } finally {
    await made.shutdown();
  }
};
const inAction = (field, value) => ssh.executeAction({ ...without(action, field), [field]: value });
const disabled = { ...entry, enabled: false };
const initialized = (field, value) => createSshPlugin(options).initialize({ ...without(disabled, field), [field]: value });

const OPTIONS = [
  ...["enabled", "configPath", "defaultUser", "defaultPort", "defaultKeyPath", "database", "knownHosts", "hostKeys"],
  ...["hostKeyCheck", "connectionTimeout", "commandTimeout", "idleTimeout", "maxConnections", "maxConnectionsPerHost", "concurrencyLimit"],
  ...["priority", "sudo", "logger", "performanceMonitor"],
];

/** Each place of an argument: the call, what names it, and what may be taken there. */
const PLACES = {
  "createSshPlugin()": [async (value) => createSshPlugin(value), /options|nrecognized/, ["undefined", ...OBJECTS]],
  "initialize()": [(value) => createSshPlugin(options).initialize(value), /config/, []],
  "initialize(enabled)": [(value) => initialized("enabled", value), /enabled|config/, ["a boolean"]],
  "initialize(name)": [(value) => initialized("name", value), /name|config/i, []],
  "initialize(type)": [(value) => initialized("type", value), /type|config/i, []],
  "initialize(config)": [(value) => initialized("config", value), /config/, ["undefined", ...OBJECTS]],
  "initialize(priority)": [(value) => initialized("priority", value), /priority|config/, ["undefined", ...NUMBERS]],
  "executeAction()": [(value) => ssh.executeAction(value), /action/, []],
  "executeAction(type)": [(value) => inAction("type", value), /type|action/, []],
  "executeAction(target)": [(value) => inAction("target", value), /target|action|address/, []],
  "executeAction(target in an array)": [(value) => inAction("target", [value]), /target|action|address/, []],
  "executeAction(action)": [(value) => inAction("action", value), /action|exit code/, []],
  "executeAction(parameters)": [(value) => inAction("parameters", value), /parameters|action/, ["undefined", ...OBJECTS]],
  "executeAction(parameters.sudo)": [(value) => inAction("parameters", { sudo: value }), /sudo|action/, ["undefined", "a boolean"]],
  "executeAction(timeout)": [(value) => inAction("timeout", value), /timeout|action/, ["undefined", ...NUMBERS]],
  "executeAction(metadata)": [(value) => inAction("metadata", value), /metadata|action/, ["undefined", ...OBJECTS]],
  "executeAction(metadata.streamingCallback)": [
    (value) => inAction("metadata", { streamingCallback: value }),
    /streamingCallback|action/,
    ["undefined", ...ARRAYS, ...OBJECTS],
  ],
  "executeAction(metadata.signal)": [(value) => inAction("metadata", { signal: value }), /signal|action/, ["undefined"]],
  "getNodeFacts()": [(value) => ssh.getNodeFacts(value), /nodeId|Failed to gather facts from/, []],
  "getNodeData(nodeId)": [(value) => ssh.getNodeData(value, "packages"), /nodeId/, TEXTS],
  "getNodeData(dataType)": [(value) => ssh.getNodeData("node1", value), /dataType/, TEXTS],
  ...Object.fromEntries(
    OPTIONS.map((name) => [
      `createSshPlugin(${name})`,
      [(value) => opened(name, value), new RegExp(`${name}|ssh|path|file`, "i"), null],
    ]),
  ),
};

/** What is no argument of theirs does not matter to them. */
const WITHOUT = [
  ...["healthCheck", "getLastHealthCheck", "getConfig", "isInitialized", "isEnabled", "getPriority"],
  ...["listCapabilities", "getInventory", "getGroups"],
];

/** What Pabawi's own plugin says of a configuration, and of a node that has no facts. */
const AS_PABAWI = /^(Configuration (name|type) '|Plugin configuration |Failed to gather facts from )/;
const isNamed = (error) =>
  error instanceof PabawiError ||
  (error instanceof Error && (["ZodError", "ConfigurationError"].includes(error.name) || AS_PABAWI.test(error.message)));

function shown(value) {
  try {
    return String(value?.stack ?? value).slice(0, 500);
  } catch {
    return "what cannot be looked at";
  }
}

describe("arguments of the SSH plugin", () => {
  for (const [place, [call, names, good]] of Object.entries(PLACES)) {
    it(`of a wrong kind are refused by ${place}`, async () => {
      for (const [kind, make] of Object.entries(VALUES)) {
        const told = await (async () => ({ answer: await call(make()) }))().catch((error) => ({ error }));
        if ("error" in told) {
          const { error } = told;
          assert.ok(isNamed(error), `${place} with ${kind}: ${shown(error)}`);
          assert.match(error.message, names, `${place} with ${kind}`);
        } else if (told.answer?.status === "failed") {
          assert.match(told.answer.error, names, `${place} with ${kind}`);
          assert.ok(told.answer.error.length < 1000, `${place} with ${kind}`);
        } else {
          assert.ok(good === null || good.includes(kind), `${place} took ${kind}`);
        }
      }
    });
  }

  it("that are missing are told", async () => {
    for (const [call, path] of [
      [() => ssh.executeAction(), "action"],
      [() => ssh.executeAction({}), "action.type"],
      [() => ssh.executeAction(without(action, "target")), "action.target"],
      [() => ssh.executeAction(without(action, "action")), "action.action"],
      [() => ssh.getNodeFacts(), "nodeId"],
      [() => ssh.getNodeData(), "nodeId"],
      [() => ssh.getNodeData("node1"), "dataType"],
      [() => createSshPlugin(options).initialize(), "config"],
      [() => createSshPlugin(options).initialize({}), "config.enabled"],
    ]) {
      await assert.rejects(call, (error) => error.name === "ZodError" && error.issues[0].path.join(".") === path, String(call));
    }
    const nameless = createSshPlugin(options).initialize(without(entry, "name"));
    await assert.rejects(nameless, { message: "Plugin configuration must include a name" });
    assert.throws(() => createSshPlugin(null), { name: "ZodError" });
    const trap = { get: () => trapping().x, enumerable: true };
    const trapped = Object.defineProperty({}, "logger", trap);
    assert.throws(() => createSshPlugin(trapped), (error) => error.issues[0].path.join() === "logger");
  });

  it("do not matter where there are none", async () => {
    for (const name of WITHOUT) {
      const expected = await ssh[name]();
      for (const make of Object.values(VALUES)) {
        const told = await ssh[name](make());
        assert.equal(typeof told, typeof expected, name);
      }
    }
    for (const name of ["shutdown", "cleanup"]) {
      const made = createSshPlugin(options);
      await made.initialize(entry);
      for (const make of Object.values(VALUES)) assert.equal(await made[name](make()), undefined);
    }
  });

  it("that are names are those of one node each, and no expressions of targets", async () => {
    const marker = join(folder(), "ran");
    const touch = (target) => ssh.executeAction({ ...action, target, action: `touch ${marker}` });
    for (const name of [
      ...["127.79.0.[1-2]", `127.79.0.[1-2]:${server.port}`, "[1-2]", "[12]:1", "web[1-2]", "web1,web2", "*", "node*"],
      ...["@ssh:all", "~node.*", "~/node1/"],
      ...["node1 ", "node1&node1", "node1!all", "all^node1", "(node1)", '"node1"', "fact(a=b)", 'last("failed")', "file:node1"],
      ...["local://here", "LOCAL://here", "local://node1", "ssh://", "ssh://local://x", "ssh://node1/", "-oX", "-l@node1"],
      ...["a@b@c", "x:y", "x:0", "x:65536", "x:1:y"],
      ...["", ".", "/", "//", "é", "node1\n", "\0", "x".repeat(254)],
    ]) {
      const { status, results } = await touch([name]);
      assert.equal(status, "failed", name);
      assert.match(results[0].error, /^Invalid SSH target '/, name);
      const isNodeId = (error) => error.name === "ZodError" && error.issues[0].path.join() === "nodeId";
      await assert.rejects(ssh.getNodeFacts(name), isNodeId, name);
    }
    assert.equal(existsSync(marker), false);
    // One that cannot be does not keep the others from theirs.
    const { status, results } = await ssh.executeAction({ ...action, target: ["x:y", "node1", "odd"] });
    assert.deepEqual([status, results.map((one) => one.status)], ["partial", ["failed", "success", "failed"]]);
    // What is a word of the language elsewhere is a name here.
    const all = await ssh.executeAction({ ...action, target: "all", action: 'printf %s "$SSH_CONNECTION" | cut -d" " -f3' });
    assert.deepEqual(all.results.map(({ nodeId, output }) => [nodeId, output.stdout]), [["all", "127.79.0.2\n"]]);
    assert.equal((await ssh.getNodeFacts("all")).nodeId, "all");
  });

  it("that are names may have a user and a port, also with addresses", async () => {
    const config = readFileSync(configPath, "utf8");
    const login = server.login.replace(/ {2}User .*\n/, "");
    const path = join(folder(), "config");
    writeFileSync(path, `${config}\nHost *\n  GlobalKnownHostsFile none\n${login}`);
    const made = createSshPlugin({ ...options, configPath: path, hostKeyCheck: false });
    await made.initialize(entry);
    after(() => made.shutdown());
    const user = /User (.*)/.exec(server.login)[1];
    for (const name of [`${user}@127.79.0.1:${server.port}`, `ssh://${user}@127.79.0.1:${server.port}`]) {
      assert.equal((await made.executeAction({ ...action, target: name })).status, "success", name);
      assert.equal((await made.getNodeFacts(name)).nodeId, name);
    }
    for (const name of ["[::1]:1", "a@[::1]:1", "ssh://a@[::1]:1", "[::ffff:127.79.0.9]:1"]) {
      const { results } = await made.executeAction({ ...action, target: name, timeout: 10 });
      assert.match(results[0].error, /refused|unreachable|connect/i, name);
    }
  });

  it("that are the host's objects may throw whatever they like when they are called", async () => {
    const thrower = () => {
      throw trapping();
    };
    const rejecter = () => Promise.reject(trapping());
    for (const bad of [thrower, rejecter, () => 7]) {
      const made = createSshPlugin({
        ...options,
        logger: { error: bad, warn: bad, info: bad, debug: bad },
        performanceMonitor: { startTimer: bad === rejecter ? () => bad : bad },
      });
      await made.initialize(entry);
      const streamingCallback = { onCommand: bad, onStdout: bad, onStderr: bad };
      const streamed = { ...action, action: "echo a; echo b >&2", metadata: { streamingCallback } };
      assert.equal((await made.executeAction(streamed)).status, "success");
      const { error } = await made.executeAction({ ...action, action: "a\0b" });
      assert.equal(error, "action.command: must not contain a NUL byte; pass binary data through stdin");
      assert.equal((await made.healthCheck()).healthy, true);
      await made.shutdown();
    }
  });
});
