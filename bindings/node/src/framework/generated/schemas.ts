// Made by scripts/generate.mjs of the types of the native half. Changes belong there.

import type { z } from "zod";

import { zod } from "../../internal/zod";
import type * as types from "./types";

/** The same for every version of zod: a schema by what it lets through. */
const as = <T>(schema: unknown): z.ZodType<T> => schema as z.ZodType<T>;

const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

export const SecretSchema = as<types.Secret>(
  zod.string(),
);

export const EnvValueSchema = as<types.EnvValue>(
  zod.union([
    zod.string(),
    zod
      .object({
        secret: SecretSchema,
      })
      .strict(),
  ]),
);

export const OnLinkLossSchema = as<types.OnLinkLoss>(
  zod.enum(["terminate","leave"]),
);

export const RunAsMethodSchema = as<types.RunAsMethod>(
  zod.enum(["sudo","su","doas"]),
);

export const RunAsSchema = as<types.RunAs>(
  zod
    .object({
      method: RunAsMethodSchema.optional(),
      password: SecretSchema.nullable().optional(),
      user: zod.string(),
    })
    .strict(),
);

export const OutputDataSchema = as<types.OutputData>(
  zod.union([
    zod.string(),
    zod
      .object({
        base64: zod.string(),
      })
      .strict(),
  ]),
);

export const StdinSourceSchema = as<types.StdinSource>(
  zod.union([
    zod
      .object({
        bytes: OutputDataSchema,
      })
      .strict(),
    zod
      .object({
        file: zod.string(),
      })
      .strict(),
    zod
      .object({
        secret: SecretSchema,
      })
      .strict(),
  ]),
);

export const CommandActionSchema = as<types.CommandAction>(
  zod
    .object({
      command: zod.string(),
      cwd: zod.string().nullable().optional(),
      detach: zod.boolean().optional(),
      env: zod.record(zod.string(), EnvValueSchema).optional(),
      onLinkLoss: OnLinkLossSchema.optional(),
      pty: zod.boolean().optional(),
      runAs: RunAsSchema.nullable().optional(),
      stdin: StdinSourceSchema.nullable().optional(),
      umask: zod.number().int().min(0).max(4294967295).nullable().optional(),
    })
    .strict(),
);

export const DownloadActionSchema = as<types.DownloadAction>(
  zod
    .object({
      destination: zod.string(),
      source: zod.string(),
    })
    .strict(),
);

export const ScriptActionSchema = as<types.ScriptAction>(
  zod
    .object({
      arguments: zod.array(zod.string()).optional(),
      content: OutputDataSchema,
      cwd: zod.string().nullable().optional(),
      detach: zod.boolean().optional(),
      env: zod.record(zod.string(), EnvValueSchema).optional(),
      interpreter: zod.string().nullable().optional(),
      name: zod.string(),
      onLinkLoss: OnLinkLossSchema.optional(),
      pty: zod.boolean().optional(),
      runAs: RunAsSchema.nullable().optional(),
      stdin: StdinSourceSchema.nullable().optional(),
      umask: zod.number().int().min(0).max(4294967295).nullable().optional(),
    })
    .strict(),
);

export const PluginNameSchema = as<types.PluginName>(
  zod.string(),
);

export const ToolActionSchema = as<types.ToolAction>(
  zod
    .object({
      name: zod.string(),
      parameters: zod.record(zod.string(), zod.unknown()).optional(),
      plugin: PluginNameSchema.nullable().optional(),
      sensitive: zod.array(zod.string()).optional(),
    })
    .strict(),
);

export const UploadActionSchema = as<types.UploadAction>(
  zod
    .object({
      destination: zod.string(),
      mode: zod.number().int().min(0).max(4294967295).nullable().optional(),
      source: zod.string(),
    })
    .strict(),
);

