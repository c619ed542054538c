// Made by scripts/generate.mjs of the types of the native half. Changes belong there.

/** A part of a list. */
export interface Page<T> {
  items: T[];
  /** Given back in the next question, it brings the next part; absent with the last. */
  nextCursor?: string;
}

/** The kind of an `Action`. */
export type ActionKind = "command" | "script" | "upload" | "download" | "task" | "playbook" | "plan" | "facts" | "package";

/** What is to be carried out. */
export interface ApplyPlanRequest {
  /** Also if it was applied before. */
  again?: boolean | undefined;
  /** The plan. */
  hash: PlanHash;
  /** The secrets of its request, which were not stored. */
  secrets?: RerunSecrets | undefined;
}

/** Detached commands that were started for an earlier execution and are gone on with. */
export interface Attach {
  /** With which attempt. */
  attempt: number;
  /** The execution they were started for. */
  execution: ExecutionId;
  /** On which nodes. */
  nodes: NodeId[];
  /** When the first of them was started. What a node keeps of a command may be gone when this is too long ago. */
  startedAt: string;
}

/** Which attempts of an execution. */
export interface AttemptsRequest {
  /** The execution. */
  id: ExecutionId;
  /** Only those of this node. */
  node?: NodeId | null | undefined;
}

/** The wait between two attempts. */
export interface Backoff {
  /** How it grows. */
  growth?: Growth | undefined;
  /** The first wait, in milliseconds. */
  initialMs: number;
  /** The part of the wait that is drawn by chance, 0 to 1. */
  jitter?: number | undefined;
  /** The longest wait, in milliseconds. */
  maxMs: number;
}

/** A question that a plugin answers. */
export interface CallCapabilityRequest {
  /** The capability: `task.list`. */
  capability: string;
  /** Follows this request through logs and records. */
  correlationId?: CorrelationId | null | undefined;
  /** The nodes it is about. */
  nodes?: NodeId[] | undefined;
  /** Its parameters. */
  parameters?: Record<string, unknown> | undefined;
  /** The plugin; the one that goes first when absent. */
  plugin?: PluginName | null | undefined;
}

/** A part of the nodes that is drawn by chance; the same seed draws the same of the same nodes. */
export interface Canary {
  /** By which the chance can be repeated. When absent one is drawn, and stands in the stored request. */
  seed?: number | null | undefined;
  /** How many. */
  share: Share;
}

/** Which run is to be ended. */
export interface CancelGraphRequest {
  /** Milliseconds between SIGTERM and SIGKILL; 2,000 when absent. */
  graceMs?: number | null | undefined;
  /** The run. */
  id: ExecutionId;
  /** At once, with SIGKILL. */
  kill?: boolean | undefined;
}

/**
 * What is to be ended.
 *
 * Its fields are written out, so that one with a slip in its name is refused: without `nodes`, all are ended.
 */
export interface CancelRequest {
  /** Milliseconds between SIGTERM and SIGKILL; 2,000 when absent. */
  graceMs?: number | null | undefined;
  /** The execution. */
  id: ExecutionId;
  /** At once, with SIGKILL. */
  kill?: boolean | undefined;
  /** Only these of its nodes. */
  nodes?: NodeId[] | null | undefined;
}

/** A command line for the login user's shell. */
export interface CommandAction {
  /**
   * The command line, given to `$SHELL -c` (or `/bin/sh -c` where no shell is set) as it is. At most
   * 1 MiB, not blank, without NUL. Up to 100 KiB it is one argument of that shell; a longer one is run as
   * a script, since Linux caps one argument at 128 KiB (execve(2), `MAX_ARG_STRLEN`).
   */
  command: string;
  /**
   * Working directory on the node. A directory that cannot be entered fails the node, the command is not
   * started.
   */
  cwd?: string | null | undefined;
  /**
   * The process runs in a session of its own on the node and writes its output and its end into a spool there, so
   * that it survives the loss of the link and of this side. Such a process reads nothing and has no terminal.
   */
  detach?: boolean | undefined;
  /**
   * Environment variables, set before the command starts. They do not depend on the server's
   * `AcceptEnv` (sshd_config(5)). Names are `A-Za-z_`A-Za-z0-9_`*`.
   */
  env?: Record<string, EnvValue> | undefined;
  /** What becomes of the process when the link to the node is lost. */
  onLinkLoss?: OnLinkLoss | undefined;
  /** Asks for a terminal (RFC 4254 section 6.2). stdout and stderr are then one stream, stdout. */
  pty?: boolean | undefined;
  /** Another user on the node. */
  runAs?: RunAs | null | undefined;
  /** What the process reads from its standard input. Without it, `/dev/null`. */
  stdin?: StdinSource | null | undefined;
  /** File mode creation mask, `0` to `0o777` (umask(2)). */
  umask?: number | null | undefined;
}

/** Which commands may be run. */
export interface CommandPolicy {
  /** Every command, but for those that begin with `-` or hold a character that means something to a shell. */
  allowAll?: boolean | undefined;
  /** Also scripts, copies to nodes and variables of the environment, each of which can make a node run any command. */
  allowScripts?: boolean | undefined;
  /** How a command is compared with them. */
  matchMode?: MatchMode | undefined;
  /** The commands that may be run; none when it is empty and not all are allowed. */
  whitelist?: string[] | undefined;
}

/** What a breaker stands before. */
export type Component = string;

/** SHA-256 of an output, in hexadecimal digits. */
export type ContentHash = string;

/** Follows one request through every log line, event and record. 1 to 253 printable characters. */
export type CorrelationId = string;

/** Copies a file or directory of the node to this machine. */
export interface DownloadAction {
  /**
   * Directory on this machine. What comes from a node stands in a directory of the node's name below it,
   * so that nodes do not overwrite each other.
   */
  destination: string;
  /** File or directory on the node. */
  source: string;
}

/** Another text for a note. */
export interface EditNoteRequest {
  /** The note. */
  id: EntryId;
  /** Its new text. */
  text: string;
}

/**
 * How a node is reached. What is absent is left to the transport (for SSH: `ssh_config`, then its
 * defaults).
 */
export interface Endpoint {
  /** Host name, address, or alias of `ssh_config`; without it, the node's id. */
  host?: string | null | undefined;
  /** Private key files, tried in this order before others. */
  identityFiles?: string[] | undefined;
  /** Jump hosts `user@`host`:port`, the first one is connected to first (ssh_config(5) `ProxyJump`). */
  jump?: string[] | null | undefined;
  /** Login password. */
  password?: Secret | null | undefined;
  /** TCP port. */
  port?: number | null | undefined;
  /** The transport's name: `ssh`, `local`. Without it, the execution's default transport. */
  transport?: PluginName | null | undefined;
  /** Login user. */
  user?: string | null | undefined;
}

/**
 * Names one entry of the journal. An entry is written once, however often it is given to a store: the second time its id is
 * known.
 */
export type EntryId = string;

/** The value of an environment variable. */
export type EnvValue = string | {
  /** The value. */
  secret: Secret;
};

/** Which events. */
export interface EventsRequest {
  /** From this number on; 1, which is all, when absent. */
  from?: number | null | undefined;
  /** The execution. */
  id: ExecutionId;
  /** What happens when the reader is slower than the events come. */
  mode?: SubscriptionMode | undefined;
}

/** What is to be done on each target. */
export type ExecutionAction = CommandAction & {
  type: "command";
} | ScriptAction & {
  type: "script";
} | UploadAction & {
  type: "upload";
} | DownloadAction & {
  type: "download";
} | ToolAction & {
  type: "task";
} | ToolAction & {
  type: "playbook";
} | ToolAction & {
  type: "plan";
} | ToolAction & {
  type: "facts";
} | ToolAction & {
  type: "package";
};

/** Names one execution. A UUID of version 7, so that ids sort by the time of submission. */
export type ExecutionId = string;

/** How long some executions, or their outputs, are kept; for ever without age and number. */
export interface ExecutionLimitOptions {
  /** Executions that do this. */
  actionKind?: ActionKind | null | undefined;
  /** So many executions, the newest. */
  keep?: number | null | undefined;
  /** For so many milliseconds. */
  maxAgeMs?: number | null | undefined;
  /** Executions that this plugin or transport did, on one of their nodes or more. */
  plugin?: PluginName | null | undefined;
}

/** A question about the history. Absent fields do not restrict it; all given ones must hold (R5.8). */
export interface ExecutionQuery {
  /** The kind of its action. */
  actionKind?: ActionKind | null | undefined;
  /** It carries this correlation id. */
  correlationId?: CorrelationId | null | undefined;
  /** From the page before. */
  cursor?: string | null | undefined;
  /** It was submitted with this key. */
  idempotencyKey?: IdempotencyKey | null | undefined;
  /** At most this many, 1 to 1,000; 50 when absent. */
  limit?: number | null | undefined;
  /** This plugin or transport did it on one of its nodes or more. */
  plugin?: PluginName | null | undefined;
  /** It is a rerun of this one. */
  rerunOf?: ExecutionId | null | undefined;
  /** Submitted at or after. */
  since?: string | null | undefined;
  /** It stands here. Empty for anywhere. */
  status?: ExecutionState[] | undefined;
  /** It carries this tag. */
  tag?: Tag | null | undefined;
  /** This node was among its targets. */
  target?: NodeId | null | undefined;
  /** Its action's line contains this text, letter case aside. `%` and `_` are ordinary characters. */
  text?: string | null | undefined;
  /** Submitted before. */
  until?: string | null | undefined;
  /** Asked for by this user. */
  user?: string | null | undefined;
}

/** One request. Everything but the action and the targets may be left out. */
export interface ExecutionRequest {
  /** What is to be done. */
  action: ExecutionAction;
  /**
   * Detached commands of executions whose process died, with which this execution goes on. The engine sets it; a
   * request of a caller must not have it.
   */
  attach?: Attach[] | undefined;
  /** How many nodes at once; the engine's default when absent. The engine's global limit holds as well. */
  concurrency?: number | null | undefined;
  /** Follows this request through logs and records. */
  correlationId?: CorrelationId | null | undefined;
  /** Keeps the complete output instead of its first and last part. */
  debug?: boolean | undefined;
  /** How host keys are checked; the transport's setting when absent. */
  hostKeys?: HostKeyPolicy | null | undefined;
  /** The same key returns the same execution and starts nothing. */
  idempotencyKey?: IdempotencyKey | null | undefined;
  /** The execution of which this one is a part, such as the health check of a wave. The engine sets it. */
  parent?: ExecutionId | null | undefined;
  /** Higher goes first when executions wait for the same permits. */
  priority?: number | undefined;
  /** The execution of which this one is a rerun. */
  rerunOf?: ExecutionId | null | undefined;
  /** When a node is tried again; never when absent. */
  retry?: RetryPolicy | null | undefined;
  /** In which order the nodes are taken, and when no further one is. */
  rollout?: Rollout | undefined;
  /** Marks by which the execution is found again. */
  tags?: Tag[] | undefined;
  /** Where. */
  targets: TargetExpression;
  /** Limits of time. */
  timeouts?: Timeouts | undefined;
  /**
   * The transport for nodes whose endpoint names none; `ssh` when absent. Where it names a tool's plugin, such as `bolt`,
   * that does the action on all nodes.
   */
  transport?: PluginName | null | undefined;
}

/** Where an execution stands. */
export type ExecutionState = "queued" | "running" | "completed" | "partial" | "failed" | "cancelled" | "interrupted";

/** What is to be explained. */
export interface ExplainRequest {
  /** The expression. */
  expression: TargetExpression;
  /** The nodes of which it is asked why they are selected, or not. */
  nodes?: NodeId[] | undefined;
}

/** Where the time of an execution went. */
export interface ExplainSlowRequest {
  /** The execution. */
  id: ExecutionId;
  /** How many of the slowest nodes are named; 10 when absent. */
  most?: number | null | undefined;
}

/** The form of a document. */
export type ExportFormat = "json" | "ndjson" | "html";

/** Which document. */
export interface ExportRequest {
  /** In which form. */
  format?: ExportFormat | undefined;
  /** The execution. */
  id: ExecutionId;
}

/** A program that is a plugin. */
export interface ExternalPluginOptions {
  /** Its configuration. */
  config?: Record<string, unknown> | undefined;
  /** The program, by its absolute path. */
  program: string;
}

