/** A directory for the files of one opened plugin, which does not outlive its process: {@link makeFolder}. */
import { readFileSync, readlinkSync, rmSync } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { safely } from "../../internal/faults";

const PREFIX = "pabawi-ssh-";
/** Says whose directory it is. */
const OWNER = "owner";

/** Those that are in use. */
const made = new Set<string>();
const removeAll = (): void => {
  for (const folder of made) {
    safely(() => {
      rmSync(folder, { recursive: true, force: true });
    });
  }
};

/** Makes one that nobody else may read, after it has removed those of processes that are gone. It goes when this process exits. */
export async function makeFolder(): Promise<string> {
  const [parent, owner] = [tmpdir(), ownerOf(process.pid)];
  await sweep(parent, owner?.place);
  const folder = await mkdtemp(join(parent, PREFIX));
  if (made.size === 0) {
    process.on("exit", removeAll);
  }
  made.add(folder);
  if (owner !== undefined) {
    await writeFile(join(folder, OWNER), JSON.stringify(owner), { mode: 0o600 });
  }
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  made.delete(folder);
  if (made.size === 0) {
    process.off("exit", removeAll);
  }
}

/** A process: its number, when it was started, since numbers are used anew, and where that number is one of it. */
interface Owner {
  pid: number;
  started: string;
  place: string;
}

/** Nothing where that process is not there, or where the system does not tell (proc(5) is Linux's). */
function ownerOf(pid: number): Owner | undefined {
  return safely(() => {
    // The second field is the program's name in brackets, which may hold anything; the 22nd is the time of its start.
    const started = readFileSync(`/proc/${String(pid)}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")[19] ?? "";
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return { pid, started, place: `${boot} ${readlinkSync("/proc/self/ns/pid")}` };
  });
}

/** Removes what was left by processes of this place that are gone. Whatever cannot be told for sure is left alone. */
async function sweep(parent: string, place: string | undefined): Promise<void> {
  if (place === undefined) {
    return;
  }
  const names = await readdir(parent).catch(() => []);
  for (const folder of names.filter((name) => name.startsWith(PREFIX)).map((name) => join(parent, name))) {
    try {
      const found = await lstat(folder);
      if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
        continue;
      }
      const owner = JSON.parse(await readFile(join(folder, OWNER), "utf8")) as Partial<Owner>;
      if (owner.place === place && ownerOf(Number(owner.pid))?.started !== owner.started) {
        await rm(folder, { recursive: true, force: true });
      }
    } catch {
      // It has no owner yet, or is being removed by somebody else.
    }
  }
}