export const ActionSchema = as<types.Action>(
  zod.discriminatedUnion("type", [
    zod
      .object({
        command: zod.string(),
        cwd: zod.string().nullable().optional(),
        detach: zod.boolean().optional(),
        env: zod.record(zod.string(), EnvValueSchema).optional(),
        onLinkLoss: OnLinkLossSchema.optional(),
        pty: zod.boolean().optional(),
        runAs: RunAsSchema.nullable().optional(),
        stdin: StdinSourceSchema.nullable().optional(),
        umask: zod.number().int().min(0).max(4294967295).nullable().optional(),
        type: zod.literal("command"),
      })
      .strict(),
    zod
      .object({
        arguments: zod.array(zod.string()).optional(),
        content: OutputDataSchema,
        cwd: zod.string().nullable().optional(),
        detach: zod.boolean().optional(),
        env: zod.record(zod.string(), EnvValueSchema).optional(),
        interpreter: zod.string().nullable().optional(),
        name: zod.string(),
        onLinkLoss: OnLinkLossSchema.optional(),
        pty: zod.boolean().optional(),
        runAs: RunAsSchema.nullable().optional(),
        stdin: StdinSourceSchema.nullable().optional(),
        umask: zod.number().int().min(0).max(4294967295).nullable().optional(),
        type: zod.literal("script"),
      })
      .strict(),
    zod
      .object({
        destination: zod.string(),
        mode: zod.number().int().min(0).max(4294967295).nullable().optional(),
        source: zod.string(),
        type: zod.literal("upload"),
      })
      .strict(),
    zod
      .object({
        destination: zod.string(),
        source: zod.string(),
        type: zod.literal("download"),
      })
      .strict(),
    zod
      .object({
        name: zod.string(),
        parameters: zod.record(zod.string(), zod.unknown()).optional(),
        plugin: PluginNameSchema.nullable().optional(),
        sensitive: zod.array(zod.string()).optional(),
        type: zod.literal("task"),
      })
      .strict(),
    zod
      .object({
        name: zod.string(),
        parameters: zod.record(zod.string(), zod.unknown()).optional(),
        plugin: PluginNameSchema.nullable().optional(),
        sensitive: zod.array(zod.string()).optional(),
        type: zod.literal("playbook"),
      })
      .strict(),
    zod
      .object({
        name: zod.string(),
        parameters: zod.record(zod.string(), zod.unknown()).optional(),
        plugin: PluginNameSchema.nullable().optional(),
        sensitive: zod.array(zod.string()).optional(),
        type: zod.literal("plan"),
      })
      .strict(),
    zod
      .object({
        name: zod.string(),
        parameters: zod.record(zod.string(), zod.unknown()).optional(),
        plugin: PluginNameSchema.nullable().optional(),
        sensitive: zod.array(zod.string()).optional(),
        type: zod.literal("facts"),
      })
      .strict(),
    zod
      .object({
        name: zod.string(),
        parameters: zod.record(zod.string(), zod.unknown()).optional(),
        plugin: PluginNameSchema.nullable().optional(),
        sensitive: zod.array(zod.string()).optional(),
        type: zod.literal("package"),
      })
      .strict(),
  ]),
);

export const ActionKindSchema = as<types.ActionKind>(
  zod.enum(["command","script","upload","download","task","playbook","plan","facts","package"]),
);

export const ExecutionIdSchema = as<types.ExecutionId>(
  zod.string().regex(UUID, "must be a UUID"),
);

export const NodeIdSchema = as<types.NodeId>(
  zod.string(),
);

export const AttachSchema = as<types.Attach>(
  zod
    .object({
      attempt: zod.number().int().min(0).max(4294967295),
      execution: ExecutionIdSchema,
      nodes: zod.array(NodeIdSchema),
      startedAt: zod.string(),
    })
    .strict(),
);

export const AttemptsRequestSchema = as<types.AttemptsRequest>(
  zod
    .object({
      id: ExecutionIdSchema,
      node: NodeIdSchema.nullable().optional(),
    })
    .strict(),
);

export const GrowthSchema = as<types.Growth>(
  zod.enum(["constant","linear","exponential"]),
);

export const BackoffSchema = as<types.Backoff>(
  zod
    .object({
      growth: GrowthSchema.optional(),
      initialMs: zod.number().int().min(1).max(2592000000),
      jitter: zod.number().min(0).max(1).optional(),
      maxMs: zod.number().int().min(1).max(2592000000),
    })
    .strict(),
);

export const CorrelationIdSchema = as<types.CorrelationId>(
  zod.string(),
);

