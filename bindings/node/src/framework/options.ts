/** Options of a framework and of its calls, and what is checked of them. */
import type { z } from "zod";

import { safely } from "../internal/faults";
import type { DatabaseAdapterLike, IntegrationConfig, IntegrationPlugin, LoggerLike } from "../internal/types";
import { zod } from "../internal/zod";
import type { CreateJournalEntry } from "../pabawi/journalTypes";
import { invalid, objectOf, zodError } from "./errors";
import { FrameworkOptionsSchema } from "./generated/schemas";
import type { ActionKind, FrameworkOptions, RiskLevel } from "./generated/types";

/** Options that every call takes. */
export interface CallOptions {
  /** Who asks; the framework's user when absent. */
  user?: string | undefined;
  /** Gives the call up. */
  signal?: AbortSignal | undefined;
}

/** What an authorizer is asked. */
export interface AuthorizationQuery {
  user: string;
  /** What, as a capability name: `command.execute`. */
  capability: string;
  action?: ActionKind;
  /** The name of the task, playbook, plan or package, where one is to be done. */
  name?: string;
  risk?: RiskLevel;
  /** By which plugin or transport. */
  plugin?: string;
  /** Where; empty for a question that concerns no node. */
  nodes: string[];
}

/** What an authorizer answers. */
export type AuthorizationAnswer = boolean | { allow: boolean; reason?: string | undefined };

/** Decides about callers. Throwing, rejecting and answering too late deny. */
export type AuthorizeFunction = (query: AuthorizationQuery) => AuthorizationAnswer | Promise<AuthorizationAnswer>;

/** Pabawi's PermissionService, or anything like it. */
export interface PermissionServiceLike {
  hasPermission(userId: string, resource: string, action: string): Promise<boolean> | boolean;
}

/** Pabawi's PerformanceMonitorService, or anything like it. */
export interface MetricRecorderLike {
  recordMetric(metric: {
    operation: string;
    /** Milliseconds. */
    duration: number;
    timestamp: string;
    metadata?: Record<string, unknown>;
  }): void;
}

/** Pabawi's DatabaseAdapter, or anything like it; SQLite where it does not say. */
export type HostDatabaseLike = Pick<DatabaseAdapterLike, "query" | "execute" | "getDialect">;

/** Pabawi's JournalService, or anything like it. What it answers does not matter; what it throws, and no answer, means again later. */
export interface JournalServiceLike {
  recordEvent(entry: CreateJournalEntry): unknown;
}

/** A plugin of Pabawi v1.x, with its configuration. */
export interface PluginEntry {
  plugin: IntegrationPlugin;
  config?: IntegrationConfig | undefined;
}

/** Options of a framework. Without an authorizer, everything is denied. */
export interface CreateFrameworkOptions extends Omit<FrameworkOptions, "database" | "journal"> {
  /**
   * Where executions are remembered: a path or a URL, as in {@link FrameworkOptions}. An adapter is the same as `hostDatabase`, and
   * they are remembered in `executions.db` in this user's directory for data.
   */
  database?: string | HostDatabaseLike | undefined;
  /** The database of this application, in whose tables executions and journal are mirrored for its own screens. */
  hostDatabase?: HostDatabaseLike | undefined;
  /** What is journalled, as in {@link FrameworkOptions}. A journal service is the same as `hostJournal`. */
  journal?: FrameworkOptions["journal"] | JournalServiceLike | undefined;
  /** The journal service of this application, which is told every entry of the journal; `hostDatabase` has none of them then. */
  hostJournal?: JournalServiceLike | undefined;
  /** Who asks where a call does not say; the user of this process when absent. */
  user?: string | undefined;
  /** Who may do what. */
  authorizer?: "allow-all" | AuthorizeFunction | PermissionServiceLike | undefined;
  /** Where the log goes. */
  logger?: LoggerLike | undefined;
  /** Where the times of operations go. */
  performanceMonitor?: MetricRecorderLike | undefined;
  /** Plugins of Pabawi v1.x. */
  plugins?: readonly (IntegrationPlugin | PluginEntry)[] | undefined;
  /** Gives the opening up before it begins. */
  signal?: AbortSignal | undefined;
}

const isFunction = (value: unknown): boolean => typeof value === "function";
const isAnything = (value: unknown): value is object => (typeof value === "object" && value !== null) || isFunction(value);

/** An object that has these methods now. */
export function having(what: string, ...methods: string[]): z.ZodType<object> {
  const has = (value: unknown): boolean => isAnything(value) && methods.every((name) => isFunction((value as Record<string, unknown>)[name]));
  const message = `must be ${what}: an object with ${methods.join(", ")}`;
  return zod.custom<object>(has, { message }) as unknown as z.ZodType<object>;
}

