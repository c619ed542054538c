// Runs one part of the benchmark and prints what it measured as JSON: `node bench/run.mjs queue 2`.
import * as parts from "./parts.mjs";

const [name, rounds] = process.argv.slice(2);
const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
if (part === undefined) {
  throw new Error(`there is no part ${name}; the parts are ${Object.keys(parts).join(", ")}`);
}
console.log(JSON.stringify(await part(Number(rounds ?? 1))));