export const CallCapabilityRequestSchema = as<types.CallCapabilityRequest>(
  zod
    .object({
      capability: zod.string(),
      correlationId: CorrelationIdSchema.nullable().optional(),
      nodes: zod.array(NodeIdSchema).optional(),
      parameters: zod.record(zod.string(), zod.unknown()).optional(),
      plugin: PluginNameSchema.nullable().optional(),
    })
    .strict(),
);

export const ShareSchema = as<types.Share>(
  zod.union([
    zod.number().int().min(0),
    zod.string(),
  ]),
);

export const CanarySchema = as<types.Canary>(
  zod
    .object({
      seed: zod.number().int().min(0).max(4294967295).nullable().optional(),
      share: ShareSchema,
    })
    .strict(),
);

export const CancelGraphRequestSchema = as<types.CancelGraphRequest>(
  zod
    .object({
      graceMs: zod.number().int().min(0).max(3600000).nullable().optional(),
      id: ExecutionIdSchema,
      kill: zod.boolean().optional(),
    })
    .strict(),
);

export const CancelRequestSchema = as<types.CancelRequest>(
  zod
    .object({
      graceMs: zod.number().int().min(0).max(3600000).nullable().optional(),
      id: ExecutionIdSchema,
      kill: zod.boolean().optional(),
      nodes: zod.array(NodeIdSchema).nullable().optional(),
    })
    .strict(),
);

export const MatchModeSchema = as<types.MatchMode>(
  zod.enum(["exact","prefix"]),
);

export const CommandPolicySchema = as<types.CommandPolicy>(
  zod
    .object({
      allowAll: zod.boolean().optional(),
      allowScripts: zod.boolean().optional(),
      matchMode: MatchModeSchema.optional(),
      whitelist: zod.array(zod.string()).optional(),
    })
    .strict(),
);

export const ComponentSchema = as<types.Component>(
  zod.string(),
);

export const ContentHashSchema = as<types.ContentHash>(
  zod.string().regex(new RegExp("^[0-9a-fA-F]{64}$")),
);

export const EntryIdSchema = as<types.EntryId>(
  zod.string().regex(UUID, "must be a UUID"),
);

export const EditNoteRequestSchema = as<types.EditNoteRequest>(
  zod
    .object({
      id: EntryIdSchema,
      text: zod.string(),
    })
    .strict(),
);

export const EndpointSchema = as<types.Endpoint>(
  zod
    .object({
      host: zod.string().nullable().optional(),
      identityFiles: zod.array(zod.string()).optional(),
      jump: zod.array(zod.string()).nullable().optional(),
      password: SecretSchema.nullable().optional(),
      port: zod.number().int().min(0).max(65535).nullable().optional(),
      transport: PluginNameSchema.nullable().optional(),
      user: zod.string().nullable().optional(),
    })
    .strict(),
);

export const SubscriptionModeSchema = as<types.SubscriptionMode>(
  zod.enum(["gapWhenSlow","slowTheSource"]),
);

export const EventsRequestSchema = as<types.EventsRequest>(
  zod
    .object({
      from: zod.number().int().min(1).nullable().optional(),
      id: ExecutionIdSchema,
      mode: SubscriptionModeSchema.optional(),
    })
    .strict(),
);

export const ExecutionStatusSchema = as<types.ExecutionStatus>(
  zod.enum(["queued","running","completed","partial","failed","cancelled","interrupted"]),
);

export const IdempotencyKeySchema = as<types.IdempotencyKey>(
  zod.string(),
);

export const TagSchema = as<types.Tag>(
  zod.string(),
);

export const ExecutionQuerySchema = as<types.ExecutionQuery>(
  zod
    .object({
      actionKind: ActionKindSchema.nullable().optional(),
      correlationId: CorrelationIdSchema.nullable().optional(),
      cursor: zod.string().nullable().optional(),
      idempotencyKey: IdempotencyKeySchema.nullable().optional(),
      limit: zod.number().int().min(0).max(4294967295).nullable().optional(),
      rerunOf: ExecutionIdSchema.nullable().optional(),
      since: zod.string().nullable().optional(),
      status: zod.array(ExecutionStatusSchema).optional(),
      tag: TagSchema.nullable().optional(),
      target: NodeIdSchema.nullable().optional(),
      text: zod.string().nullable().optional(),
      until: zod.string().nullable().optional(),
      user: zod.string().nullable().optional(),
    })
    .strict(),
);

