/** Uses each module as Pabawi's own code does; it is compiled and never run. */
import { CircuitBreaker, type CircuitBreakerState, createPuppetDBCircuitBreaker } from "../../pabawi/CircuitBreaker";
import {
  BoltCommandNotAllowedError,
  BoltCommandWhitelistService,
  CommandWhitelistService,
} from "../../pabawi/CommandWhitelistService";
import { ExecutionQueue, ExecutionQueueFullError, type QueuedExecution } from "../../pabawi/ExecutionQueue";
import { PerformanceMonitorService } from "../../pabawi/PerformanceMonitorService";
import { DEFAULT_RETRY_CONFIG, type RetryConfig, withRetry } from "../../pabawi/RetryLogic";

export async function queue(): Promise<number> {
  const executions = new ExecutionQueue(5, 50);
  const execution: QueuedExecution = {
    id: "1",
    type: "command",
    nodeId: "web1",
    action: "uptime",
    enqueuedAt: new Date(),
  };
  try {
    await executions.acquire(execution);
  } catch (error) {
    if (error instanceof ExecutionQueueFullError) {
      return error.queueSize + error.limit;
    }
  }
  executions.release("1");
  // A class of ours can be told by its shape alone, as hosts do in their tests.
  const alike: ExecutionQueue = { ...executions, getLimit: () => 1 } as ExecutionQueue;
  return alike.getStatus().queue.length;
}

export async function resilience(): Promise<string> {
  const breaker: CircuitBreaker = createPuppetDBCircuitBreaker(5, 60000);
  const other = new CircuitBreaker({
    failureThreshold: 1,
    resetTimeout: 1,
    onStateChange: (from: CircuitBreakerState, to) => `${from}${to}`,
  });
  const config: RetryConfig = { ...DEFAULT_RETRY_CONFIG, onRetry: (attempt, delay) => attempt + delay };
  return withRetry(() => breaker.execute(() => other.execute(() => Promise.resolve("ok"))), config);
}

export function whitelist(service: CommandWhitelistService): string {
  try {
    new BoltCommandWhitelistService({ allowAll: false, whitelist: [], matchMode: "exact" }).validateCommand("ls");
  } catch (error) {
    return error instanceof BoltCommandNotAllowedError ? error.reason : String(service.getWhitelist());
  }
  return service.getMatchMode();
}

export function metrics(): number {
  const monitor = new PerformanceMonitorService();
  return monitor.startTimer("a")({ nodes: 1 }).duration + (monitor.getStatistics("a")?.count ?? 0);
}
