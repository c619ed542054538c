/** What became of commands, in the words of Pabawi's SSH plugin. */
import type { ExecutionResult, NodeResult } from "../../internal/types";
import type { NodeOutcome, Termination } from "../generated/types";
import type { Ran } from "./runner";

export interface Limits {
  connectSeconds: number;
  commandSeconds: number;
}

/** The result of one node. */
export function nodeResult(nodeId: string, ran: Ran | undefined, limits: Limits): NodeResult {
  if (ran === undefined) {
    return failed(nodeId, "The plugin was shut down before it was known what became of the command");
  }
  const { outcome, stdout, stderr, durationMs: duration } = ran;
  if (outcome.outcome === "succeeded") {
    return { nodeId, status: "success", output: { stdout, stderr, exitCode: 0 }, duration };
  }
  if (outcome.outcome === "exited") {
    const error = `Command failed with exit code ${String(outcome.code)}`;
    return { nodeId, status: "failed", output: { stdout, stderr, exitCode: outcome.code }, error, duration };
  }
  const error = described(outcome, limits);
  const output = { stdout, stderr: stderr === "" ? error : `${stderr.trimEnd()}\n${error}`, exitCode: -1 };
  return { nodeId, status: "failed", output, error, duration };
}

/** A node on which nothing was run. */
export function failed(nodeId: string, error: string): NodeResult {
  return { nodeId, status: "failed", output: { stdout: "", stderr: error, exitCode: -1 }, error, duration: 0 };
}

export function statusOf(results: readonly NodeResult[]): ExecutionResult["status"] {
  const good = results.filter(({ status }) => status === "success").length;
  return good === 0 ? "failed" : good === results.length ? "success" : "partial";
}

function described(outcome: NodeOutcome, { connectSeconds, commandSeconds }: Limits): string {
  const late = `Connection timeout after ${String(connectSeconds)} seconds`;
  switch (outcome.outcome) {
    case "succeeded":
    case "exited":
      return "";
    case "signalled":
      return `Command ended by signal ${outcome.signal}`;
    case "timedOut":
      return outcome.phase === "connect" ? late : `Command timeout after ${String(commandSeconds)} seconds${left(outcome.termination)}`;
    case "cancelled":
      return `Command cancelled${left(outcome.termination)}`;
    case "skipped":
      return `Command not started: ${outcome.why}`;
    case "authFailed":
      return `Authentication failed: ${outcome.error.message}`;
    case "hostKeyRejected":
      return `Host key verification failed: ${outcome.error.message}`;
    case "unreachable":
      return outcome.error.code === "connect_timeout" ? late : `${outcome.error.message}${left(outcome.termination)}`;
    default:
      return outcome.error.message;
  }
}

/** Nothing where the command is known to be gone, or was never started. */
function left(termination: Termination | undefined): string {
  switch (termination?.state) {
    case "unconfirmed":
      return `; it may still be running: ${termination.why}`;
    case "survivors":
      return `; still running: ${termination.processes.map(({ pid, command }) => `${String(pid)} ${command}`).join(", ")}`;
    default:
      return "";
  }
}
