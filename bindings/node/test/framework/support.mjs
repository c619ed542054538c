// Frameworks for tests, each with a database of its own; all are shut down when the file's tests are over.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import { createExecutionFramework } from "../../index.js";

const open = new Set();
const folders = [];

after(async () => {
  await Promise.all([...open].map((framework) => framework.shutdown({ deadlineMs: 0 })));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function folder() {
  const made = mkdtempSync(join(tmpdir(), "pabawi-node-"));
  folders.push(made);
  return made;
}

/** A framework in which everybody may do everything. */
export async function framework(options = {}) {
  const made = await createExecutionFramework({ database: join(folder(), "executions.db"), authorizer: "allow-all", ...options });
  open.add(made);
  return made;
}

export async function shutDown(framework) {
  open.delete(framework);
  return framework.shutdown({ deadlineMs: 0 });
}

/** A command on this machine, under any number of names. */
export function command(text, targets = "here", more = {}) {
  return { action: { type: "command", command: text }, targets, transport: "local", ...more };
}

/** What an async iterable has. */
export async function all(iterable) {
  const found = [];
  for await (const one of iterable) found.push(one);
  return found;
}

/** Whether that process is there; one that has ended and that nobody has waited for is not. */
export async function isRunning(pid) {
  const { readFile } = await import("node:fs/promises");
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}
