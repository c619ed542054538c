/** Replaces Pabawi's `services/journal/JournalService`: what happened on nodes, from Pabawi's table and from live sources. */
import { randomUUID } from "node:crypto";

import { messageOf } from "../internal/faults";
import { ConsoleLogger } from "../internal/logger";
import type { DatabaseAdapterLike, LoggerLike } from "../internal/types";
import {
  CreateJournalEntrySchema,
  type CreateJournalEntry,
  GlobalTimelineFiltersSchema,
  type GlobalTimelineFilters,
  JournalEventTypeSchema,
  type JournalEntry,
  type JournalSource,
  SearchOptionsSchema,
  type SearchOptions,
  TimelineOptionsSchema,
  type TimelineOptions,
} from "./journalTypes";

export type { CreateJournalEntry, GlobalTimelineFilters, JournalEntry, SearchOptions, TimelineOptions };

/** A plugin whose events are shown without being stored. */
export interface LiveSource {
  getNodeData(nodeId: string, dataType: string): Promise<unknown>;
  isInitialized(): boolean;
}

type Row = Omit<JournalEntry, "details" | "isLive"> & { details: string | Record<string, unknown> | null };

const COLUMNS =
  'id, node_id AS "nodeId", node_uri AS "nodeUri", event_type AS "eventType", source, action, summary, details, ' +
  'user_id AS "userId", timestamp';

/** The newest stored entries that a merged timeline begins with; more when its page lies deeper. */
const MERGED = 200;

/** Writes and reads entries. Input is checked before the database is asked. */
export class JournalService {
  /** @internal */
  private readonly db: DatabaseAdapterLike;
  /** @internal */
  private readonly liveSources: Map<string, LiveSource>;
  /** @internal */
  private readonly logger: LoggerLike;

  constructor(db: DatabaseAdapterLike, liveSources?: Map<string, LiveSource>, logger?: LoggerLike) {
    this.db = db;
    this.liveSources = liveSources ?? new Map();
    this.logger = logger ?? new ConsoleLogger();
  }

  /** Stores an entry and returns its id. */
  async recordEvent(entry: CreateJournalEntry): Promise<string> {
    const checked = CreateJournalEntrySchema.parse(entry);
    const id = randomUUID();
    const sql =
      "INSERT INTO journal_entries " +
      "(id, node_id, node_uri, event_type, source, action, summary, details, user_id, timestamp) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    await this.db.execute(sql, [
      id,
      checked.nodeId,
      checked.nodeUri,
      checked.eventType,
      checked.source,
      checked.action,
      checked.summary,
      JSON.stringify(checked.details),
      checked.userId ?? null,
      new Date().toISOString(),
    ]);
    return id;
  }

  /** Stores what a person wrote about a node. */
  async addNote(nodeId: string, userId: string, content: string): Promise<string> {
    return this.recordEvent({
      nodeId,
      nodeUri: `user:${nodeId}`,
      eventType: "note",
      source: "user",
      action: "add_note",
      summary: content,
      details: {},
      userId,
    });
  }

  /** Stored entries of a node, or of several ids of it, the newest first. */
  async getNodeTimeline(
    nodeId: string | string[],
    options: Partial<TimelineOptions> = {},
  ): Promise<JournalEntry[]> {
    const checked = TimelineOptionsSchema.parse(options);
    const nodeIds = Array.isArray(nodeId) ? nodeId : [nodeId];
    if (nodeIds.length === 0) {
      return [];
    }
    return this.stored(new Filter().among("node_id", nodeIds).options(checked), checked);
  }

  /** Stored entries with this text in their summary or details, the newest first. */
  async searchEntries(query: string, options: Partial<SearchOptions> = {}): Promise<JournalEntry[]> {
    const { limit, offset } = SearchOptionsSchema.parse(options);
    const pattern = `%${query}%`;
    const sql =
      `SELECT ${COLUMNS} FROM journal_entries WHERE summary LIKE ? OR details LIKE ? ` +
      "ORDER BY timestamp DESC LIMIT ? OFFSET ?";
    return (await this.db.query<Row>(sql, [pattern, pattern, limit, offset])).map(entryOf);
  }

  /** Stored and live entries of a node together, the newest first. Live sources that fail are left out. */
  async aggregateTimeline(nodeId: string, options: Partial<TimelineOptions> = {}): Promise<JournalEntry[]> {
    const checked = TimelineOptionsSchema.parse(options);
    const { limit, offset } = checked;
    const page = { limit: Math.max(MERGED, offset + limit), offset: 0 };
    const filter = new Filter().among("node_id", [nodeId]).options(checked);
    const live = [...this.liveSources].map(([name, source]) => this.live(name, source, nodeId));
    const [stored, ...others] = await Promise.all([this.stored(filter, page), ...live]);
    return [stored, ...others].flat().sort(newestFirst).slice(offset, offset + limit);
  }

  /** Stored entries of all nodes, the newest first. */
  async getGlobalTimeline(filters: Partial<GlobalTimelineFilters> = {}): Promise<JournalEntry[]> {
    const checked = GlobalTimelineFiltersSchema.parse(filters);
    if (checked.nodeIds?.length === 0) {
      return [];
    }
    return this.stored(globalFilter(checked), checked);
  }

  /** How many stored entries pass the filters, whatever their page. */
  async getGlobalEntryCount(filters: Partial<GlobalTimelineFilters> = {}): Promise<number> {
    const checked = GlobalTimelineFiltersSchema.parse(filters);
    if (checked.nodeIds?.length === 0) {
      return 0;
    }
    const { where, params } = globalFilter(checked);
    const sql = `SELECT COUNT(*) AS count FROM journal_entries${where}`;
    const row = await this.db.queryOne<{ count: number | string }>(sql, params);
    return Number(row?.count ?? 0);
  }

  /** @internal */
  private async stored(filter: Filter, page: { limit: number; offset: number }): Promise<JournalEntry[]> {
    const sql = `SELECT ${COLUMNS} FROM journal_entries${filter.where} ORDER BY timestamp DESC LIMIT ? OFFSET ?`;
    const rows = await this.db.query<Row>(sql, [...filter.params, page.limit, page.offset]);
    return rows.map(entryOf);
  }

  /** @internal */
  private async live(name: string, source: LiveSource, nodeId: string): Promise<JournalEntry[]> {
    try {
      if (!source.isInitialized()) {
        return [];
      }
      const events = await source.getNodeData(nodeId, "events");
      return Array.isArray(events) ? events.map((event) => liveEntry(name, nodeId, event)) : [];
    } catch (error) {
      this.logger.warn(`Live events of ${name} are missing: ${messageOf(error)}`, {
        component: "JournalService",
        integration: name,
        operation: "aggregateTimeline",
        metadata: { nodeId },
      });
      return [];
    }
  }
}

