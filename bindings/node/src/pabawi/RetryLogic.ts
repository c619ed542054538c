/** Replaces Pabawi's `integrations/puppetdb/RetryLogic`: trying again, with waits that grow. */
import { messageOf } from "../internal/faults";
import { ConsoleLogger } from "../internal/logger";
import { native } from "../internal/native";

export interface RetryConfig {
  /** Retries after the first try. */
  maxAttempts: number;
  /** The first wait, in milliseconds. */
  initialDelay: number;
  /** The longest wait, in milliseconds; 30000 when absent. */
  maxDelay?: number;
  /** By what a wait grows; 2 when absent. */
  backoffMultiplier?: number;
  /** Whether a wait is drawn between 0 and its full length; so when absent. */
  jitter?: boolean;
  /** Whether to try again after this. */
  shouldRetry?: (error: unknown) => boolean;
  /** Called before each wait; attempts count from 1. */
  onRetry?: (attempt: number, delay: number, error: unknown) => void;
}

export const DEFAULT_RETRY_CONFIG: Required<Omit<RetryConfig, "onRetry">> = {
  maxAttempts: 3,
  initialDelay: 1000,
  maxDelay: 30000,
  backoffMultiplier: 2,
  jitter: true,
  shouldRetry: () => true,
};

/** The wait after that many retries, 0 before the first, in milliseconds. */
export function calculateBackoffDelay(attempt: number, config: RetryConfig): number {
  const { initialDelay, maxDelay, backoffMultiplier, jitter } = { ...DEFAULT_RETRY_CONFIG, ...given(config) };
  return native().backoffDelay(attempt, initialDelay, maxDelay, backoffMultiplier, jitter, jitter ? Math.random() : 0);
}

/** Calls until it succeeds, must not be tried again, or was tried often enough; then rejects with the last error. */
export async function withRetry<T>(operation: () => Promise<T>, config: RetryConfig): Promise<T> {
  const { maxAttempts, shouldRetry } = { ...DEFAULT_RETRY_CONFIG, ...given(config) };
  for (let retries = 0; ; retries += 1) {
    try {
      return await operation();
    } catch (error) {
      if (!(retries < maxAttempts) || !shouldRetry(error)) {
        throw error;
      }
      const delay = calculateBackoffDelay(retries, config);
      config.onRetry?.(retries + 1, delay, error);
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

/** {@link withRetry} with a configuration. */
export function createRetryWrapper(config: RetryConfig): <T>(operation: () => Promise<T>) => Promise<T> {
  return (operation) => withRetry(operation, config);
}

const PASSING = ["econnrefused", "econnreset", "etimedout", "timeout", "network", "socket", "http_5", "http_429"];

/** Whether waiting may help: faults of the network, and servers that are busy or broken. */
export function isRetryableError(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const message = error.message.toLowerCase();
  return PASSING.some((part) => message.includes(part));
}

/** A configuration that retries what may pass, and logs each retry. */
export function createIntegrationRetryConfig(
  integrationName: string,
  maxAttempts = 3,
  initialDelay = 1000,
): RetryConfig {
  return {
    maxAttempts,
    initialDelay,
    maxDelay: 30000,
    backoffMultiplier: 2,
    jitter: true,
    shouldRetry: isRetryableError,
    onRetry: (attempt, delay, error) => {
      new ConsoleLogger().warn(`Retry attempt ${String(attempt)} after ${String(delay)}ms`, {
        component: "RetryLogic",
        integration: integrationName,
        operation: "retry",
        metadata: { attempt, delay, error: messageOf(error) },
      });
    },
  };
}

export function createPuppetDBRetryConfig(maxAttempts = 3, initialDelay = 1000): RetryConfig {
  return createIntegrationRetryConfig("puppetdb", maxAttempts, initialDelay);
}

export function createPuppetserverRetryConfig(maxAttempts = 3, initialDelay = 1000): RetryConfig {
  return createIntegrationRetryConfig("puppetserver", maxAttempts, initialDelay);
}

/** What is set, so that an option that is there but undefined counts as absent. */
function given(config: RetryConfig): RetryConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as unknown as RetryConfig;
}