/** Which fact. */
export interface FactsMatchingRequest {
  /** What it has to be, as in `fact(…)` of a target expression: `os.family=Debian`, `processors.count>=4`. */
  condition: string;
}

/** Whose facts. */
export interface FactsRequest {
  /** How old they may be. */
  freshness?: Freshness | undefined;
  /** The expression that selects the nodes. */
  targets: TargetExpression;
}

/** Options of a framework that are data. Everything may be left out. */
export interface FrameworkOptions {
  /** Which commands may be run at all, whoever asks; every one when absent. */
  commandPolicy?: CommandPolicy | null | undefined;
  /**
   * Where executions are remembered: the path of a SQLite file, made when it is missing, which no other SQLite library of
   * this process may have open; or the URL of a PostgreSQL database, `postgres://user@host:port/database`. When absent,
   * `executions.db` in this user's directory for data.
   */
  database?: string | null | undefined;
  /** User, port and keys for nodes whose source names none. */
  endpointDefaults?: Endpoint | undefined;
  /** Programs that are plugins. */
  externalPlugins?: ExternalPluginOptions[] | undefined;
  /**
   * Inventories, each a path that tells its kind by its content, or `kind:path`; a list of sources is `sources:path`.
   * Without any, every name is a node.
   */
  inventory?: string[] | undefined;
  /** What is journalled. */
  journal?: JournalSettings | undefined;
  /** Limits that differ from the usual ones. */
  limits?: LimitOptions | undefined;
  /** From which level on the logger is told; `info` when absent. */
  logLevel?: LogLevel | null | undefined;
  /** How long what is kept; for ever when absent. */
  retention?: RetentionOptions | null | undefined;
  /** How nodes are reached over SSH. */
  ssh?: SshOptions | undefined;
  /** Tools that the framework knows itself. */
  tools?: ToolOptions[] | undefined;
}

/** How old an answer may be. */
export type Freshness = "cached" | "forced" | {
  maxAgeMs: number;
};

/** A question about graph runs. Absent fields do not restrict it. */
export interface GraphQuery {
  /** From the page before. */
  cursor?: string | null | undefined;
  /** At most this many, 1 to 1,000; 50 when absent. */
  limit?: number | null | undefined;
  /** It stands here. Empty for anywhere. */
  status?: ExecutionState[] | undefined;
}

/** How waits grow from one attempt to the next. */
export type Growth = "constant" | "linear" | "exponential";

/**
 * What is done after a wave to see whether it did well. It is an execution of its own, so that its output and
 * its end are recorded like any other's.
 */
export interface HealthCheck {
  /** What is done. */
  action: ExecutionAction;
  /** Where; the nodes of the wave that succeeded when absent. */
  targets?: TargetExpression | null | undefined;
  /** Its limit of time for each node, in milliseconds; 60 s when absent. A check that hangs ends by it. */
  timeoutMs?: number | null | undefined;
}

/** Whose health. */
export interface HealthRequest {
  /** Only that of this plugin. */
  plugin?: PluginName | null | undefined;
}

/** What is done with the key a node shows. */
export type HostKeyPolicy = "strict" | "accept-new" | "off";

/** Makes a submission repeatable: the same key returns the same execution. 1 to 253 printable characters. */
export type IdempotencyKey = string;

/** Which inventory. */
export interface InventoryRequest {
  /** How old it may be. */
  freshness?: Freshness | undefined;
}

/** How much of a plugin's doings is journalled (R11.8). */
export type JournalLevel = "off" | "failures" | "changes" | "all";

/** How long some entries of the journal are kept; for ever without age and number. */
export interface JournalLimitOptions {
  /** Entries of this type. */
  eventType?: string | null | undefined;
  /** So many, the newest. */
  keep?: number | null | undefined;
  /** For so many milliseconds. */
  maxAgeMs?: number | null | undefined;
  /** Entries told by this plugin. */
  source?: string | null | undefined;
}

/** A question about the journal. Of a list any one has to fit; an empty list asks for nothing. */
export interface JournalQuery {
  /** From the page before. */
  cursor?: string | null | undefined;
  /** Of these types. */
  eventTypes?: string[] | undefined;
  /** Of this execution. */
  executionId?: ExecutionId | null | undefined;
  /** At most this many, 1 to 1,000; 50 when absent. */
  limit?: number | null | undefined;
  /** Of these nodes. */
  nodes?: NodeId[] | undefined;
  /** At or after. */
  since?: string | null | undefined;
  /** Told by these. */
  sources?: string[] | undefined;
  /** That ended so. */
  statuses?: string[] | undefined;
  /** Also versions of notes in whose place a later one stands. */
  superseded?: boolean | undefined;
  /**
   * With each of these `words` or one that begins with it, in any order. No character has a meaning of its
   * own. A text without a word finds nothing.
   */
  text?: string | null | undefined;
  /** Before. */
  until?: string | null | undefined;
  /** Done by these. */
  users?: string[] | undefined;
}

/** What is journalled, beyond what plugins wish. */
export interface JournalSettings {
  /** The level of those that are not named below and wish none; `changes` when absent. */
  level?: JournalLevel | null | undefined;
  /** By plugin or transport. */
  plugins?: Record<string, PluginJournalSettings> | undefined;
}

/** Limits that differ from the usual ones. */
export interface LimitOptions {
  /** Milliseconds that the authorizer may take; 5,000 when absent. */
  authorizerTimeoutMs?: number | null | undefined;
  /** Nodes of one execution at once where its request does not say; 100 when absent. */
  defaultConcurrency?: number | null | undefined;
  /** Milliseconds that the host's database may take for a statement; 30,000 when absent. */
  hostDatabaseTimeoutMs?: number | null | undefined;
  /** Milliseconds that the host's journal service may take for an entry; 30,000 when absent. */
  hostJournalTimeoutMs?: number | null | undefined;
  /** Nodes at once, over all executions; 200 when absent. */
  maxNodeRuns?: number | null | undefined;
  /** Executions that wait; 10,000 when absent. */
  maxQueuedExecutions?: number | null | undefined;
  /** Executions that run at once; 64 when absent. */
  maxRunningExecutions?: number | null | undefined;
  /** Bytes of the beginning of an output that are kept; 64 KiB when absent. */
  outputHeadBytes?: number | null | undefined;
  /** Bytes of output in memory; a share of what the process may use when absent. */
  outputMemoryBytes?: number | null | undefined;
  /** Bytes of the end of an output that are kept; 64 KiB when absent. */
  outputTailBytes?: number | null | undefined;
  /** What each plugin of Pabawi v1.x is given. */
  plugins?: PluginLimitOptions | undefined;
}

/** Which plans. */
export interface ListPlansRequest {
  /** Only those whose hash begins so. */
  beginning?: string | undefined;
  /** How many at most; 50 when absent. */
  limit?: number | null | undefined;
}

/** How grave a log entry is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** How a command is compared with the list. */
export type MatchMode = "exact" | "prefix";

/** In which order targets are taken (R2.8, R2.9). */
export type Mode = {
  type: "parallel";
} | {
  /** Stops at the first failure. */
  stopAtFailure?: boolean | undefined;
  type: "sequential";
} | {
  /** What is done after each wave; the next begins only when it has succeeded everywhere. */
  healthCheck?: HealthCheck | null | undefined;
  /** Rest between two waves, in milliseconds, at most 30 days. */
  pauseMs?: number | undefined;
  type: "rolling";
  /** Sizes of the waves, of all targets; the last one repeats. */
  waves: Share[];
};

/**
 * Names one node. 1 to 253 characters, letters, digits and `._:/@%+~-`; it never starts with `-`, so
 * that it cannot be taken for an option, and holds no white space or control character, so that it
 * cannot break a line in two.
 */
export type NodeId = string;

/** A note about a node. */
export interface NoteRequest {
  /** The node. */
  node: NodeId;
  /** The note. */
  text: string;
}

/** A call that takes nothing. */
export type Nothing = Record<string, never>;

/** One journal entry. */
export interface OfEntry {
  /** Its id. */
  id: EntryId;
}

/** One execution, or one run of a graph. */
export interface OfExecution {
  /** Its id. */
  id: ExecutionId;
}

/** One plan. */
export interface OfPlan {
  /** Its hash. */
  hash: PlanHash;
}

/** What becomes of a running process when the link to its node is lost. */
export type OnLinkLoss = "terminate" | "leave";

/** Bytes: a text, or base64 where they are not UTF-8. */
export type OutputData = string | {
  base64: string;
};

/** The targets of an execution by equal output. */
export interface OutputGroupsRequest {
  /** The execution. */
  id: ExecutionId;
  /** Of which stream. */
  stream: StreamKind;
}

/** A part of an output. */
export interface OutputRequest {
  /** The output. */
  hash: ContentHash;
  /** How many bytes at most; 1 MiB when absent, no more than 16 MiB. */
  maxBytes?: number | null | undefined;
  /** From which byte of what is kept; 0 when absent. */
  offset?: number | undefined;
}

/** Names a plan: the SHA-256 of its `PreviewBasis`. */
export type PlanHash = ContentHash;

/** How long what is kept. */
export interface PlanRetentionRequest {
  /** Executions, with all but their journal entries. Those that are not over stay. Each follows the limit that says most about it. */
  executions?: ExecutionLimitOptions[] | undefined;
  /** Entries of the journal; each follows the limit that says most about it. */
  journal?: JournalLimitOptions[] | undefined;
  /** Outputs, while their executions stay; one goes with the last execution that gives it up. */
  outputs?: ExecutionLimitOptions[] | undefined;
}

/** What is journalled of one plugin; it goes before what the plugin itself wishes. */
export interface PluginJournalSettings {
  /** The level of everything that is not named below. */
  level?: JournalLevel | null | undefined;
  /** By capability, capability and name of a task (`task.execute package`), or type of the plugin's own events. */
  levels?: Record<string, JournalLevel> | undefined;
}

/** What each plugin of Pabawi v1.x is given. One that has not answered by then has failed. */
export interface PluginLimitOptions {
  /** Milliseconds for `executeAction` on one node; an hour when absent. */
  actionMs?: number | null | undefined;
  /** Calls of `executeAction` at once; 10 when absent. */
  actionsAtOnce?: number | null | undefined;
  /** Milliseconds for properties, lists of capabilities, `isInitialized` and hooks; 10,000 when absent. */
  askMs?: number | null | undefined;
  /** Milliseconds for `getNodeFacts` and `getNodeData` of one node; 60,000 when absent. */
  dataMs?: number | null | undefined;
  /** Milliseconds for `healthCheck`; 10,000 when absent. */
  healthMs?: number | null | undefined;
  /** Milliseconds for `initialize`; 30,000 when absent. */
  initializeMs?: number | null | undefined;
  /** Milliseconds for `getInventory` and `getGroups` together; 15,000 when absent, for `checkmk` 60,000. */
  inventoryMs?: number | null | undefined;
}

/** Names a plugin or a transport: `a-z`a-z0-9_-`{0,62}`. */
export type PluginName = string;

/** What is to be carried out. */
export interface PruneRequest {
  /** What was planned. */
  plan: RetentionPlan;
}

/** Another instance of a program that is a plugin. */
export interface ReloadExternalRequest {
  /** The program, with its configuration. */
  plugin: ExternalPluginOptions;
}

/** Another instance of a tool's plugin. */
export interface ReloadToolRequest {
  /** The tool, with its configuration. */
  tool: ToolOptions;
}

/** What is to be run again. */
export interface RerunRequest {
  /** The execution. */
  id: ExecutionId;
  /** Its secrets, which were not stored. */
  secrets?: RerunSecrets | undefined;
  /** On which of its nodes. */
  selection: RerunSelection;
}

/** Secrets of the old request, which were used and not stored. */
export interface RerunSecrets {
  /** Values of environment variables by name. */
  env?: Record<string, Secret> | undefined;
  /** Secret parameters of a tool's action, by their JSON pointers (RFC 6901) as the action or the capability names them. */
  parameters?: Record<string, SecretValue> | undefined;
  /** The password for the change of user. */
  runAsPassword?: Secret | null | undefined;
  /** What the process reads from its standard input. */
  stdin?: Secret | null | undefined;
}

