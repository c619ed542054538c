// A real sshd on the loopback interface, with keys of its own, that ends with the tests.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
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

/** Starts one; tells the path of a client configuration in which `node` is a name of it. */
export async function sshd() {
  const place = folder();
  const key = (name) => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(place, name)]);
    return join(place, name);
  };
  const [host, user, port] = [key("host"), key("user"), await freePort()];
  const authorized = join(place, "authorized_keys");
  writeFileSync(authorized, readFileSync(`${user}.pub`), { mode: 0o600 });
  writeFileSync(join(place, "known_hosts"), `[127.0.0.1]:${port} ${readFileSync(`${host}.pub`, "utf8")}`);
  const settings = join(place, "sshd_config");
  writeFileSync(
    settings,
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${host}\nAuthorizedKeysFile ${authorized}\nStrictModes no\nUsePAM no\n` +
      `PidFile none\nPermitRootLogin yes\nPasswordAuthentication no\n`,
  );
  // sshd wants that directory, and only a boot makes it.
  if (process.getuid() === 0) mkdirSync("/run/sshd", { recursive: true });
  const server = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", settings], { stdio: ["ignore", "ignore", "pipe"] });
  after(() => server.kill());
  // It is read for as long as it runs: a server whose log nobody reads would stop.
  let told = "";
  await new Promise((resolve, reject) => {
    server.stderr.on("data", (text) => {
      told += text;
      if (told.includes("Server listening")) resolve();
    });
    server.once("exit", () => reject(new Error(`sshd has ended: ${told}`)));
  });
  const config = join(place, "config");
  writeFileSync(
    config,
    `Host node*\n  HostName 127.0.0.1\n  Port ${port}\n  User ${userInfo().username}\n  IdentityFile ${user}\n  UserKnownHostsFile ${join(place, "known_hosts")}\n`,
  );
  return { config };
}
