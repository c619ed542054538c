/** What Bolt's complaints mean. */
import { fields, isObject, text } from "../../internal/json";

export type BoltErrorCategory =
  | "connection"
  | "execution"
  | "not_found"
  | "task_not_found"
  | "inventory_not_found"
  | "validation"
  | "unknown";

export interface BoltErrorMeaning {
  category: BoltErrorCategory;
  message: string;
}

/** The kinds of errors in Bolt's JSON. */
export const KINDS: Readonly<Record<string, BoltErrorCategory>> = {
  "puppetlabs.tasks/connect-error": "connection",
  "bolt/connect-error": "connection",
  "puppetlabs.tasks/task-error": "execution",
  "bolt/run-failure": "execution",
  "puppetlabs.tasks/not-found-error": "not_found",
  "bolt/not-found-error": "not_found",
  "puppetlabs.tasks/validation-error": "validation",
  "bolt/validation-error": "validation",
};

/** What is looked for in a text, in this order. */
const WORDS: readonly (readonly [BoltErrorCategory, RegExp])[] = [
  ["connection", /unreachable|connection|could not connect|timed out|no route to host/i],
  ["task_not_found", /could not find|task not found|no such task|unknown task/i],
  ["inventory_not_found", /inventory file|no such file/i],
  ["validation", /parameter|invalid|required|missing/i],
];

/** Whether this is `{ _error: { kind, msg } }`. */
export function isJsonError(value: unknown): value is { _error: { kind: string; msg: string } } {
  const error = fields(value)["_error"];
  return isObject(error) && typeof error["kind"] === "string" && typeof error["msg"] === "string";
}

export function meaningOf(complaint: string): BoltErrorMeaning {
  const json = parsed(complaint);
  if (isJsonError(json)) {
    const { kind, msg } = json._error;
    return { category: KINDS[kind] ?? "unknown", message: msg };
  }
  const found = WORDS.find(([, words]) => words.test(complaint));
  return { category: found?.[0] ?? "unknown", message: complaint };
}

/** The lines that tell of parameters, or all of it. */
export function parameterErrors(complaint: string): string[] {
  const lines = complaint.split("\n").map((line) => line.trim());
  const found = lines.filter((line) => /parameter|required|invalid|missing/.test(line));
  return found.length > 0 ? found : [complaint];
}

/** `msg`, or `message` as older versions call it. */
export function messageIn(error: unknown): string | undefined {
  const { msg, message } = fields(error);
  return text(msg) ?? text(message);
}

function parsed(complaint: string): unknown {
  const trimmed = complaint.trim();
  if (!trimmed.startsWith("{")) {
    return undefined;
  }
  try {
    return JSON.parse(trimmed) as unknown;
  } catch {
    return undefined;
  }
}
