// Secrets that a host gives to a framework: through runs that succeed, fail, take too long, throw and are debugged, and then looked
// for in all that comes out, in every form. The control: the same text that is no secret is found in the same places.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inspect } from "node:util";

import { PerformanceMonitorService } from "../../pabawi/PerformanceMonitorService.js";
import { localNode, node, plugin } from "../hostile/plugins.mjs";
import { targetError } from "../../index.js";
import { all, command, folder, framework, shutDown } from "./support.mjs";

// Letters only, longer than what anybody writes by chance.
const word = () => [...randomBytes(16)].map((byte) => "ghijklmnopqrstuv"[byte % 16]).join("");

/** Between two words there is all that quoting, JSON and URLs change; where one of the words is, the secret is. */
function canary() {
  const words = [word(), word()];
  const needles = words.flatMap((one) => {
    const hex = Buffer.from(one).toString("hex");
    const base64 = [0, 1, 2].map((before) => {
      // The digits that only depend on the word, wherever it stands in a longer text.
      const digits = Buffer.from("\0".repeat(before) + one).toString("base64url");
      return digits.slice(Math.ceil((before * 8) / 6), Math.floor(((before + one.length) * 8) / 6));
    });
    return [one, hex, hex.toUpperCase(), ...base64];
  });
  const isIn = (text) => needles.some((needle) => text.includes(needle));
  return { text: `${words[0]} '"/+\u00e9\\&${words[1]}`, isIn };
}

/** The text as tools write it. */
function forms(text) {
  const json = JSON.stringify(text);
  const url = encodeURIComponent(text);
  const base64 = ["", "u", "us"].flatMap((before) => [
    Buffer.from(before + text).toString("base64"),
    Buffer.from(`${before}${text} and more`).toString("base64url"),
  ]);
  return {
    plain: [text],
    quoted: [`'${text.replaceAll("'", "'\\''")}'`],
    json: [json, json.replace("\u00e9", "\\u00e9")],
    url: [url, url.replaceAll("%20", "+")],
    base64,
  };
}

/** All of them, each between marks. */
function said(text) {
  return Object.entries(forms(text)).flatMap(([name, all]) => all.map((form) => `[[${name}:${form}]] `)).join("");
}

const FORMS = ["plain", "quoted", "json", "url", "base64"];
const marked = (text, form) => [...text.matchAll(/\[\[(\w+):(.*?)\]\]/gs)].filter(([, name]) => name === form).map(([, , inside]) => inside);

/** Says what is in TOKEN and what it reads on both streams, in every form and in two pieces. */
const TELLTALE = `
${forms}
${said}
let read = "";
process.stdin.on("data", (more) => { read += more; }).on("end", async () => {
  for (const text of [process.env.TOKEN, read.trim()]) for (const stream of [process.stdout, process.stderr]) {
    stream.write(said(text) + "[[" + "split:" + text.slice(0, 12));
    await new Promise((resolve) => setTimeout(resolve, 50));
    stream.write(text.slice(12) + "]]\\n");
  }
});`;

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const telltale = (then) => `${process.execPath} -e ${quoted(TELLTALE)}; ${then}`;

/** A plugin that tells its password wherever it can. */
const gossip = () =>
  plugin("gossip", {
    getInventory: async () => [localNode("here"), node("n1")],
    getGroups: async () => [],
    listCapabilities: () => [{ name: "task", description: "Gossips", parameters: ["password", "word"].map((name) => ({ name, type: "string" })) }],
    async executeAction(action) {
      const text = action.parameters.password ?? action.parameters.word;
      const tell = action.metadata.streamingCallback.onStdout;
      tell(`${said(text)}[[split:${text.slice(0, 12)}`);
      tell(`${text.slice(12)}]]\n`);
      if (action.action === "hangs") return new Promise(() => {});
      if (action.action === "throws") throw Object.assign(new TypeError(said(text), { cause: new Error(said(text)) }), { text });
      const fails = action.action === "fails";
      return {
        id: "1", type: "task", targetNodes: [action.target], action: action.action, status: fails ? "failed" : "success",
        startedAt: new Date().toISOString(), error: fails ? said(text) : undefined,
        results: [{ nodeId: action.target, status: fails ? "failed" : "success", error: fails ? said(text) : undefined, duration: 1 }],
      };
    },
  });

