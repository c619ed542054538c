// Every call of the framework, asked for by somebody who may do nothing: each that does or shows something is denied.
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import { DeniedError } from "../../index.js";
import { all, command, folder, framework } from "./support.mjs";

/** What shows what this process is and does and names nobody's work, and what its owner alone has the object for. */
const OPEN = ["capabilities", "stats", "metrics", "prometheus", "output", "outputText", "shutdown"];
/** Denied in reload.test.mjs, where there is a plugin of v1.x. */
const ELSEWHERE = ["plugins.reload"];
const nobody = { user: "mallory" };
const task = { name: "only", targets: "here", transport: "local", action: { type: "command", command: "true" } };

let host;
let made;

/** A program that greets whoever asks, and notes that it did. */
function greeter(place) {
  const capability = { name: "greeting.show", description: "Greets", parameters: { type: "object" }, requiredPermissions: ["greeting.show"], risk: "read" };
  const about = { name: "hello", version: "1", description: "Says hello", capabilities: [capability], methods: { call: true } };
  const program = join(place, "hello");
  writeFileSync(program, `#!/bin/sh\ncase $1 in describe) echo '${JSON.stringify(about)}';; *) cat >/dev/null; echo '{"result": "hello"}';; esac\n`);
  chmodSync(program, 0o755);
  return { program, config: {} };
}

before(async () => {
  host = await framework({ user: "alice", authorizer: ({ user }) => user === "alice", externalPlugins: [greeter(folder())] });
  assert.equal(await host.plugins.call({ capability: "greeting.show" }), "hello");
  const { record } = await host.execute(command("true"));
  const graph = await host.graphs.run({ name: "g", tasks: [task] });
  await host.graphs.wait(graph);
  made = {
    id: record.id,
    graph,
    plan: (await host.plans.make(command("true"))).hash,
    note: (await host.journal.note("here", "a note")).id,
    prune: await host.journal.planRetention({ executions: { keep: 100 } }),
  };
});

const CALLS = {
  execute: () => host.execute(command("true"), nobody),
  submit: () => host.submit(command("true"), nobody),
  submitAndFollow: () => host.submitAndFollow(command("true"), nobody),
  wait: () => host.wait(made.id, nobody),
  events: () => all(host.events(made.id, nobody)),
  watch: () => new Promise((resolve, reject) => host.watch(made.id, nobody).on("error", reject).on("end", resolve)),
  cancel: () => host.cancel(made.id, {}, nobody),
  rerun: () => host.rerun(made.id, { selection: "all" }, nobody),
  resume: () => host.resume(made.id, {}, nobody),
  get: () => host.get(made.id, nobody),
  progress: () => host.progress(made.id, nobody),
  executions: () => host.executions({}, nobody),
  totals: () => host.totals({}, nobody),
  results: () => host.results(made.id, {}, nobody),
  attempts: () => host.attempts(made.id, undefined, nobody),
  outputGroups: () => host.outputGroups(made.id, "stdout", nobody),
  export: () => all(host.export(made.id, "json", nobody)),
  explainSlow: () => host.explainSlow(made.id, 5, nobody),
  breakers: () => host.breakers(nobody),
  resetBreaker: () => host.resetBreaker("node:here", nobody),
  inventory: () => host.inventory({}, nobody),
  facts: () => host.facts("here", {}, nobody),
  factsMatching: () => host.factsMatching("os.family=Debian", nobody),
  useSshConfig: () => host.useSshConfig("/no/such/file", nobody),
  "plans.make": () => host.plans.make(command("true"), nobody),
  "plans.list": () => host.plans.list({}, nobody),
  "plans.get": () => host.plans.get(made.plan, nobody),
  "plans.apply": () => host.plans.apply(made.plan, {}, nobody),
  "graphs.run": () => host.graphs.run({ name: "g", tasks: [task] }, nobody),
  "graphs.get": () => host.graphs.get(made.graph, nobody),
  "graphs.wait": () => host.graphs.wait(made.graph, nobody),
  "graphs.list": () => host.graphs.list({}, nobody),
  "graphs.cancel": () => host.graphs.cancel(made.graph, {}, nobody),
  "graphs.resume": () => host.graphs.resume(made.graph, {}, nobody),
  "graphs.events": () => all(host.graphs.events(made.graph, nobody)),
  "targets.resolve": () => host.targets.resolve("here", nobody),
  "targets.explain": () => host.targets.explain("here", [], nobody),
  "journal.query": () => host.journal.query({}, nobody),
  "journal.timeline": () => host.journal.timeline({ query: { nodes: ["here"] } }, nobody),
  "journal.note": () => host.journal.note("here", "x", nobody),
  "journal.editNote": () => host.journal.editNote(made.note, "x", nobody),
  "journal.versions": () => host.journal.versions(made.note, nobody),
  "journal.verify": () => host.journal.verify(undefined, nobody),
  "journal.planRetention": () => host.journal.planRetention({ executions: { keep: 1 } }, nobody),
  "journal.prune": () => host.journal.prune(made.prune, nobody),
  "plugins.list": () => host.plugins.list(nobody),
  "plugins.health": () => host.plugins.health(undefined, nobody),
  "plugins.call": () => host.plugins.call({ capability: "greeting.show" }, nobody),
  "plugins.reloadTool": () => host.plugins.reloadTool({ kind: "ansible" }, nobody),
  "plugins.reloadExternal": () => host.plugins.reloadExternal({ program: "/no/such/program" }, nobody),
};

function functionsOf(object, before = "") {
  return Object.entries(object).flatMap(([name, value]) => {
    if (typeof value === "function") return [`${before}${name}`];
    return typeof value === "object" && value !== null ? functionsOf(value, `${before}${name}.`) : [];
  });
}

describe("somebody who may do nothing", () => {
  // R6.5, R10.3
  it("is asked about by every call", () => {
    assert.deepEqual(functionsOf(host).sort(), [...OPEN, ...ELSEWHERE, ...Object.keys(CALLS)].sort());
  });

  for (const [name, call] of Object.entries(CALLS)) {
    // R6.5, R6.6, R10.3
    it(`is denied ${name}`, async () => {
      await assert.rejects(async () => call(), (error) => {
        assert.ok(error instanceof DeniedError, `${name}: ${error?.stack ?? error}`);
        return true;
      });
    });
  }

  // R6.5
  it("is told of no capability, and leaves nothing behind", async () => {
    assert.deepEqual(await host.capabilities(nobody), []);
    const { items } = await host.executions({});
    assert.deepEqual(items.map((record) => record.caller.user), ["alice", "alice"]);
    const denials = await host.journal.query({ nodes: ["here"] });
    assert.ok(denials.items.some((entry) => entry.user === "mallory"), JSON.stringify(denials.items));
  });
});
