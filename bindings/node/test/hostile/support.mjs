// What every hostile plugin is put through, and what has to hold afterwards.
import assert from "node:assert/strict";

import { PabawiError, targetError } from "../../index.js";
import { framework, shutDown } from "../framework/support.mjs";
import { plugin } from "./plugins.mjs";

export const limits = (ms) => ({ plugins: { initializeMs: ms, askMs: ms, healthMs: ms, inventoryMs: ms, dataMs: ms, actionMs: ms } });

/** More than any answer takes that comes. */
export const LIMITS = limits(15_000);
/** Short, so that what never answers does not take a test's time. */
export const SHORT = limits(500);

/** The methods that a hostile value is tried with. */
export const METHODS = ["getInventory", "getGroups", "getNodeFacts", "getNodeData", "healthCheck", "executeAction"];

/** The same behaviour in every method. */
export function everywhere(behaviour) {
  return plugin("hostile", Object.fromEntries(METHODS.map((name) => [name, behaviour])));
}

const PROTOTYPES = [Object, Array, Promise, Function, Error, String, Map, JSON, Reflect].map((one) => one.prototype ?? one);
const keys = () => PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype));
// One by one: an object that has a `__proto__` of its own is compared by Node 24 as no other is.
const descriptors = () =>
  PROTOTYPES.flatMap((prototype) => Reflect.ownKeys(prototype).map((key) => [key, Reflect.getOwnPropertyDescriptor(prototype, key)]));
const before = { keys: keys(), descriptors: descriptors() };

export function prototypesAreUnchanged() {
  assert.deepEqual(keys(), before.keys);
  assert.deepEqual(descriptors(), before.descriptors);
}

/** An error of the package: with a stable code, or one of Zod. */
export function isStructured(error) {
  return (error instanceof PabawiError && typeof error.code === "string") || (error.name === "ZodError" && error.issues.length > 0);
}

/** What a call came to; an error that is none of the package's is a defect. */
async function settled(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    assert.ok(isStructured(error), `no error of the package: ${error?.stack ?? String(error)}`);
    return { error };
  }
}

export const action = (transport) => ({ action: { type: "command", command: "x" }, targets: "n1", transport });

/** Runs an action on `n1` and tells what became of it. */
export async function ran(host, transport) {
  const outcome = await settled(host.execute(action(transport)));
  if (outcome.error !== undefined) return outcome;
  const { items: [target] } = await host.results(outcome.value.record.id);
  return { value: target, error: targetError(target), text: await host.outputText(target.stdout) };
}

/** Opens a framework with the hostile plugin and a good one, and asks both everything. */
export async function putThrough(hostile, { more = {}, limits = LIMITS, during } = {}) {
  const good = plugin("good");
  const opened = await settled(framework({ plugins: [hostile, good], limits, ...more }));
  if (opened.error !== undefined) {
    // It was refused as a whole, and the program can do without it.
    const host = await framework({ plugins: [good], limits });
    assert.equal((await ran(host, "good")).text, "by good\n");
    await shutDown(host);
    return { opened };
  }
  const host = opened.value;
  const seen = { opened };
  seen.health = await settled(host.plugins.health("hostile"));
  seen.inventory = await settled(host.inventory({ freshness: "forced" }));
  seen.facts = await settled(host.facts("n1", { freshness: "forced" }));
  seen.data = await settled(host.plugins.call({ capability: "node_data.get", plugin: "hostile", nodes: ["n1"], parameters: { type: "x" } }));
  seen.action = await ran(host, "hostile");
  seen.during = await during?.(host);
  // The other plugin goes on.
  assert.equal((await ran(host, "good")).text, "by good\n");
  assert.ok(seen.inventory.value.nodes.some(({ id }) => id === "of-good"), "nodes of the other plugin");
  assert.equal(seen.facts.value[0].facts.by.good, true, "facts of the other plugin");
  assert.ok(JSON.stringify(await host.stats()).length > 0);
  await shutDown(host);
  return seen;
}

/** All that was asked failed, and each failure says whose it is. */
export function allFailed({ health, inventory, facts, data, action }, code = /^(plugin_fault|unavailable)$/) {
  assert.equal(health.value[0].health.health.state, "unhealthy");
  const source = inventory.value.sources.find(({ name }) => name === "hostile");
  assert.ok(source.error !== undefined, JSON.stringify(source));
  assert.ok(facts.value[0].failures.some(({ provider }) => provider === "hostile"), JSON.stringify(facts.value));
  for (const { error } of [data, action]) {
    assert.match(error?.code ?? "none", code, `${error}`);
    assert.equal(error.plugin, "hostile");
  }
}