/** Which nodes of the old execution run again. */
export type RerunSelection = "all" | "failed" | "notStarted" | "notSucceeded" | {
  nodes: NodeId[];
};

/** A circuit breaker. */
export interface ResetBreakerRequest {
  /** What it protects: `plugin:ssh`, `node:web1`, `group:web`. */
  component: Component;
}

/** Which targets. */
export interface ResolveRequest {
  /** The expression that selects them. */
  expression: TargetExpression;
}

/** What is to go on. */
export interface ResumeRequest {
  /** The execution whose process died. */
  id: ExecutionId;
  /** Also where nobody knows what came of it. */
  rerunUnknown?: boolean | undefined;
  /** Its secrets, which were not stored. */
  secrets?: RerunSecrets | undefined;
}

/** What would go of the executions by one limit. */
export interface RetentionOfExecutions {
  /** Executions that do this. */
  actionKind?: ActionKind | null | undefined;
  /** Executions that were submitted before this time, UTC. */
  before?: string | null | undefined;
  /** How many would go. */
  executions: number;
  /** Of the others all but so many, the newest. */
  keep?: number | null | undefined;
  /** What is older goes: the store's own mark. Nothing goes without one. */
  mark?: string | null | undefined;
  /** When the newest of them was submitted, UTC. */
  newest?: string | null | undefined;
  /** Executions that this plugin or transport did. */
  plugin?: PluginName | null | undefined;
  /** With how many targets. */
  targets: number;
}

/** What would go of the journal by one limit. */
export interface RetentionOfJournal {
  /** Entries before this time, UTC. */
  before?: string | null | undefined;
  /** How many would go. */
  entries: number;
  /** Entries of this type. */
  eventType?: string | null | undefined;
  /** Of the others all but so many, the newest. */
  keep?: number | null | undefined;
  /** What is older goes: the store's own mark. Nothing goes without one. */
  mark?: string | null | undefined;
  /** Entries told by this plugin. */
  source?: string | null | undefined;
}

/** What would go of the outputs. */
export interface RetentionOfOutputs {
  /** Their bytes. */
  bytes: number;
  /** The executions that would give up their outputs, by limit. */
  executions: RetentionOfExecutions[];
  /** Outputs that only executions of these have. */
  outputs: number;
}

/** How long what is kept. What is old is removed by itself, in small steps, by one process at a time. */
export interface RetentionOptions {
  /** Milliseconds from one time to the next; an hour when absent. */
  everyMs?: number | null | undefined;
  /** Executions, with all but their journal entries; each follows the limit that says most about it. */
  executions?: ExecutionLimitOptions[] | undefined;
  /** Entries of the journal; each follows the limit that says most about it. */
  journal?: JournalLimitOptions[] | undefined;
  /** Outputs, while their executions stay; one goes with the last execution that gives it up. */
  outputs?: ExecutionLimitOptions[] | undefined;
}

/** What would be removed. */
export interface RetentionPlan {
  /** Of the executions, by limit. */
  executions?: RetentionOfExecutions[] | undefined;
  /** Of the journal, by limit. */
  journal: RetentionOfJournal[];
  /** Of the outputs. */
  outputs?: RetentionOfOutputs | null | undefined;
}

/** How often and when a node run is tried again (R7.5). */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  attempts: number;
  /** The wait between two attempts. */
  backoff?: Backoff | undefined;
  /** The limit over all attempts, from the start of the first, in milliseconds. It ends an attempt that runs. */
  deadlineMs?: number | null | undefined;
  /**
   * Whether an action that may have run may be run again. Without it such an action is never repeated,
   * whatever `on` says.
   */
  idempotent?: boolean | undefined;
  /**
   * Outcomes that are tried again, by their words. Empty means those after which the command cannot have
   * started and where waiting can help: a node that is unreachable or slow to log in, not one that refuses
   * the login or has another host key.
   */
  on?: string[] | undefined;
}

/** In which order the targets are taken, and when no further one is. */
export interface Rollout {
  /** Only a part of the nodes, drawn by chance. */
  canary?: Canary | null | undefined;
  /**
   * No failure is tolerated: with the first one no further node is started. What runs goes on to its end, since
   * a change that is cut off half-way on healthy nodes does more harm than one that is done.
   */
  failFast?: boolean | undefined;
  /**
   * Failures that are tolerated: with one more, no further node is started. Everything counts as a failure
   * that is neither a success nor a cancellation, also nodes that are unreachable, too slow or refused.
   */
  maxFailures?: Share | null | undefined;
  /** Side by side, one by one, or in waves. */
  mode?: Mode | undefined;
  /** Gives up nodes that take much longer than the others. */
  stragglers?: Stragglers | null | undefined;
}

/** Another user on the node. */
export interface RunAs {
  /** By which program. */
  method?: RunAsMethod | undefined;
  /** The password that program asks for. It is sent over standard input after the prompt has appeared. */
  password?: Secret | null | undefined;
  /** The user's name on the node. */
  user: string;
}

/** The program that changes the user. */
export type RunAsMethod = "sudo" | "su" | "doas";

/** A script that is brought to the node, run and removed. */
export interface ScriptAction {
  /** Arguments, each passed as it is. */
  arguments?: string[] | undefined;
  /** The script itself, at most 16 MiB. */
  content: OutputData;
  /**
   * Working directory on the node. A directory that cannot be entered fails the node, the command is not
   * started.
   */
  cwd?: string | null | undefined;
  /**
   * The process runs in a session of its own on the node and writes its output and its end into a spool there, so
   * that it survives the loss of the link and of this side. Such a process reads nothing and has no terminal.
   */
  detach?: boolean | undefined;
  /**
   * Environment variables, set before the command starts. They do not depend on the server's
   * `AcceptEnv` (sshd_config(5)). Names are `A-Za-z_`A-Za-z0-9_`*`.
   */
  env?: Record<string, EnvValue> | undefined;
  /**
   * The program that runs it, for example `/usr/bin/python3`. Without one, the script's own `#!` line
   * decides, and `/bin/sh` where it has none.
   */
  interpreter?: string | null | undefined;
  /** The file name shown to people and used, reduced to safe characters, on the node. */
  name: string;
  /** What becomes of the process when the link to the node is lost. */
  onLinkLoss?: OnLinkLoss | undefined;
  /** Asks for a terminal (RFC 4254 section 6.2). stdout and stderr are then one stream, stdout. */
  pty?: boolean | undefined;
  /** Another user on the node. */
  runAs?: RunAs | null | undefined;
  /** What the process reads from its standard input. Without it, `/dev/null`. */
  stdin?: StdinSource | null | undefined;
  /** File mode creation mask, `0` to `0o777` (umask(2)). */
  umask?: number | null | undefined;
}

/** Used, never shown, never stored: reads `***` wherever it is told. */
export type Secret = string;

/** Any JSON that is used, never shown, never stored. */
export type SecretValue = unknown;

/** A number of nodes such as 5, or a part of them such as "20%". */
export type Share = number | string;

/** How the end is made. */
export interface ShutdownRequest {
  /** Milliseconds that runs have to end by themselves; 10,000 when absent. */
  deadlineMs?: number | null | undefined;
}

/** How nodes are reached over SSH. */
export interface SshOptions {
  /** An OpenSSH client configuration to use instead of that of this user and machine. */
  config?: string | null | undefined;
  /** How host keys are checked where neither request nor configuration says so; `strict` when absent. */
  hostKeys?: HostKeyPolicy | null | undefined;
  /** Milliseconds that an idle connection is kept; 60,000 when absent. */
  idleTimeoutMs?: number | null | undefined;
  /** Lists of known hosts to use instead of those of the configuration. */
  knownHosts?: string[] | null | undefined;
  /** Connections in all; 1,024 when absent. A further one waits. */
  maxConnections?: number | null | undefined;
  /** Connections to one host, user and port; 16 when absent. A further one waits. */
  maxConnectionsPerHost?: number | null | undefined;
  /** Opens private keys that have a passphrase. */
  passphrase?: Secret | null | undefined;
  /** The login password where the inventory has none. */
  password?: Secret | null | undefined;
}

/** Where standard input comes from. */
export type StdinSource = {
  bytes: OutputData;
} | {
  file: string;
} | {
  secret: Secret;
};

/**
 * When a node is too slow, seen from the others: once `quorum` of the targets have succeeded, a node may take
 * `multiple` times the 95th percentile of their durations, and not less than `min_ms`.
 */
export interface Stragglers {
  /** The shortest limit, in milliseconds. */
  minMs?: number | undefined;
  /** How many times the percentile, from 1 to 1,000. */
  multiple: number;
  /** How many have to have succeeded before anybody is called slow. */
  quorum?: Share | undefined;
}

/** Which of a process's two output streams. */
export type StreamKind = "stdout" | "stderr";

/** What happens when a reader is slower than the events come. */
export type SubscriptionMode = "gapWhenSlow" | "slowTheSource";

/** A mark by which executions are found again. 1 to 253 printable characters. */
export type Tag = string;

/** Selects targets, in the language of the `inventory` crate: `web`01-20`,@db`. */
export type TargetExpression = string;

/** Where one target of an execution stands. */
export type TargetState = "queued" | "running" | "finished" | "interrupted";

/** Which targets of an execution. */
export interface TargetsRequest {
  /** From the page before. */
  cursor?: string | null | undefined;
  /** The execution. */
  id: ExecutionId;
  /** At most this many, 1 to 10,000; 1,000 when absent. */
  limit?: number | null | undefined;
  /** These nodes; empty for all. */
  nodes?: NodeId[] | undefined;
  /** With these outcomes, by the words that outcomes have; empty for all. */
  outcomes?: string[] | undefined;
  /** In this state. */
  state?: TargetState | null | undefined;
}

/** A unit of work: name, action, parameters, targets, options, prerequisites (R2.1, R2.7). */
export interface TaskDef {
  /** What is to be done. */
  action: ExecutionAction;
  /** Tasks that come first, by name: its prerequisites. */
  after?: string[] | undefined;
  /**
   * Detached commands of executions whose process died, with which this execution goes on. The engine sets it; a
   * request of a caller must not have it.
   */
  attach?: Attach[] | undefined;
  /** How many nodes at once; the engine's default when absent. The engine's global limit holds as well. */
  concurrency?: number | null | undefined;
  /** Follows this request through logs and records. */
  correlationId?: CorrelationId | null | undefined;
  /** Keeps the complete output instead of its first and last part. */
  debug?: boolean | undefined;
  /** How host keys are checked; the transport's setting when absent. */
  hostKeys?: HostKeyPolicy | null | undefined;
  /** The same key returns the same execution and starts nothing. */
  idempotencyKey?: IdempotencyKey | null | undefined;
  /** Its name, unique in its graph. */
  name: string;
  /** JSON Schema that the parameters, as one object, have to satisfy. */
  parameterSchema?: unknown | undefined;
  /**
   * Values that the texts of the request refer to as `${parameters.NAME}`. They are taken as they are: no
   * reference is looked for in them.
   */
  parameters?: Record<string, unknown> | undefined;
  /** The execution of which this one is a part, such as the health check of a wave. The engine sets it. */
  parent?: ExecutionId | null | undefined;
  /** Higher goes first when executions wait for the same permits. */
  priority?: number | undefined;
  /** The execution of which this one is a rerun. */
  rerunOf?: ExecutionId | null | undefined;
  /** When a node is tried again; never when absent. */
  retry?: RetryPolicy | null | undefined;
  /** In which order the nodes are taken, and when no further one is. */
  rollout?: Rollout | undefined;
  /** Marks by which the execution is found again. */
  tags?: Tag[] | undefined;
  /** Where. */
  targets: TargetExpression;
  /** Limits of time. */
  timeouts?: Timeouts | undefined;
  /**
   * The transport for nodes whose endpoint names none; `ssh` when absent. Where it names a tool's plugin, such as `bolt`,
   * that does the action on all nodes.
   */
  transport?: PluginName | null | undefined;
  /** Whether it runs when one of those did not succeed. */
  when?: When | undefined;
}

/** Tasks that belong together. */
export interface TaskGraph {
  /** Its name. */
  name: string;
  /** The tasks, in any order; at least one and at most `super::MAX_TASKS`. */
  tasks: TaskDef[];
}

