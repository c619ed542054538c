/**
 * Loads the native half of the package, and says what it offers. Everything in here is plain data in, plain data out;
 * clocks, chance and promises are on this side.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

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

/** What one entry of a source is called. */
export interface NodeNames {
  id: string;
  name?: string | undefined;
  uri?: string | undefined;
  hostname?: string | undefined;
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
  /** The places of the entries of each node. */
  linkNodes(nodes: NodeNames[]): number[][];
  matchingNodes(nodes: NodeNames[], identifier: string): number[];
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

/** Loads the addon from a directory, or says which platform it lacks and what to do. */
export function load(directory: string, platform: string): Native {
  const file = join(directory, `pabawi-node.${platform}.node`);
  if (!existsSync(file)) {
    throw new Error(
      `@pabawi/execution has no native addon for ${platform} (looked for ${file}). ` +
        "Build it from the sources with `npm run addon` in bindings/node, which needs a Rust toolchain.",
    );
  }
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an addon can only be loaded so
  return require(file) as Native;
}

let loaded: Native | undefined;

/** The addon, loaded when it is first needed. */
export function native(): Native {
  loaded ??= load(join(__dirname, "..", "addon"), platformName());
  return loaded;
}