export const HostKeyPolicySchema = as<types.HostKeyPolicy>(
  zod.enum(["strict","accept-new","off"]),
);

export const RetryPolicySchema = as<types.RetryPolicy>(
  zod
    .object({
      attempts: zod.number().int().min(1).max(100),
      backoff: BackoffSchema.optional(),
      deadlineMs: zod.number().int().min(0).nullable().optional(),
      idempotent: zod.boolean().optional(),
      on: zod.array(zod.string()).optional(),
    })
    .strict(),
);

export const TargetExpressionSchema = as<types.TargetExpression>(
  zod.string(),
);

export const HealthCheckSchema = as<types.HealthCheck>(
  zod
    .object({
      action: ActionSchema,
      targets: TargetExpressionSchema.nullable().optional(),
      timeoutMs: zod.number().int().min(0).nullable().optional(),
    })
    .strict(),
);

export const ModeSchema = as<types.Mode>(
  zod.discriminatedUnion("type", [
    zod
      .object({
        type: zod.literal("parallel"),
      })
      .strict(),
    zod
      .object({
        stopAtFailure: zod.boolean().optional(),
        type: zod.literal("sequential"),
      })
      .strict(),
    zod
      .object({
        healthCheck: HealthCheckSchema.nullable().optional(),
        pauseMs: zod.number().int().min(0).optional(),
        type: zod.literal("rolling"),
        waves: zod.array(ShareSchema),
      })
      .strict(),
  ]),
);

export const StragglersSchema = as<types.Stragglers>(
  zod
    .object({
      minMs: zod.number().int().min(0).optional(),
      multiple: zod.number(),
      quorum: ShareSchema.optional(),
    })
    .strict(),
);

export const RolloutSchema = as<types.Rollout>(
  zod
    .object({
      canary: CanarySchema.nullable().optional(),
      failFast: zod.boolean().optional(),
      maxFailures: ShareSchema.nullable().optional(),
      mode: ModeSchema.optional(),
      stragglers: StragglersSchema.nullable().optional(),
    })
    .strict(),
);

export const TimeoutsSchema = as<types.Timeouts>(
  zod
    .object({
      connectMs: zod.number().int().min(0).nullable().optional(),
      executionMs: zod.number().int().min(0).nullable().optional(),
      nodeMs: zod.number().int().min(0).nullable().optional(),
    })
    .strict(),
);

export const ExecutionRequestSchema = as<types.ExecutionRequest>(
  zod
    .object({
      action: ActionSchema,
      attach: zod.array(AttachSchema).optional(),
      concurrency: zod.number().int().min(0).max(4294967295).nullable().optional(),
      correlationId: CorrelationIdSchema.nullable().optional(),
      debug: zod.boolean().optional(),
      hostKeys: HostKeyPolicySchema.nullable().optional(),
      idempotencyKey: IdempotencyKeySchema.nullable().optional(),
      parent: ExecutionIdSchema.nullable().optional(),
      priority: zod.number().int().min(-1000).max(1000).optional(),
      rerunOf: ExecutionIdSchema.nullable().optional(),
      retry: RetryPolicySchema.nullable().optional(),
      rollout: RolloutSchema.optional(),
      tags: zod.array(TagSchema).max(64).optional(),
      targets: TargetExpressionSchema,
      timeouts: TimeoutsSchema.optional(),
      transport: PluginNameSchema.nullable().optional(),
    })
    .strict(),
);

export const ExplainRequestSchema = as<types.ExplainRequest>(
  zod
    .object({
      expression: TargetExpressionSchema,
      nodes: zod.array(NodeIdSchema).optional(),
    })
    .strict(),
);

export const ExplainSlowRequestSchema = as<types.ExplainSlowRequest>(
  zod
    .object({
      id: ExecutionIdSchema,
      most: zod.number().int().min(0).max(10000).nullable().optional(),
    })
    .strict(),
);