/** All requests, by how they end. */
function requests(secret, password, isSecret) {
  const value = isSecret ? { secret } : secret;
  const runAs = isSecret ? { runAs: { user: "nobody", method: "sudo", password } } : {};
  const told = (then, more) => {
    const { action, ...rest } = command(telltale(then), "here", more);
    return { ...rest, action: { ...action, env: { TOKEN: value }, stdin: isSecret ? { secret } : { bytes: secret }, ...runAs } };
  };
  const task = (name, more) => ({ action: { type: "task", name, parameters: { [isSecret ? "password" : "word"]: secret } }, targets: "n1", transport: "gossip", ...more });
  const short = { timeouts: { nodeMs: 3000 } };
  return {
    success: [told("true"), task("works")],
    failure: [told("exit 3"), task("fails")],
    "time-out": [told("sleep 60", short), task("hangs", short)],
    panic: [task("throws")],
    debug: [told("true", { debug: true }), task("works", { debug: true })],
  };
}

const OF_OUTPUT = ["events", "outputs", "export", "page", "database"];
const OF_ERRORS = ["events", "results", "errors", "export", "page", "database", "logger", "journal"];
const WAYS = [...new Set([...OF_OUTPUT, ...OF_ERRORS, "outcome", "history", "performance monitor", "metrics"])];

/** Runs everything, and tells what came out by each way, for each ending. */
async function run(secret, password, isSecret) {
  const cells = {};
  for (const [ending, list] of Object.entries(requests(secret, password, isSecret))) {
    const place = folder();
    const lines = [];
    const log = (...told) => lines.push(inspect(told, { depth: 9 }));
    const performanceMonitor = new PerformanceMonitorService();
    const logger = { error: log, warn: log, info: log, debug: log };
    const host = await framework({ database: join(place, "e.db"), logger, logLevel: "debug", performanceMonitor, plugins: [gossip()] });
    const cell = Object.fromEntries(WAYS.map((way) => [way, ""]));
    const tell = (way, ...told) => (cell[way] += told.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n") + "\n");
    for (const request of list) {
      const outcome = await host.execute(request);
      const { id } = outcome.record;
      tell("outcome", outcome);
      const events = await all(host.events(id));
      const text = (stream) => events.filter((event) => event.stream === stream).map((event) => event.data).join("");
      tell("events", events, text("stdout"), text("stderr"));
      const { items } = await host.results(id);
      tell("results", items, await host.attempts(id));
      for (const item of items) {
        for (const output of [item.stdout, item.stderr]) tell("outputs", await host.outputText(output));
        const error = targetError(item);
        if (error !== undefined) tell("errors", error.message, error.stack, inspect(error, { depth: 9 }), JSON.stringify(error));
      }
      tell("history", await host.executions(), await host.get(id), await host.explainSlow(id));
      tell("export", (await all(host.export(id))).join(""));
      tell("page", (await all(host.export(id, "html"))).join(""));
    }
    // What is refused says what is wrong, and not what was given.
    const wrong = { ...list[0], timeouts: { nodeMs: -1 } };
    await assert.rejects(host.execute(wrong), (error) => (tell("errors", error.message, error.stack, inspect(error, { depth: 9 })), true));
    tell("journal", await host.journal.query());
    tell("metrics", await host.metrics(), await host.prometheus());
    await shutDown(host);
    tell("logger", ...lines);
    tell("performance monitor", performanceMonitor.getMetrics());
    for (const name of readdirSync(place, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) tell("database", readFileSync(join(name.parentPath ?? name.path, name.name), "utf8"));
    }
    cells[ending] = cell;
  }
  return cells;
}

/** Sees that every way was looked at, and that each form is there as it has to be. */
function check(cells, isSo) {
  assert.deepEqual(Object.keys(cells), ["success", "failure", "time-out", "panic", "debug"]);
  for (const [ending, cell] of Object.entries(cells)) {
    for (const way of WAYS) assert.ok(cell[way].length > 1, `${way} of ${ending} was looked at`);
    const has = (way, form) => assert.ok(marked(cell[way], form).some(isSo), `${form} in ${way} of ${ending}`);
    for (const way of OF_OUTPUT) for (const form of [...FORMS, "split"]) has(way, form);
    if (["failure", "panic"].includes(ending)) for (const way of OF_ERRORS) for (const form of FORMS) has(way, form);
  }
}

describe("secrets", () => {
  // R5.6, R6.6, R7.4, R10.6
  it("are in nothing that comes out, however a run ends", async () => {
    const [secret, password] = [canary(), canary()];
    const cells = await run(secret.text, password.text, true);
    for (const [ending, cell] of Object.entries(cells)) {
      for (const [way, text] of Object.entries(cell)) {
        assert.ok(!secret.isIn(text) && !password.isIn(text), `a secret is in ${way} of ${ending}: ${text.slice(0, 2000)}`);
      }
    }
    check(cells, (inside) => inside.includes("***"));
  });

  it("that are none are found in the same places", async () => {
    const text = canary();
    check(await run(text.text, "", false), (inside) => text.isIn(inside));
  });
});
