/** Results of commands and tasks out of Bolt's JSON. */
import { type Fields, fields, isObject, list, number, text } from "../../internal/json";
import type { ExecutionResult, NodeResult } from "../../internal/types";
import { messageIn } from "./faults";

/** One run: times are milliseconds since 1970. */
export interface RunOf {
  id: string;
  type: "command" | "task";
  nodeId: string;
  action: string;
  parameters?: Record<string, unknown> | undefined;
  startMs: number;
  endMs: number;
  raw?: { stdout?: string; stderr?: string; command?: string | undefined } | undefined;
}

/** A result of a run; failed when an item failed. */
export function resultOf(run: RunOf, json: unknown): ExecutionResult {
  const duration = run.endMs - run.startMs;
  const outcome = run.type === "command" ? commandOutcome : taskOutcome;
  const results = list(fields(json)["items"])
    .filter(isObject)
    .map((item): NodeResult => {
      const nodeId = text(item["target"]) ?? run.nodeId;
      const status = item["status"] === "success" ? "success" : "failed";
      return { nodeId, status, ...outcome(item, status), duration };
    });
  const failed = results.find(({ status }) => status === "failed");
  return {
    ...head(run),
    status: failed === undefined ? "success" : "failed",
    results,
    ...(failed?.error === undefined ? {} : { error: failed.error }),
  };
}

/** The result of a run about which Bolt said nothing but this. */
export function failedResult(run: RunOf, error: string, exitCode?: number | null): ExecutionResult {
  const { stdout, stderr } = run.raw ?? {};
  const output: NodeResult["output"] = {
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    ...(typeof exitCode === "number" ? { exitCode } : {}),
  };
  const result: NodeResult = { nodeId: run.nodeId, status: "failed", output, error, duration: run.endMs - run.startMs };
  return { ...head(run), status: "failed", results: [result], error };
}

function head({ id, type, nodeId, action, parameters, startMs, endMs, raw }: RunOf): Omit<ExecutionResult, "status" | "results"> {
  return {
    id,
    type,
    targetNodes: [nodeId],
    action,
    ...(parameters === undefined ? {} : { parameters }),
    startedAt: new Date(startMs).toISOString(),
    completedAt: new Date(endMs).toISOString(),
    ...(raw?.command === undefined ? {} : { command: raw.command }),
    ...(raw?.stdout === undefined ? {} : { stdout: raw.stdout }),
    ...(raw?.stderr === undefined ? {} : { stderr: raw.stderr }),
  };
}

type Outcome = Pick<NodeResult, "output" | "value" | "error">;

function commandOutcome(item: Fields, status: NodeResult["status"]): Outcome {
  const value = fields(item["value"]);
  const output: NonNullable<NodeResult["output"]> = {};
  const [stdout, stderr, exitCode] = [text(value["stdout"]), text(value["stderr"]), number(value["exit_code"])];
  if (stdout !== undefined) {
    output.stdout = stdout;
  }
  if (stderr !== undefined) {
    output.stderr = stderr;
  }
  if (exitCode !== undefined) {
    output.exitCode = exitCode;
  }
  const error = messageIn(value["_error"]) ?? messageIn(item["error"]) ?? "Command execution failed";
  return { output, ...(status === "failed" ? { error } : {}) };
}

function taskOutcome(item: Fields, status: NodeResult["status"]): Outcome {
  const { value } = item;
  if (status === "success") {
    return { value };
  }
  const told = fields(value)["_output"];
  const printed = typeof told === "string" && told.trim() !== "" ? told : undefined;
  const fault = fields(value)["_error"] ?? item["error"];
  if (!isObject(fault)) {
    const output = printed === undefined ? {} : { output: { stdout: printed } };
    return { value, ...output, error: printed ?? "Task execution failed" };
  }
  const exitCode = number(fields(fault["details"])["exit_code"]);
  const kind = text(fault["kind"]);
  const line =
    (kind === undefined ? "" : `[${kind}] `) +
    (messageIn(fault) ?? "Task execution failed") +
    (exitCode === undefined ? "" : ` (exit code ${String(exitCode)})`);
  const error = printed === undefined ? line : `${line}\n\nOutput:\n${printed}`;
  const output = { stdout: printed ?? line, ...(exitCode === undefined ? {} : { exitCode }) };
  return { value, output, error };
}