export const ExternalPluginOptionsSchema = as<types.ExternalPluginOptions>(
  zod
    .object({
      config: zod.record(zod.string(), zod.unknown()).optional(),
      program: zod.string(),
    })
    .strict(),
);

export const FreshnessSchema = as<types.Freshness>(
  zod.union([
    zod.literal("cached"),
    zod.literal("forced"),
    zod
      .object({
        maxAgeMs: zod.number().int().min(0),
      })
      .strict(),
  ]),
);

export const FactsRequestSchema = as<types.FactsRequest>(
  zod
    .object({
      freshness: FreshnessSchema.optional(),
      targets: TargetExpressionSchema,
    })
    .strict(),
);

export const JournalLevelSchema = as<types.JournalLevel>(
  zod.enum(["off","failures","changes","all"]),
);

export const PluginJournalSettingsSchema = as<types.PluginJournalSettings>(
  zod
    .object({
      level: JournalLevelSchema.nullable().optional(),
      levels: zod.record(zod.string(), JournalLevelSchema).optional(),
    })
    .strict(),
);

export const JournalSettingsSchema = as<types.JournalSettings>(
  zod
    .object({
      level: JournalLevelSchema.nullable().optional(),
      plugins: zod.record(zod.string(), PluginJournalSettingsSchema).optional(),
    })
    .strict(),
);

export const LimitOptionsSchema = as<types.LimitOptions>(
  zod
    .object({
      authorizerTimeoutMs: zod.number().int().min(1).max(600000).nullable().optional(),
      defaultConcurrency: zod.number().int().min(0).max(4294967295).nullable().optional(),
      maxNodeRuns: zod.number().int().min(0).nullable().optional(),
      maxQueuedExecutions: zod.number().int().min(0).nullable().optional(),
      maxRunningExecutions: zod.number().int().min(0).nullable().optional(),
      outputHeadBytes: zod.number().int().min(0).nullable().optional(),
      outputMemoryBytes: zod.number().int().min(0).nullable().optional(),
      outputTailBytes: zod.number().int().min(0).nullable().optional(),
    })
    .strict(),
);

export const LogLevelSchema = as<types.LogLevel>(
  zod.enum(["debug","info","warn","error"]),
);

export const SshOptionsSchema = as<types.SshOptions>(
  zod
    .object({
      config: zod.string().nullable().optional(),
      hostKeys: HostKeyPolicySchema.nullable().optional(),
      knownHosts: zod.array(zod.string()).nullable().optional(),
      passphrase: SecretSchema.nullable().optional(),
      password: SecretSchema.nullable().optional(),
    })
    .strict(),
);

export const ToolKindSchema = as<types.ToolKind>(
  zod.enum(["ansible","bolt","puppetdb"]),
);

export const ToolOptionsSchema = as<types.ToolOptions>(
  zod
    .object({
      config: zod.record(zod.string(), zod.unknown()).optional(),
      kind: ToolKindSchema,
      name: PluginNameSchema.nullable().optional(),
    })
    .strict(),
);

export const FrameworkOptionsSchema = as<types.FrameworkOptions>(
  zod
    .object({
      commandPolicy: CommandPolicySchema.nullable().optional(),
      database: zod.string().nullable().optional(),
      endpointDefaults: EndpointSchema.optional(),
      externalPlugins: zod.array(ExternalPluginOptionsSchema).optional(),
      inventory: zod.array(zod.string()).optional(),
      journal: JournalSettingsSchema.optional(),
      limits: LimitOptionsSchema.optional(),
      logLevel: LogLevelSchema.nullable().optional(),
      ssh: SshOptionsSchema.optional(),
      tools: zod.array(ToolOptionsSchema).optional(),
    })
    .strict(),
);

export const GraphQuerySchema = as<types.GraphQuery>(
  zod
    .object({
      cursor: zod.string().nullable().optional(),
      limit: zod.number().int().min(0).max(4294967295).nullable().optional(),
      status: zod.array(ExecutionStatusSchema).optional(),
    })
    .strict(),
);

export const HealthRequestSchema = as<types.HealthRequest>(
  zod
    .object({
      plugin: PluginNameSchema.nullable().optional(),
    })
    .strict(),
);

