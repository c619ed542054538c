// Sections 14 and 16 of the contract: settings of SSH, its configuration files, package managers.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { homedir } from "node:os";
import { describe, it } from "node:test";

import { PackageManagerDetector } from "../../pabawi/PackageManagerDetector.js";
import { ConfigurationError, loadSSHConfig, parseSSHConfig, validateSSHConfig } from "../../pabawi/sshConfig.js";
import * as parser from "../../pabawi/sshConfigParser.js";

const on = (more = {}) => ({ SSH_ENABLED: "true", SSH_DEFAULT_USER: "deploy", ...more });

describe("settings of SSH", () => {
  it("has fixed defaults when it is disabled, whatever else is set", () => {
    const expected = {
      enabled: false,
      defaultUser: "root",
      defaultPort: 22,
      hostKeyCheck: true,
      connectionTimeout: 30,
      commandTimeout: 300,
      maxConnections: 50,
      maxConnectionsPerHost: 5,
      idleTimeout: 300,
      concurrencyLimit: 10,
      sudo: { enabled: false, command: "sudo", passwordless: true },
      priority: 50,
    };
    assert.deepEqual(parseSSHConfig({}), expected);
    const other = { SSH_ENABLED: "no", SSH_DEFAULT_USER: "x", SSH_DEFAULT_PORT: "nonsense", SSH_CONFIG_PATH: "/x" };
    assert.deepEqual(parseSSHConfig(other), expected);
    assert.deepEqual(loadSSHConfig(other), expected);
  });

  for (const [value, enabled] of [
    ["true", true], ["1", true], ["yes", true], ["TRUE", true], ["Yes", true],
    ["false", false], ["0", false], ["no", false], ["", false], ["on", false], ["enabled", false],
  ]) {
    it(`takes SSH_ENABLED=${value} for ${enabled}`, () => {
      assert.equal(parseSSHConfig({ ...on(), SSH_ENABLED: value }).enabled, enabled);
    });
  }

  it("needs a user", () => {
    for (const env of [{ SSH_ENABLED: "true" }, on({ SSH_DEFAULT_USER: "" })]) {
      assert.throws(() => parseSSHConfig(env), (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.equal(error.name, "ConfigurationError");
        assert.equal(error.message, "SSH_DEFAULT_USER is required when SSH_ENABLED is true");
        return true;
      });
    }
  });

  const integers = [
    ["SSH_DEFAULT_PORT", "defaultPort", 22, 1, 65535],
    ["SSH_CONNECTION_TIMEOUT", "connectionTimeout", 30, 5, 300],
    ["SSH_COMMAND_TIMEOUT", "commandTimeout", 300, 10, 3600],
    ["SSH_MAX_CONNECTIONS", "maxConnections", 50, 1, 1000],
    ["SSH_MAX_CONNECTIONS_PER_HOST", "maxConnectionsPerHost", 5, 1, 100],
    ["SSH_IDLE_TIMEOUT", "idleTimeout", 300, 10, 3600],
    ["SSH_CONCURRENCY_LIMIT", "concurrencyLimit", 10, 1, 100],
    ["SSH_PRIORITY", "priority", 50, 0, 100],
  ];
  for (const [name, field, otherwise, least, most] of integers) {
    it(`reads ${name}`, () => {
      assert.equal(parseSSHConfig(on())[field], otherwise);
      assert.equal(parseSSHConfig(on({ [name]: "" }))[field], otherwise);
      assert.equal(parseSSHConfig(on({ [name]: String(least) }))[field], least);
      assert.equal(parseSSHConfig(on({ [name]: String(most) }))[field], most);
      assert.equal(parseSSHConfig(on({ [name]: `${least}abc` }))[field], least);
    });
    for (const [value, message] of [
      ["abc", `${name} must be a valid integer, got: abc`],
      [String(least - 1), `${name} must be between ${least} and ${most}, got: ${least - 1}`],
      [String(most + 1), `${name} must be between ${least} and ${most}, got: ${most + 1}`],
    ]) {
      it(`refuses ${name}=${value}`, () => {
        assert.throws(() => parseSSHConfig(on({ [name]: value })), { name: "ConfigurationError", message });
      });
    }
  }

  it("reads paths, flags and sudo", () => {
    const config = parseSSHConfig(on({
      SSH_CONFIG_PATH: "~/.ssh/config",
      SSH_DEFAULT_KEY: "~/.ssh/id",
      SSH_HOST_KEY_CHECK: "false",
      SSH_SUDO_ENABLED: "yes",
      SSH_SUDO_COMMAND: "doas",
      SSH_SUDO_PASSWORDLESS: "0",
      SSH_SUDO_PASSWORD: "pw",
      SSH_SUDO_USER: "app",
    }));
    assert.equal(config.configPath, `${homedir()}/.ssh/config`);
    assert.equal(config.defaultKeyPath, `${homedir()}/.ssh/id`);
    assert.equal(config.hostKeyCheck, false);
    assert.deepEqual(config.sudo, { enabled: true, command: "doas", passwordless: false, password: "pw", runAsUser: "app" });
    assert.deepEqual(parseSSHConfig(on()).sudo, { enabled: false, command: "sudo", passwordless: true, runAsUser: "root" });
    assert.equal(parseSSHConfig(on({ SSH_CONFIG_PATH: "/etc/ssh/c" })).configPath, "/etc/ssh/c");
    assert.equal(parseSSHConfig(on({ SSH_CONFIG_PATH: "~other/c" })).configPath, "~other/c");
    assert.equal(parseSSHConfig(on()).configPath, undefined);
  });

  for (const [more, message] of [
    [
      { SSH_MAX_CONNECTIONS: "3", SSH_MAX_CONNECTIONS_PER_HOST: "4" },
      "SSH_MAX_CONNECTIONS_PER_HOST (4) cannot exceed SSH_MAX_CONNECTIONS (3)",
    ],
    [
      { SSH_SUDO_ENABLED: "true", SSH_SUDO_PASSWORDLESS: "false" },
      "SSH_SUDO_PASSWORD is required when SSH_SUDO_ENABLED is true and SSH_SUDO_PASSWORDLESS is false",
    ],
  ]) {
    it(`holds settings against each other: ${message}`, () => {
      const config = parseSSHConfig(on(more));
      assert.throws(() => validateSSHConfig(config), { name: "ConfigurationError", message });
      assert.throws(() => loadSSHConfig(on(more)), { message });
    });
  }

  it("accepts what fits together", () => {
    validateSSHConfig(parseSSHConfig(on({ SSH_MAX_CONNECTIONS: "4", SSH_MAX_CONNECTIONS_PER_HOST: "4" })));
    validateSSHConfig(parseSSHConfig(on({ SSH_SUDO_ENABLED: "true", SSH_SUDO_PASSWORDLESS: "false", SSH_SUDO_PASSWORD: "x" })));
    assert.equal(loadSSHConfig(on()).defaultUser, "deploy");
  });

  it("reads the process's environment by default", () => {
    process.env.SSH_ENABLED = "true";
    process.env.SSH_DEFAULT_USER = "from-env";
    try {
      assert.equal(parseSSHConfig().defaultUser, "from-env");
    } finally {
      delete process.env.SSH_ENABLED;
      delete process.env.SSH_DEFAULT_USER;
    }
  });
});