/** What gives a call up. */
export const signal = zod.custom<AbortSignal>((value) => value instanceof AbortSignal, { message: "must be an AbortSignal" }).optional();
const user = zod
  .string()
  .min(1)
  .refine((name) => !/\p{Cc}/u.test(name), { message: "must not have control characters" })
  .optional();

const CallOptionsSchema = zod.object({ user, signal }).strict().optional();

const authorizer = zod
  .custom<unknown>(
    (value) =>
      value === "allow-all" || isFunction(value) || (isAnything(value) && isFunction((value as Partial<PermissionServiceLike>).hasPermission)),
    { message: 'must be "allow-all", a function, or a permission service: an object with hasPermission' },
  )
  .optional();

/** Whether it has that method, if it can be looked at. */
function hasMethod(value: unknown, name: string): boolean {
  return isAnything(value) && safely(() => isFunction((value as Record<string, unknown>)[name])) === true;
}

/** The kind of database that an adapter says it has; `undefined` where that is nonsense. */
export function dialectOf(adapter: HostDatabaseLike): "sqlite" | "postgres" | undefined {
  try {
    const dialect: unknown = adapter.getDialect === undefined ? "sqlite" : adapter.getDialect();
    return dialect === "sqlite" || dialect === "postgres" ? dialect : undefined;
  } catch {
    return undefined;
  }
}

const hostDatabase = having("a database adapter", "query", "execute")
  .refine((adapter) => dialectOf(adapter as HostDatabaseLike) !== undefined, { message: 'getDialect must answer "sqlite" or "postgres"' })
  .optional();

const hostJournal = having("a journal service", "recordEvent").optional();

const NO_PLUGIN = "must be a plugin, or {plugin, config}";

/** Zod is not shown the plugins themselves: it would ask each whether it is a promise. */
const plugins = zod.unknown().superRefine((given, context) => {
  const list: unknown[] = Array.isArray(given) ? given : [];
  if (list !== given) {
    context.addIssue({ code: "custom", message: "must be an array of plugins" });
  }
  for (const [index, one] of list.entries()) {
    if (!isAnything(one)) {
      context.addIssue({ code: "custom", path: [index], message: NO_PLUGIN });
    }
  }
});

/** A plugin that is given alone. */
export function checkPlugin(given: IntegrationPlugin | PluginEntry): IntegrationPlugin | PluginEntry {
  if (!isAnything(given)) {
    throw zodError([{ code: "custom", path: ["plugin"], message: NO_PLUGIN }]);
  }
  return given;
}

const HostOptionsSchema = zod
  .object({
    user,
    authorizer,
    hostDatabase,
    hostJournal,
    logger: having("a logger", "error", "warn", "info", "debug").optional(),
    performanceMonitor: having("a performance monitor", "recordMetric").optional(),
    plugins: plugins.optional(),
    signal,
  })
  .strict();

export function checkCallOptions(options: CallOptions | undefined): CallOptions {
  CallOptionsSchema.parse(objectOf(options, "the options"));
  return options ?? {};
}

/** The options that are data, and those that are objects of the host; throws a `ZodError` that has what is wrong with both. */
export function checkOptions(given: unknown): { data: FrameworkOptions; host: Omit<CreateFrameworkOptions, keyof FrameworkOptions> } {
  const fields = { ...zod.record(zod.string(), zod.unknown()).parse(given ?? {}) };
  const isDatabase = isAnything(fields["database"]) && fields["hostDatabase"] === undefined;
  if (isDatabase) {
    fields["hostDatabase"] = fields["database"];
    delete fields["database"];
  }
  // Settings of the journal have no methods.
  if (hasMethod(fields["journal"], "then")) {
    throw invalid([{ path: "journal", message: "must be settings or a journal service, and is a promise that nobody has waited for" }]);
  }
  if (hasMethod(fields["journal"], "recordEvent") && fields["hostJournal"] === undefined) {
    fields["hostJournal"] = fields["journal"];
    delete fields["journal"];
  }
  const names = Object.keys(HostOptionsSchema.shape);
  const part = (own: boolean): Record<string, unknown> =>
    Object.fromEntries(Object.entries(fields).filter(([name, value]) => names.includes(name) === own && value !== undefined));
  const [data, host] = [FrameworkOptionsSchema.safeParse(part(false)), HostOptionsSchema.safeParse(part(true))];
  const issues = [data, host].flatMap((result) => (result.success ? [] : result.error.issues));
  if (!data.success || !host.success) {
    // By the name that it was given under.
    const isRenamed = (issue: (typeof issues)[number]): boolean => isDatabase && issue.path[0] === "hostDatabase";
    throw zodError(issues.map((issue) => (isRenamed(issue) ? { ...issue, path: ["database", ...issue.path.slice(1)] } : issue)));
  }
  // The objects themselves, and not what Zod makes of them.
  return { data: data.data, host: part(true) as CreateFrameworkOptions };
}
