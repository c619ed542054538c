/** Events of an execution or of a run of a graph: read in batches by `for await`, or heard by listeners. */
import { EventEmitter } from "node:events";

import { onAbort } from "../internal/signals";
import { AbortedError, type CallSite } from "./errors";
import type { Caller } from "./calls";
import type { CallOptions } from "./options";

/** What can be read once, from its beginning to its end. Leaving the loop ends the subscription. */
export type EventStream<E> = AsyncIterableIterator<E> & AsyncDisposable;

/** Tells events to listeners: each under its `type`, and under `event`; `end` after the last, `error` when that fails. */
export interface EventWatcher<E extends { type: string }> extends EventEmitter {
  on(name: "event", listener: (event: E) => void): this;
  on(name: "end", listener: () => void): this;
  on(name: "error", listener: (error: Error) => void): this;
  on<T extends E["type"]>(name: T, listener: (event: Extract<E, { type: T }>) => void): this;
  on(name: string | symbol, listener: (...args: never[]) => void): this;
  /** Ends the subscription. */
  close(): void;
}

/** Streams whose reader was forgotten without an end are closed with it: a slow one could hold its execution. */
const forgotten = new FinalizationRegistry<() => void>((close) => {
  close();
});

/** The events of a stream that is opened with the first question, or of one that is open. */
export function eventStream<E>(caller: Caller, site: CallSite, of: object | number, options: CallOptions | undefined): EventStream<E> {
  // Whatever is wrong with the options is told now and not with the first event.
  const { user, signal } = caller.options(site, options);
  // Ended by the caller's signal, and by whoever stops reading while a question is open.
  const ending = new AbortController();
  const giveUp = (): void => {
    ending.abort(signal?.reason);
  };
  const stopHearing = onAbort(signal, giveUp);
  if (signal?.aborted === true) {
    giveUp();
  }
  let number = typeof of === "number" ? of : undefined;
  let waiting: E[] = [];
  /** How many of them have been taken. */
  let taken = 0;
  let over = false;

  const close = (): void => {
    over = true;
    [waiting, taken] = [[], 0];
    stopHearing();
    ending.abort();
    if (number !== undefined) {
      caller.native.close(number);
      forgotten.unregister(stream);
    }
  };

  const remember = (opened: number): void => {
    forgotten.register(stream, () => caller.native.close(opened), stream);
  };

  const take = (): IteratorResult<E, undefined> => {
    const event = waiting[taken];
    if (event === undefined) {
      return { done: true, value: undefined };
    }
    taken += 1;
    return { done: false, value: event };
  };

  const fetch = async (): Promise<IteratorResult<E, undefined>> => {
    if (taken === waiting.length && !over) {
      if (number === undefined) {
        const opened = await caller.stream(site, () => of, { user, signal: ending.signal }, "forget");
        number = opened.number;
        remember(opened.number);
      }
      const batch = await caller.next(site, number, ending.signal);
      [waiting, taken] = [(batch ?? []) as E[], 0];
      if (batch === null) {
        close();
      }
    }
    return take();
  };

  // Questions are answered one after the other, however many are asked at once.
  let last: Promise<unknown> = Promise.resolve();
  let open = 0;
  const stream: EventStream<E> = {
    next: () => {
      if (open === 0 && taken < waiting.length) {
        // Nobody waits before this question, and the answer is here.
        return Promise.resolve(take());
      }
      open += 1;
      const answer = last.then(fetch).catch((error: unknown): IteratorResult<E, undefined> => {
        if (over) {
          return { done: true, value: undefined };
        }
        close();
        throw error;
      });
      const settled = (): void => {
        open -= 1;
      };
      last = answer.then(settled, settled);
      return answer;
    },
    return: () => {
      close();
      return Promise.resolve({ done: true, value: undefined });
    },
    throw: (error: unknown) => {
      close();
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    },
    [Symbol.asyncIterator]: () => stream,
    [Symbol.asyncDispose]: () => {
      close();
      return Promise.resolve();
    },
  };
  if (number !== undefined) {
    remember(number);
  }
  return stream;
}

/** The same for listeners. What a listener throws goes where errors of listeners go, and ends the subscription. */
export function eventWatcher<E extends { type: string }>(open: (signal: AbortSignal) => EventStream<E>, outer: AbortSignal | undefined): EventWatcher<E> {
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
  };
  const stopHearing = onAbort(outer, end);
  const stream = open(ending.signal);
  const watcher = Object.assign(new EventEmitter(), { close: end }) as unknown as EventWatcher<E>;
  const read = async (): Promise<void> => {
    try {
      for await (const event of stream) {
        watcher.emit(event.type, event);
        watcher.emit("event", event);
      }
    } catch (error) {
      if (!(error instanceof AbortedError)) {
        throw error;
      }
    } finally {
      stopHearing();
    }
    watcher.emit("end");
  };
  // Listeners are added before anything can be told.
  setImmediate(() => {
    read().catch((error: unknown) => {
      if (watcher.listenerCount("error") > 0) {
        watcher.emit("error", error);
      } else {
        process.emitWarning(error instanceof Error ? error : String(error));
      }
    });
  });
  return watcher;
}