describe("configuration files of SSH", () => {
  const read = (...lines) => parser.parseSSHConfig(lines.join("\n"));

  for (const [what, lines, hosts, errors = []] of [
    ["nothing", [""], []],
    ["a host", ["Host web1", "  HostName 10.0.0.1"], [{ name: "web1", uri: "ssh://10.0.0.1" }]],
    [
      "all keywords in any case",
      ["HOST web1", "hostname h", "USER u", "pOrT 2222", "identityfile ~/.ssh/id"],
      [{ name: "web1", uri: "ssh://h", user: "u", port: 2222, privateKeyPath: "~/.ssh/id" }],
    ],
    ["an alias, and drops others", ["Host a b c", "HostName h"], [{ name: "a", uri: "ssh://h", alias: "b" }]],
    ["quoted key files", ["Host a", "HostName h", 'IdentityFile "/a b/id"'], [{ name: "a", uri: "ssh://h", privateKeyPath: "/a b/id" }]],
    ["no pattern with *", ["Host *.x", "HostName h", "User u"], []],
    ["no pattern with ?", ["Host web?", "HostName h"], []],
    ["a block whose second name is a pattern", ["Host a *", "HostName h"], [{ name: "a", uri: "ssh://h", alias: "*" }]],
    ["no host without an address", ["Host a", "User u", "Host b", "HostName h"], [{ name: "b", uri: "ssh://h" }]],
    ["groups within a block", ["Host a", "HostName h", "# Groups: x, y"], [{ name: "a", uri: "ssh://h", groups: ["x", "y"] }]],
    ["no groups before a block", ["# Groups: x", "Host a", "HostName h"], [{ name: "a", uri: "ssh://h" }]],
    ["comments and unknown keywords", ["# c", "Host a", "ProxyJump b", "HostName h", "# c"], [{ name: "a", uri: "ssh://h" }]],
    ["on through Match", ["Host a", "Match host x", "HostName h"], [{ name: "a", uri: "ssh://h" }]],
    ["Windows lines", ["Host a\r", "HostName h\r"], [{ name: "a", uri: "ssh://h" }]],
    ["tabs", ["Host\ta", "\tHostName\th"], [{ name: "a", uri: "ssh://h" }]],
    ["Host alone as an error", ["User x", "Host", "HostName h"], [], ["Line 2: Host directive without pattern"]],
    ["a word for a port as an error", ["Host a", "HostName h", "Port ssh"], [{ name: "a", uri: "ssh://h" }], ['Line 3: Invalid port number "ssh"']],
    ["port 0 as an error", ["Host a", "HostName h", "Port 0"], [{ name: "a", uri: "ssh://h" }], ['Line 3: Invalid port number "0"']],
    ["port 65536 as an error", ["Host a", "HostName h", "Port 65536"], [{ name: "a", uri: "ssh://h" }], ['Line 3: Invalid port number "65536"']],
  ]) {
    it(`reads ${what}`, () => {
      assert.deepEqual(read(...lines), { hosts, errors, success: true });
    });
  }

  it("writes hosts", () => {
    const hosts = [
      { name: "a", uri: "ssh://h", alias: "b", user: "u", port: 22, privateKeyPath: "~/.ssh/id", groups: ["x", "y"] },
      { name: "c", uri: "ssh://d" },
    ];
    const text = parser.serializeSSHConfig(hosts);
    assert.equal(
      text,
      "Host a b\n    HostName h\n    User u\n    Port 22\n    IdentityFile ~/.ssh/id\n    # Groups: x,y\n\nHost c\n    HostName d\n",
    );
    assert.deepEqual(parser.parseSSHConfig(text).hosts, hosts);
    assert.equal(parser.serializeSSHConfig([]), "");
  });
});

