/** What was thrown, as a text and as an error: code of others may throw anything, also what cannot be looked at. */

/** What `make` makes; nothing where that throws. */
export function safely<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** A value as a text, whatever it is. */
export function textOf(value: unknown): string {
  return safely(() => String(value)) ?? "something that is no text";
}

export function messageOf(thrown: unknown): string {
  return safely(() => (thrown instanceof Error ? textOf(thrown.message) : undefined)) ?? textOf(thrown);
}

export function errorOf(thrown: unknown): Error {
  return safely(() => (thrown instanceof Error ? thrown : undefined)) ?? new Error(textOf(thrown));
}

/** Tells one of the host's own objects something. What it throws, or what its promise is rejected with, is its own to know. */
export function told(tell: () => unknown): void {
  const answer = safely(tell);
  if (answer !== undefined) {
    Promise.resolve(answer).catch(() => undefined);
  }
}
