/** Runs a process of Bolt to its end, or to its time limit, with all that it has started. */
import * as childProcess from "node:child_process";
import { StringDecoder } from "node:string_decoder";

import { BoltExecutionError, BoltTimeoutError, type BoltExecutionResult } from "../boltTypes";
import type { StreamingCallback } from "../../internal/types";
import { messageOf, safely } from "../../internal/faults";

export interface BoltRun {
  args: string[];
  cwd: string;
  timeoutMs: number;
  callback?: StreamingCallback | undefined;
}

/** After TERM, so long until KILL. */
const KILL_AFTER_MS = 5_000;
/** After the process has gone, so long for output that a child of it may still hold open. */
const DRAIN_MS = 1_000;
/** Most characters of each output. */
const MOST_OUTPUT = 256 * 1024 * 1024;
/** Windows has no groups of processes. */
const HAS_GROUPS = process.platform !== "win32";

/** Those that run. A group of its own does not hear what ends this process's, so it is ended with this process. */
const running = new Set<childProcess.ChildProcess>();
const endAll = (): void => {
  for (const child of running) {
    signal(child, "SIGTERM");
  }
};

/** The command line as a person would write it. */
export function commandLine(args: string[]): string {
  const words = args.map((arg) => (/[\s"']/.test(arg) ? `"${arg.replace(/"/g, '\\"')}"` : arg));
  return ["bolt", ...words].join(" ");
}

/**
 * Runs Bolt.
 * @throws BoltTimeoutError once the process that took too long has gone
 * @throws BoltExecutionError when it cannot be started or floods its output
 */
export function runBolt({ args, cwd, timeoutMs, callback }: BoltRun): Promise<BoltExecutionResult> {
  const command = commandLine(args);
  callback?.onCommand?.(command);
  return new Promise((resolve, reject) => {
    const options: childProcess.SpawnOptions = { cwd, env: process.env, shell: false };
    // A group of its own, so that all of it can be ended. Node copies own, enumerable options only, so that this one cannot be
    // hidden in them: it is taken away again, and who looks at them later sees Pabawi's.
    let child: childProcess.ChildProcess;
    try {
      child = childProcess.spawn("bolt", args, Object.assign(options, { detached: HAS_GROUPS }));
    } catch (error) {
      // Arguments that no program can be given, such as one with a NUL.
      reject(new BoltExecutionError(`Failed to execute Bolt command: ${messageOf(error)}`, null, "", ""));
      return;
    }
    delete options.detached;
    remember(child);
    const stdout = new Collected(callback?.onStdout?.bind(callback));
    const stderr = new Collected(callback?.onStderr?.bind(callback));
    const timers: NodeJS.Timeout[] = [];
    let failure: Error | undefined;
    let isOver = false;

    const end = (exitCode: number | null): void => {
      if (isOver) {
        return;
      }
      isOver = true;
      timers.forEach(clearTimeout);
      forget(child);
      child.stdout?.destroy?.();
      child.stderr?.destroy?.();
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      const [out, err] = [stdout.end(), stderr.end()];
      const success = exitCode === 0;
      const error = success ? undefined : err || `Bolt command failed with exit code ${String(exitCode)}`;
      resolve({ success, stdout: out, stderr: err, exitCode, error, command });
    };
    const stop = (why: Error): void => {
      failure ??= why;
      // `killed` only says that a signal was sent; what counts is whether the process has gone, and then this timer has too.
      timers.push(
        setTimeout(() => {
          signal(child, "SIGKILL");
        }, KILL_AFTER_MS),
      );
      // The process may have gone when this returns, which takes the timers away.
      signal(child, "SIGTERM");
    };
    const take = (into: Collected) => (chunk: Buffer | string) => {
      if (!into.add(chunk)) {
        stop(new BoltExecutionError(`Bolt printed more than ${String(MOST_OUTPUT)} characters`, null, "", ""));
      }
    };

    timers.push(
      setTimeout(() => {
        stop(new BoltTimeoutError(`Bolt command execution exceeded timeout of ${String(timeoutMs)}ms`, timeoutMs));
      }, timeoutMs),
    );
    child.stdout?.on("data", take(stdout));
    child.stderr?.on("data", take(stderr));
    child.on("error", (error: Error) => {
      const message = `Failed to execute Bolt command: ${error.message}`;
      failure ??= new BoltExecutionError(message, null, stderr.end(), stdout.end());
      end(null);
    });
    child.on("exit", (code: number | null) => {
      if (failure !== undefined) {
        // What was told to end and has outlived Bolt gets no more time.
        signal(child, "SIGKILL");
      }
      timers.push(
        setTimeout(() => {
          end(code);
        }, DRAIN_MS),
      );
    });
    child.on("close", end);
  });
}

function remember(child: childProcess.ChildProcess): void {
  if (running.size === 0) {
    process.on("exit", endAll);
  }
  running.add(child);
}

function forget(child: childProcess.ChildProcess): void {
  running.delete(child);
  if (running.size === 0) {
    process.off("exit", endAll);
  }
}

/** Sends a signal to the process and to all that it has started and that has not left its group. */
function signal(child: childProcess.ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  const { pid } = child;
  // The number of what only looks like a process is that of nothing, or of somebody else's group.
  if (!HAS_GROUPS || pid === undefined || !(child instanceof childProcess.ChildProcess)) {
    child.kill(name);
    return;
  }
  // Nothing is left where that throws.
  safely(() => process.kill(-pid, name));
}

/** One output of a process, decoded across chunks. */
class Collected {
  private readonly decoder = new StringDecoder("utf8");
  private readonly parts: string[] = [];
  private length = 0;

  constructor(private readonly told: ((chunk: string) => void) | undefined) {}

  /** `false` when there is too much of it. */
  add(chunk: Buffer | string): boolean {
    if (this.length > MOST_OUTPUT) {
      return true;
    }
    const text = typeof chunk === "string" ? chunk : this.decoder.write(chunk);
    this.length += text.length;
    if (this.length > MOST_OUTPUT) {
      return false;
    }
    this.parts.push(text);
    if (text !== "") {
      this.told?.(text);
    }
    return true;
  }

  end(): string {
    return (this.parts.join("") + this.decoder.end()).trim();
  }
}
