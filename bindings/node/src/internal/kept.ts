/** Answers that are kept for a time, each asked for once however many want it. Failures are not kept. */

/** More keys than this and the oldest goes. */
const MOST = 10_000;

export class Kept<T> {
  private readonly values = new Map<string, { value: T; until: number }>();
  private readonly asked = new Map<string, Promise<T>>();

  /** Keeps for so many milliseconds; not at all with 0 or less. */
  constructor(private readonly ttlMs: number) {}

  /** What is kept, or what `ask` tells. */
  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const kept = this.values.get(key);
    if (kept !== undefined && Date.now() < kept.until) {
      return kept.value;
    }
    const pending = this.asked.get(key);
    if (pending !== undefined) {
      return pending;
    }
    const asked = ask();
    this.asked.set(key, asked);
    try {
      const value = await asked;
      // What was forgotten meanwhile is not remembered.
      if (this.asked.get(key) === asked && this.ttlMs > 0) {
        this.keep(key, value);
      }
      return value;
    } finally {
      if (this.asked.get(key) === asked) {
        this.asked.delete(key);
      }
    }
  }

  forget(key: string): void {
    this.values.delete(key);
    this.asked.delete(key);
  }

  forgetAll(): void {
    this.values.clear();
    this.asked.clear();
  }

  private keep(key: string, value: T): void {
    const [oldest] = this.values.keys();
    if (this.values.size >= MOST && oldest !== undefined) {
      this.values.delete(oldest);
    }
    this.values.set(key, { value, until: Date.now() + this.ttlMs });
  }
}