/** A question about a timeline. */
export interface TimelineQuery {
  /** Whether plugins are asked what they know now. Needs nodes in the query, at most 50. */
  live?: boolean | undefined;
  /** Which entries, newest first. Its limit is for stored entries; live events of the same time come on top. */
  query?: JournalQuery | undefined;
}

/** Limits of time, each in milliseconds, from 1 ms to 30 days; absent means the default named there. */
export interface Timeouts {
  /** From the first packet until the node has accepted the login; 10 s when absent. */
  connectMs?: number | null | undefined;
  /** The whole execution, from its start; no limit when absent. */
  executionMs?: number | null | undefined;
  /** One node's action, from its start; no limit when absent. */
  nodeMs?: number | null | undefined;
}

/** Something that a tool does: a task, module, playbook, plan, package or fact gathering. */
export interface ToolAction {
  /** The tool's name of it: a task name, a module, a playbook path, a package. */
  name: string;
  /** Parameters, checked against the capability's schema. */
  parameters?: Record<string, unknown> | undefined;
  /** The plugin that is to do it; without one, the plugin of the highest priority that can. */
  plugin?: PluginName | null | undefined;
  /**
   * JSON pointers (RFC 6901) to parameters that are secrets: used, never shown, never stored. The engine adds those that
   * the capability names.
   */
  sensitive?: string[] | undefined;
}

/** Tools that the framework knows itself. */
export type ToolKind = "ansible" | "bolt" | "puppetdb";

/** A tool that the framework knows itself. */
export interface ToolOptions {
  /** Its configuration. */
  config?: Record<string, unknown> | undefined;
  /** Which. */
  kind: ToolKind;
  /** The name under which it is registered; that of its kind when absent. */
  name?: PluginName | null | undefined;
}

/** Copies a file or directory of this machine to the node. */
export interface UploadAction {
  /** Path on the node. The file appears under it whole or not at all (a temporary name, then a rename). */
  destination: string;
  /** Permission bits of the file on the node; without it, those of the source. */
  mode?: number | null | undefined;
  /** File or directory on this machine. */
  source: string;
}

/** How nodes are reached over SSH from now on. */
export interface UseSshConfigRequest {
  /** An OpenSSH client configuration, by its path. */
  path: string;
}

/** Whose journal is to be looked through for tampering. */
export interface VerifyRequest {
  /** Only that of this node. */
  node?: NodeId | null | undefined;
}

/** When a task runs, seen from its prerequisites, once all of them have ended. */
export type When = "succeeded" | "failed" | "always";

/** One try of one node run as it is stored. */
export interface AttemptRecord {
  /** 1 for the first. */
  attempt: number;
  /** When it ended; absent while it runs, and for good when its process died. */
  finishedAt?: string;
  /** The node. */
  node: NodeId;
  /** How it ended. */
  result?: NodeOutcome;
  /** When it began. */
  startedAt: string;
}

/** The wait between two attempts. */
export interface BackoffView {
  /** How it grows. */
  growth: Growth;
  /** The first wait, in milliseconds. */
  initialMs: number;
  /** The part of the wait that is drawn by chance, 0 to 1. */
  jitter: number;
  /** The longest wait, in milliseconds. */
  maxMs: number;
}

/** A content that would be brought to the nodes. */
export interface BasisFile {
  /** Its length in bytes; for a directory, that of all files in it. */
  bytes: number;
  /**
   * Permission bits that it would have on the nodes; absent where nothing is left there, and where the request names
   * them.
   */
  mode?: number;
  /** SHA-256 of the content. For a directory, of the names, kinds, permissions and contents in it. */
  sha256: ContentHash;
  /** What it is, for a person: `script deploy.sh`, `file /srv/app`, `standard input`. */
  what: string;
}

/** A target and the way to it. */
export interface BasisTarget {
  /** What the inventory says; a password is `***`. */
  endpoint: Endpoint;
  /** The node. */
  node: NodeId;
  /**
   * Its wave, or its place where one node follows the other, from 1; absent where all run side by side, so that the
   * order of an inventory does not matter there.
   */
  place?: number;
  /** Where that leads. */
  reach: Reach;
  /** The transport that was chosen. */
  transport: PluginName;
}

/** Where a breaker stands. */
export type BreakerState = "closed" | "open" | "halfOpen";

/** A breaker as it is seen and stored. */
export interface BreakerStatus {
  /** What it stands before. */
  component: Component;
  /** Failures within the window, of a group its nodes that failed; after it has opened, those that opened it. */
  failures: number;
  /** When the next request may pass as a probe; absent while all of them pass. */
  nextProbeAt?: string;
  /** Since when it does, UTC. */
  since: string;
  /** Where it stands. */
  state: BreakerState;
}

/** Who asks, and by which way. Comes from the surface (CLI, host application), never from the request. */
export interface Caller {
  /** Where the request came in. */
  entryPoint: EntryPoint;
  /** The user's name or id in the host's terms. */
  user: string;
}

/** What came of an order to cancel. The order is given; the end is told by the execution's events. */
export type CancelReceipt = {
  /** Waiting targets that will not be started. */
  notStarted: number;
  receipt: "ordered";
  /**
   * Running targets that were told to end, or after a graceful order to end at once. Both are 0 when
   * there was nothing left to order.
   */
  stopping: number;
} | {
  receipt: "forwarded";
} | {
  receipt: "alreadyEnded";
};

/** Something that nobody can have written so. */
export type ChainFault = {
  /** Its id, where it is there. */
  id?: string;
  /** The node, as it stands in the store. */
  node: string;
  /** The number of the entry. */
  seq: number;
} & ({
  fault: "edited";
} | {
  fault: "removed";
  /** The number of the last that is gone. */
  last: number;
} | {
  fault: "unlinked";
} | {
  fault: "inserted";
} | {
  fault: "wrongEnd";
});

/** What a store remembers of the end of a node's chain. */
export interface ChainHead {
  /** Its hash. */
  hash: ContentHash;
  /** The number of the last entry. */
  seq: number;
  /** Entries up to this number are older than chains and have no hash. */
  unchained: number;
}

/** A command line for the login user's shell. */
export interface CommandActionView {
  /**
   * The command line, given to `$SHELL -c` (or `/bin/sh -c` where no shell is set) as it is. At most
   * 1 MiB, not blank, without NUL. Up to 100 KiB it is one argument of that shell; a longer one is run as
   * a script, since Linux caps one argument at 128 KiB (execve(2), `MAX_ARG_STRLEN`).
   */
  command: string;
  /**
   * Working directory on the node. A directory that cannot be entered fails the node, the command is not
   * started.
   */
  cwd?: string;
  /**
   * The process runs in a session of its own on the node and writes its output and its end into a spool there, so
   * that it survives the loss of the link and of this side. Such a process reads nothing and has no terminal.
   */
  detach?: boolean;
  /**
   * Environment variables, set before the command starts. They do not depend on the server's
   * `AcceptEnv` (sshd_config(5)). Names are `A-Za-z_`A-Za-z0-9_`*`.
   */
  env?: Record<string, EnvValue>;
  /** What becomes of the process when the link to the node is lost. */
  onLinkLoss?: OnLinkLoss;
  /** Asks for a terminal (RFC 4254 section 6.2). stdout and stderr are then one stream, stdout. */
  pty?: boolean;
  /** Another user on the node. */
  runAs?: RunAsView;
  /** What the process reads from its standard input. Without it, `/dev/null`. */
  stdin?: StdinSource;
  /** File mode creation mask, `0` to `0o777` (umask(2)). */
  umask?: number;
}

/** How long each part of the connecting took. */
export interface ConnectPhases {
  /** Authentication, in microseconds. */
  authUs: number;
  /** Name resolution, in microseconds. */
  dnsUs: number;
  /** Banner and key exchange, in microseconds. */
  kexUs: number;
  /** TCP connection, in microseconds. */
  tcpUs: number;
  /** Waiting for a permit to connect, in microseconds. */
  waitUs: number;
}

/** It was done. */
export type Done = Record<string, unknown>;

/** What a term does to what was selected before it, within its parentheses. */
export type Effect = "bringsIn" | "takesOut" | "none";

/** Where a request came in. */
export type EntryPoint = "rust" | "cli" | "node" | "c" | "plugin" | "scheduled";

/** A stable code of an error. */
export type ErrorCode = "validation" | "denied" | "command_not_allowed" | "not_found" | "unknown_target" | "unsupported" | "queue_full" | "breaker_open" | "shutting_down" | "idempotency_conflict" | "plan_changed" | "plan_expired" | "plan_applied" | "store_unavailable" | "store_corrupt" | "store_too_new" | "disk_full" | "dns" | "connection_refused" | "connection_reset" | "no_route" | "connect_timeout" | "not_ssh" | "key_exchange" | "host_key_unknown" | "host_key_changed" | "host_key_revoked" | "auth_failed" | "no_credentials" | "bad_key" | "jump_failed" | "channel_refused" | "protocol_violation" | "no_exit_status" | "end_not_written" | "link_lost" | "no_shell" | "bad_working_directory" | "run_as_denied" | "run_as_password_needed" | "local_file" | "remote_file" | "checksum_mismatch" | "bad_config" | "unavailable" | "limit_reached" | "run_timeout" | "tool_failed" | "plugin_fault" | "internal";

/** What is to be done on each target. */
export type ExecutionActionView = CommandActionView & {
  type: "command";
} | ScriptActionView & {
  type: "script";
} | UploadAction & {
  type: "upload";
} | DownloadAction & {
  type: "download";
} | ToolAction & {
  type: "task";
} | ToolAction & {
  type: "playbook";
} | ToolAction & {
  type: "plan";
} | ToolAction & {
  type: "facts";
} | ToolAction & {
  type: "package";
};

/** Something that happened in an execution. */
export type ExecutionEvent = {
  /** When, UTC. */
  at: string;
  /** Of which execution. */
  executionId: ExecutionId;
  /** Its place in the execution's stream, from 1, without gaps. */
  seq: number;
} & ({
  /** Number of targets. */
  targets: number;
  type: "queued";
} | {
  type: "started";
} | {
  /** 1 for the first. */
  attempt: number;
  /** The node. */
  node: NodeId;
  type: "nodeStarted";
} | {
  /** The node. */
  node: NodeId;
  /** How long each part took. */
  phases: ConnectPhases;
  /** Whether the connection stood already. */
  reused: boolean;
  type: "nodeConnected";
} | {
  /** The key. */
  key: HostKeySeen;
  /** The node. */
  node: NodeId;
  type: "hostKeyException";
} | {
  /** The bytes. */
  data: OutputData;
  /** The node. */
  node: NodeId;
  /** Bytes of this stream before this piece. */
  offset: number;
  /** Which stream. */
  stream: StreamKind;
  type: "output";
} | {
  /** Bytes so far. */
  doneBytes: number;
  /** The node. */
  node: NodeId;
  /** Bytes in all, where known. */
  totalBytes?: number;
  type: "copyProgress";
} | {
  /** Which attempt. */
  attempt: number;
  /** The node. */
  node: NodeId;
  /** How it ended. */
  result: NodeOutcome;
  /** The wait before the next one, in milliseconds. */
  retryInMs: number;
  type: "attemptFailed";
} | {
  /** Nodes in this one. */
  nodes: number;
  type: "waveStarted";
  /** 1 for the first. */
  wave: number;
  /** How many there are. */
  waves: number;
} | {
  /** The execution of the health check. */
  healthCheck?: ExecutionId;
  /** The rest before the next wave, in milliseconds. */
  pauseMs: number;
  type: "waveFinished";
  /** Why the health check could not be done or did not succeed. */
  unhealthy?: string;
  /** 1 for the first. */
  wave: number;
} | {
  /** Nodes that had failed by then. */
  failures: number;
  /** Nodes that will not be started. */
  skipped: number;
  type: "rolloutStopped";
  /** Why. */
  why: SkipReason;
} | {
  /** The breaker. */
  breaker: BreakerStatus;
  type: "breakerChanged";
} | {
  /** How long a node may take, in milliseconds. */
  limitMs: number;
  /** The 95th percentile of the durations of the nodes that have succeeded, in milliseconds. */
  p95Ms: number;
  type: "stragglerLimit";
} | {
  /** The budget, in bytes. */
  limitBytes: number;
  /** Whether nodes are held from now on. */
  on: boolean;
  type: "backpressure";
  /** Output of all executions in memory, in bytes. */
  usedBytes: number;
} | {
  /** The last attempt; 0 when none was begun. */
  attempt: number;
  /** From the start of the last attempt, in milliseconds. */
  durationMs: number;
  /** The node. */
  node: NodeId;
  /** Where the time of the last attempt went; absent where its action was not started. */
  phases?: RunPhases;
  /** Where the execution stands now. */
  progress: Progress;
  /** How it ended. */
  result: NodeOutcome;
  /** Content hash of stderr; absent when it was empty. */
  stderr?: ContentHash;
  /** Content hash of stdout; absent when it was empty. */
  stdout?: ContentHash;
  type: "nodeFinished";
} | ProgressReport & {
  type: "progress";
} | {
  /** Who. */
  by: string;
  /** Whether at once, with SIGKILL. */
  kill: boolean;
  /** Which nodes; absent for all. */
  nodes?: NodeId[];
  type: "cancelRequested";
} | {
  /** The folded result. */
  summary: ExecutionSummary;
  type: "finished";
} | {
  /** The last missing sequence number. */
  lastSeq: number;
  type: "gap";
});

