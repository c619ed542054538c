/** Waiting no longer than so long. */

/** What a call that was given up rejects with. */
export class DeadlineError extends Error {}

/** As it is when this is loaded, and not what a test with a clock of its own puts in its place. */
const afterThisTurn = setImmediate;

/**
 * Rejects with a {@link DeadlineError} when the promise is not settled in time, nor by what is due already; its timer is gone
 * afterwards.
 */
export async function within<T>(promise: Promise<T>, ms: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      afterThisTurn(() => {
        reject(new DeadlineError(message));
      });
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
