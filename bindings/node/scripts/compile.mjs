// Compiles the TypeScript half. The replacements of Pabawi's modules stand in src/pabawi, and are published under that name:
// `pabawi.modules` in package.json and all who import them say `pabawi/<Name>`.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");

for (const made of ["pabawi", "framework", "internal"]) {
  rmSync(join(here, made), { recursive: true, force: true });
}
execFileSync(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json"], {
  cwd: here,
  stdio: "inherit",
});
