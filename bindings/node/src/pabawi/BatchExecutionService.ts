/**
 * Replaces Pabawi's `services/BatchExecutionService`: one action on many nodes, each an execution of its own.
 *
 * Where it differs: the batch is stored and returned as soon as an execution has to wait for a slot; what waits is told as
 * queued; an execution that the queue has no room for is marked as failed; what was cancelled is taken out of the queue, is
 * not started any more, and stays cancelled when its action ends.
 */
import { randomUUID } from "node:crypto";

import { messageOf } from "../internal/faults";
import { ConsoleLogger } from "../internal/logger";
import type {
  Action,
  DatabaseAdapterLike,
  ExecutionResult,
  ExecutionTool,
  LoggerLike,
  NodeResult,
} from "../internal/types";
import type { QueuedExecution } from "./ExecutionQueue";
import type { ExecutionRecord } from "./ExecutionRepository";

export interface BatchExecutionRequest {
  targetNodeIds?: string[] | undefined;
  targetGroupIds?: string[] | undefined;
  type: "command" | "task" | "plan";
  action: string;
  parameters?: Record<string, unknown> | undefined;
  tool?: ExecutionTool | undefined;
}

export interface BatchExecutionResponse {
  batchId: string;
  executionIds: string[];
  targetCount: number;
  expandedNodeIds: string[];
}

export interface BatchExecution {
  id: string;
  type: "command" | "task" | "plan";
  action: string;
  parameters?: Record<string, unknown> | undefined;
  targetNodes: string[];
  targetGroups: string[];
  status: "running" | "success" | "failed" | "partial" | "cancelled";
  createdAt: Date;
  startedAt?: Date | undefined;
  completedAt?: Date | undefined;
  userId: string;
  executionIds: string[];
  stats: { total: number; queued: number; running: number; success: number; failed: number };
}

export interface BatchStatusResponse {
  batch: BatchExecution;
  /** 0 to 100. */
  progress: number;
  executions: {
    id: string;
    nodeId: string;
    nodeName: string;
    status: string;
    startedAt?: Date | undefined;
    completedAt?: Date | undefined;
    /** Milliseconds. */
    duration?: number | undefined;
    result?: { exitCode?: number | undefined; stdout?: string | undefined; stderr?: string | undefined } | undefined;
  }[];
}

/** What is asked of the ExecutionQueue. */
export interface QueueLike {
  acquire(execution: QueuedExecution): Promise<void>;
  release(executionId: string): void;
  cancel?(executionId: string): boolean;
}

/** What is asked of the ExecutionRepository. */
export interface RepositoryLike {
  create(execution: Omit<ExecutionRecord, "id">): Promise<string>;
  update(id: string, updates: Partial<ExecutionRecord>): Promise<void>;
}

/** What is asked of the IntegrationManager. */
export interface BatchManagerLike {
  executeAction(toolName: string, action: Action): Promise<ExecutionResult>;
  getAggregatedInventory(useCache?: boolean): Promise<{
    nodes: { id: string; name: string }[];
    groups: { id: string; nodes: string[] }[];
  }>;
}

interface BatchRow {
  id: string;
  type: BatchExecution["type"];
  action: string;
  parameters: string | null;
  target_nodes: string;
  target_groups: string;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  user_id: string;
  execution_ids: string;
}

interface ExecutionRow {
  id: string;
  target_nodes: string;
  status: string;
  started_at: string | null;
  completed_at: string | null;
  results: string | null;
  stdout?: string | null;
}

/** An execution and its node. */
interface Place {
  id: string;
  nodeId: string;
}

/** One that has no slot yet. */
interface Waiting extends Place {
  slot: Promise<void>;
}

/** Executions of a batch that this process runs. */
interface Running {
  request: BatchExecutionRequest;
  /** Still to be given to the queue, the next one first. */
  left: Place[];
  /** In the queue. */
  waiting: Set<string>;
  /** Ids that were cancelled and whose action may still end. */
  cancelled: Set<string>;
  active: number;
}

/** How long a batch waits before it asks again for room in a queue that others have filled. */
const FULL_RETRY_MS = 250;

