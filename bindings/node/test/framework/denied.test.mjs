// Every call of the framework, asked for by somebody who may do nothing: each that does or shows something is denied.
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";

import { DeniedError } from "../../index.js";
import { call, CALLS, things } from "./calls.mjs";
import { folder, framework } from "./support.mjs";

/** What shows what this process is and does and names nobody's work, and what its owner alone has the object for. */
const OPEN = ["capabilities", "stats", "metrics", "prometheus", "output", "outputText", "shutdown"];
/** Denied in reload.test.mjs, where there is a plugin of v1.x. */
const ELSEWHERE = ["plugins.reload"];
const nobody = { user: "mallory" };

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
  made = await things(host);
});

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

  for (const [name, args] of Object.entries(CALLS)) {
    // R6.5, R6.6, R10.3
    it(`is denied ${name}`, async () => {
      await assert.rejects(call(host, name, [...args(made), nobody]), (error) => {
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
