// Builds the native addon with cargo and puts it where the loader looks: addon/pabawi-node.<platform>.node.
// `--release` builds it small and without symbols (cargo's profile `addon`), which is what is published.
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { built, here, orWorkspace } from "./cargo.mjs";

const { addonName } = createRequire(import.meta.url)("./platform.cjs");

const isRelease = process.argv.includes("--release");
const args = isRelease ? ["-p", "pabawi-node", "--profile", "addon"] : orWorkspace("-p", "pabawi-node");
const library = built("pabawi_node", args, (name) => /\.(so|dylib|dll)$/.test(name));
mkdirSync(join(here, "addon"), { recursive: true });
const place = join(here, "addon", addonName());
// A new file, so that processes which have the old one loaded keep it.
copyFileSync(library, `${place}.new`);
renameSync(`${place}.new`, place);
console.log(`built ${place}`);
