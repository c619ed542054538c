// A real sshd on the loopback interface, with keys of its own, that ends with the tests.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";

import { folder } from "./support.mjs";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Makes a key where there is none yet, and tells its path. */
function key(path) {
  if (!existsSync(path)) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
  return path;
}

/**
 * Starts one on these loopback addresses (16 at most) and one port; tells the path of a client configuration in which `node*` are
 * names of it, and how it is started anew. Those of one `place` have the same login and the same file of known hosts; `lines` are
 * further lines of the server's configuration.
 */
export async function sshd({ place = folder(), addresses = ["127.0.0.1"], lines = [] } = {}) {
  const [user, port] = [key(join(place, "user")), await freePort()];
  const host = key(join(place, `host-${port}`));
  const authorized = join(place, "authorized_keys");
  writeFileSync(authorized, readFileSync(`${user}.pub`), { mode: 0o600 });
  const knownHosts = join(place, "known_hosts");
  const keys = addresses.map((address) => `[${address}]:${port} ${readFileSync(`${host}.pub`, "utf8")}`);
  appendFileSync(knownHosts, keys.join(""));
  // sshd wants that directory, and only a boot makes it.
  if (process.getuid() === 0) mkdirSync("/run/sshd", { recursive: true });
  const how = { place, addresses, port, authorized, lines };
  const logins = [];
  let server = await started(host, how, logins);
  after(() => server.stdin.end());
  const config = join(place, `config-${port}`);
  const login = `  User ${userInfo().username}\n  IdentityFile ${user}\n  UserKnownHostsFile ${knownHosts}\n`;
  writeFileSync(config, `Host node*\n  HostName ${addresses[0]}\n  Port ${port}\n${login}`);
  return {
    config,
    port,
    /** Lines of a client configuration, without name and address. */
    login,
    knownHosts,
    /** How many connections have logged in, by its log. */
    logins: () => logins.length,
    /** Starts it anew with another host key, as if another machine had its address. */
    async otherKey() {
      const gone = once(server, "exit");
      server.stdin.end();
      await gone;
      server = await started(key(join(place, `other-${port}`)), how, logins);
    },
  };
}

/** Starts the program and returns when it listens; lines of its log about logins go to `logins`. */
async function started(hostKey, { place, addresses, port, authorized, lines }, logins) {
  const settings = [
    `Port ${port}`,
    ...addresses.map((address) => `ListenAddress ${address}`),
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    // It keeps bash from reading this machine's ~/.bashrc, which it does for commands over SSH in a first shell.
    "SetEnv SHLVL=1",
    ...["StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin yes", "PasswordAuthentication no", ...lines, ""],
  ];
  const path = join(place, `sshd-${port}`);
  writeFileSync(path, settings.join("\n"));
  // The shell waits for the end of its input, which comes however this process ends.
  const server = spawn("sh", ["-c", '/usr/sbin/sshd -D -e -f "$1" & cat > /dev/null; kill $!; wait', "sh", path], { stdio: ["pipe", "ignore", "pipe"] });
  // It is read for as long as it runs: a server whose log nobody reads would stop.
  let told = "";
  createInterface(server.stderr).on("line", (line) => {
    if (line.startsWith("Accepted publickey for ")) logins.push(line);
  });
  await new Promise((resolve, reject) => {
    server.stderr.on("data", (text) => {
      told = (told + text).slice(-64 * 1024);
      if (told.split("Server listening").length > addresses.length) resolve();
    });
    // When sshd cannot start, its output has come to its end.
    server.stderr.once("end", () => reject(new Error(`sshd has ended: ${told}`)));
  });
  return server;
}