/** Conditions of a question, and their values in the same order. */
class Filter {
  private readonly conditions: string[] = [];
  readonly params: unknown[] = [];

  get where(): string {
    return this.conditions.length > 0 ? ` WHERE ${this.conditions.join(" AND ")}` : "";
  }

  /** The column is one of these; nothing is asked when they are not given. */
  among(column: string, values: string | string[] | undefined): this {
    const all = values === undefined ? [] : [values].flat();
    if (all.length > 0) {
      this.conditions.push(`${column} IN (${all.map(() => "?").join(", ")})`);
      this.params.push(...all);
    }
    return this;
  }

  options({ eventType, source, startDate, endDate }: TimelineOptions): this {
    this.among("event_type", eventType).among("source", source);
    for (const [condition, value] of [
      ["timestamp >= ?", startDate],
      ["timestamp <= ?", endDate],
    ] as const) {
      if (value !== undefined) {
        this.conditions.push(condition);
        this.params.push(value);
      }
    }
    return this;
  }
}

function globalFilter(filters: GlobalTimelineFilters): Filter {
  return new Filter().among("node_id", filters.nodeIds).options(filters);
}

function newestFirst(one: JournalEntry, other: JournalEntry): number {
  if (one.timestamp === other.timestamp) {
    return 0;
  }
  return one.timestamp < other.timestamp ? 1 : -1;
}

function entryOf(row: Row): JournalEntry {
  return { ...row, details: detailsOf(row.details), isLive: false };
}

/** Details as they were stored; what cannot be read is shown as it is rather than failing the whole page. */
function detailsOf(details: Row["details"]): Record<string, unknown> {
  if (typeof details !== "string") {
    return details ?? {};
  }
  try {
    return JSON.parse(details) as Record<string, unknown>;
  } catch {
    return { unreadable: details };
  }
}

function liveEntry(source: string, nodeId: string, event: unknown): JournalEntry {
  const told = (typeof event === "object" && event !== null ? event : {}) as Record<string, unknown>;
  const text = (name: string, otherwise: string): string => {
    const value = told[name];
    return typeof value === "string" && value !== "" ? value : otherwise;
  };
  const type = JournalEventTypeSchema.safeParse(told["eventType"]);
  const { details, timestamp } = told;
  const now = new Date().toISOString();
  return {
    id: text("id", randomUUID()),
    nodeId: text("nodeId", nodeId),
    nodeUri: text("nodeUri", `${source}:unknown`),
    eventType: type.success ? type.data : "unknown",
    source: source as JournalSource,
    action: text("action", "unknown"),
    summary: text("summary", "Live event"),
    details: (typeof details === "object" && details !== null ? details : {}) as Record<string, unknown>,
    userId: (told["userId"] as string | null | undefined) ?? null,
    timestamp: timestamp instanceof Date ? timestamp.toISOString() : text("timestamp", now),
    isLive: true,
  };
}
