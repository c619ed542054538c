/** Replaces Pabawi's `database/ExecutionRepository`: records of executions in Pabawi's own table. */
import { randomUUID } from "node:crypto";

import { messageOf } from "../internal/faults";
import type { DatabaseAdapterLike, ExecutionStatus, ExecutionTool, ExecutionType, NodeResult } from "../internal/types";

export type { ExecutionStatus, ExecutionTool, ExecutionType };

export interface ExecutionRecord {
  id: string;
  type: ExecutionType;
  targetNodes: string[];
  action: string;
  parameters?: Record<string, unknown> | undefined;
  status: ExecutionStatus;
  startedAt: string;
  completedAt?: string | undefined;
  results: NodeResult[];
  error?: string | undefined;
  command?: string | undefined;
  expertMode?: boolean | undefined;
  originalExecutionId?: string | undefined;
  reExecutionCount?: number | undefined;
  stdout?: string | undefined;
  stderr?: string | undefined;
  executionTool?: ExecutionTool | undefined;
  batchId?: string | undefined;
  batchPosition?: number | undefined;
}

export interface ExecutionFilters {
  type?: ExecutionType | undefined;
  status?: ExecutionStatus | undefined;
  targetNode?: string | undefined;
  startDate?: string | undefined;
  endDate?: string | undefined;
}

export interface Pagination {
  /** Counts from 1. */
  page: number;
  pageSize: number;
}

export interface StatusCounts {
  total: number;
  running: number;
  success: number;
  failed: number;
  partial: number;
}

/** A row as the database gives it; columns that a table lacks are absent. */
interface Row {
  id: string;
  type: ExecutionType;
  target_nodes: string;
  action: string;
  parameters?: string | null;
  status: ExecutionStatus;
  started_at: string;
  completed_at?: string | null;
  results: string;
  error?: string | null;
  command?: string | null;
  expert_mode?: number | null;
  original_execution_id?: string | null;
  re_execution_count?: number | null;
  stdout?: string | null;
  stderr?: string | null;
  execution_tool?: string | null;
  batch_id?: string | null;
  batch_position?: number | null;
}

const TOOLS: readonly string[] = ["bolt", "ansible", "ssh"];

/** The columns that an update may set, each with how its value is stored. */
const UPDATES: { [Field in keyof ExecutionRecord]?: { column: string; store: (value: never) => unknown } } = {
  status: { column: "status", store: (value: string) => value },
  completedAt: { column: "completed_at", store: orNull },
  results: { column: "results", store: (value: NodeResult[]) => JSON.stringify(value) },
  error: { column: "error", store: orNull },
  command: { column: "command", store: orNull },
  expertMode: { column: "expert_mode", store: (value: boolean | undefined) => (value ? 1 : 0) },
  originalExecutionId: { column: "original_execution_id", store: orNull },
  reExecutionCount: { column: "re_execution_count", store: (value: number | undefined) => value ?? 0 },
  stdout: { column: "stdout", store: orNull },
  stderr: { column: "stderr", store: orNull },
  executionTool: { column: "execution_tool", store: (value: string | undefined) => value ?? "bolt" },
};

