// Section 0 of the contract: errors are told by their class, so the schemas have to be made with the host's own zod.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "../..");
const name = process.env.PABAWI_TEST_ZOD ?? "zod";

/** Runs a program with the version of zod under test. */
function run(kind, program) {
  const args = ["--require", "./test/with-zod.cjs", `--input-type=${kind}`, "--eval", program];
  return execFileSync(process.execPath, args, { cwd: here, encoding: "utf8", env: { ...process.env, PABAWI_TEST_ZOD: name } }).trim();
}

const judge = `
  const told = [];
  for (const attempt of [() => types.CreateJournalEntrySchema.parse({}), () => common.NodeIdSchema.parse("")]) {
    try { attempt(); } catch (error) { told.push(error instanceof z.ZodError); }
  }
  new JournalService({}).recordEvent({}).catch((error) => {
    told.push(error instanceof z.ZodError);
    console.log(told.join());
  });`;

const open = `
  createExecutionFramework({ user: "", database: 7 }).catch((error) => {
    console.log(error instanceof z.ZodError, error instanceof Error, error.issues.length);
  });`;

describe("zod", () => {
  it("is that of a host that requires", () => {
    const program = `
      const { z } = require("zod");
      const { JournalService } = require("./pabawi/JournalService");
      const types = require("./pabawi/journalTypes");
      const common = require("./pabawi/commonSchemas");${judge}`;
    assert.equal(run("commonjs", program), "true,true,true");
  });

  it("is that of a host that imports", () => {
    const program = `
      import { z } from "${name}";
      import { JournalService } from "./pabawi/JournalService.js";
      import * as types from "./pabawi/journalTypes.js";
      import * as common from "./pabawi/commonSchemas.js";${judge}`;
    assert.equal(run("module", program), "true,true,true");
  });

  // R9.2
  it("of the framework object is that of a host that requires", () => {
    const program = `
      const { z } = require("zod");
      const { createExecutionFramework } = require("./index.js");${open}`;
    assert.equal(run("commonjs", program), "true true 2");
  });

  // R9.2
  it("of the framework object is that of a host that imports", () => {
    const program = `
      import { z } from "${name}";
      import { createExecutionFramework } from "./index.js";${open}`;
    assert.equal(run("module", program), "true true 2");
  });
});