/** How an execution ended. */
export interface ExecutionOutcome {
  /** The whole record. */
  record: ExecutionRecord;
  /** The folded result. */
  summary: ExecutionSummary;
}

/** What an execution would do. */
export interface ExecutionPreview {
  /** The kind of action. */
  actionKind: ActionKind;
  /** What would be done, in one line. */
  actionText: string;
  /** The execution that has applied this plan already. */
  appliedBy?: ExecutionId;
  /** Circuit breakers of these nodes and transports that are not closed or have seen failures lately. */
  breakers?: BreakerStatus[];
  /** When it was made, UTC. */
  createdAt: string;
  /** Why the request as a whole is denied, also where each node by itself is not. */
  denied?: string;
  /** When it can no longer be applied, UTC. */
  expiresAt: string;
  /** Contents that would be brought to the nodes. */
  files?: BasisFile[];
  /** By which it is applied. */
  hash: PlanHash;
  /** Limits as they would be in force. */
  limits: PreviewLimits;
  /** The request without secrets and without contents. */
  request: ExecutionRequestView;
  /** The targets in the order in which they would be taken. */
  targets: PreviewTarget[];
  /** Sizes of the waves; empty where there are none. */
  waves?: number[];
}

/** An execution as it is stored. */
export interface ExecutionRecord {
  /** The kind of action. */
  actionKind: ActionKind;
  /** The action in one line. */
  actionText: string;
  /** Who asked. */
  caller: Caller;
  /** When it ended. */
  finishedAt?: string;
  /** Its id. */
  id: ExecutionId;
  /**
   * The plugins and transports that do it on its nodes. Empty where that was not recorded: before version 10 of the
   * store's schema.
   */
  plugins?: PluginName[];
  /** The counts. While it runs they are those of the stored targets. */
  progress: Progress;
  /** What was asked, without secrets. */
  request: ExecutionRequestView;
  /** Executions that are reruns of this one. */
  reruns?: ExecutionId[];
  /** When it left the queue. */
  startedAt?: string;
  /** Where it stands. */
  status: ExecutionState;
  /** When it was accepted. */
  submittedAt: string;
  /** The folded result, once it has ended. */
  summary?: ExecutionSummary;
}

/** One request. Everything but the action and the targets may be left out. */
export interface ExecutionRequestView {
  /** What is to be done. */
  action: ExecutionActionView;
  /**
   * Detached commands of executions whose process died, with which this execution goes on. The engine sets it; a
   * request of a caller must not have it.
   */
  attach?: Attach[];
  /** How many nodes at once; the engine's default when absent. The engine's global limit holds as well. */
  concurrency?: number;
  /** Follows this request through logs and records. */
  correlationId?: CorrelationId;
  /** Keeps the complete output instead of its first and last part. */
  debug: boolean;
  /** How host keys are checked; the transport's setting when absent. */
  hostKeys?: HostKeyPolicy;
  /** The same key returns the same execution and starts nothing. */
  idempotencyKey?: IdempotencyKey;
  /** The execution of which this one is a part, such as the health check of a wave. The engine sets it. */
  parent?: ExecutionId;
  /** Higher goes first when executions wait for the same permits. */
  priority: number;
  /** The execution of which this one is a rerun. */
  rerunOf?: ExecutionId;
  /** When a node is tried again; never when absent. */
  retry?: RetryPolicyView;
  /** In which order the nodes are taken, and when no further one is. */
  rollout?: RolloutView;
  /** Marks by which the execution is found again. */
  tags?: Tag[];
  /** Where. */
  targets: TargetExpression;
  /** Limits of time. */
  timeouts: Timeouts;
  /**
   * The transport for nodes whose endpoint names none; `ssh` when absent. Where it names a tool's plugin, such as `bolt`,
   * that does the action on all nodes.
   */
  transport?: PluginName;
}

/** How an execution ended. */
export interface ExecutionSummary {
  /** Cancelled. */
  cancelled: number;
  /** From the start of the execution to its end, in milliseconds. */
  durationMs: number;
  /** Ended without success, and neither cancelled nor skipped. */
  failed: number;
  /** Left running by a process that died. */
  interrupted: number;
  /** How many targets had which outcome, by `NodeOutcome::word`. */
  outcomes: Record<string, number>;
  /** Waiting for their turn, or for another attempt. */
  queued: number;
  /** Started and not ended. */
  running: number;
  /** Never started. */
  skipped: number;
  /** The status, computed from the counts. */
  status: ExecutionState;
  /** Ended with success. */
  succeeded: number;
  /** All targets. */
  total: number;
  /** Targets whose termination was asked for and not confirmed: something of theirs may be running. */
  unconfirmed: number;
  /** Waves that were not well by their health check. With one, an execution is not called completed. */
  unhealthyWaves?: number;
}

/** How many executions stand where. Each status has its number, 0 where there are none. */
export interface ExecutionTotals {
  /** By status. */
  byStatus: Record<string, number>;
  /** All of them. */
  total: number;
}

/** What an expression selects, and why. */
export interface Explanation {
  /** The nodes that were asked about. */
  asked?: NodeExplanation[];
  /** How many nodes are selected. */
  count: number;
  /** The expression as it was understood. */
  expression: string;
  /** The selected nodes, folded. */
  nodes: string;
  /** Its terms from left to right. */
  terms: TermExplanation[];
}

/** Why a provider knows nothing. */
export interface FactsFailure {
  /** The kind of error. */
  code: ErrorCode;
  /** The reason. */
  message: string;
  /** Its name. */
  provider: string;
}

/** Facts of a node, merged by priority, and how each provider did. */
export interface FactsOfNode {
  /** The merged facts. */
  facts: Record<string, unknown>;
  /** Who failed. */
  failures: FactsFailure[];
  /** The node. */
  node: NodeId;
  /** Who knows something, the highest priority first. */
  providers: FactsOfProvider[];
}

/** What one provider knows of a node. */
export interface FactsOfProvider {
  /** When it was asked, UTC. */
  collectedAt: string;
  /** Its priority; higher wins. */
  priority: number;
  /** Its name. */
  provider: string;
}

/** A failure as it crosses. */
export interface Failure {
  /** The stable code. */
  code: FailureCode;
  /** More. */
  details?: Record<string, unknown>;
  /** The fields that are bad, each by its path. */
  fields?: FieldError[];
  /** The reason, for a person. */
  message: string;
  /** The plugin whose fault it is, where it is one's. */
  plugin?: string;
  /** Whether the same call may succeed later. */
  retryable: boolean;
}

/** A code of the framework, or what only happens between the two languages. */
export type FailureCode = ErrorCode | OwnCode;

/** One violated rule. */
export interface FieldError {
  /** What is wrong with it and what to do. */
  message: string;
  /** The caller's name of the field, as in JSON: `action.env.A-B`, `timeouts.nodeMs`. */
  path: string;
}

/** Something that happened in a graph run. */
export type GraphEvent = {
  /** When, UTC. */
  at: string;
  /** How many tasks stand where after it. */
  counts: TaskCounts;
  /** Of which run. */
  graphId: ExecutionId;
  /** Its place in what this process tells of the run, from 1, without gaps. */
  seq: number;
} & ({
  /** The task as it is now. */
  task: TaskRecord;
  type: "taskStarted";
} | {
  /** The task as it is now. */
  task: TaskRecord;
  type: "taskEnded";
} | {
  /** How many nodes stand where, over all tasks that have begun. */
  nodes: Progress;
  /** How fast tasks end, and when all will have. */
  pace?: Pace;
  /** The tasks that run. */
  tasks: TaskProgress[];
  type: "progress";
} | {
  /** The run as it is now. */
  run: GraphRunRecord;
  type: "finished";
} | {
  /** How many. */
  missed: number;
  type: "gap";
});

/** A graph run as it is stored, without its tasks. */
export interface GraphRunRecord {
  /** Who asked. */
  caller: Caller;
  /** How many tasks stand where. */
  counts: TaskCounts;
  /** When it ended; also when it was found as interrupted. */
  finishedAt?: string;
  /** Its id. */
  id: ExecutionId;
  /** The graph's name. */
  name: string;
  /** When its first task started. */
  startedAt?: string;
  /** Where it stands, which follows from the counts. */
  status: ExecutionState;
  /** When it was accepted. */
  submittedAt: string;
}

/** A graph run with its tasks. */
export interface GraphView {
  /** Who asked. */
  caller: Caller;
  /** How many tasks stand where. */
  counts: TaskCounts;
  /** When it ended; also when it was found as interrupted. */
  finishedAt?: string;
  /** Its id. */
  id: ExecutionId;
  /** The graph's name. */
  name: string;
  /** How many nodes stand where, over all tasks that have begun (R2.6). */
  nodes: Progress;
  /** How fast tasks end, and when all will have; absent before the first start. */
  pace?: Pace;
  /** How far the tasks are that run, with the pace of each. */
  running?: TaskProgress[];
  /** When its first task started. */
  startedAt?: string;
  /** Where it stands, which follows from the counts. */
  status: ExecutionState;
  /** When it was accepted. */
  submittedAt: string;
  /** The tasks in the order of the graph. */
  tasks: TaskRecord[];
}

/**
 * Names a group of nodes: 1 to 253 printable characters without white space at the ends, not starting
 * with `-`.
 */
export type GroupName = string;

/**
 * What is done after a wave to see whether it did well. It is an execution of its own, so that its output and
 * its end are recorded like any other's.
 */
export interface HealthCheckView {
  /** What is done. */
  action: ExecutionActionView;
  /** Where; the nodes of the wave that succeeded when absent. */
  targets?: TargetExpression;
  /** Its limit of time for each node, in milliseconds; 60 s when absent. A check that hangs ends by it. */
  timeoutMs?: number;
}

/** How a plugin is, as of a time. */
export interface HealthReport {
  /** When. */
  checkedAt: string;
  /** What it said; unhealthy where it said nothing in time or panicked. */
  health: PluginHealth;
  /** How long it took to say so, in milliseconds. */
  tookMs: number;
}

/** How many values were at most so large. */
export interface HistogramBucket {
  /** So many, those of the smaller buckets included. */
  count: number;
  /** So large. */
  le: number;
}

/** How often values were how large, in the unit of the metric. */
export interface HistogramSample {
  /** How many were at most how large, for a few sizes that never change. */
  buckets: HistogramBucket[];
  /** How many values there were. */
  count: number;
  /** The largest. */
  max: number;
  /** The smallest; 0 without values. */
  min: number;
  /** Half of them were at most so large. */
  p50: number;
  /** 95 of 100 were at most so large. */
  p95: number;
  /** 99 of 100 were at most so large. */
  p99: number;
  /** Their sum. */
  sum: number;
}

/** Why a host key was accepted. */
export type HostKeyAcceptance = "known" | "added" | "unchecked";

/** What this side knows of a node's host key before the node has shown it. */
export type HostKeyKnowledge = "known" | "unknown" | "revoked" | "unreadable";

