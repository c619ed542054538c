// The package as it is published: packed, installed without a network and without scripts, and used from CommonJS and from ES modules.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { PLATFORMS } from "../../internal/platforms.js";
import { platformName } from "../../internal/native.js";
import { folder } from "../framework/support.mjs";

const here = join(dirname(fileURLToPath(import.meta.url)), "../..");
const run = async (program, args, cwd) => (await promisify(execFile)(program, args, { cwd, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 })).stdout;
const INSTALL = ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];

/** Packs a package into a folder; the path of the tarball. */
async function pack(package_, to) {
  const [{ filename }] = JSON.parse(await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", to], package_));
  return join(to, filename);
}

/** A project in which those tarballs are installed. */
async function project(tarballs) {
  const place = folder();
  writeFileSync(join(place, "package.json"), JSON.stringify({ name: "host", version: "1.0.0", private: true }));
  await run("npm", [...INSTALL, ...tarballs], place);
  return place;
}

const PROGRAM = `
  const framework = await createExecutionFramework({ database: "executions.db", authorizer: "allow-all" });
  const { record, summary } = await framework.execute({ action: { type: "command", command: "echo hello" }, targets: "here", transport: "local" });
  const { items: [target] } = await framework.results(record.id);
  console.log(summary.status, (await framework.outputText(target.stdout)).trim(), typeof ExecutionQueue);
  await framework.shutdown();`;
const COMMONJS = `const { createExecutionFramework } = require("@pabawi/execution");
const { ExecutionQueue } = require("@pabawi/execution/pabawi/ExecutionQueue");
(async () => {${PROGRAM}})();`;
const MODULE = `import { createExecutionFramework } from "@pabawi/execution";
import { ExecutionQueue } from "@pabawi/execution/pabawi/ExecutionQueue";
import { ExecutionQueue as byFile } from "@pabawi/execution/pabawi/ExecutionQueue.js";
if (byFile !== ExecutionQueue) throw new Error("there are two");
${PROGRAM}`;
const TYPED = `import { createExecutionFramework, type ExecutionFramework } from "@pabawi/execution";
import { ExecutionQueue } from "@pabawi/execution/pabawi/ExecutionQueue";
export const framework: Promise<ExecutionFramework> = createExecutionFramework({ authorizer: "allow-all" });
export const cancelled: boolean = new ExecutionQueue(1, 1).cancel("x");
// @ts-expect-error -- it has types, and not any
export const wrong: string = new ExecutionQueue(1, 1);`;

/** By each way in which TypeScript looks for types, in the oldest and the newest version. */
async function isTyped(place) {
  writeFileSync(join(place, "typed.ts"), TYPED);
  for (const typescript of ["typescript-5.4", "typescript"]) {
    for (const [resolution, module] of [["node10", "commonjs"], ["node16", "node16"], ["bundler", "es2022"]]) {
      const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", module, "--moduleResolution", resolution];
      await run(process.execPath, [join(here, "node_modules", typescript, "bin", "tsc"), ...options, "typed.ts"], place).catch(({ stdout }) => assert.fail(`${typescript} ${resolution}: ${stdout}`));
    }
  }
}

async function isUsable(place) {
  for (const [file, text] of [["program.cjs", COMMONJS], ["program.mjs", MODULE]]) {
    writeFileSync(join(place, file), text);
    assert.equal((await run(process.execPath, [file], place)).trim(), "completed hello function", file);
  }
}

describe("package", () => {
  let tarballs;
  let zod;
  before(async () => {
    tarballs = folder();
    // What a host has already.
    zod = await pack(join(here, "node_modules/zod"), tarballs);
  });

  it("with the addon of this platform can be installed and used", async () => {
    const place = await project([await pack(here, tarballs), zod]);
    const installed = join(place, "node_modules/@pabawi/execution");
    assert.deepEqual(readdirSync(join(installed, "addon")), [`pabawi-node.${platformName()}.node`]);
    for (const left of ["src", "native", "test", "scripts", "ci"]) assert.ok(!existsSync(join(installed, left)), left);
    await isUsable(place);
    await isTyped(place);
  });

  it("and packages of platforms are made of what was built, and can be installed and used", async () => {
    const made = folder();
    await run(process.execPath, ["scripts/platforms.mjs", join(here, "addon"), join(made, "npm")], here);
    const platform = platformName();
    const [main, own] = ["main", platform].map((name) => JSON.parse(readFileSync(join(made, "npm", name, "package.json"), "utf8")));
    assert.deepEqual(main.optionalDependencies, { [`@pabawi/execution-${platform}`]: main.version });
    const { os, cpu, libc } = PLATFORMS[platform];
    assert.deepEqual([own.version, own.os, own.cpu, own.libc], [main.version, [os], [cpu], libc && [libc]]);
    const places = ["main", platform].map((name) => join(made, "npm", name));
    const place = await project([...(await Promise.all(places.map((one) => pack(one, tarballs)))), zod]);
    assert.ok(!existsSync(join(place, "node_modules/@pabawi/execution/addon")));
    await isUsable(place);

    // Without it, the first use says what is missing.
    rmSync(join(place, `node_modules/@pabawi/execution-${platform}`), { recursive: true });
    await assert.rejects(run(process.execPath, ["program.cjs"], place), ({ stderr }) => {
      assert.match(stderr, new RegExp(`has no native addon for ${platform} .*optional dependencies`));
      return true;
    });
  });

  it("is built for every platform that the loader knows", () => {
    const text = readFileSync(join(here, "ci/build-matrix.yml"), "utf8");
    const built = Object.fromEntries([...text.matchAll(/\{ platform: (\S+), target: (\S+),/g)].map(([, platform, target]) => [platform, target]));
    assert.deepEqual(built, Object.fromEntries(Object.entries(PLATFORMS).map(([platform, { target }]) => [platform, target])));
  });
});
