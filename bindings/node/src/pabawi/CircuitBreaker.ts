/**
 * Replaces Pabawi's `integrations/puppetdb/CircuitBreaker`. When it opens and closes is decided by the native half; the
 * clock, the calls and the callbacks are here.
 *
 * Where it differs: a failure that lies far back and was followed by a success is forgotten; a call that ends in time leaves no
 * timer.
 */
import { native, type Breaker } from "../internal/native";

export type CircuitBreakerState = "closed" | "open" | "half-open";

/** A call that was not made, since the other side has failed too often. */
export class CircuitBreakerOpenError extends Error {
  constructor(message = "Circuit breaker is open") {
    super(message);
    this.name = "CircuitBreakerOpenError";
  }
}

export interface CircuitBreakerConfig {
  /** Failures that open it. */
  failureThreshold: number;
  /** How long it stays open, in milliseconds. */
  resetTimeout: number;
  /** How long a call may take, in milliseconds; no limit when absent. */
  timeout?: number | undefined;
  onStateChange?: ((oldState: CircuitBreakerState, newState: CircuitBreakerState) => void) | undefined;
  onOpen?: ((failureCount: number) => void) | undefined;
  onClose?: (() => void) | undefined;
}

/** Times are milliseconds since 1970. */
export interface CircuitBreakerStats {
  state: CircuitBreakerState;
  failureCount: number;
  successCount: number;
  lastFailureTime?: number | undefined;
  lastSuccessTime?: number | undefined;
  openedAt?: number | undefined;
}

/** Makes calls, and makes none for a while after too many failed. */
export class CircuitBreaker {
  /** @internal */
  private readonly config: CircuitBreakerConfig;
  /** @internal */
  private readonly breaker: Breaker;

  constructor(config: CircuitBreakerConfig) {
    if (config.failureThreshold < 1) {
      throw new Error("Failure threshold must be at least 1");
    }
    if (config.resetTimeout < 0) {
      throw new Error("Reset timeout must be non-negative");
    }
    this.config = config;
    this.breaker = new (native().Breaker)(config.failureThreshold, config.resetTimeout);
  }

  /** Makes the call, or rejects with a {@link CircuitBreakerOpenError} without making it. */
  async execute<T>(operation: () => Promise<T>): Promise<T> {
    // While half open every call passes; the first one that ends decides.
    const passage = this.isHalfOpen() ? "probe" : this.change(() => this.breaker.admit(Date.now()));
    if (passage === "refused") {
      const wait = String(this.config.resetTimeout);
      throw new CircuitBreakerOpenError(`Circuit breaker is open. Service will be retried after ${wait}ms`);
    }
    const isProbe = passage === "probe";
    let result: T;
    try {
      result = await this.limited(operation);
    } catch (error) {
      this.change(() => {
        this.breaker.failed(isProbe, Date.now());
      });
      throw error;
    }
    this.change(() => {
      this.breaker.succeeded(isProbe, Date.now());
    });
    return result;
  }

  getState(): CircuitBreakerState {
    return this.breaker.state();
  }

  getStats(): CircuitBreakerStats {
    return {
      state: this.breaker.state(),
      failureCount: this.breaker.failures(),
      successCount: this.breaker.successes(),
      lastFailureTime: this.breaker.lastFailure() ?? undefined,
      lastSuccessTime: this.breaker.lastSuccess() ?? undefined,
      openedAt: this.breaker.openedAt() ?? undefined,
    };
  }

  isOpen(): boolean {
    return this.getState() === "open";
  }

  isClosed(): boolean {
    return this.getState() === "closed";
  }

  isHalfOpen(): boolean {
    return this.getState() === "half-open";
  }

  /** Closes it, whatever was. */
  forceReset(): void {
    this.change(() => {
      this.breaker.close();
    });
  }

  /** Opens it, whatever was. */
  forceOpen(): void {
    this.change(() => {
      this.breaker.open(Date.now());
    });
  }

  /**
   * Does something to the state, and tells of it when it is another.
   * @internal
   */
  private change<T>(step: () => T): T {
    const before = this.breaker.state();
    const result = step();
    const after = this.breaker.state();
    if (before !== after) {
      this.config.onStateChange?.(before, after);
      if (after === "open") {
        this.config.onOpen?.(this.breaker.failures());
      } else if (after === "closed") {
        this.config.onClose?.();
      }
    }
    return result;
  }

  /** @internal */
  private async limited<T>(operation: () => Promise<T>): Promise<T> {
    const { timeout } = this.config;
    if (!timeout) {
      return operation();
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error("Operation timed out"));
      }, timeout);
    });
    try {
      return await Promise.race([operation(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A breaker as PuppetDB's client has it. */
export function createPuppetDBCircuitBreaker(
  failureThreshold = 5,
  resetTimeout = 60000,
  timeout?: number,
): CircuitBreaker {
  return new CircuitBreaker({ failureThreshold, resetTimeout, timeout });
}
