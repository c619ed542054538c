/** Errors of the framework: {@link PabawiError} and its kinds. What is wrong with what was given is a `ZodError` instead. */
import { messageOf, safely } from "../internal/faults";
import { zod } from "../internal/zod";
import type { Failure, TargetRecord } from "./generated/types";

/** More about an error; which fields there are depends on its code. */
export type ErrorDetails = Record<string, unknown>;

/** What an error is made of. */
export interface ErrorParts {
  code: string;
  message: string;
  retryable?: boolean | undefined;
  node?: string | undefined;
  plugin?: string | undefined;
  details?: ErrorDetails | undefined;
  cause?: unknown;
}

/** Something that was asked of the framework failed. */
export class PabawiError extends Error {
  /** A stable word for the kind of failure. */
  readonly code: string;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** The node that it is about. */
  readonly node: string | undefined;
  /** The plugin whose fault it is. */
  readonly plugin: string | undefined;
  readonly details: ErrorDetails;
  declare readonly cause: unknown;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = new.target.name;
    this.code = parts.code;
    this.retryable = parts.retryable ?? false;
    this.node = parts.node;
    this.plugin = parts.plugin;
    this.details = parts.details ?? {};
  }
}

/** The caller may not do this, or nobody could tell. */
export class DeniedError extends PabawiError {}
/** There is no such execution, node, entry or plugin. */
export class NotFoundError extends PabawiError {}
/** It is not the time for it: a limit was reached, or something behind it cannot answer now. */
export class BusyError extends PabawiError {}
/** The framework is shut down, or about to be. */
export class ShutDownError extends PabawiError {}
/** What was there before does not go with it. */
export class ConflictError extends PabawiError {}
/** The database cannot be read or written. */
export class StoreError extends PabawiError {}
/** A plugin threw, hung or answered nonsense. */
export class PluginError extends PabawiError {}
/** The caller's signal gave it up. `cause` is the signal's reason; `details.outcome` tells what became of an execution. */
export class AbortedError extends PabawiError {}

const KINDS: Record<string, typeof PabawiError> = {
  aborted: AbortedError,
  denied: DeniedError,
  command_not_allowed: DeniedError,
  not_found: NotFoundError,
  unknown_target: NotFoundError,
  queue_full: BusyError,
  breaker_open: BusyError,
  limit_reached: BusyError,
  unavailable: BusyError,
  shutting_down: ShutDownError,
  idempotency_conflict: ConflictError,
  plan_changed: ConflictError,
  plan_expired: ConflictError,
  plan_applied: ConflictError,
  store_unavailable: StoreError,
  store_corrupt: StoreError,
  store_too_new: StoreError,
  disk_full: StoreError,
  plugin_fault: PluginError,
  tool_failed: PluginError,
};

/** Where a call was made, so that an error that comes later leads there. */
export interface CallSite {
  stack?: string;
}

/** Remembers where the function was called. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- whatever was called
export function callSite(called: Function): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, called);
  return site;
}

/** The same error, with the stack of whoever made the call. */
export function at<E extends Error>(site: CallSite, error: E): E {
  const lines = (site.stack ?? "").split("\n").slice(1);
  error.stack = [`${error.name}: ${error.message}`, ...lines].join("\n");
  return error;
}

/** What is wrong with what was given leads to whoever gave it. */
export function valid<T>(site: CallSite, make: () => T): T {
  try {
    return make();
  } catch (error) {
    // What was given may throw whatever it likes when it is looked at.
    const isNamed = safely(() => error instanceof PabawiError || (error as Error).name === "ZodError");
    throw at(site, isNamed === true ? (error as Error) : invalid([{ path: "", message: messageOf(error) }]));
  }
}

/** `a.b[0].c` as Zod writes it. */
function path(text: string): (string | number)[] {
  const parts = text.match(/[^.[\]]+|\[\d+\]/g) ?? [];
  return parts.map((part) => (part.startsWith("[") ? Number(part.slice(1, -1)) : part));
}

/** An error of the host's own Zod with these issues. Zod 4 makes a real `Error`, with a stack, only where it throws. */
export function zodError(issues: readonly object[]): Error {
  const refusing = zod.unknown().superRefine((_, context) => {
    for (const issue of issues) {
      context.addIssue(issue as never);
    }
  });
  try {
    refusing.parse(undefined);
  } catch (error) {
    return error as Error;
  }
  return new Error("nothing is wrong");
}

/** The same about these fields. */
export function invalid(fields: readonly { path: string; message: string }[]): Error {
  return zodError(fields.map(({ path: field, message }) => ({ code: "custom", path: path(field), message })));
}

/** What was given, where that is an object, or nothing. */
export function objectOf<T extends object | undefined>(given: T, what: string): T {
  // A promise that nobody has waited for is one of those that are not.
  const kind = given === undefined ? "Object" : safely(() => Object.prototype.toString.call(given).slice(8, -1));
  if (kind !== "Object") {
    const is = kind === undefined ? "one that cannot be looked at" : kind === "Null" ? "null" : `of the kind ${kind}`;
    throw invalid([{ path: "", message: `${what} must be an object, and is ${is}` }]);
  }
  return given;
}

/** What became of a target as an error, with its node; nothing where it succeeded or has not ended. */
export function targetError(record: TargetRecord): PabawiError | undefined {
  return valid(callSite(targetError), () => errorOfTarget(objectOf(record, "a target's record")));
}

function errorOfTarget({ target, result }: TargetRecord): PabawiError | undefined {
  const { node } = objectOf(target, "its target");
  if (result === undefined || objectOf(result, "its result").outcome === "succeeded") {
    return undefined;
  }
  if (!("error" in result)) {
    return new PabawiError({ code: result.outcome, message: `${node}: ${result.outcome}`, node, details: { result } });
  }
  const { code, message, causes, plugin } = result.error;
  const cause = causes === undefined || causes.length === 0 ? undefined : new Error(causes.join(": "));
  const Kind = KINDS[code] ?? PabawiError;
  return new Kind({ code, message: `${node}: ${message}`, node, plugin: plugin?.name, details: { result }, cause });
}

/** A failure as the native half tells it, as an error. */
export function errorOf(failure: Failure): Error {
  if (failure.code === "validation") {
    return invalid(failure.fields ?? [{ path: "", message: failure.message }]);
  }
  const Kind = KINDS[failure.code] ?? PabawiError;
  return new Kind({ ...failure, details: failure.details });
}
