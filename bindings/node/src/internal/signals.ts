/** Hearing of signals that many may wait for: {@link onAbort}. */

interface Listening {
  waiting: Set<() => void>;
  tell: () => void;
}

/** One listener for each signal, however many wait: Node warns of a leak where there are more than ten. */
const listening = new WeakMap<AbortSignal, Listening>();

/** Calls `heard` when the signal is aborted; not if it is already. What it returns ends that. */
export function onAbort(signal: AbortSignal | undefined, heard: () => void): () => void {
  if (signal === undefined) {
    return () => undefined;
  }
  const known = listening.get(signal) ?? listen(signal);
  known.waiting.add(heard);
  return () => {
    known.waiting.delete(heard);
    if (known.waiting.size === 0 && listening.get(signal) === known) {
      listening.delete(signal);
      signal.removeEventListener("abort", known.tell);
    }
  };
}

function listen(signal: AbortSignal): Listening {
  const waiting = new Set<() => void>();
  const tell = (): void => {
    listening.delete(signal);
    for (const heard of [...waiting]) {
      heard();
    }
  };
  const made = { waiting, tell };
  listening.set(signal, made);
  signal.addEventListener("abort", tell, { once: true });
  return made;
}