/** Enough turns of the microtask queue for a promise that is settled, or was made by an async function, to be seen. */
const TURNS = 10;

/** Makes, follows and cancels batches. */
export class BatchExecutionService {
  /** @internal */
  private readonly db: DatabaseAdapterLike;
  /** @internal */
  private readonly executionQueue: QueueLike;
  /** @internal */
  private readonly executionRepository: RepositoryLike;
  /** @internal */
  private readonly integrationManager: BatchManagerLike;
  /** @internal */
  private readonly logger: LoggerLike;
  /** @internal */
  private readonly running = new Map<string, Running>();

  constructor(
    db: DatabaseAdapterLike,
    executionQueue: QueueLike,
    executionRepository: RepositoryLike,
    integrationManager: BatchManagerLike,
    logger?: LoggerLike,
  ) {
    this.db = db;
    this.executionQueue = executionQueue;
    this.executionRepository = executionRepository;
    this.integrationManager = integrationManager;
    this.logger = logger ?? new ConsoleLogger();
  }

  /** Begins a batch and stores it. Rejects when a node is unknown or the queue has no room for its first executions. */
  async createBatch(request: BatchExecutionRequest, userId: string): Promise<BatchExecutionResponse> {
    const groupNodes = await this.expandGroups(request.targetGroupIds ?? []);
    const nodeIds = this.deduplicateNodes([...(request.targetNodeIds ?? []), ...groupNodes]);
    await this.validateNodes(nodeIds);
    const batchId = randomUUID();
    const createdAt = new Date().toISOString();
    const batch: Running = { request, left: [], waiting: new Set(), cancelled: new Set(), active: 0 };
    const executionIds: string[] = [];
    /** The first that has to wait. */
    let first: Waiting | undefined;
    try {
      for (const [position, nodeId] of nodeIds.entries()) {
        const id = await this.create(batchId, request, nodeId, position, createdAt);
        executionIds.push(id);
        if (first === undefined) {
          first = await this.begin(batchId, batch, { id, nodeId });
        } else {
          batch.left.push({ id, nodeId });
        }
      }
      await this.insert(batchId, request, nodeIds, executionIds, userId, createdAt);
    } catch (error) {
      await this.abandon(batch, first, messageOf(error));
      throw error;
    }
    this.running.set(batchId, batch);
    if (first === undefined) {
      this.endIfDone(batchId, batch);
    } else {
      void this.goOn(batchId, batch, first);
    }
    return { batchId, executionIds, targetCount: nodeIds.length, expandedNodeIds: nodeIds };
  }

  /** How far a batch is; `statusFilter` chooses the executions that are listed, not those that are counted. */
  async getBatchStatus(batchId: string, statusFilter?: string): Promise<BatchStatusResponse> {
    const row = await this.batch(batchId);
    const all = await this.db.query<ExecutionRow>(
      "SELECT * FROM executions WHERE batch_id = ? ORDER BY batch_position",
      [batchId],
    );
    const shown = statusFilter ? all.filter((execution) => execution.status === statusFilter) : all;
    const names = await this.nodeNames();
    const known = this.running.get(batchId);
    const waiting = new Set([...(known?.waiting ?? []), ...(known?.left ?? []).map(({ id }) => id)]);
    const isQueued = ({ id, status, started_at }: ExecutionRow) =>
      status === "running" && (!started_at || waiting.has(id));
    const count = (is: (execution: ExecutionRow) => boolean) => all.filter(is).length;
    const stats = {
      total: all.length,
      queued: count(isQueued),
      running: count((execution) => execution.status === "running" && !isQueued(execution)),
      success: count(({ status }) => status === "success"),
      failed: count(({ status }) => status === "failed" || status === "partial"),
    };
    const done = stats.success + stats.failed;
    const batch: BatchExecution = {
      id: row.id,
      type: row.type,
      action: row.action,
      parameters: row.parameters ? (JSON.parse(row.parameters) as Record<string, unknown>) : undefined,
      targetNodes: JSON.parse(row.target_nodes) as string[],
      targetGroups: JSON.parse(row.target_groups) as string[],
      status: statusOf(stats),
      createdAt: new Date(row.created_at),
      startedAt: date(row.started_at),
      completedAt: date(row.completed_at) ?? (done === stats.total ? latest(all) : undefined),
      userId: row.user_id,
      executionIds: JSON.parse(row.execution_ids) as string[],
      stats,
    };
    const progress = stats.total === 0 ? 0 : Math.round((100 * done) / stats.total);
    return { batch, progress, executions: shown.map((execution) => this.shown(execution, names)) };
  }

