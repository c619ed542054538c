// The README tells the truth: its programs are run as they stand, and its commands are scripts that there are.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { eventsOf } from "../sse.mjs";
import { sshd } from "./sshd.mjs";
import { folder, framework } from "./support.mjs";

const here = join(dirname(fileURLToPath(import.meta.url)), "../..");
const text = readFileSync(join(here, "README.md"), "utf8");
const blocks = (language) => [...text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm"))].map(([, block]) => block);
const [first, route, plugin, keeping, journal] = blocks("js");

/** A project that has the package, Express and Zod. */
function project(program) {
  const place = folder();
  mkdirSync(join(place, "node_modules/@pabawi"), { recursive: true });
  symlinkSync(here, join(place, "node_modules/@pabawi/execution"));
  symlinkSync(join(here, "node_modules/express"), join(place, "node_modules/express"));
  writeFileSync(join(place, "program.js"), program);
  return place;
}

describe("README", () => {
  it("names scripts that there are", () => {
    const { scripts } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
    const lines = blocks("sh").join("").trim().split("\n");
    assert.ok(lines.length >= 3);
    for (const line of lines) {
      const [npm, command, script = command] = line.split(" ");
      assert.ok(npm === "npm" && (script === "ci" || script in scripts), line);
    }
  });

  it("names calls that there are", async () => {
    const host = await framework();
    const [, table] = /^\| of \| calls \|\n\|---\|---\|\n((?:\|.*\n)+)/m.exec(text);
    const names = [...table.replaceAll("`AsyncIterable`", "").matchAll(/`([\w.]+)`/g)].map(([, name]) => name);
    assert.ok(names.length > 30);
    for (const name of names) assert.ok(name.split(".").reduce((part, member) => part?.[member], host) !== undefined, name);
  });

  // R9.1
  it("has a first program that runs", async () => {
    const cwd = project(first);
    const { stdout } = await promisify(execFile)(process.execPath, ["program.js"], { cwd, timeout: 30_000 });
    const lines = stdout.trim().split("\n").sort();
    const nodes = ["web1", "web2", "web3"];
    const said = `hello from ${hostname()}`;
    assert.deepEqual(lines, ["completed 3", ...nodes.flatMap((node) => [`${node} succeeded ${said}`, `${node}: ${said}`])].sort());
  });

  // R5.5, R11.13
  it("has a program that writes a report and plans what goes, and that runs", async () => {
    const cwd = project(keeping);
    const { stdout } = await promisify(execFile)(process.execPath, ["program.js"], { cwd, timeout: 30_000 });
    assert.equal(stdout, "0 0\n");
    assert.match(readFileSync(join(cwd, "report.html"), "utf8"), /web1.*<\/html>/s);
  });

  // R10.5
  it("has a program with a journal of its own that runs", async () => {
    const cwd = project(journal);
    const { stdout } = await promisify(execFile)(process.execPath, ["program.js"], { cwd, timeout: 30_000 });
    assert.match(stdout, /^web1 .*exit 3.*\n$/);
  });

  it("has a program with the SSH plugin that runs", async () => {
    const cwd = project(plugin);
    const { config } = await sshd();
    const path = join(cwd, "config");
    writeFileSync(path, readFileSync(config, "utf8").replace("node*", "node1"));
    const env = { ...process.env, SSH_CONFIG_PATH: path };
    const { stdout } = await promisify(execFile)(process.execPath, ["program.js"], { cwd, env, timeout: 30_000 });
    // The lines before are those of Pabawi's own logger, which writes to the console.
    assert.match(stdout, /^hello\nsuccess\n$/m);
  });

  it("has a route that streams, goes on after a lost connection, and refuses", async () => {
    const { routes } = createRequire(import.meta.url)(join(project(route), "program.js"));
    const host = await framework({ authorizer: ({ user }) => user !== "mallory" });
    const server = routes(host).listen(0, "127.0.0.1");
    await once(server, "listening");
    const at = `http://127.0.0.1:${server.address().port}/executions`;
    const post = (body, user = "alice") =>
      fetch(at, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-User": user } });
    try {
      const request = { action: { type: "command", command: "for i in 1 2 3; do echo $i; sleep 0.1; done" }, targets: "a,b", transport: "local" };
      const accepted = await post(request);
      assert.equal(accepted.status, 202);
      const { id } = await accepted.json();
      const alice = { "X-User": "alice" };
      const begun = await eventsOf(`${at}/${id}/events`, alice, ({ length }) => length === 4);
      const rest = await eventsOf(`${at}/${id}/events`, { ...alice, "Last-Event-ID": String(begun.at(-1)[0]) });
      const whole = [...begun, ...rest];
      assert.deepEqual(whole.map(([seq]) => seq), whole.map((_, place) => place + 1));
      assert.equal(whole.at(-1)[1], "finished");
      assert.deepEqual(await eventsOf(`${at}/${id}/events`, alice), whole);

      // Nobody is answered whom nobody names; and a stream begins before anything happens.
      for (const [method, path] of [["POST", ""], ["GET", `/${id}/events`], ["DELETE", `/${id}`]]) {
        assert.equal((await fetch(at + path, { method })).status, 401, method);
      }
      const quiet = await (await post({ ...request, action: { type: "command", command: "sleep 300" }, targets: "a" })).json();
      const seen = (await eventsOf(`${at}/${quiet.id}/events`, alice, ({ length }) => length === 3)).at(-1)[0];
      const reconnected = await fetch(`${at}/${quiet.id}/events`, { headers: { ...alice, "Last-Event-ID": String(seen + 100) }, signal: AbortSignal.timeout(5_000) });
      assert.equal(reconnected.headers.get("content-type"), "text/event-stream");
      await reconnected.body.cancel();
      await fetch(`${at}/${quiet.id}`, { method: "DELETE", headers: alice });
      const { id: many } = await (await post({ ...request, action: { type: "command", command: "seq 1 100000" }, targets: "a" })).json();
      await host.wait(many);
      const gaps = (await eventsOf(`${at}/${many}/events`, alice)).filter(([, type]) => type === "gap");
      assert.ok(gaps.length > 0 && gaps.every(([seq, , { lastSeq }]) => lastSeq >= seq), JSON.stringify(gaps));

      const wrong = await post({ ...request, targets: 7 });
      assert.deepEqual([wrong.status, (await wrong.json()).issues[0].path], [400, ["targets"]]);
      assert.equal((await post(request, "mallory")).status, 403);
      assert.equal((await fetch(`${at}/01890a5d-ac96-774b-bcce-b302099a8057/events`, { headers: alice })).status, 404);
      const long = await (await post({ ...request, action: { type: "command", command: "sleep 300" } })).json();
      const ended = await fetch(`${at}/${long.id}`, { method: "DELETE", headers: alice });
      assert.equal((await ended.json()).receipt, "ordered");
      assert.equal((await eventsOf(`${at}/${long.id}/events`, alice)).at(-1)[2].summary.status, "cancelled");
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