/** A node's key as it was shown, and why it was accepted. */
export interface HostKeySeen {
  /** Why the key was accepted. */
  accepted: HostKeyAcceptance;
  /** Algorithm name, for example `ssh-ed25519` (RFC 8709). */
  algorithm: string;
  /** `SHA256:` and unpadded base64, as ssh-keygen(1) prints it. */
  fingerprint: string;
}

/** A named set of nodes. */
export interface InventoryGroup {
  /** Groups whose members belong to it too. */
  children?: GroupName[];
  /** Variables and descriptions the source tells. */
  metadata?: Record<string, unknown>;
  /** Its name, unique within its source. */
  name: GroupName;
  /** Direct members, in the source's order. */
  nodes: NodeId[];
  /** The sources that have it; more than one makes it a linked group. */
  sources?: string[];
}

/** A managed machine as the inventory knows it. */
export interface InventoryNode {
  /**
   * Other names by which it is known: an alias, a certificate's name. Nodes of several sources that share a name
   * are one node.
   */
  aliases?: NodeId[];
  /** How it is reached. */
  endpoint: Endpoint;
  /** Groups it belongs to directly. */
  groups?: GroupName[];
  /** Its id, unique in the inventory. */
  id: NodeId;
  /** Whatever else the source tells about it, exposed as facts. */
  metadata?: Metadata;
  /** The source that named it. */
  source?: string;
}

/** What the sources of nodes know, and how they did. */
export interface InventoryView {
  /** The groups. */
  groups: InventoryGroup[];
  /** The nodes. */
  nodes: InventoryNode[];
  /** How each source did. */
  sources: SourceReport[];
  /** What the sources had to leave out, and where they contradict each other. */
  warnings: string[];
}

/** An entry as it is read. */
export interface JournalEntry {
  /** What was done, in one line. */
  action: string;
  /** When. */
  at: string;
  /** More. */
  details?: Record<string, unknown>;
  /** What kind of thing happened: see `event`. */
  eventType: string;
  /** The execution it belongs to (R11.11). */
  executionId?: ExecutionId;
  /** What binds it to the entry before it; absent where it is not stored, or older than such bonds. */
  hash?: ContentHash;
  /** Its name. An entry whose name is known already is not written again. */
  id: EntryId;
  /** Whether a plugin tells it now and nothing of it is stored (R11.14). */
  isLive: boolean;
  /** The node. */
  node: NodeId;
  /** How it ended: an outcome's word, `denied`, ... */
  resultStatus?: string;
  /** Its number among the entries of its node, from 1; absent where it is not stored. */
  seq?: number;
  /** Who tells: a plugin's name, `user`, `system`. */
  source: string;
  /** What a person reads: one line, or the text of a note. It is text, whatever it looks like. */
  summary: string;
  /** Whether a later version stands in its place. */
  superseded?: boolean;
  /** The entry in whose place it stands, where it is another version of a note. */
  supersedes?: EntryId;
  /** Whose doing it was. */
  user?: string;
}

/** What came of a look at the whole journal, or at one node's. */
export interface JournalVerification {
  /** Entries that were looked at. */
  entries: number;
  /** All that is wrong. */
  faultCount: number;
  /** What is wrong, at most 1,000 of it. */
  faults: ChainFault[];
  /** Where one node was asked about: the end of its chain. Noted elsewhere, it tells later whether the end was replaced. */
  head?: ChainHead;
  /** Nodes that were looked at. */
  nodes: number;
  /** Entries that retention has removed, over which the chain still reaches. */
  pruned: number;
  /** Entries that are older than chains: nothing can be said about them. */
  unchained: number;
}

/** How the way to a sink stands. */
export interface LogStats {
  /** Records that the sink has been given. */
  delivered: number;
  /** Records that were lost since the sink was too slow, or is given none any more. */
  dropped: number;
  /** Calls of the sink that panicked. */
  panics: number;
}

/** How the output in memory stands. */
export interface MemoryStats {
  /** Whether nodes are held because of it. */
  backpressure: boolean;
  /** The budget in bytes. */
  limitBytes: number;
  /** Most bytes that were held at once so far. */
  peakBytes: number;
  /** How often they have been. */
  timesOn: number;
  /** Bytes of output that are held now. */
  usedBytes: number;
}

/** Whatever else a source tells. */
export type Metadata = Record<string, unknown>;

/** One metric with its samples. */
export interface MetricFamily {
  /** What it says, in one sentence. */
  help: string;
  /** What kind it is. */
  kind: MetricKind;
  /** Its name, which ends in its unit: `pabawi_node_run_duration_seconds`. */
  name: string;
  /** One for each set of labels. */
  samples: MetricSample[];
}

/** The kinds of metrics, as Prometheus has them. */
export type MetricKind = "counter" | "gauge" | "histogram";

/** One value of a metric. */
export interface MetricSample {
  /** Its labels by their names. */
  labels?: Record<string, string>;
  /** The value. */
  value: MetricValue;
}

/** A number, or a histogram. */
export type MetricValue = number | HistogramSample;

/** All measurements at one time. */
export interface MetricsSnapshot {
  /** When. */
  at: string;
  /** Every metric, in the order of the documentation; one that has no sample yet has none here. */
  families: MetricFamily[];
  /** What `PerformanceMonitorService.getStatistics` of Pabawi tells, by the names of operations. */
  operations: OperationStats[];
}

/** What a mirror does. */
export type MirrorState = "catchingUp" | "caughtUp" | "failing" | "ended";

/** How the mirror in the host's database goes, or telling its journal service. */
export interface MirrorStats {
  /** Attempts that failed since the start. */
  allFailures: number;
  /** Attempts that failed since the last one that did not. */
  failures: number;
  /** Why the last one failed; absent when it did not. */
  lastError?: string;
  /** Rows or entries that were left out; the log names them. */
  refused: number;
  /** What it does. */
  state: MirrorState;
  /** Executions and journal entries that are not there yet. */
  waiting: number;
  /** Rows or entries written since the start. */
  written: number;
}

/** In which order targets are taken (R2.8, R2.9). */
export type ModeView = {
  type: "parallel";
} | {
  /** Stops at the first failure. */
  stopAtFailure: boolean;
  type: "sequential";
} | {
  /** What is done after each wave; the next begins only when it has succeeded everywhere. */
  healthCheck?: HealthCheckView;
  /** Rest between two waves, in milliseconds, at most 30 days. */
  pauseMs: number;
  type: "rolling";
  /** Sizes of the waves, of all targets; the last one repeats. */
  waves: Share[];
};

/** What went wrong on one node: the node, the kind of error and the reason (R7.3). */
export interface NodeError {
  /** The chain of causes, outermost first. */
  causes?: string[];
  /** The kind of error. */
  code: ErrorCode;
  /** The reason, and what to do where that is known. One sentence fragment, without the node's name. */
  message: string;
  /** The node. */
  node: NodeId;
  /** The plugin whose fault it is, where it is one (R7.4). */
  plugin?: PluginTrace;
}

/** Why a node is selected, or not. */
export interface NodeExplanation {
  /** The node. */
  node: NodeId;
  /** Whether the expression selects it. */
  selected: boolean;
  /** What each term does about it, those within parentheses before the term they make up. */
  steps: NodeStep[];
}

/** How one node's run ended. The whole space of endings is here; there is no "other". */
export type NodeOutcome = {
  outcome: "succeeded";
} | {
  /** Exit status, 1 to 255. */
  code: number;
  outcome: "exited";
} | {
  outcome: "signalled";
  /** Name without `SIG`, as in RFC 4254 section 6.10: `KILL`, `SEGV`. */
  signal: string;
} | {
  outcome: "timedOut";
  /** What was going on then. */
  phase: TimeoutPhase;
  /** What became of the process; absent where none had been started. */
  termination?: Termination;
} | {
  /** Why. */
  error: NodeError;
  outcome: "unreachable";
  /** What is known of the process; absent where none can have been started. */
  termination?: Termination;
} | {
  /** Why. */
  error: NodeError;
  outcome: "authFailed";
} | {
  /** Which, with both fingerprints. */
  error: NodeError;
  outcome: "hostKeyRejected";
} | {
  /** Why. */
  error: NodeError;
  outcome: "runAsDenied";
} | {
  /** Why. */
  error: NodeError;
  outcome: "failed";
} | {
  outcome: "cancelled";
  /** What became of the process; absent where none had been started. */
  termination?: Termination;
} | {
  outcome: "skipped";
  /** Why. */
  why: SkipReason;
} | {
  /** By what. */
  by: RejectedBy;
  /** Why. */
  error: NodeError;
  outcome: "rejected";
} | {
  /** What it did. */
  error: NodeError;
  outcome: "pluginFault";
};

/** What a term does about a node. */
export interface NodeStep {
  /** Its first character, counted from 1. */
  column: number;
  /** How many parentheses are around the term. */
  depth: number;
  /** What follows from it. */
  effect: Effect;
  /** The operator before it; absent for the first. */
  operator?: string;
  /** Whether the term selects the node by itself. */
  selects: boolean;
  /** The term as it was understood. */
  term: string;
}

/** The hole between head and tail of a stored output. */
export interface Omission {
  /** Kept bytes before the hole. */
  at: number;
  /** Bytes that were left out. */
  bytes: number;
}

/** How long an operation took, in milliseconds, in the shape of Pabawi's `PerformanceMonitorService`. */
export interface OperationStats {
  /** The mean. */
  avgDuration: number;
  /** How often. */
  count: number;
  /** The longest. */
  maxDuration: number;
  /** The shortest. */
  minDuration: number;
  /** Who does what: `ssh:command`, `store:append`. */
  operation: string;
  /** Half of them took at most so long; as precise as the buckets, about 12 %. */
  p50: number;
  /** 95 of 100 took at most so long. */
  p95: number;
  /** 99 of 100 took at most so long. */
  p99: number;
  /** All together. */
  totalDuration: number;
}

/** A part of a stored output. */
export interface OutputChunk {
  /** The bytes from the asked offset of what is kept: head and tail follow each other directly. */
  data: OutputData;
  /** Bytes that are kept. */
  keptBytes: number;
  /** Where head ends and tail begins, in kept bytes, when something was left out there. */
  omission?: Omission;
  /** Bytes of the complete stream. */
  totalBytes: number;
}

/** Targets with equal output of one stream. */
export interface OutputGroup {
  /** The nodes, in the order of the plan. */
  nodes: NodeId[];
  /** The output; absent for those that printed nothing. */
  output?: OutputRef;
}

/** Points to a stored output. */
export interface OutputRef {
  /** Content hash of the complete stream. */
  hash: ContentHash;
  /** Bytes that were left out between head and tail. */
  omittedBytes: number;
  /** Bytes of the complete stream. */
  totalBytes: number;
}

/** What only happens between the two languages. */
export type OwnCode = "aborted";

/**
 * How fast something goes and when it will be done, as far as what has ended tells. Pauses between waves and limits that
 * come later are not foreseen.
 */
export interface Pace {
  /** When that will be, UTC. */
  expectedAt?: string;
  /**
   * Ended in a second: on average over the last `PACE_WINDOW`, and over the whole time where nothing has ended in
   * that.
   */
  perSecond: number;
  /** What is left at this pace, in milliseconds; absent while nothing has ended. */
  remainingMs?: number;
}

/** Whether a caller may do something to a node. */
export type Permission = "allowed" | {
  denied: {
    /** Why. */
    reason: string;
  };
};

/** One phase over all nodes. */
export interface PhaseTimes {
  /** The longest, in microseconds. */
  maxUs: number;
  /** Half of the nodes took at most so long, in microseconds. */
  medianUs: number;
  /** 95 of 100 nodes took at most so long, in microseconds. */
  p95Us: number;
  /** Which one. */
  phase: SlowPhase;
  /** Its part of the time of all nodes together, from 0 to 1. */
  share: number;
}

/** A plan without its content. */
export interface PlanHead {
  /** When it was made, UTC. */
  createdAt: string;
  /** When it can no longer be applied, UTC. */
  expiresAt: string;
  /** Its name. */
  hash: PlanHash;
}

/** Whether a plugin works. */
export type PluginHealth = {
  state: "healthy";
} | {
  /** Capabilities that do not. */
  failing: string[];
  /** Why. */
  message: string;
  state: "degraded";
  /** Capabilities that work. */
  working: string[];
} | {
  /** Why. */
  message: string;
  state: "unhealthy";
};

