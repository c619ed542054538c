/**
 * The host's own copy of zod. Hosts compare errors with `instanceof ZodError`, and zod 3 has a class of its own for `require`
 * and another one for `import`: a host that runs as ES modules, as all do under vitest, has the second one. So whoever loaded
 * this package decides: by `require` from a program, or by `import`.
 */
import { readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import type { z } from "zod";

type Zod = typeof z;

/** The module that was loaded first of those that led here. */
function root(): NodeModule {
  let one: NodeModule = module;
  // Deprecated, and without another way to tell a module that was imported from one that was required.
  for (let parent = one.parent; parent; parent = one.parent) {
    one = parent;
  }
  return one;
}

/** Whether the package was loaded by `import`: then the first module is one of its own. */
function isImported(): boolean {
  const { filename } = root();
  const home = join(__dirname, "..");
  return filename === join(home, "index.js") || ["pabawi", "internal"].some((place) => filename.startsWith(join(home, place) + sep));
}

/** The file that `import "zod"` loads; undefined where zod does not say. */
function importedFile(): string | undefined {
  const manifest = require.resolve("zod/package.json");
  const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as {
    exports?: { "."?: { import?: string | { default?: string } } };
  };
  const entry = exports?.["."]?.import;
  const file = typeof entry === "string" ? entry : entry?.default;
  return file === undefined ? undefined : join(dirname(manifest), file);
}

function load(): Zod {
  const canRequireModules = (process.features as { require_module?: boolean }).require_module === true;
  const file = canRequireModules && isImported() ? importedFile() : undefined;
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which copy it is, is known only now
  return (require(file ?? "zod") as { z: Zod }).z;
}

export const zod: Zod = load();
