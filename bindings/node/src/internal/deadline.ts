/** Waiting no longer than so long. */

/** What a call that was given up rejects with. */
export class DeadlineError extends Error {}

/** Rejects with a {@link DeadlineError} when the promise is not settled in time; its timer is gone afterwards. */
export async function within<T>(promise: Promise<T>, ms: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineError(message));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