/** A plugin and how it stands. */
export type PluginStatus = {
  /** A way to nodes that comes with the framework. */
  builtIn: boolean;
  /** Names of its capabilities. */
  capabilities: string[];
  /** Plugins that have to be ready before it. */
  dependsOn?: PluginName[];
  /** One line about it. */
  description: string;
  /** What it said when it was asked last how it is; absent before that. */
  health?: HealthReport;
  /** Its name, unique among the plugins. */
  name: PluginName;
  /** Higher goes first where several can do the same (R6.8). */
  priority: number;
  /** Runs of its tool, calls, and questions for its nodes and facts that have not ended. */
  running: number;
  /** Its version. */
  version: string;
} & ({
  state: "waiting";
} | {
  state: "ready";
} | {
  /** Parts of its configuration that are bad, with paths such as `config.retries`. */
  fields?: FieldError[];
  /** Why. */
  message: string;
  /** The stack or diagnostics of its tool or language. */
  stack?: string;
  state: "failed";
} | {
  state: "stopped";
});

/** What is known of the inside of a plugin's fault. */
export interface PluginTrace {
  /** The plugin. */
  name: PluginName;
  /** The stack or diagnostics of its tool or language, at most `PluginTrace::MOST_STACK` bytes of it. */
  stack?: string;
}

/** How a transport's connections stand. */
export interface PoolStats {
  /**
   * Connects that may be in flight now; less than the configured limit after nodes, or this machine, have shown
   * that they were too many. 0 where a transport has no such limit.
   */
  connectLimit: number;
  /** Connects in flight. */
  connecting: number;
  /** Connections made, since the start. */
  connects: number;
  /** Connections closed because they were idle, dead or too many, since the start. */
  evictions: number;
  /** Leases served by a connection that stood, since the start. */
  hits: number;
  /** Of these, without an action. */
  idle: number;
  /** Of these, with at least one action. */
  inUse: number;
  /** Connections that stand. */
  open: number;
  /** Connects that met an overload and were tried again, since the start. */
  overloads: number;
}

/** Everything that decides what would happen. */
export interface PreviewBasis {
  /** Contents that would be brought to the nodes. */
  files?: BasisFile[];
  /** How it is put together; another number is another hash for the same request. */
  format: number;
  /**
   * The request with `***` in place of secrets, without ids and without contents: the targets stand below, as does
   * the hash of a script. A canary has its seed.
   */
  request: ExecutionRequestView;
  /** The targets by the names of their nodes. Where the rollout has an order, each says its place. */
  targets: BasisTarget[];
}

/** Limits as they would be in force. */
export interface PreviewLimits {
  /** Attempts on one node, the first one included. */
  attempts: number;
  /** Nodes at once. */
  concurrency: number;
  /** For reaching a node and logging in, in milliseconds. */
  connectMs: number;
  /** For the whole execution, in milliseconds. */
  executionMs?: number;
  /** For the action on one node, in milliseconds. */
  nodeMs?: number;
  /** Failures that are tolerated; any number when absent. */
  toleratedFailures?: number;
}

/** One target. */
export interface PreviewTarget {
  /** Why there is no way to it. */
  fault?: string;
  /** What is known of its host key; absent where the transport has none. */
  hostKey?: HostKeyKnowledge;
  /** The node. */
  node: NodeId;
  /** Whether the caller may do this there. */
  permission: Permission;
  /** Where to, and as whom. */
  reach: Reach;
  /** The user as whom the action would run, where it changes the user. */
  runAs?: string;
  /** The transport. */
  transport: PluginName;
  /** Its wave, from 1, where there are waves. */
  wave?: number;
}

/** How many targets stand where. `total` is the sum of the others (R2.6). */
export interface Progress {
  /** Cancelled. */
  cancelled: number;
  /** Ended without success, and neither cancelled nor skipped. */
  failed: number;
  /** Left running by a process that died. */
  interrupted: number;
  /** Waiting for their turn, or for another attempt. */
  queued: number;
  /** Started and not ended. */
  running: number;
  /** Never started. */
  skipped: number;
  /** Ended with success. */
  succeeded: number;
  /** All targets. */
  total: number;
}

/** How far an execution is (R2.6). */
export interface ProgressReport {
  /** Cancelled. */
  cancelled: number;
  /** Targets that have ended in one way or another. */
  completed: number;
  /** Ended without success, and neither cancelled nor skipped. */
  failed: number;
  /** Left running by a process that died. */
  interrupted: number;
  /** Node runs in a second and the time that is left; absent before the first start. */
  pace?: Pace;
  /** Waiting for their turn, or for another attempt. */
  queued: number;
  /** Started and not ended. */
  running: number;
  /** Never started. */
  skipped: number;
  /** Ended with success. */
  succeeded: number;
  /** All targets. */
  total: number;
}

/** A capability as one plugin has it. */
export interface ProvidedCapability {
  /** Whether the plugin can be used and was well when it was asked last. */
  available: boolean;
  /** JSON pointers to parameters that are command lines, or lists of the words of one: a command policy looks at them. */
  commands?: string[];
  /** One line for help texts. */
  description: string;
  /** Whether doing it twice is the same as doing it once. */
  idempotent: boolean;
  /** `category.verb`: `command.execute`, `inventory.list`, `package.install`. */
  name: string;
  /** JSON Schema of the parameters. */
  parameters: unknown;
  /** The plugin. */
  plugin: PluginName;
  /** Of several plugins the one with the highest goes first. */
  priority: number;
  /** Permissions the caller needs, all of them. */
  requiredPermissions: string[];
  /** JSON Schema of the result, where it is known. */
  result?: unknown;
  /** How much harm it can do. */
  risk: RiskLevel;
  /** JSON pointers (RFC 6901) to parameters that are secrets. */
  sensitive?: string[];
  /** The limit of one call, in milliseconds. */
  timeoutMs?: number;
}

/** Where to, and as whom. What is absent is not known, or means nothing for the transport. */
export interface Reach {
  /** Host name or address. */
  host?: string;
  /** Jump hosts as `user@host:port`, the first one is connected to first. */
  jump?: string[];
  /** TCP port. */
  port?: number;
  /** Login user. */
  user?: string;
}

/** What on this side refused a node's run. */
export type RejectedBy = "breaker" | "queue" | "policy";

/** How an interrupted execution goes on. */
export interface Resumed {
  /**
   * Nodes on which a detached command is looked for and followed. Only where it turns out that it was never started it
   * is started.
   */
  attached: NodeId[];
  /** The execution that goes on with it, a rerun of it. While that one runs, asking again gives the same. */
  id: ExecutionId;
  /** On how many nodes; 0 when it was running already. */
  nodes: number;
  /**
   * Nodes on which the process died while the command ran. They are among those nodes only where that was asked
   * for.
   */
  unknown: NodeId[];
}

/** What would be removed. */
export interface RetentionPlanView {
  /** Of the executions, by limit. */
  executions: RetentionOfExecutions[];
  /** Of the journal, by limit. */
  journal: RetentionOfJournal[];
  /** Of the outputs. */
  outputs?: RetentionOfOutputs;
}

/** What was removed. */
export interface RetentionReport {
  /** Entries of the journal. */
  entries: number;
  /** Executions. */
  executions: number;
  /** Outputs, with their executions or alone. */
  outputs: number;
  /** Transactions. */
  steps: number;
  /** Targets of them. */
  targets: number;
}

/** How removing what is old goes in this process. */
export interface RetentionStats {
  /** Journal entries removed. */
  entries: number;
  /** Executions removed. */
  executions: number;
  /** How often that failed. */
  failed: number;
  /** Why the last time failed; absent when it did not. */
  lastError?: string;
  /** Outputs removed. */
  outputs: number;
  /** How often it was carried out. */
  worked: number;
}

/** How often and when a node run is tried again (R7.5). */
export interface RetryPolicyView {
  /** Attempts in all, the first one included. */
  attempts: number;
  /** The wait between two attempts. */
  backoff: BackoffView;
  /** The limit over all attempts, from the start of the first, in milliseconds. It ends an attempt that runs. */
  deadlineMs?: number;
  /**
   * Whether an action that may have run may be run again. Without it such an action is never repeated,
   * whatever `on` says.
   */
  idempotent: boolean;
  /**
   * Outcomes that are tried again, by their words. Empty means those after which the command cannot have
   * started and where waiting can help: a node that is unreachable or slow to log in, not one that refuses
   * the login or has another host key.
   */
  on?: string[];
}

/** How much harm a capability can do. */
export type RiskLevel = "read" | "write" | "execute" | "admin";

/** In which order the targets are taken, and when no further one is. */
export interface RolloutView {
  /** Only a part of the nodes, drawn by chance. */
  canary?: Canary;
  /**
   * No failure is tolerated: with the first one no further node is started. What runs goes on to its end, since
   * a change that is cut off half-way on healthy nodes does more harm than one that is done.
   */
  failFast: boolean;
  /**
   * Failures that are tolerated: with one more, no further node is started. Everything counts as a failure
   * that is neither a success nor a cancellation, also nodes that are unreachable, too slow or refused.
   */
  maxFailures?: Share;
  /** Side by side, one by one, or in waves. */
  mode: ModeView;
  /** Gives up nodes that take much longer than the others. */
  stragglers?: StragglersView;
}

/** Another user on the node. */
export interface RunAsView {
  /** By which program. */
  method: RunAsMethod;
  /** The password that program asks for. It is sent over standard input after the prompt has appeared. */
  password?: Secret;
  /** The user's name on the node. */
  user: string;
}

/** How long each part of an attempt took once its node was reached. */
export interface RunPhases {
  /** From the end of the action until its output was told and kept, in microseconds. */
  drainUs: number;
  /** From the start to the first byte of output, in microseconds; absent where there was none. */
  firstByteUs?: number;
  /** From the start to the end of the action, in microseconds. */
  runUs: number;
  /** Opening a channel and starting the action, in microseconds. */
  startUs: number;
}

/** A script that is brought to the node, run and removed. */
export interface ScriptActionView {
  /** Arguments, each passed as it is. */
  arguments?: string[];
  /** The script itself, at most 16 MiB. */
  content: OutputData;
  /**
   * Working directory on the node. A directory that cannot be entered fails the node, the command is not
   * started.
   */
  cwd?: string;
  /**
   * The process runs in a session of its own on the node and writes its output and its end into a spool there, so
   * that it survives the loss of the link and of this side. Such a process reads nothing and has no terminal.
   */
  detach?: boolean;
  /**
   * Environment variables, set before the command starts. They do not depend on the server's
   * `AcceptEnv` (sshd_config(5)). Names are `A-Za-z_`A-Za-z0-9_`*`.
   */
  env?: Record<string, EnvValue>;
  /**
   * The program that runs it, for example `/usr/bin/python3`. Without one, the script's own `#!` line
   * decides, and `/bin/sh` where it has none.
   */
  interpreter?: string;
  /** The file name shown to people and used, reduced to safe characters, on the node. */
  name: string;
  /** What becomes of the process when the link to the node is lost. */
  onLinkLoss?: OnLinkLoss;
  /** Asks for a terminal (RFC 4254 section 6.2). stdout and stderr are then one stream, stdout. */
  pty?: boolean;
  /** Another user on the node. */
  runAs?: RunAsView;
  /** What the process reads from its standard input. Without it, `/dev/null`. */
  stdin?: StdinSource;
  /** File mode creation mask, `0` to `0o777` (umask(2)). */
  umask?: number;
}

/** How a shutdown went. */
export interface ShutdownReport {
  /** Executions whose end could not be stored. The next start finds them as interrupted. */
  abandoned: ExecutionId[];
  /** Executions that came to an end. */
  ended: number;
}

/** Why a node was never started. */
export type SkipReason = "interrupted" | "prerequisiteFailed" | "maxFailures" | "failFast" | "healthCheckFailed";

/** Why a task is not run. */
export type SkipWhy = {
  because: "prerequisite";
  /** How it stands. */
  status: TaskStatus;
  /** Which. */
  task: string;
} | {
  because: "nothingFailed";
} | {
  because: "cancelled";
};