  /** Ends what waits, starts nothing more, and marks all that had not ended as cancelled. */
  async cancelBatch(batchId: string): Promise<{ cancelledCount: number }> {
    await this.batch(batchId);
    const known = this.running.get(batchId);
    const rows = await this.db.query<{ id: string }>(
      "SELECT id FROM executions WHERE batch_id = ? AND status = 'running'",
      [batchId],
    );
    if (known !== undefined) {
      known.left = [];
      for (const { id } of rows) {
        known.cancelled.add(id);
      }
      for (const id of known.waiting) {
        this.executionQueue.cancel?.(id);
      }
    }
    const now = new Date().toISOString();
    const { changes } = await this.db.execute(
      "UPDATE executions SET status = 'failed', error = 'Cancelled by user', completed_at = ? " +
        "WHERE batch_id = ? AND status = 'running'",
      [now, batchId],
    );
    await this.db.execute("UPDATE batch_executions SET status = 'cancelled', completed_at = ? WHERE id = ?", [
      now,
      batchId,
    ]);
    this.logger.info(`Batch ${batchId} cancelled`, {
      component: "BatchExecutionService",
      operation: "cancelBatch",
      metadata: { batchId, cancelledCount: changes },
    });
    return { cancelledCount: changes };
  }

  /**
   * The nodes of groups, in their order. Groups that are not there, or whose inventory cannot be had, are left out.
   * @internal
   */
  private async expandGroups(groupIds: string[]): Promise<string[]> {
    const nodeIds: string[] = [];
    for (const groupId of groupIds) {
      try {
        const { groups } = await this.integrationManager.getAggregatedInventory();
        const group = groups.find(({ id }) => id === groupId);
        if (group === undefined) {
          this.warn(`Group '${groupId}' not found, skipping`, "expandGroups", { groupId });
          continue;
        }
        for (const nodeId of group.nodes) {
          nodeIds.push(nodeId);
        }
      } catch (error) {
        this.warn(`Group '${groupId}' could not be expanded: ${messageOf(error)}`, "expandGroups", { groupId });
      }
    }
    return nodeIds;
  }

  /** @internal */
  private deduplicateNodes(nodeIds: string[]): string[] {
    return [...new Set(nodeIds)];
  }

  /** @internal */
  private async validateNodes(nodeIds: string[]): Promise<void> {
    if (nodeIds.length === 0) {
      return;
    }
    const { nodes } = await this.integrationManager.getAggregatedInventory();
    const known = new Set(nodes.map(({ id }) => id));
    const unknown = nodeIds.filter((id) => !known.has(id));
    if (unknown.length > 0) {
      throw new Error(`Invalid node IDs: ${unknown.join(", ")}`);
    }
  }

  /** @internal */
  private async create(
    batchId: string,
    { type, action, parameters, tool }: BatchExecutionRequest,
    nodeId: string,
    batchPosition: number,
    startedAt: string,
  ): Promise<string> {
    return this.executionRepository.create({
      type,
      targetNodes: [nodeId],
      action,
      parameters,
      status: "running",
      startedAt,
      results: [],
      executionTool: tool ?? "bolt",
      batchId,
      batchPosition,
    });
  }

