// Plugins of v1.x that do what none should: the framework survives each, says whose fault it is, and the others go on.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";

import { folder, framework, shutDown } from "../framework/support.mjs";
import { BEHAVIOURS, REFUSED, SHAPES } from "./behaviours.mjs";
import { node, plugin } from "./plugins.mjs";
import { allFailed, everywhere, isStructured, LIMITS, limits, prototypesAreUnchanged, putThrough, ran, SHORT } from "./support.mjs";
import { RETURNED, THROWN } from "./values.mjs";

const unhandled = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

let cases = 0;

/** A case: what holds for all is checked afterwards. */
function hostile(name, test) {
  cases += 1;
  it(name, async () => {
    await test();
    // Rejections that nobody handles are told when the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(unhandled.splice(0).map(String), [], "rejections that nobody handled");
    prototypesAreUnchanged();
  });
}

// R6.4, R7.4, R10.4
describe("plugins that throw", () => {
  for (const [name, make] of Object.entries(THROWN)) {
    hostile(`${name} at once`, async () => {
      allFailed(await putThrough(everywhere(() => { throw make(); })));
    });
  }
  for (const name of ["null", "a symbol", "a Proxy that traps everything", "an error whose getters throw", "an error that says how it was thrown"]) {
    hostile(`${name} later`, async () => {
      allFailed(await putThrough(everywhere(async () => { await null; throw THROWN[name](); })));
    });
  }
});

// R6.4, R7.4, R10.4
describe("plugins that answer with", () => {
  for (const [name, [make, fails]] of Object.entries(RETURNED)) {
    hostile(name, async () => {
      const seen = await putThrough(everywhere(make), { limits: name.includes("never") ? SHORT : LIMITS });
      if (fails) {
        const { action: { error } } = seen;
        assert.deepEqual([error?.code, error?.plugin], ["plugin_fault", "hostile"], `${error}`);
      }
    });
  }
});

// R6.4, R7.4, R10.4
for (const [title, table] of [["plugins with shapes of their own:", SHAPES], ["a plugin that", BEHAVIOURS]]) {
  describe(title, () => {
    for (const [name, given] of Object.entries(table)) {
      hostile(name, async () => {
        const { plugin: one, sees, during, limits, mayBeRefused } = typeof given === "function" ? given() : given;
        const seen = await putThrough(one, { during, limits });
        if (mayBeRefused && seen.opened.error !== undefined) return;
        assert.equal(seen.opened.error, undefined, `${seen.opened.error}`);
        await sees?.(seen);
      });
    }
  });
}

// R6.4, R10.4
describe("plugins that are refused:", () => {
  for (const [name, [given, what]] of Object.entries(REFUSED)) {
    hostile(name, async () => {
      const { opened: { error } } = await putThrough(given);
      assert.ok(error !== undefined, "it was opened");
      const told = error.name === "ZodError" ? error.issues.map(({ path }) => path.join(".")) : [error.code];
      assert.ok(told.some((one) => what.test(one)), `${told}: ${error}`);
      assert.ok(error.message.length < 10_000, "a message is for people");
    });
  }

  hostile("the ones before it are let go of", async () => {
    const told = [];
    const first = plugin("first", { initialize: async () => void told.push("ready"), shutdown: async () => void told.push("gone") });
    await assert.rejects(framework({ plugins: [first, { ...plugin("second"), type: 7 }], limits: LIMITS }), isStructured);
    assert.deepEqual(told, ["ready", "gone"]);
  });
});

describe("a plugin with a million nodes", () => {
  // R10.4
  hostile("is listed or refused, and the others are listed", async () => {
    const many = plugin("hostile", { getInventory: async () => Array.from({ length: 1_000_000 }, (_, at) => node(`n${at}`)) });
    const host = await framework({ plugins: [many, plugin("good")], limits: limits(50_000) });
    const found = await host.targets.resolve("of-good");
    assert.deepEqual(found.map((target) => target.node), ["of-good"]);
    assert.equal((await ran(host, "good")).text, "by good\n");
    await shutDown(host);
  });
});

describe("a plugin that throws when nobody listens", () => {
  // R7.4
  hostile("leaves the framework to a program that goes on", async () => {
    const place = folder();
    const text = `
      import { createExecutionFramework } from ${JSON.stringify(new URL("../../index.js", import.meta.url).href)};
      import { plugin, result } from ${JSON.stringify(new URL("./plugins.mjs", import.meta.url).href)};
      const caught = [];
      process.on("uncaughtException", (error) => caught.push(error.message));
      process.on("unhandledRejection", (error) => caught.push(error.message));
      const executeAction = async ({ target }) => {
        setTimeout(() => { throw new Error("later"); }, 1);
        Promise.reject(new Error("rejected"));
        return result(target, "x");
      };
      const plugins = [plugin("hostile", { executeAction }), plugin("good")];
      const host = await createExecutionFramework({ database: ${JSON.stringify(`${place}/e.db`)}, authorizer: "allow-all", plugins });
      const ran = async (transport) => (await host.execute({ action: { type: "command", command: "x" }, targets: "n1", transport })).summary.status;
      await ran("hostile");
      await new Promise((resolve) => setTimeout(resolve, 50));
      console.log(await ran("good"), caught.sort().join());
      await host.shutdown();`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", text], { timeout: 30_000, cwd: place });
    assert.equal(stdout.trim(), "completed later,rejected");
  });
});

describe("two frameworks in one process", () => {
  hostile("share nothing but the process", async () => {
    const [one, two] = await Promise.all(["a", "b"].map((name) => framework({ plugins: [plugin(name)] })));
    assert.deepEqual(await Promise.all([ran(one, "a"), ran(two, "b")].map(async (told) => (await told).text)), ["by a\n", "by b\n"]);
    await shutDown(one);
    await assert.rejects(one.stats({}).then(() => one.submit({})), isStructured);
    assert.equal((await ran(two, "b")).text, "by b\n");
    await shutDown(two);
  });
});

after(() => {
  console.log(`# ${cases} hostile plugins`);
  assert.ok(cases >= 60, `only ${cases} cases`);
});
