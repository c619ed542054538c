/**
 * Loads the native half of the package, and says what it offers. Everything in here is plain data in, plain data out;
 * clocks, chance and promises are on this side.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { messageOf } from "./faults";
import { PLATFORMS } from "./platforms";

/** Which commands may be run. */
export interface Whitelist {
  allows(command: string): boolean;
  /** Why the command is refused, or null where it may be run. */
  refusal(command: string): string | null;
}

/** What became of an execution that asked for a slot. */
export type Admission = "running" | "queued" | "full" | "known";

/** Slots for so many executions at once, and a bounded queue before them. */
export interface ExecutionSlots {
  acquire(id: string, at: number): Admission;
  /** Gives a slot back and tells who has got the next. */
  release(id: string): string | null;
  cancel(id: string): boolean;
  clear(): string[];
  waiting(): string[];
  running(): number;
  queued(): number;
  isRunning(id: string): boolean;
  isQueued(id: string): boolean;
}

/** A circuit breaker without a clock. */
export interface Breaker {
  admit(now: number): "free" | "probe" | "refused";
  succeeded(probe: boolean, now: number): void;
  failed(probe: boolean, now: number): void;
  open(now: number): void;
  close(): void;
  state(): "closed" | "open" | "half-open";
  failures(): number;
  successes(): number;
  lastFailure(): number | null;
  lastSuccess(): number | null;
  openedAt(): number | null;
}

/** A host of an OpenSSH client configuration. */
export interface SshHost {
  name: string;
  uri: string;
  alias?: string;
  user?: string;
  port?: number;
  privateKeyPath?: string;
  groups?: string[];
}

/** Everything the addon exports. */
export interface Native {
  Whitelist: new (allowAll: boolean, whitelist: string[], prefix: boolean) => Whitelist;
  ExecutionSlots: new (limit: number, maxQueued: number) => ExecutionSlots;
  Breaker: new (threshold: number, resetMs: number) => Breaker;
  backoffDelay(attempt: number, initial: number, max: number, factor: number, jitter: boolean, chance: number): number;
  parseSshHosts(content: string): { hosts: SshHost[]; errors: string[] };
  /** YAML of Bolt or Ansible as JSON; throws with the line of a fault. */
  toolYamlToJson(content: string): string;
}

/** `linux-x64-gnu` and so on: platform, processor, and on Linux the C library. */
export function platformName(): string {
  return `${process.platform}-${process.arch}${libc()}`;
}

function libc(): string {
  if (process.platform !== "linux") {
    return "";
  }
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime ? "-gnu" : "-musl";
}

/** Where the addon of a platform is: in this package, or in the platform's own, `@pabawi/execution-<platform>`. */
function addonFile(directory: string, platform: string): string | undefined {
  const name = `pabawi-node.${platform}.node`;
  const own = join(directory, name);
  if (existsSync(own)) {
    return own;
  }
  try {
    return require.resolve(`@pabawi/execution-${platform}/${name}`);
  } catch {
    return undefined;
  }
}

/** Loads the addon, or says which one is missing and what to do. */
export function load(directory: string, platform: string): Native {
  const file = addonFile(directory, platform);
  if (file === undefined) {
    const looked = `looked for pabawi-node.${platform}.node in ${directory}, and for the package @pabawi/execution-${platform}`;
    throw new Error(
      platform in PLATFORMS
        ? `@pabawi/execution has no native addon for ${platform} (${looked}). Install it with optional dependencies ` +
            "(without `--omit=optional`), or build it from the sources with `npm run addon` in bindings/node, which needs a Rust toolchain."
        : `@pabawi/execution does not support ${platform} (${looked}). Supported are ${Object.keys(PLATFORMS).join(", ")}. ` +
            "Another one may do when it is built from the sources with `npm run addon` in bindings/node, which needs a Rust toolchain.",
    );
  }
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an addon can only be loaded so
    return require(file) as Native;
  } catch (cause) {
    throw new Error(`@pabawi/execution cannot load its native addon ${file}: ${messageOf(cause)}`, { cause });
  }
}

let loaded: Native | undefined;

/** The addon, loaded when it is first needed. */
export function native(): Native {
  loaded ??= load(join(__dirname, "..", "addon"), platformName());
  return loaded;
}