/** A client of ssh2 on whose host these programs are. */
function client(...programs) {
  const asked = [];
  return {
    asked,
    exec(command, callback) {
      asked.push(command);
      const stream = Object.assign(new EventEmitter(), { stderr: new EventEmitter() });
      callback(undefined, stream);
      const code = programs.includes(command.replace("command -v ", "")) ? 0 : 1;
      setImmediate(() => stream.emit("close", code));
    },
  };
}
const quiet = { error() {}, warn() {}, info() {}, debug() {} };

describe("package managers", () => {
  for (const [programs, found] of [
    [["apt-get"], "apt"], [["dnf"], "dnf"], [["yum"], "yum"], [["zypper"], "zypper"], [["pacman"], "pacman"],
    [[], "unknown"], [["yum", "dnf"], "dnf"], [["pacman", "apt-get"], "apt"],
  ]) {
    it(`finds ${found} where there is ${programs.join(" and ") || "nothing"}`, async () => {
      assert.equal(await new PackageManagerDetector(quiet).detect(client(...programs), "h"), found);
    });
  }

  it("looks once per host, also when there is none", async () => {
    const detector = new PackageManagerDetector(quiet);
    const none = client();
    await detector.detect(none, "a");
    assert.equal(none.asked.length, 5);
    assert.equal(await detector.detect(none, "a"), "unknown");
    assert.equal(none.asked.length, 5);
    assert.equal(await detector.detect(client("dnf"), "b"), "dnf");
    detector.clearCache("a");
    assert.equal(await detector.detect(client("yum"), "a"), "yum");
    detector.clearAllCache();
    assert.equal(await detector.detect(client("zypper"), "b"), "zypper");
  });

  it("takes a failing look for no", async () => {
    const failing = { exec: (_, callback) => callback(new Error("gone")) };
    assert.equal(await new PackageManagerDetector(quiet).detect(failing, "h"), "unknown");
  });

  const commands = {
    apt: ["apt-get install -y P", "apt-get remove -y P", "apt-get install --only-upgrade -y P"],
    yum: ["yum install -y P", "yum remove -y P", "yum update -y P"],
    dnf: ["dnf install -y P", "dnf remove -y P", "dnf update -y P"],
    zypper: ["zypper install -y P", "zypper remove -y P", "zypper update -y P"],
    pacman: ["pacman -S --noconfirm P", "pacman -R --noconfirm P", "pacman -S --noconfirm P"],
  };
  const detector = new PackageManagerDetector(quiet);
  const makers = ["getInstallCommand", "getRemoveCommand", "getUpdateCommand"];
  for (const [manager, expected] of Object.entries(commands)) {
    it(`has the commands of ${manager}`, () => {
      assert.deepEqual(makers.map((make) => detector[make](manager, " nginx ")), expected.map((c) => c.replace("P", "nginx")));
    });
  }
  for (const [at, operation] of ["install", "remove", "update"].entries()) {
    it(`cannot ${operation} with an unknown one, or a bad name`, () => {
      assert.throws(() => detector[makers[at]]("unknown", "nginx"), {
        message: `Cannot generate ${operation} command: package manager unknown`,
      });
      assert.throws(() => detector[makers[at]]("apt", "a; rm"), {
        message: "Invalid package name 'a; rm': contains characters not allowed in package names",
      });
    });
  }
});
