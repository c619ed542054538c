/**
 * What the package offers under its own name: the framework object. The replacements of Pabawi's modules have paths of their own
 * (`@pabawi/execution/pabawi/<Name>`); `pabawi.modules` in package.json says what each replaces.
 */
export {
  AbortedError,
  BusyError,
  ConflictError,
  DeniedError,
  type ErrorDetails,
  type ErrorParts,
  NotFoundError,
  PabawiError,
  PluginError,
  ShutDownError,
  StoreError,
  targetError,
} from "./framework/errors";
export type { EventStream, EventWatcher } from "./framework/events";
export { createExecutionFramework, type EventOptions, type ExecutionFramework, type Followed } from "./framework/framework";
export * as schemas from "./framework/generated/schemas";
export type * from "./framework/generated/types";
export { journalMigration, type Migration } from "./framework/migration";
export type {
  AuthorizationAnswer,
  AuthorizationQuery,
  AuthorizeFunction,
  CallOptions,
  CreateFrameworkOptions,
  HostDatabaseLike,
  JournalServiceLike,
  MetricRecorderLike,
  PermissionServiceLike,
  PluginEntry,
} from "./framework/options";
export { bytesOf, type OutputDecoder, outputDecoder } from "./framework/output";
export type { Graphs, NodeJournal, Plans, Plugins, Targets } from "./framework/parts";
export { createSshPlugin, type SshPlugin } from "./framework/ssh/plugin";
export type { SshPluginOptions, SshPluginSettings } from "./framework/ssh/settings";
export { platformName } from "./internal/native";
export type { CreateJournalEntry } from "./pabawi/journalTypes";
export type * from "./internal/types";
