// Builds the native addon with cargo and puts it where the loader looks: addon/pabawi-node.<platform>.node.
// `--release` builds it small and without symbols (cargo's profile `addon`), which is what is published.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const { addonName } = createRequire(import.meta.url)("./platform.cjs");

const release = process.argv.includes("--release");
const cargo = process.env.CARGO ?? "cargo";
const args = ["build", "--locked", "-p", "pabawi-node", "--message-format", "json-render-diagnostics"];
if (release) args.push("--profile", "addon");
const output = execFileSync(cargo, args, {
  cwd: here,
  encoding: "utf8",
  maxBuffer: 256 * 1024 * 1024,
  stdio: ["ignore", "pipe", "inherit"],
});
const library = output
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line))
  .filter((message) => message.reason === "compiler-artifact" && message.target.name === "pabawi_node")
  .flatMap((message) => message.filenames)
  .find((name) => /\.(so|dylib|dll)$/.test(name));
if (library === undefined) {
  throw new Error("cargo did not say where the library of pabawi-node is");
}
mkdirSync(join(here, "addon"), { recursive: true });
const place = join(here, "addon", addonName());
// A new file, so that processes which have the old one loaded keep it.
copyFileSync(library, `${place}.new`);
renameSync(`${place}.new`, place);
console.log(`built ${place}`);