const INSERT = `INSERT INTO executions (
  id, type, target_nodes, action, parameters, status, started_at, completed_at, results, error, command, expert_mode,
  original_execution_id, re_execution_count, stdout, stderr, execution_tool, batch_id, batch_position
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Reads and writes records. */
export class ExecutionRepository {
  /** @internal */
  private readonly db: DatabaseAdapterLike;

  constructor(db: DatabaseAdapterLike) {
    this.db = db;
  }

  /** Stores a record and returns its id. */
  async create(execution: Omit<ExecutionRecord, "id">): Promise<string> {
    const id = randomUUID();
    const params = [
      id,
      execution.type,
      JSON.stringify(execution.targetNodes),
      execution.action,
      execution.parameters ? JSON.stringify(execution.parameters) : null,
      execution.status,
      execution.startedAt,
      execution.completedAt ?? null,
      JSON.stringify(execution.results),
      execution.error ?? null,
      execution.command ?? null,
      execution.expertMode ? 1 : 0,
      execution.originalExecutionId ?? null,
      execution.reExecutionCount ?? 0,
      execution.stdout ?? null,
      execution.stderr ?? null,
      execution.executionTool ?? "bolt",
      execution.batchId ?? null,
      execution.batchPosition ?? null,
    ];
    await this.asked("create execution record", () => this.db.execute(INSERT, params));
    return id;
  }

  /** Sets what may change of a record; other fields are ignored, as is an id that is not there. */
  async update(id: string, updates: Partial<ExecutionRecord>): Promise<void> {
    const fields = (Object.keys(UPDATES) as (keyof ExecutionRecord)[]).filter((field) => updates[field] !== undefined);
    if (fields.length === 0) {
      return;
    }
    const columns = fields.map((field) => `${String(UPDATES[field]?.column)} = ?`);
    const params = fields.map((field) => UPDATES[field]?.store(updates[field] as never));
    const sql = `UPDATE executions SET ${columns.join(", ")} WHERE id = ?`;
    try {
      await this.db.execute(sql, [...params, id]);
    } catch (error) {
      const sqlError = messageOf(error);
      const details = { operation: "update", executionId: id, fields, sqlError };
      throw new Error(
        `Failed to update execution record: ${sqlError} (Details: ${JSON.stringify(details)})`,
        { cause: error },
      );
    }
  }

  async findById(id: string): Promise<ExecutionRecord | null> {
    return this.asked("find execution by ID", async () => {
      const row = await this.db.queryOne<Row>("SELECT * FROM executions WHERE id = ?", [id]);
      return row ? record(row) : null;
    });
  }

  /** The records that pass the filters, the newest first. */
  async findAll(
    filters: ExecutionFilters = {},
    pagination: Pagination = { page: 1, pageSize: 50 },
  ): Promise<ExecutionRecord[]> {
    const conditions: string[] = [];
    const params: unknown[] = [];
    const where = (condition: string, value: unknown) => {
      conditions.push(condition);
      params.push(value);
    };
    if (filters.type) {
      where("type = ?", filters.type);
    }
    if (filters.status) {
      where("status = ?", filters.status);
    }
    if (filters.targetNode) {
      // A name is itself: what LIKE would take for wildcards in it is escaped.
      const name = JSON.stringify(filters.targetNode).replace(/[!%_]/g, "!$&");
      where("target_nodes LIKE ? ESCAPE '!'", `%${name}%`);
    }
    if (filters.startDate) {
      where("started_at >= ?", filters.startDate);
    }
    if (filters.endDate) {
      where("started_at <= ?", filters.endDate);
    }
    const { page, pageSize } = pagination;
    const sql =
      `SELECT * FROM executions${conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : ""} ` +
      "ORDER BY started_at DESC LIMIT ? OFFSET ?";
    params.push(pageSize, (page - 1) * pageSize);
    return this.asked("find executions", async () => (await this.db.query<Row>(sql, params)).map(record));
  }

  /** The record that this one repeats; nothing when it repeats none. */
  async findOriginalExecution(executionId: string): Promise<ExecutionRecord | null> {
    return this.asked("find original execution", async () => {
      const execution = await this.findById(executionId);
      return execution?.originalExecutionId ? await this.findById(execution.originalExecutionId) : null;
    });
  }

  /** The records that repeat this one, the newest first. */
  async findReExecutions(originalExecutionId: string): Promise<ExecutionRecord[]> {
    const sql = "SELECT * FROM executions WHERE original_execution_id = ? ORDER BY started_at DESC";
    return this.asked("find re-executions", async () =>
      (await this.db.query<Row>(sql, [originalExecutionId])).map(record),
    );
  }

  /** Stores a record that repeats another, counts that at the other one, and returns its id. */
  async createReExecution(
    originalExecutionId: string,
    execution: Omit<ExecutionRecord, "id" | "originalExecutionId" | "reExecutionCount"> & Partial<ExecutionRecord>,
  ): Promise<string> {
    if ((await this.findById(originalExecutionId)) === null) {
      throw new Error(`Original execution not found: ${originalExecutionId}`);
    }
    const id = await this.create({ ...execution, originalExecutionId, reExecutionCount: 0 });
    const sql = "UPDATE executions SET re_execution_count = COALESCE(re_execution_count, 0) + 1 WHERE id = ?";
    await this.asked("update execution record", () => this.db.execute(sql, [originalExecutionId]));
    return id;
  }

  async countByStatus(): Promise<StatusCounts> {
    const sql = "SELECT status, COUNT(*) AS count FROM executions GROUP BY status";
    return this.asked("count executions by status", async () => {
      const counts: StatusCounts = { total: 0, running: 0, success: 0, failed: 0, partial: 0 };
      for (const { status, count } of await this.db.query<{ status: ExecutionStatus; count: number | string }>(sql)) {
        // PostgreSQL counts in bigint, which arrives as a text.
        const number = Number(count);
        counts.total += number;
        counts[status] += number;
      }
      return counts;
    });
  }

  /** @internal */
  private async asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw new Error(`Failed to ${what}: ${messageOf(error)}`, { cause: error });
    }
  }
}

function orNull(value: string | undefined): string | null {
  return value || null;
}

function record(row: Row): ExecutionRecord {
  return {
    id: row.id,
    type: row.type,
    targetNodes: JSON.parse(row.target_nodes) as string[],
    action: row.action,
    parameters: row.parameters ? (JSON.parse(row.parameters) as Record<string, unknown>) : undefined,
    status: row.status,
    startedAt: row.started_at,
    completedAt: row.completed_at ?? undefined,
    results: JSON.parse(row.results) as NodeResult[],
    error: row.error ?? undefined,
    command: row.command ?? undefined,
    expertMode: row.expert_mode === 1,
    originalExecutionId: row.original_execution_id ?? undefined,
    reExecutionCount: row.re_execution_count ?? 0,
    stdout: row.stdout ?? undefined,
    stderr: row.stderr ?? undefined,
    executionTool: TOOLS.includes(row.execution_tool ?? "") ? (row.execution_tool as ExecutionTool) : "bolt",
    batchId: row.batch_id ?? undefined,
    batchPosition: row.batch_position ?? undefined,
  };
}
