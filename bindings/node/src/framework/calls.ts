/** Calls of the native half: checked before they go there, given up by signals, failures turned into errors. */
import { setImmediate as turnOfTheLoop } from "node:timers/promises";

import type { z } from "zod";

import { messageOf } from "../internal/faults";
import { onAbort as onAborted } from "../internal/signals";
import { crossing, withProto } from "./crossing";
import { AbortedError, at, type CallSite, errorOf, objectOf, PabawiError, ShutDownError, valid } from "./errors";
import { eventsOf } from "./generated/events";
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

/** Throws the host's `ZodError` where the value is not what the schema lets through, or the schema would lose a part of it. */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  return withProto(value, schema.parse(value));
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

export class Caller {
  readonly native: NativeFramework;
  private readonly user: string;
  /** It was shut down: nothing behind it is there any more, but shutting down again is answered. */
  isShutDown = false;

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
      return crossing(checked(callSchemas[name] as z.ZodType<unknown>, whole));
    });
    if (name !== "shutdown") {
      this.throwIfShutDown(site);
    }
    const answer = await this.made(site, signal, onAbort, (number) => this.native.call(number, user, name, text));
    return JSON.parse(answer) as Calls[K]["answer"];
  }

  /** Puts one of the host's objects in the place of a plugin. */
  async reload(site: CallSite, make: () => Described, options: CallOptions | undefined): Promise<void> {
    const { user, signal } = this.options(site, options);
    throwIfAborted(site, signal);
    const text = valid(site, () => JSON.stringify(make()));
    this.throwIfShutDown(site);
    await this.made(site, signal, "finish", (number) => this.native.reload(number, user, text));
  }

  /** Opens a stream of events and tells its number, and the execution that it is of. */
  async stream(site: CallSite, make: () => unknown, options: CallOptions | undefined, onAbort: OnAbort): Promise<{ number: number; execution: string }> {
    const { user, signal } = this.options(site, options);
    const text = valid(site, () => crossing(make()));
    this.throwIfShutDown(site);
    const made = this.made(site, signal, onAbort, (number) => this.native.events(number, user, text));
    return JSON.parse(await made) as { number: number; execution: string };
  }

  /** The next events of a stream; null after the last. */
  async next(site: CallSite, stream: number, signal: AbortSignal | undefined): Promise<unknown[] | null> {
    // A turn of the loop for each batch, so that others have theirs however many batches are here.
    await turnOfTheLoop();
    throwIfAborted(site, signal);
    const ready = await crossed(site, () => this.native.ready(stream));
    return batch(
      ready === null
        ? await this.made(site, signal, "forget", (number) => this.native.next(number, stream))
        : told(site, signal, ready),
    );
  }

  async open(site: CallSite, opening: unknown, signal: AbortSignal | undefined): Promise<string> {
    const text = valid(site, () => JSON.stringify(opening));
    return JSON.parse(await this.made(site, signal, "finish", (number) => this.native.open(number, text))) as string;
  }

  options(site: CallSite, options: CallOptions | undefined): { user: string; signal: AbortSignal | undefined } {
    const { user, signal } = valid(site, () => checkCallOptions(options));
    return { user: user ?? this.user, signal };
  }

  private throwIfShutDown(site: CallSite): void {
    if (this.isShutDown) {
      throw at(site, new ShutDownError({ code: "shutting_down", message: "the framework was shut down; make a new one", retryable: true }));
    }
  }

  private async made<A extends Answer>(
    site: CallSite,
    signal: AbortSignal | undefined,
    onAbort: OnAbort,
    make: (number: number) => Promise<A>,
  ): Promise<A> {
    throwIfAborted(site, signal);
    numbers = (numbers + 1) % 0xffff_ffff;
    const number = numbers;
    const abandon = (): void => {
      this.native.abandon(number);
    };
    const stopHearing = onAborted(onAbort === "forget" ? signal : undefined, abandon);
    try {
      return told(site, signal, await crossed(site, () => make(number)));
    } finally {
      stopHearing();
    }
  }
}

/** A text, or several. */
type Answer = string | string[];

/** What an answer is, unless it is a failure. */
function told<A extends Answer>(site: CallSite, signal: AbortSignal | undefined, answer: A): A {
  const text = typeof answer === "string" ? answer : answer[0];
  if (!text?.startsWith("!")) {
    return answer;
  }
  const failure = JSON.parse(text.slice(1)) as Failure;
  throw failure.code === "aborted" ? aborted(site, signal) : at(site, errorOf(failure));
}

/** A batch of events: their JSON; or of events of an execution their rows, the execution, which of them have large data, and these. */
function batch([json = "", executionId, numbers, ...apart]: string[]): unknown[] | null {
  if (executionId === undefined || numbers === undefined) {
    return JSON.parse(json) as unknown[] | null;
  }
  const events = eventsOf(JSON.parse(json) as unknown[], executionId);
  for (const [nth, number] of (JSON.parse(numbers) as number[]).entries()) {
    const [event, data] = [events[number], apart[nth]];
    if (event?.type !== "output" || data === undefined) {
      throw new RangeError(`a batch has no output as event ${number}`);
    }
    event.data = data;
  }
  return events;
}

/** Calls of the native half are not rejected, but an answer may be longer than a text of JavaScript can be. */
async function crossed<A extends Answer | null>(site: CallSite, make: () => A | Promise<A>): Promise<A> {
  try {
    return await make();
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