  /** @internal */
  private async insert(
    batchId: string,
    request: BatchExecutionRequest,
    nodeIds: string[],
    executionIds: string[],
    userId: string,
    createdAt: string,
  ): Promise<void> {
    const sql =
      "INSERT INTO batch_executions (id, type, action, parameters, target_nodes, target_groups, status, created_at, " +
      "started_at, completed_at, user_id, execution_ids, stats_total, stats_queued, stats_running, stats_success, " +
      "stats_failed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    await this.db.execute(sql, [
      batchId,
      request.type,
      request.action,
      request.parameters ? JSON.stringify(request.parameters) : null,
      JSON.stringify(nodeIds),
      JSON.stringify(request.targetGroupIds ?? []),
      "running",
      createdAt,
      createdAt,
      null,
      userId,
      JSON.stringify(executionIds),
      nodeIds.length,
      nodeIds.length,
      0,
      0,
      0,
    ]);
  }

  /**
   * Starts an execution, or returns it when it has to wait. A batch has one execution in the queue at a time, so that a large
   * one leaves room for others.
   * @internal
   */
  private async begin(batchId: string, batch: Running, { id, nodeId }: Place): Promise<Waiting | undefined> {
    const slot = this.enqueue(batch, id, nodeId);
    try {
      if (!(await isSettledSoon(slot))) {
        return { id, nodeId, slot };
      }
      await slot;
    } catch (error) {
      const told =
        error instanceof Error && error.name === "ExecutionQueueFullError"
          ? new Error(`Failed to enqueue execution for node ${nodeId}: ${error.message}`, { cause: error })
          : error;
      await this.giveUp([{ id, nodeId }], messageOf(told));
      throw told;
    }
    void this.run(batchId, batch, id, nodeId);
    return undefined;
  }

  /**
   * Ends what waits of a batch that could not be made; what runs goes on.
   * @internal
   */
  private async abandon(batch: Running, first: Waiting | undefined, message: string): Promise<void> {
    if (first === undefined) {
      return;
    }
    const { id, slot } = first;
    // It may have had its slot meanwhile.
    slot.then(
      () => {
        this.executionQueue.release(id);
      },
      () => undefined,
    );
    this.executionQueue.cancel?.(id);
    await this.giveUp([first, ...batch.left.splice(0)], message);
  }

  /** @internal */
  private async goOn(batchId: string, batch: Running, first: Waiting): Promise<void> {
    let slot: Promise<void> | undefined = first.slot;
    let next: Place | undefined = first;
    while (next !== undefined) {
      const { id, nodeId } = next;
      try {
        await (slot ?? this.enqueue(batch, id, nodeId));
        void this.run(batchId, batch, id, nodeId);
      } catch (error) {
        if (error instanceof Error && error.name === "ExecutionQueueFullError" && !batch.cancelled.has(id)) {
          await new Promise((resolve) => setTimeout(resolve, FULL_RETRY_MS));
          slot = undefined;
          continue;
        }
        if (!batch.cancelled.has(id)) {
          await this.giveUp([{ id, nodeId }], messageOf(error));
        }
      }
      slot = undefined;
      next = batch.left.shift();
    }
    this.endIfDone(batchId, batch);
  }

  /** @internal */
  private async enqueue(batch: Running, id: string, nodeId: string): Promise<void> {
    const { type, action } = batch.request;
    batch.waiting.add(id);
    try {
      await this.executionQueue.acquire({ id, type, nodeId, action, enqueuedAt: new Date() });
    } finally {
      batch.waiting.delete(id);
    }
  }

  /**
   * Runs one execution that has a slot. Never rejects.
   * @internal
   */
  private async run(batchId: string, batch: Running, id: string, nodeId: string): Promise<void> {
    batch.active += 1;
    try {
      if (!batch.cancelled.has(id)) {
        await this.store(batch, id, await this.act(batch.request, nodeId));
      }
    } finally {
      batch.active -= 1;
      this.executionQueue.release(id);
      this.endIfDone(batchId, batch);
    }
  }

  /** @internal */
  private async act(request: BatchExecutionRequest, nodeId: string): Promise<Partial<ExecutionRecord>> {
    const { type, action, parameters, tool } = request;
    try {
      const result = await this.integrationManager.executeAction(tool ?? "bolt", {
        type,
        target: nodeId,
        action,
        parameters,
      } as Action);
      const { status, results, error, command } = result;
      return { status, completedAt: result.completedAt ?? new Date().toISOString(), results, error, command };
    } catch (error) {
      return failure(nodeId, messageOf(error));
    }
  }

  /** @internal */
  private async store(batch: Running, id: string, updates: Partial<ExecutionRecord>): Promise<void> {
    if (batch.cancelled.has(id)) {
      return;
    }
    try {
      await this.executionRepository.update(id, updates);
    } catch (error) {
      this.warn(`The result of execution ${id} could not be stored: ${messageOf(error)}`, "execute", {
        executionId: id,
        status: updates.status,
      });
    }
  }

  /**
   * Marks executions that will not be started as failed.
   * @internal
   */
  private async giveUp(executions: Place[], message: string): Promise<void> {
    for (const { id, nodeId } of executions) {
      try {
        await this.executionRepository.update(id, failure(nodeId, message));
      } catch (error) {
        this.warn(`Execution ${id} could not be marked as failed: ${messageOf(error)}`, "createBatch", {
          executionId: id,
        });
      }
    }
  }

  /** @internal */
  private endIfDone(batchId: string, batch: Running): void {
    if (batch.active === 0 && batch.left.length === 0 && batch.waiting.size === 0) {
      this.running.delete(batchId);
    }
  }

  /** @internal */
  private async batch(batchId: string): Promise<BatchRow> {
    const row = await this.db.queryOne<BatchRow>("SELECT * FROM batch_executions WHERE id = ?", [batchId]);
    if (!row) {
      throw new Error(`Batch execution ${batchId} not found`);
    }
    return row;
  }

  /** @internal */
  private async nodeNames(): Promise<Map<string, string>> {
    try {
      const { nodes } = await this.integrationManager.getAggregatedInventory();
      return new Map(nodes.map(({ id, name }) => [id, name]));
    } catch (error) {
      this.warn(`Names of nodes are missing: ${messageOf(error)}`, "getBatchStatus", {});
      return new Map();
    }
  }

  /** @internal */
  private shown(row: ExecutionRow, names: Map<string, string>): BatchStatusResponse["executions"][number] {
    const nodeId = (JSON.parse(row.target_nodes) as string[])[0] ?? "";
    const startedAt = date(row.started_at);
    const completedAt = date(row.completed_at);
    return {
      id: row.id,
      nodeId,
      nodeName: names.get(nodeId) ?? nodeId,
      status: row.status,
      startedAt,
      completedAt,
      duration: startedAt && completedAt ? completedAt.getTime() - startedAt.getTime() : undefined,
      result: this.result(row),
    };
  }

  /** @internal */
  private result(row: ExecutionRow): BatchStatusResponse["executions"][number]["result"] {
    if (!row.results) {
      return undefined;
    }
    try {
      const [first] = JSON.parse(row.results) as NodeResult[];
      if (first === undefined) {
        return undefined;
      }
      const { exitCode, stdout, stderr } = first.output ?? {};
      return { exitCode, stdout: stdout ?? row.stdout ?? undefined, stderr };
    } catch (error) {
      this.warn(`The results of execution ${row.id} cannot be read: ${messageOf(error)}`, "getBatchStatus", {
        executionId: row.id,
      });
      return undefined;
    }
  }

  /** @internal */
  private warn(message: string, operation: string, metadata: Record<string, unknown>): void {
    this.logger.warn(message, { component: "BatchExecutionService", operation, metadata });
  }
}

function failure(nodeId: string, error: string): Partial<ExecutionRecord> {
  const results: NodeResult[] = [{ nodeId, status: "failed", error, duration: 0 }];
  return { status: "failed", completedAt: new Date().toISOString(), results, error };
}

function statusOf({ total, success, failed }: BatchExecution["stats"]): BatchExecution["status"] {
  if (success + failed < total) {
    return "running";
  }
  if (failed === 0) {
    return "success";
  }
  return success === 0 ? "failed" : "partial";
}

function date(text: string | null): Date | undefined {
  return text ? new Date(text) : undefined;
}

function latest(rows: ExecutionRow[]): Date | undefined {
  const times = rows.map((row) => row.completed_at ?? "").sort();
  return date(times.at(-1) ?? null);
}

/** Whether a promise is settled, or is so within some turns of the microtask queue: no timer that a test could stop. */
async function isSettledSoon(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  for (let turn = 0; turn < TURNS && !settled; turn += 1) {
    await Promise.resolve();
  }
  return settled;
}
