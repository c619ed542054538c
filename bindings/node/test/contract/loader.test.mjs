// The loader of the addon, and the rules for packages that Pabawi imports (section 0).
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { load, native, platformName } from "../../internal/native.js";

const require = createRequire(import.meta.url);
const here = join(dirname(fileURLToPath(import.meta.url)), "../..");
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));

describe("loader", () => {
  it("looks for the file that the build makes", () => {
    assert.equal(require("../../scripts/platform.cjs").addonName(), `pabawi-node.${platformName()}.node`);
  });

  it("says which platform is not supported, and what to do", () => {
    assert.throws(() => load(join(here, "addon"), "plan9-mips"), {
      message: /^@pabawi\/execution does not support plan9-mips \(looked for .*\)\. Supported are linux-x64-gnu, .* `npm run addon`/,
    });
  });

  it("says which file is missing, and what to do", () => {
    assert.throws(() => load("/nowhere", "linux-arm64-musl"), {
      message: /^@pabawi\/execution has no native addon for linux-arm64-musl \(looked for .* in \/nowhere, .*@pabawi\/execution-linux-arm64-musl\)\. .*`npm run addon`/,
    });
  });

  it("says which file is no addon", () => {
    const place = mkdtempSync(join(tmpdir(), "pabawi-addon-"));
    try {
      writeFileSync(join(place, "pabawi-node.linux-x64-gnu.node"), "not an addon");
      assert.throws(() => load(place, "linux-x64-gnu"), { message: /^@pabawi\/execution cannot load its native addon .*: / });
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  it("turns a wrong argument into an error", () => {
    assert.throws(() => native().parseSshHosts(7), /String/);
  });
});

describe("package", () => {
  for (const [replaced, path] of Object.entries(manifest.pabawi.modules)) {
    it(`has CommonJS and types for ${replaced}`, () => {
      assert.ok(existsSync(join(here, `${path}.d.ts`)), "types");
      assert.ok(Object.keys(require(join(here, path))).length > 0, "exports");
    });
  }

  it("has no class with private members in its types", () => {
    const types = (folder) => readdirSync(join(here, folder)).filter((name) => name.endsWith(".d.ts")).map((name) => join(folder, name));
    assert.equal(types("pabawi").length, Object.keys(manifest.pabawi.modules).length);
    // What is not among these is not named by index.d.ts.
    const inside = ["calls", "host", "v1"].map((name) => join("framework", `${name}.d.ts`));
    for (const path of [...types("pabawi"), ...types("framework").filter((path) => !inside.includes(path))]) {
      const name = basename(path);
      const text = readFileSync(join(here, path), "utf8");
      assert.doesNotMatch(text, /^\s*(private\b|#private)/m, name);
      if (!["BasePlugin.d.ts", "BoltPlugin.d.ts"].includes(name)) {
        assert.doesNotMatch(text, /^\s*protected\b/m, name);
      }
    }
  });
});
