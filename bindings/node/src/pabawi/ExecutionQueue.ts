/**
 * Replaces Pabawi's `services/ExecutionQueue`: so many executions at once, the others wait. Who is next is decided by the
 * native half; promises are kept here.
 */
import { native, type ExecutionSlots } from "../internal/native";
import type { ExecutionType } from "../internal/types";

export interface QueuedExecution {
  id: string;
  type: ExecutionType;
  nodeId: string;
  action: string;
  enqueuedAt: Date;
}

export interface QueueStatus {
  running: number;
  queued: number;
  limit: number;
  queue: QueuedExecution[];
}

/** There is no room to wait. */
export class ExecutionQueueFullError extends Error {
  readonly queueSize: number;
  readonly limit: number;

  constructor(message: string, queueSize: number, limit: number) {
    super(message);
    this.name = "ExecutionQueueFullError";
    this.queueSize = queueSize;
    this.limit = limit;
  }
}

interface Waiter {
  execution: QueuedExecution;
  resolve: () => void;
  reject: (reason: Error) => void;
}

/** Grants slots in the order in which executions were queued. */
export class ExecutionQueue {
  /** @internal */
  private readonly limit: number;
  /** @internal */
  private readonly maxQueueSize: number;
  /** @internal */
  private readonly slots: ExecutionSlots;
  /** @internal */
  private readonly waiters = new Map<string, Waiter>();

  constructor(limit = 5, maxQueueSize = 50) {
    this.limit = limit;
    this.maxQueueSize = maxQueueSize;
    this.slots = new (native().ExecutionSlots)(limit, maxQueueSize);
  }

  /**
   * Resolves when the execution has a slot. Rejects with an {@link ExecutionQueueFullError} when there is no room to wait,
   * and when that id has a slot or waits already: a second call with it would lose one of the two.
   */
  acquire(execution: QueuedExecution): Promise<void> {
    const { id } = execution;
    switch (this.slots.acquire(id, new Date(execution.enqueuedAt).getTime())) {
      case "running":
        return Promise.resolve();
      case "queued":
        return new Promise((resolve, reject) => {
          this.waiters.set(id, { execution, resolve, reject });
        });
      case "full": {
        const message =
          `Execution queue is full. Maximum queue size: ${String(this.maxQueueSize)}. ` +
          "Please wait for running executions to complete.";
        return Promise.reject(new ExecutionQueueFullError(message, this.slots.queued(), this.maxQueueSize));
      }
      case "known":
        return Promise.reject(new Error(`Execution '${id}' is already running or queued`));
    }
  }

  /** Gives a slot back; the next execution that waits has it when this returns. */
  release(executionId: string): void {
    const next = this.slots.release(executionId);
    if (next !== null) {
      this.take(next)?.resolve();
    }
  }

  /** Takes an execution out of the queue; `false` when it does not wait. What runs is not touched. */
  cancel(executionId: string): boolean {
    if (!this.slots.cancel(executionId)) {
      return false;
    }
    this.take(executionId)?.reject(new Error("Execution cancelled"));
    return true;
  }

  getStatus(): QueueStatus {
    const queue = this.slots.waiting().flatMap((id) => {
      const waiter = this.waiters.get(id);
      if (waiter === undefined) {
        return [];
      }
      const { type, nodeId, action, enqueuedAt } = waiter.execution;
      return [{ id, type, nodeId, action, enqueuedAt }];
    });
    return { running: this.slots.running(), queued: this.slots.queued(), limit: this.limit, queue };
  }

  getLimit(): number {
    return this.limit;
  }

  getMaxQueueSize(): number {
    return this.maxQueueSize;
  }

  isRunning(executionId: string): boolean {
    return this.slots.isRunning(executionId);
  }

  isQueued(executionId: string): boolean {
    return this.slots.isQueued(executionId);
  }

  /** Takes all executions out of the queue. What runs is not touched. */
  clearQueue(): void {
    for (const id of this.slots.clear()) {
      this.take(id)?.reject(new Error("Queue cleared"));
    }
  }

  /** @internal */
  private take(id: string): Waiter | undefined {
    const waiter = this.waiters.get(id);
    this.waiters.delete(id);
    return waiter;
  }
}