/** A node and where its time went. */
export interface SlowNode {
  /** Its attempts. */
  attempts: number;
  /** The node. */
  node: NodeId;
  /** In the order of `SlowPhase::ALL`, in microseconds. */
  phases: number[];
  /** How it ended. */
  result: NodeOutcome;
  /** From the start of the execution to its end, in microseconds. */
  totalUs: number;
}

/** A part of a node's time, in the order in which they come. */
export type SlowPhase = "queue" | "connectWait" | "dns" | "tcp" | "keyExchange" | "authentication" | "start" | "firstByte" | "run" | "drain" | "other";

/** Where the time of an execution went. */
export interface SlowReport {
  /** Nodes that have ended. */
  nodes: number;
  /** Each phase over all nodes that have ended, in the order of `SlowPhase::ALL`. */
  phases: PhaseTimes[];
  /** The nodes that took longest, the longest first. */
  slowest: SlowNode[];
  /** From its start to its end, in microseconds; absent while it runs. */
  wallUs: number | null;
}

/** A source that could not tell. */
export interface SourceFault {
  /** Why. */
  message: string;
  /** Its name. */
  source: string;
}

/** How a source did when it was asked last. */
export interface SourceReport {
  /** How long ago that was, in milliseconds. */
  ageMs?: number;
  /** How long the last answer, or failure, took, in milliseconds. */
  durationMs?: number;
  /** Why it failed last; absent when it did not. */
  error?: string;
  /** When it was asked for its last good answer, UTC. */
  fetchedAt?: string;
  /** Groups of its last good answer. */
  groups: number;
  /** Its name. */
  name: string;
  /** Nodes of its last good answer. */
  nodes: number;
  /** Its priority; higher wins. */
  priority: number;
  /** How it stands. */
  state: SourceState;
  /** The last failure was that it did not answer in time. */
  timedOut: boolean;
  /** What it had to leave out. */
  warnings?: string[];
}

/** How a source stands. */
export type SourceState = "healthy" | "stale" | "unavailable" | "disabled";

/** How the engine stands. */
export interface Stats {
  /** How telling the host's journal service goes; absent without one. */
  hostJournal?: MirrorStats;
  /** Executions that wait or run. */
  liveExecutions: number;
  /** How the way to the logger stands; absent without one. */
  log?: LogStats;
  /** How the output in memory stands against its budget. */
  memory: MemoryStats;
  /** How the mirror in the host's database goes; absent without one. */
  mirror?: MirrorStats;
  /** Nodes that run. */
  nodeRuns: number;
  /** Executions that wait in the queue. */
  queuedExecutions: number;
  /** How removing what is old goes; absent without a schedule. */
  retention?: RetentionStats;
  /** Transactions of the store since the start. */
  storeCommits: number;
  /** Why the store cannot write now, if it cannot. */
  storeTrouble?: string;
  /** Writes in them. */
  storeWrites: number;
  /** Runs of tools by plugin. */
  toolRuns: Record<string, ToolRunStats>;
  /** Connections by transport. */
  transports: Record<string, PoolStats>;
}

/** A plan that can be applied. */
export interface StoredPlan {
  /** What the hash was taken over. */
  basis: PreviewBasis;
  /** Who made it. */
  caller: Caller;
  /** When it was made, UTC; the last time where it was made several times. */
  createdAt: string;
  /** When it can no longer be applied, UTC. */
  expiresAt: string;
  /** Its name. */
  hash: PlanHash;
  /** The request with `***` in place of secrets. A canary has its seed. */
  request: ExecutionRequestView;
  /**
   * What the surface needs to put itself together in the same way: sources of nodes, settings of connections. The
   * engine keeps it and does not look at it. It must hold no secret.
   */
  surface?: unknown;
}

/**
 * When a node is too slow, seen from the others: once `quorum` of the targets have succeeded, a node may take
 * `multiple` times the 95th percentile of their durations, and not less than `min_ms`.
 */
export interface StragglersView {
  /** The shortest limit, in milliseconds. */
  minMs: number;
  /** How many times the percentile, from 1 to 1,000. */
  multiple: number;
  /** How many have to have succeeded before anybody is called slow. */
  quorum: Share;
}

/** A process that outlived its termination. */
export interface Survivor {
  /** Its command line as the node shows it, at most 200 characters. */
  command: string;
  /** Process id on the node. */
  pid: number;
}

/** A node chosen for one execution, with the way to it settled. */
export interface Target {
  /** How it is reached. */
  endpoint: Endpoint;
  /**
   * Groups it belonged to when it was resolved, also by way of their parents; each once, in the order of their
   * names. A node that was given by name or address alone has none, and they are not recorded with an execution.
   */
  groups?: GroupName[];
  /** The node. */
  node: NodeId;
}

/** One target of an execution as it is stored. */
export interface TargetRecord {
  /** The last attempt; 0 when none was begun. */
  attempt: number;
  /** When it ended. */
  finishedAt?: string;
  /** Its place in the plan, from 0. */
  position: number;
  /** How it ended, when it is finished. */
  result?: NodeOutcome;
  /** When the last attempt began. */
  startedAt?: string;
  /** Where it stands. */
  state: TargetState;
  /** stderr; absent when it was empty. */
  stderr?: OutputRef;
  /** stdout; absent when it was empty. */
  stdout?: OutputRef;
  /** The node and its endpoint, without secrets. */
  target: Target;
}

/** How many tasks stand where. `total` is the sum of the others (R2.6). */
export interface TaskCounts {
  /** Cancelled while they ran, or skipped since the graph was cancelled. */
  cancelled: number;
  /** Every node succeeded. */
  completed: number;
  /** No node succeeded. */
  failed: number;
  /** Left by a process that died. */
  interrupted: number;
  /** Skipped since they were to rescue something and nothing failed. */
  notNeeded: number;
  /** Some nodes succeeded. */
  partial: number;
  /** Waiting. */
  queued: number;
  /** Running. */
  running: number;
  /** Skipped since a prerequisite did not succeed. */
  skipped: number;
  /** All tasks. */
  total: number;
}

/** How far a task is that runs. */
export interface TaskProgress {
  /** Its name. */
  name: string;
  /** Its nodes, and their pace. */
  nodes: ProgressReport;
  /** Its index in the graph. */
  position: number;
}

/** One task of a graph run as it is stored. */
export interface TaskRecord {
  /** Its executions: one, and after a resume further ones on the nodes that were left. */
  executions?: ExecutionId[];
  /** When it ended. */
  finishedAt?: string;
  /** Its name. */
  name: string;
  /** How many of its nodes stand where, over all its executions (R2.6). While it runs, those of now. */
  nodes?: Progress;
  /** Its index in the graph. */
  position: number;
  /** Why it did not succeed (R2.5). */
  reason?: string;
  /** Why it was skipped. */
  skipped?: SkipWhy;
  /** When the first of them was accepted. */
  startedAt?: string;
  /** Where it stands. */
  status: TaskStatus;
}

/** Where a task stands. */
export type TaskStatus = "queued" | "running" | "completed" | "partial" | "failed" | "cancelled" | "interrupted" | "skipped";

/** What one term selects and does. */
export interface TermExplanation {
  /** How many nodes it brought into the result. */
  added: number;
  /** Its first character, counted from 1. */
  column: number;
  /** How many nodes it selects by itself. */
  count: number;
  /** These nodes, folded; `…` stands at the end when there are more than can be named. */
  nodes: string;
  /** The operator before it; absent for the first. */
  operator?: string;
  /** How many nodes it took out of it. */
  removed: number;
  /** The term as it was understood. */
  term: string;
  /** The terms within its parentheses. */
  terms?: TermExplanation[];
}

/** What became of a process that was to be ended. A kill counts as done only when the node said so. */
export type Termination = {
  state: "confirmed";
} | {
  state: "unconfirmed";
  /** Why nobody could look. */
  why: string;
} | {
  /** The processes, at most 64. */
  processes: Survivor[];
  state: "survivors";
};

/** A page of a timeline, newest first. */
export interface Timeline {
  /** Those that could not tell. The others, and what is stored, are shown all the same. */
  failed: SourceFault[];
  /** The entries. */
  items: JournalEntry[];
  /** For the next page, where there is more. */
  nextCursor: string | null;
  /** The sources that were asked for live events. */
  sources: string[];
}

/** What was going on when a limit of time was reached. */
export type TimeoutPhase = "queue" | "connect" | "run" | "execution" | "straggler";

/** How often a tool was run, and for how many nodes. */
export interface ToolRunStats {
  /** Most nodes in one. */
  largest: number;
  /** Nodes in the last one. */
  last: number;
  /** Nodes in all of them together. */
  nodes: number;
  /** Runs that have not ended. */
  running: number;
  /** Runs of the tool, since the start. */
  runs: number;
  /** Nodes that wait to be taken into a run. */
  waiting: number;
}

/** What each call takes and answers. */
export interface Calls {
  attempts: { request: AttemptsRequest; answer: AttemptRecord[] };
  breakers: { request: Nothing; answer: BreakerStatus[] };
  cancel: { request: CancelRequest; answer: CancelReceipt };
  capabilities: { request: Nothing; answer: ProvidedCapability[] };
  executions: { request: ExecutionQuery; answer: Page<ExecutionRecord> };
  explain: { request: ExplainRequest; answer: Explanation };
  explainSlow: { request: ExplainSlowRequest; answer: SlowReport };
  facts: { request: FactsRequest; answer: FactsOfNode[] };
  "facts.matching": { request: FactsMatchingRequest; answer: NodeId[] };
  get: { request: OfExecution; answer: ExecutionRecord };
  "graphs.cancel": { request: CancelGraphRequest; answer: boolean };
  "graphs.get": { request: OfExecution; answer: GraphView };
  "graphs.list": { request: GraphQuery; answer: Page<GraphRunRecord> };
  "graphs.resume": { request: ResumeRequest; answer: ExecutionId };
  "graphs.run": { request: TaskGraph; answer: ExecutionId };
  "graphs.wait": { request: OfExecution; answer: GraphView };
  inventory: { request: InventoryRequest; answer: InventoryView };
  "journal.editNote": { request: EditNoteRequest; answer: JournalEntry };
  "journal.note": { request: NoteRequest; answer: JournalEntry };
  "journal.planRetention": { request: PlanRetentionRequest; answer: RetentionPlanView };
  "journal.prune": { request: PruneRequest; answer: RetentionReport };
  "journal.query": { request: JournalQuery; answer: Page<JournalEntry> };
  "journal.timeline": { request: TimelineQuery; answer: Timeline };
  "journal.verify": { request: VerifyRequest; answer: JournalVerification };
  "journal.versions": { request: OfEntry; answer: JournalEntry[] };
  metrics: { request: Nothing; answer: MetricsSnapshot };
  output: { request: OutputRequest; answer: OutputChunk | null };
  outputGroups: { request: OutputGroupsRequest; answer: OutputGroup[] };
  "plans.apply": { request: ApplyPlanRequest; answer: ExecutionId };
  "plans.get": { request: OfPlan; answer: StoredPlan };
  "plans.list": { request: ListPlansRequest; answer: PlanHead[] };
  "plans.make": { request: ExecutionRequest; answer: ExecutionPreview };
  "plugins.call": { request: CallCapabilityRequest; answer: unknown };
  "plugins.health": { request: HealthRequest; answer: PluginStatus[] };
  "plugins.list": { request: Nothing; answer: PluginStatus[] };
  "plugins.reloadExternal": { request: ReloadExternalRequest; answer: Done };
  "plugins.reloadTool": { request: ReloadToolRequest; answer: Done };
  progress: { request: OfExecution; answer: ProgressReport };
  prometheus: { request: Nothing; answer: string };
  rerun: { request: RerunRequest; answer: ExecutionId };
  resetBreaker: { request: ResetBreakerRequest; answer: boolean };
  resolve: { request: ResolveRequest; answer: Target[] };
  resume: { request: ResumeRequest; answer: Resumed };
  shutdown: { request: ShutdownRequest; answer: ShutdownReport };
  stats: { request: Nothing; answer: Stats };
  submit: { request: ExecutionRequest; answer: ExecutionId };
  targets: { request: TargetsRequest; answer: Page<TargetRecord> };
  totals: { request: ExecutionQuery; answer: ExecutionTotals };
  useSshConfig: { request: UseSshConfigRequest; answer: Done };
  wait: { request: OfExecution; answer: ExecutionOutcome };
}
