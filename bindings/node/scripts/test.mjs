// Runs the package's tests: whether what is generated is current; the contract of the replacements and the framework object,
// under each version of zod and of Node that a host may have; and the types, under each version of TypeScript and zod. Arguments
// are passed on to `node --test`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { here, postgresProgram } from "./cargo.mjs";

function run(title, args, env = {}, program = process.execPath) {
  console.log(`\n# ${title}`);
  const { status, error } = spawnSync(program, args, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: "inherit",
  });
  if (error !== undefined || status !== 0) {
    throw new Error(`${title}: ${error?.message ?? `exit code ${status}`}`);
  }
}

const tests = (...folders) =>
  folders.flatMap((folder) =>
    readdirSync(join(here, "test", folder))
      .filter((name) => name.endsWith(".test.mjs"))
      .sort()
      .map((name) => join("test", folder, name)),
  );

// Built before any test begins, whose time it is not, nor the wait for another cargo that builds.
process.env.PABAWI_TEST_POSTGRES = postgresProgram();
run("what is made of the native half's types", ["scripts/generate.mjs", "--check"]);
for (const zod of ["zod", "zod-3.23", "zod-4"]) {
  const args = ["--require", "./test/with-zod.cjs", "--test", "--test-timeout=60000", "--test-reporter=dot"];
  run(`tests with ${zod}`, [...args, ...process.argv.slice(2), ...tests("contract", "framework")], { PABAWI_TEST_ZOD: zod });
}
// What is hostile, or packed, is so under any zod, and takes its time.
const once = ["--require", "./test/with-zod.cjs", "--test", "--test-timeout=300000", "--test-reporter=dot"];
run("a host like Pabawi's, hostile plugins, ends, and the packed package", [...once, ...process.argv.slice(2), ...tests("host", "hostile", "package")]);
// Other versions of Node come from npm, by platform. Their tests are those of which a version can make a difference.
const major = Number(process.versions.node.split(".")[0]);
for (const version of [20, 22, 24].filter((one) => one !== major)) {
  const packed = `node-${process.platform}-${process.arch}@${String(version)}`;
  const folder = join(here, "node_modules", ".cache", `node-${String(version)}`);
  mkdirSync(folder, { recursive: true });
  run(`Node ${String(version)} from ${packed}`, ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, `node@npm:${packed}`], {}, "npm");
  const args = ["--require", "./test/with-zod.cjs", "--test", "--test-timeout=60000", "--test-reporter=dot"];
  const program = join(folder, "node_modules", "node", "bin", "node");
  run(`tests with Node ${String(version)}`, [...args, ...process.argv.slice(2), ...tests("contract", "framework", "host")], {}, program);
}
for (const typescript of ["typescript-5.4", "typescript"]) {
  for (const zod of ["zod", "zod-3.23", "zod-4"]) {
    const project = join("test", "types", `with-${zod}.json`);
    run(`types with ${typescript} and ${zod}`, [join("node_modules", typescript, "bin", "tsc"), "-p", project]);
  }
}
