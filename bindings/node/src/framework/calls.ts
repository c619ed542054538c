/** Calls of the native half: checked before they go there, given up by signals, failures turned into errors. */
import type { z } from "zod";

import { messageOf } from "../internal/faults";
import { AbortedError, at, type CallSite, errorOf, invalid, objectOf, PabawiError, valid } from "./errors";
import { callSchemas } from "./generated/schemas";
import type { Calls, Failure } from "./generated/types";
import { type NativeFramework, newFramework } from "./native";
import { type CallOptions, checkCallOptions } from "./options";
import type { Described } from "./v1";

/** What is done when a signal gives a call up. */
export type OnAbort =
  /** It is not waited for any more: it changes nothing. */
  | "forget"
  /** It goes on to its end, since it changes something. */
  | "finish";

let numbers = 0;

/** Throws the host's `ZodError` where the value is not what the schema lets through. */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  return schema.parse(value);
}

/** What a call is given in one argument, together with what it has from another. */
export class Beside<T extends object> {
  constructor(
    private readonly given: object | undefined,
    private readonly named: object,
  ) {}

  /** Both, where what was given is an object, or nothing. */
  whole(): T {
    return { ...objectOf(this.given, `what is given beside ${Object.keys(this.named).join(", ")}`), ...this.named } as T;
  }
}

/** The first text in it that has half a character, which no text on the other side can have. */
function halfCharacter(value: unknown, at: string): string | undefined {
  if (typeof value === "string") {
    return HALF.test(value) ? at : undefined;
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  for (const [name, inner] of Object.entries(value)) {
    const found = HALF.test(name) ? at : halfCharacter(inner, Array.isArray(value) ? `${at}[${name}]` : at === "" ? name : `${at}.${name}`);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** A surrogate that has no other one. */
const HALF = /\p{Surrogate}/u;

/** What crosses, as JSON. */
function crossing(value: unknown): string {
  const text = JSON.stringify(value);
  // JSON.stringify writes whole characters as they are, and halves as escapes.
  if (/\\ud[89a-f]/.test(text)) {
    const path = halfCharacter(value, "");
    if (path !== undefined) {
      throw invalid([{ path, message: "must be a text of whole characters: a surrogate stands alone in it" }]);
    }
  }
  return text;
}

export class Caller {
  readonly native: NativeFramework;
  private readonly user: string;

  constructor(user: string, listener: (message: string) => void) {
    this.native = newFramework(listener);
    this.user = user;
  }

  /** Makes a call. Everything that can be wrong with what is given is told before anything else is done. */
  async call<K extends keyof Calls>(
    site: CallSite,
    name: K,
    given: Calls[K]["request"] | Beside<Calls[K]["request"] & object>,
    options: CallOptions | undefined,
    onAbort: OnAbort,
  ): Promise<Calls[K]["answer"]> {
    const { user, signal } = this.options(site, options);
    const text = valid(site, () => {
      const whole: unknown = given instanceof Beside ? given.whole() : objectOf(given as object, "what is given");
      const request = checked(callSchemas[name] as z.ZodType<unknown>, whole);
      return crossing(request);
    });
    const answer = await this.made(site, signal, onAbort, (number) => this.native.call(number, user, name, text));
    return answer as Calls[K]["answer"];
  }

  /** Puts one of the host's objects in the place of a plugin. */
  async reload(site: CallSite, make: () => Described, options: CallOptions | undefined): Promise<void> {
    const { user, signal } = this.options(site, options);
    throwIfAborted(site, signal);
    const text = valid(site, () => JSON.stringify(make()));
    await this.made(site, signal, "finish", (number) => this.native.reload(number, user, text));
  }

  /** Opens a stream of events and tells its number, and the execution that it is of. */
  async stream(site: CallSite, make: () => unknown, options: CallOptions | undefined, onAbort: OnAbort): Promise<{ number: number; execution: string }> {
    const { user, signal } = this.options(site, options);
    const text = valid(site, () => crossing(make()));
    const made = this.made(site, signal, onAbort, (number) => this.native.events(number, user, text));
    return (await made) as { number: number; execution: string };
  }

  /** The next events of a stream; null after the last. */
  async next(site: CallSite, stream: number, signal: AbortSignal | undefined): Promise<unknown[] | null> {
    const made = this.made(site, signal, "forget", (number) => this.native.next(number, stream), batch);
    return (await made) as unknown[] | null;
  }

  async open(site: CallSite, opening: unknown, signal: AbortSignal | undefined): Promise<string> {
    const text = valid(site, () => JSON.stringify(opening));
    return (await this.made(site, signal, "finish", (number) => this.native.open(number, text))) as string;
  }

  options(site: CallSite, options: CallOptions | undefined): { user: string; signal: AbortSignal | undefined } {
    const { user, signal } = valid(site, () => checkCallOptions(options));
    return { user: user ?? this.user, signal };
  }

  private async made(
    site: CallSite,
    signal: AbortSignal | undefined,
    onAbort: OnAbort,
    make: (number: number) => Promise<string>,
    read: (answer: string) => unknown = JSON.parse,
  ): Promise<unknown> {
    throwIfAborted(site, signal);
    numbers = (numbers + 1) % 0xffff_ffff;
    const number = numbers;
    const abandon = (): void => {
      this.native.abandon(number);
    };
    if (onAbort === "forget") {
      signal?.addEventListener("abort", abandon, { once: true });
    }
    try {
      const answer = await crossed(site, make(number));
      if (!answer.startsWith("!")) {
        return read(answer);
      }
      const failure = JSON.parse(answer.slice(1)) as Failure;
      if (failure.code === "aborted") {
        throw aborted(site, signal);
      }
      throw at(site, errorOf(failure));
    } finally {
      signal?.removeEventListener("abort", abandon);
    }
  }
}

/**
 * A batch of events. Those of an execution have 0 for its name, which is put in here: reading it in each would take a fifth of the
 * time. Large data stand behind the JSON and are only cut off there: `+`, the execution, the length of the JSON, number of the
 * event and length of each of the data, `;`, the JSON, the data.
 */
function batch(answer: string): unknown {
  if (!answer.startsWith("+")) {
    return JSON.parse(answer);
  }
  const end = answer.indexOf(";");
  const [executionId = "", length, ...apart] = answer.slice(1, end).split(",");
  let taken = end + 1;
  const piece = (units: number): string => answer.slice(taken, (taken += units));
  const events = JSON.parse(piece(Number(length))) as { executionId: string; data?: string }[];
  for (const event of events) {
    event.executionId = executionId;
  }
  for (const one of apart) {
    const [nth = -1, units = 0] = one.split(":").map(Number);
    const event = events[nth];
    if (event === undefined) {
      throw new RangeError(`a batch has no event ${nth}`);
    }
    event.data = piece(units);
  }
  return events;
}

/** Calls of the native half are not rejected, but an answer may be longer than a text of JavaScript can be. */
async function crossed(site: CallSite, answer: Promise<string>): Promise<string> {
  try {
    return await answer;
  } catch (cause) {
    throw at(site, new PabawiError({ code: "internal", message: `the answer did not cross: ${messageOf(cause)}`, cause }));
  }
}

export function aborted(site: CallSite, signal: AbortSignal | undefined, details?: Record<string, unknown>): AbortedError {
  const reason: unknown = signal?.reason;
  const message = "the call was given up by its signal";
  return at(site, new AbortedError({ code: "aborted", message, cause: reason, details }));
}

export function throwIfAborted(site: CallSite, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw aborted(site, signal);
  }
}
