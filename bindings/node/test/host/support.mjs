// The host as a process, its nodes, and what stands on these.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { SCHEMA } from "../schema.mjs";
import { Adapter } from "../sqlite.mjs";
import { folder } from "../framework/support.mjs";
import { sshd } from "../framework/sshd.mjs";

/** An sshd takes no more addresses. */
const MOST_ADDRESSES = 16;

/** What was started, and ends with the tests, however they end. */
const children = new Set();
after(() => children.forEach((child) => child.kill("SIGKILL")));

/**
 * So many nodes, each with a loopback address of its own, on as few sshd as there can be; `work` is a directory in which each has files
 * under its address.
 */
export async function fleet(count) {
  const place = folder();
  const work = join(place, "work");
  mkdirSync(work);
  const nodes = [];
  while (nodes.length < count) {
    const addresses = Array.from({ length: Math.min(MOST_ADDRESSES, count - nodes.length) }, (_, index) => `127.77.${nodes.length % 250}.${index + 1}`);
    const { port, login } = await sshd({ place, addresses, lines: ["MaxStartups 200", "MaxSessions 100"] });
    writeFileSync(join(place, "config"), `Host *\n${login}`);
    for (const address of addresses) nodes.push({ name: `n${String(nodes.length + 1).padStart(3, "0")}`, address, port });
  }
  return { nodes, work, sshConfig: join(place, "config") };
}

/** A shell command that counts itself on the node that it runs on, notes its process, and does what follows: `$at` is its file there. */
export const counted = (work, text) => `set -- $SSH_CONNECTION; at='${work}'/$3; echo run >> $at.count; echo $$ >> $at.pids; ${text}`;

/** What stands on the nodes. */
export function onNodes(work, nodes) {
  const read = (address, kind) => {
    const path = join(work, `${address}.${kind}`);
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  };
  return {
    /** How often the command ran on each. */
    counts: () => Object.fromEntries(nodes.map(({ name, address }) => [name, read(address, "count").length])),
    /** Ids of all processes that were noted. */
    pids: () => nodes.flatMap(({ address }) => read(address, "pids")).map(Number),
    /** On how many of them there is such a file. */
    having: (kind) => readdirSync(work).filter((name) => name.endsWith(`.${kind}`)).length,
  };
}

const AUDIT = `CREATE TABLE audit_logs (id TEXT PRIMARY KEY, timestamp TEXT NOT NULL, event_type TEXT NOT NULL, action TEXT NOT NULL,
  user_id TEXT, details TEXT, result TEXT NOT NULL);`;

/** Makes the database with a user of each role: `id-omar` who runs things, `id-vera` who only looks. */
export async function populate(place) {
  const database = await Adapter.open(join(place, "pabawi.db"), SCHEMA + AUDIT);
  const roles = {
    omar: ["ssh:read", "ssh:execute", "runbook:execute", "journal:read"],
    vera: ["ssh:read", "journal:read"],
  };
  for (const [name, permissions] of Object.entries(roles)) {
    await database.execute("INSERT INTO users VALUES (?, ?, ?, 'x', 'A', 'B', 1, 0, '2026', '2026', NULL)", [`id-${name}`, name, `${name}@example.com`]);
    await database.execute("INSERT INTO roles VALUES (?, ?, 'd', 0, '2026', '2026')", [`role-${name}`, name]);
    await database.execute("INSERT INTO user_roles VALUES (?, ?, '2026')", [`id-${name}`, `role-${name}`]);
    for (const permission of permissions) {
      const [resource, action] = permission.split(":");
      await database.execute("INSERT OR IGNORE INTO permissions VALUES (?, ?, ?, 'd', '2026')", [permission, resource, action]);
      await database.execute("INSERT INTO role_permissions VALUES (?, ?, '2026')", [`role-${name}`, permission]);
    }
  }
  await database.close();
}

/** Starts the host and returns when it listens. */
export async function startHost(settings) {
  const program = fileURLToPath(new URL("./host.mjs", import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(settings)], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(child, "exit");
  children.add(child);
  let port;
  for await (const line of createInterface(child.stdout)) {
    port = Number(/^listening (\d+)$/.exec(line)?.[1]);
    if (port > 0) break;
  }
  if (!(port > 0)) throw new Error(`the host has ended: ${await gone}`);
  child.stdout.resume();
  const url = `http://127.0.0.1:${port}/api`;
  const asked = async (method, path, body, user = "id-omar") => {
    const headers = { "X-User": user, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
    const response = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  return {
    url,
    post: (path, body, user) => asked("POST", path, body, user),
    get: async (path, user) => (await asked("GET", path, undefined, user)).body,
    /** Ends it; what it ended with. */
    async end(signal) {
      child.kill(signal);
      return gone;
    },
  };
}
