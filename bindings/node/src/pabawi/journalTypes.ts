/** Replaces Pabawi's `services/journal/types`: the shapes of journal entries and of questions about them. */
import type { z } from "zod";

import { zod } from "../internal/zod";

const EVENT_TYPES = [
  "provision",
  "destroy",
  "start",
  "stop",
  "reboot",
  "suspend",
  "resume",
  "command_execution",
  "task_execution",
  "puppet_run",
  "package_install",
  "config_change",
  "state_change",
  "note",
  "unknown",
] as const;

const SOURCES = [
  "proxmox",
  "aws",
  "azure",
  "bolt",
  "ansible",
  "ssh",
  "puppetdb",
  "checkmk",
  "user",
  "system",
] as const;

export type JournalEventType = (typeof EVENT_TYPES)[number];
export type JournalSource = (typeof SOURCES)[number];

export interface JournalEntry {
  id: string;
  nodeId: string;
  nodeUri: string;
  eventType: JournalEventType;
  source: JournalSource;
  action: string;
  summary: string;
  details: Record<string, unknown>;
  userId?: string | null | undefined;
  timestamp: string;
  isLive: boolean;
}

export interface CreateJournalEntry {
  nodeId: string;
  nodeUri: string;
  eventType: JournalEventType;
  source: JournalSource;
  action: string;
  summary: string;
  details?: Record<string, unknown> | undefined;
  userId?: string | null | undefined;
}

export interface TimelineOptions {
  limit: number;
  offset: number;
  startDate?: string | undefined;
  endDate?: string | undefined;
  eventType?: JournalEventType | JournalEventType[] | undefined;
  source?: JournalSource | JournalSource[] | undefined;
}

export interface SearchOptions {
  limit: number;
  offset: number;
}

export interface GlobalTimelineFilters extends TimelineOptions {
  nodeIds?: string[] | undefined;
}

/*
 * The types of the schemas are written so that they mean the same under zod 3 and zod 4, whose own types of objects and
 * enums differ.
 */

/** A schema of one word of a list. */
export type WordSchema<Word extends string> = z.ZodType<Word> & {
  readonly options: Word[];
  readonly enum: { [W in Word]: W };
};

type Fields<Shape> = { [Name in keyof Shape]-?: z.ZodType<Shape[Name]> };

/** A schema of an object with these fields. */
export type ObjectSchema<Shape> = z.ZodObject<Fields<Shape>>;

export const JournalEventTypeSchema = zod.enum(EVENT_TYPES) as unknown as WordSchema<JournalEventType>;
export const JournalSourceSchema = zod.enum(SOURCES) as unknown as WordSchema<JournalSource>;

const filled = () => zod.string().min(1);
const time = () => zod.string().datetime();
const limit = () => zod.coerce.number().int().min(1).max(200).default(50);
const offset = () => zod.coerce.number().int().min(0).default(0);

const created = {
  nodeId: filled(),
  nodeUri: filled(),
  eventType: JournalEventTypeSchema,
  source: JournalSourceSchema,
  action: filled(),
  summary: filled(),
  details: zod.record(zod.string(), zod.unknown()).default({}),
  userId: zod.string().nullable().optional(),
};

const timeline = {
  limit: limit(),
  offset: offset(),
  startDate: time().optional(),
  endDate: time().optional(),
  eventType: zod.union([JournalEventTypeSchema, zod.array(JournalEventTypeSchema)]).optional(),
  source: zod.union([JournalSourceSchema, zod.array(JournalSourceSchema)]).optional(),
};

export const JournalEntrySchema = zod.object({
  id: filled(),
  ...created,
  timestamp: time(),
  isLive: zod.boolean(),
}) as unknown as ObjectSchema<JournalEntry>;

export const CreateJournalEntrySchema = zod.object(created) as unknown as ObjectSchema<CreateJournalEntry>;

export const TimelineOptionsSchema = zod.object(timeline) as unknown as ObjectSchema<TimelineOptions>;

export const SearchOptionsSchema = zod.object({
  limit: limit(),
  offset: offset(),
}) as unknown as ObjectSchema<SearchOptions>;

export const GlobalTimelineFiltersSchema = zod.object({
  ...timeline,
  nodeIds: zod.array(filled()).optional(),
}) as unknown as ObjectSchema<GlobalTimelineFilters>;
