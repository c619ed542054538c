// Compiles the TypeScript half. The replacements are published as `pabawi/<Name>`, which is what `pabawi.modules` in
// package.json and all who import them name; their sources stand in src/replacements.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");

for (const made of ["replacements", "pabawi", "framework", "internal"]) {
  rmSync(join(here, made), { recursive: true, force: true });
}
execFileSync(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json"], {
  cwd: here,
  stdio: "inherit",
});
renameSync(join(here, "replacements"), join(here, "pabawi"));
// The SSH plugin is made of replacements, which it finds where they are published.
const plugin = join(here, "framework", "ssh");
for (const name of readdirSync(plugin)) {
  const text = readFileSync(join(plugin, name), "utf8");
  writeFileSync(join(plugin, name), text.replaceAll('"../../replacements/', '"../../pabawi/'));
}
