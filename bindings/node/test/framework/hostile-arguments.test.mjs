// Every argument of every call, of every hostile kind: told as what it is, and nothing is done.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { bytesOf, createExecutionFramework, journalMigration, outputDecoder, PabawiError, targetError } from "../../index.js";
import { THROWN } from "../hostile/values.mjs";
import { call, CALLS, things } from "./calls.mjs";
import { command, folder, framework } from "./support.mjs";

/** An answer that says who is to blame. */
function isNamed(error) {
  return error instanceof PabawiError || (error instanceof Error && error.name === "ZodError");
}

/** What an argument that is left out is, what is as good as an empty object, and what cannot be made but by throwing it. */
const GOOD = ["undefined", "an object without a prototype", "an error whose getters throw"];
const EMPTY = /^a(n| frozen) error( whose getters throw a Proxy| with a huge message| with half a character|$)/;
const HOSTILE = {
  ...Object.fromEntries(Object.entries(THROWN).filter(([kind]) => !GOOD.includes(kind) && !EMPTY.test(kind))),
  "a boolean": () => true,
  "an array": () => [],
  "half a character": () => "\ud800",
};

/** Texts are as good as any other where a text is wanted, and what they lead to is not there. */
const TEXTS = ["a text", "half a character", "an empty text"];
/** Numbers and lists where such are wanted, and nothing where that may be. */
const AS_WANTED = {
  explainSlow: ["a number", "null"],
  "targets.explain": ["an array", "null"],
  attempts: ["null"],
  "journal.verify": ["null"],
  "plugins.health": ["null"],
};

let host;
let made;

before(async () => {
  host = await framework();
  made = await things(host);
});

const seen = async () => [(await host.executions()).items.length, (await host.graphs.list()).items.length];

describe("arguments of a hostile kind", () => {
  for (const [name, args] of Object.entries(CALLS)) {
    // R9.1, R9.3, R9.6, R10.1
    it(`are refused by ${name}`, async () => {
      const good = args(made);
      const before = await seen();
      for (let place = 0; place <= good.length; place += 1) {
        for (const [kind, make] of Object.entries(HOSTILE)) {
          const given = [...good, undefined];
          given[place] = make();
          const told = await call(host, name, given).then(() => undefined, (error) => error);
          const may = typeof good[place] === "string" && TEXTS.includes(kind);
          if (told === undefined) {
            assert.ok(may || AS_WANTED[name]?.includes(kind), `${name} took ${kind} as argument ${place}`);
          } else {
            assert.ok(isNamed(told), `${name} with ${kind} as argument ${place}: ${safely(told)}`);
          }
        }
      }
      assert.deepEqual(await seen(), before, "something was run");
    });
  }

  // R9.1
  it("are refused by the functions beside the framework", async () => {
    for (const [kind, make] of Object.entries(HOSTILE)) {
      for (const [name, use] of Object.entries({
        outputText: (value) => host.outputText(value),
        output: (value) => host.output(value),
        createExecutionFramework,
        journalMigration,
        targetError,
        bytesOf,
        outputDecoder: (value) => outputDecoder().write(value),
      })) {
        if (TEXTS.includes(kind) && ["bytesOf", "outputDecoder"].includes(name)) continue;
        const told = await (async () => use(make()))().then(() => undefined, (error) => error);
        assert.ok(told !== undefined && isNamed(told), `${name} with ${kind}: ${safely(told)}`);
      }
    }
  });

  // R9.1
  it("are refused as options that are objects of the host", async () => {
    for (const [kind, make] of Object.entries(HOSTILE)) {
      for (const option of ["logger", "performanceMonitor", "hostDatabase", "hostJournal", "journal"]) {
        const options = { database: `${folder()}/e.db`, authorizer: "allow-all", [option]: make() };
        const told = await createExecutionFramework(options).then(() => undefined, (error) => error);
        assert.ok(told !== undefined && isNamed(told), `${option} with ${kind}: ${safely(told)}`);
      }
    }
  });

  // R9.3, R9.6
  it("are named by their place where half a character stands in them", async () => {
    const bad = command("true", "here", { tags: ["fine", "\ud800"] });
    await assert.rejects(host.submit(bad), (error) => {
      assert.deepEqual(error.issues.map(({ path }) => path.join(".")), ["tags.1"], JSON.stringify(error.issues));
      return true;
    });
    await assert.rejects(host.cancel(made.id, 9), /beside id must be an object, and is of the kind Number/);
    assert.equal((await host.execute(command("echo 'whole 😀'"))).summary.status, "completed");
  });
});

function safely(value) {
  try {
    return value?.stack ?? String(value);
  } catch {
    return "what cannot be looked at";
  }
}
