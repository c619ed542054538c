/** What the host's objects return and throw, as it crosses. They may do whatever they like: nothing in here throws. */
import { safely, textOf } from "../internal/faults";

/** Characters of a text of an error that cross. */
const MOST_TEXT = 64 * 1024;

/** How a call ended that the object itself did not end: what it threw before it promised anything, or that it lacks the method. */
export class Beforehand {
  constructor(
    readonly thrown: unknown,
    readonly how: "atOnce" | "missing",
  ) {}
}

/** What was thrown, as the native half reads it. */
export interface Thrown {
  atOnce?: boolean;
  missing?: boolean;
  unreadable?: boolean;
  name?: string | undefined;
  code?: string | undefined;
  message: string;
  stack?: string | undefined;
  raw?: unknown;
}

/** An answer as JSON; `undefined` is `null`. */
export function answered(value: unknown): string {
  try {
    return `{"ok":${wellFormed((JSON.stringify(value) as string | undefined) ?? "null")}}`;
  } catch (error) {
    return failed({ ...thrown(error), unreadable: true });
  }
}

/** What was thrown as JSON. */
export function threw(error: unknown): string {
  const beforehand = safely(() => (error instanceof Beforehand ? error : undefined));
  return failed(beforehand === undefined ? thrown(error) : { ...thrown(beforehand.thrown), [beforehand.how]: true });
}

function failed(thrown: Thrown): string {
  return wellFormed(JSON.stringify({ err: thrown }));
}

/** JSON without halves of characters, which JavaScript's texts may have and no others: each becomes U+FFFD. */
function wellFormed(json: string): string {
  return json.includes("\\ud") ? json.replace(/(\\\\)|\\ud[89a-f][0-9a-f]{2}/g, (_, pair?: string) => pair ?? "\\ufffd") : json;
}

/** An error, or anything else. Each part of it is read once, and one that cannot be read is left out. */
function thrown(error: unknown): Thrown {
  const isError = safely(() => error instanceof Error || (typeof error === "object" && error !== null && "message" in error));
  if (isError === undefined) {
    return { message: "something that cannot be looked at" };
  }
  if (isError) {
    const read = (part: "name" | "message" | "stack"): string | undefined => text(safely(() => (error as Partial<Error>)[part]));
    const code = text(safely(() => (error as { code?: unknown }).code)) ?? text(safely(() => (error as { cause?: { code?: unknown } }).cause?.code));
    return { name: read("name") ?? "Error", code, message: read("message") ?? "its message cannot be read", stack: read("stack") };
  }
  const raw = safely(() => JSON.parse(JSON.stringify(error) ?? "null") as unknown);
  return { message: textOf(error).slice(0, MOST_TEXT), raw: raw ?? textOf(error).slice(0, MOST_TEXT) };
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value.slice(0, MOST_TEXT) : undefined);
