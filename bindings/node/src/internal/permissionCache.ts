/** Answers about permissions, for five minutes and bounded. One per database, so that what one service forgets all do. */

const KEPT_MS = 5 * 60 * 1000;
const MOST_USERS = 10_000;

interface Answer {
  allowed: boolean;
  until: number;
}

export class PermissionCache {
  private readonly users = new Map<string, Map<string, Answer>>();
  private forgotten = 0;

  /** What holds now; undefined when nothing is known. */
  get(userId: string, permission: string): boolean | undefined {
    const answer = this.users.get(userId)?.get(permission);
    return answer !== undefined && Date.now() < answer.until ? answer.allowed : undefined;
  }

  /** Changes whenever something is forgotten; see {@link set}. */
  get generation(): number {
    return this.forgotten;
  }

  /** Remembers an answer, unless something was forgotten since its question was asked. */
  set(userId: string, permission: string, allowed: boolean, generation: number): void {
    if (generation !== this.forgotten) {
      return;
    }
    let answers = this.users.get(userId);
    if (answers === undefined) {
      const [oldest] = this.users.keys();
      if (this.users.size >= MOST_USERS && oldest !== undefined) {
        this.users.delete(oldest);
      }
      answers = new Map();
      this.users.set(userId, answers);
    }
    answers.set(permission, { allowed, until: Date.now() + KEPT_MS });
  }

  forget(userId: string): void {
    this.forgotten += 1;
    this.users.delete(userId);
  }

  forgetAll(): void {
    this.forgotten += 1;
    this.users.clear();
  }
}

const caches = new WeakMap<object, PermissionCache>();

/** The cache of a database. */
export function permissionCacheOf(db: object): PermissionCache {
  let cache = caches.get(db);
  if (cache === undefined) {
    cache = new PermissionCache();
    caches.set(db, cache);
  }
  return cache;
}