export const InventoryRequestSchema = as<types.InventoryRequest>(
  zod
    .object({
      freshness: FreshnessSchema.optional(),
    })
    .strict(),
);

export const JournalQuerySchema = as<types.JournalQuery>(
  zod
    .object({
      cursor: zod.string().nullable().optional(),
      eventTypes: zod.array(zod.string()).optional(),
      executionId: ExecutionIdSchema.nullable().optional(),
      limit: zod.number().int().min(0).max(4294967295).nullable().optional(),
      nodes: zod.array(NodeIdSchema).optional(),
      since: zod.string().nullable().optional(),
      sources: zod.array(zod.string()).optional(),
      statuses: zod.array(zod.string()).optional(),
      superseded: zod.boolean().optional(),
      text: zod.string().nullable().optional(),
      until: zod.string().nullable().optional(),
      users: zod.array(zod.string()).optional(),
    })
    .strict(),
);

export const NoteRequestSchema = as<types.NoteRequest>(
  zod
    .object({
      node: NodeIdSchema,
      text: zod.string(),
    })
    .strict(),
);

export const NothingSchema = as<types.Nothing>(
  zod.object({}).strict(),
);

export const OfEntrySchema = as<types.OfEntry>(
  zod
    .object({
      id: EntryIdSchema,
    })
    .strict(),
);

export const OfExecutionSchema = as<types.OfExecution>(
  zod
    .object({
      id: ExecutionIdSchema,
    })
    .strict(),
);

export const StreamKindSchema = as<types.StreamKind>(
  zod.enum(["stdout","stderr"]),
);

export const OutputGroupsRequestSchema = as<types.OutputGroupsRequest>(
  zod
    .object({
      id: ExecutionIdSchema,
      stream: StreamKindSchema,
    })
    .strict(),
);

export const OutputRequestSchema = as<types.OutputRequest>(
  zod
    .object({
      hash: ContentHashSchema,
      maxBytes: zod.number().int().min(1).max(16777216).nullable().optional(),
      offset: zod.number().int().min(0).optional(),
    })
    .strict(),
);

export const SecretValueSchema = as<types.SecretValue>(
  zod.unknown(),
);

export const RerunSecretsSchema = as<types.RerunSecrets>(
  zod
    .object({
      env: zod.record(zod.string(), SecretSchema).optional(),
      parameters: zod.record(zod.string(), SecretValueSchema).optional(),
      runAsPassword: SecretSchema.nullable().optional(),
      stdin: SecretSchema.nullable().optional(),
    })
    .strict(),
);

export const RerunSelectionSchema = as<types.RerunSelection>(
  zod.union([
    zod.literal("all"),
    zod.literal("failed"),
    zod.literal("notStarted"),
    zod.literal("notSucceeded"),
    zod
      .object({
        nodes: zod.array(NodeIdSchema),
      })
      .strict(),
  ]),
);

export const RerunRequestSchema = as<types.RerunRequest>(
  zod
    .object({
      id: ExecutionIdSchema,
      secrets: RerunSecretsSchema.optional(),
      selection: RerunSelectionSchema,
    })
    .strict(),
);

export const ResetBreakerRequestSchema = as<types.ResetBreakerRequest>(
  zod
    .object({
      component: ComponentSchema,
    })
    .strict(),
);

export const ResolveRequestSchema = as<types.ResolveRequest>(
  zod
    .object({
      expression: TargetExpressionSchema,
    })
    .strict(),
);

export const ResumeRequestSchema = as<types.ResumeRequest>(
  zod
    .object({
      id: ExecutionIdSchema,
      rerunUnknown: zod.boolean().optional(),
      secrets: RerunSecretsSchema.optional(),
    })
    .strict(),
);

export const ShutdownRequestSchema = as<types.ShutdownRequest>(
  zod
    .object({
      deadlineMs: zod.number().int().min(0).max(86400000).nullable().optional(),
    })
    .strict(),
);

export const TargetStateSchema = as<types.TargetState>(
  zod.enum(["queued","running","finished","interrupted"]),
);

