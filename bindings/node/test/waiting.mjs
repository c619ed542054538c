// Waiting for what a test wants to see, and letting commands wait for the test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const holders = new Set();
after(() => holders.forEach((holder) => holder.kill("SIGKILL")));

/** Waits until it is so, for at most a minute. */
export async function until(what, is) {
  for (let turn = 0; turn < 2400; turn += 1) {
    const found = await is();
    if (found) return found;
    await sleep(25);
  }
  throw new Error(`waited a minute for ${what}`);
}

/** A gate in a directory, before which `flock -s DIRECTORY/gate true` waits, without doing anything, until it is opened. */
export async function closedGate(directory) {
  const gate = join(directory, "gate");
  appendFileSync(gate, "");
  const holder = spawn("flock", [gate, "sh", "-c", "echo closed; exec cat"], { stdio: ["pipe", "pipe", "inherit"] });
  holders.add(holder);
  await once(holder.stdout, "data");
  return {
    async open() {
      const gone = once(holder, "exit");
      holder.stdin.end();
      await gone;
    },
  };
}