export const TargetsRequestSchema = as<types.TargetsRequest>(
  zod
    .object({
      cursor: zod.string().nullable().optional(),
      id: ExecutionIdSchema,
      limit: zod.number().int().min(0).max(4294967295).nullable().optional(),
      nodes: zod.array(NodeIdSchema).optional(),
      outcomes: zod.array(zod.string()).optional(),
      state: TargetStateSchema.nullable().optional(),
    })
    .strict(),
);

export const WhenSchema = as<types.When>(
  zod.enum(["succeeded","failed","always"]),
);

export const TaskDefSchema = as<types.TaskDef>(
  zod
    .object({
      action: ActionSchema,
      after: zod.array(zod.string()).optional(),
      attach: zod.array(AttachSchema).optional(),
      concurrency: zod.number().int().min(0).max(4294967295).nullable().optional(),
      correlationId: CorrelationIdSchema.nullable().optional(),
      debug: zod.boolean().optional(),
      hostKeys: HostKeyPolicySchema.nullable().optional(),
      idempotencyKey: IdempotencyKeySchema.nullable().optional(),
      name: zod.string(),
      parameterSchema: zod.unknown().optional(),
      parameters: zod.record(zod.string(), zod.unknown()).optional(),
      parent: ExecutionIdSchema.nullable().optional(),
      priority: zod.number().int().min(-1000).max(1000).optional(),
      rerunOf: ExecutionIdSchema.nullable().optional(),
      retry: RetryPolicySchema.nullable().optional(),
      rollout: RolloutSchema.optional(),
      tags: zod.array(TagSchema).max(64).optional(),
      targets: TargetExpressionSchema,
      timeouts: TimeoutsSchema.optional(),
      transport: PluginNameSchema.nullable().optional(),
      when: WhenSchema.optional(),
    })
    .strict(),
);

export const TaskGraphSchema = as<types.TaskGraph>(
  zod
    .object({
      name: zod.string(),
      tasks: zod.array(TaskDefSchema),
    })
    .strict(),
);

export const TimelineQuerySchema = as<types.TimelineQuery>(
  zod
    .object({
      live: zod.boolean().optional(),
      query: JournalQuerySchema.optional(),
    })
    .strict(),
);

export const VerifyRequestSchema = as<types.VerifyRequest>(
  zod
    .object({
      node: NodeIdSchema.nullable().optional(),
    })
    .strict(),
);

/** What each call takes. */
export const callSchemas: { [K in keyof types.Calls]: z.ZodType<types.Calls[K]["request"]> } = {
  attempts: AttemptsRequestSchema,
  breakers: NothingSchema,
  cancel: CancelRequestSchema,
  capabilities: NothingSchema,
  executions: ExecutionQuerySchema,
  explain: ExplainRequestSchema,
  explainSlow: ExplainSlowRequestSchema,
  facts: FactsRequestSchema,
  get: OfExecutionSchema,
  "graphs.cancel": CancelGraphRequestSchema,
  "graphs.get": OfExecutionSchema,
  "graphs.list": GraphQuerySchema,
  "graphs.resume": ResumeRequestSchema,
  "graphs.run": TaskGraphSchema,
  "graphs.wait": OfExecutionSchema,
  inventory: InventoryRequestSchema,
  "journal.editNote": EditNoteRequestSchema,
  "journal.note": NoteRequestSchema,
  "journal.query": JournalQuerySchema,
  "journal.timeline": TimelineQuerySchema,
  "journal.verify": VerifyRequestSchema,
  "journal.versions": OfEntrySchema,
  metrics: NothingSchema,
  output: OutputRequestSchema,
  outputGroups: OutputGroupsRequestSchema,
  "plugins.call": CallCapabilityRequestSchema,
  "plugins.health": HealthRequestSchema,
  "plugins.list": NothingSchema,
  progress: OfExecutionSchema,
  prometheus: NothingSchema,
  rerun: RerunRequestSchema,
  resetBreaker: ResetBreakerRequestSchema,
  resolve: ResolveRequestSchema,
  resume: ResumeRequestSchema,
  shutdown: ShutdownRequestSchema,
  stats: NothingSchema,
  submit: ExecutionRequestSchema,
  targets: TargetsRequestSchema,
  wait: OfExecutionSchema,
};
