// Made by scripts/generate.mjs of the types of the native half. Changes belong there.

import type { z } from "zod";

import { zod } from "../../internal/zod";
import type * as types from "./types";

/** The same for every version of zod: a schema by what it lets through. */
const as = <T>(schema: unknown): z.ZodType<T> => schema as z.ZodType<T>;

const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

export const ActionKindSchema: z.ZodType<types.ActionKind> = as(
  zod.enum(["command","script","upload","download","task","playbook","plan","facts","package"]),
);

export const ContentHashSchema: z.ZodType<types.ContentHash> = as(
  zod.string().regex(new RegExp("^[0-9a-fA-F]{64}$")),
);

export const PlanHashSchema: z.ZodType<types.PlanHash> = as(
  ContentHashSchema,
);

export const SecretSchema: z.ZodType<types.Secret> = as(
  zod.string(),
);

export const SecretValueSchema: z.ZodType<types.SecretValue> = as(
  zod.unknown(),
);

export const RerunSecretsSchema: z.ZodType<types.RerunSecrets> = as(
  zod
    .object({
      env: zod.record(zod.string(), SecretSchema).optional(),
      parameters: zod.record(zod.string(), SecretValueSchema).optional(),
      runAsPassword: SecretSchema.nullable().optional(),
      stdin: SecretSchema.nullable().optional(),
    })
    .strict(),
);

export const ApplyPlanRequestSchema: z.ZodType<types.ApplyPlanRequest> = as(
  zod
    .object({
      again: zod.boolean().optional(),
      hash: PlanHashSchema,
      secrets: RerunSecretsSchema.optional(),
    })
    .strict(),
);

export const ExecutionIdSchema: z.ZodType<types.ExecutionId> = as(
  zod.string().regex(UUID, "must be a UUID"),
);

export const NodeIdSchema: z.ZodType<types.NodeId> = as(
  zod.string(),
);

export const AttachSchema: z.ZodType<types.Attach> = as(
  zod
    .object({
      attempt: zod.number().int().min(0).max(4294967295),
      execution: ExecutionIdSchema,
      nodes: zod.array(NodeIdSchema),
      startedAt: zod.string(),
    })
    .strict(),
);

export const AttemptsRequestSchema: z.ZodType<types.AttemptsRequest> = as(
  zod
    .object({
      id: ExecutionIdSchema,
      node: NodeIdSchema.nullable().optional(),
    })
    .strict(),
);

export const GrowthSchema: z.ZodType<types.Growth> = as(
  zod.enum(["constant","linear","exponential"]),
);

export const BackoffSchema: z.ZodType<types.Backoff> = as(
  zod
    .object({
      growth: GrowthSchema.optional(),
      initialMs: zod.number().int().min(1).max(2592000000),
      jitter: zod.number().min(0).max(1).optional(),
      maxMs: zod.number().int().min(1).max(2592000000),
    })
    .strict(),
);

export const CorrelationIdSchema: z.ZodType<types.CorrelationId> = as(
  zod.string(),
);

export const PluginNameSchema: z.ZodType<types.PluginName> = as(
  zod.string(),
);

export const CallCapabilityRequestSchema: z.ZodType<types.CallCapabilityRequest> = as(
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

export const ShareSchema: z.ZodType<types.Share> = as(
  zod.union([
    zod.number().int().min(0),
    zod.string(),
  ]),
);

export const CanarySchema: z.ZodType<types.Canary> = as(
  zod
    .object({
      seed: zod.number().int().min(0).max(4294967295).nullable().optional(),
      share: ShareSchema,
    })
    .strict(),
);

export const CancelGraphRequestSchema: z.ZodType<types.CancelGraphRequest> = as(
  zod
    .object({
      graceMs: zod.number().int().min(0).max(3600000).nullable().optional(),
      id: ExecutionIdSchema,
      kill: zod.boolean().optional(),
    })
    .strict(),
);

export const CancelRequestSchema: z.ZodType<types.CancelRequest> = as(
  zod
    .object({
      graceMs: zod.number().int().min(0).max(3600000).nullable().optional(),
      id: ExecutionIdSchema,
      kill: zod.boolean().optional(),
      nodes: zod.array(NodeIdSchema).nullable().optional(),
    })
    .strict(),
);

export const EnvValueSchema: z.ZodType<types.EnvValue> = as(
  zod.union([
    zod.string(),
    zod
      .object({
        secret: SecretSchema,
      })
      .strict(),
  ]),
);

export const OnLinkLossSchema: z.ZodType<types.OnLinkLoss> = as(
  zod.enum(["terminate","leave"]),
);

export const RunAsMethodSchema: z.ZodType<types.RunAsMethod> = as(
  zod.enum(["sudo","su","doas"]),
);

export const RunAsSchema: z.ZodType<types.RunAs> = as(
  zod
    .object({
      method: RunAsMethodSchema.optional(),
      password: SecretSchema.nullable().optional(),
      user: zod.string(),
    })
    .strict(),
);

export const OutputDataSchema: z.ZodType<types.OutputData> = as(
  zod.union([
    zod.string(),
    zod
      .object({
        base64: zod.string(),
      })
      .strict(),
  ]),
);

export const StdinSourceSchema: z.ZodType<types.StdinSource> = as(
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

export const CommandActionSchema: z.ZodType<types.CommandAction> = as(
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

export const MatchModeSchema: z.ZodType<types.MatchMode> = as(
  zod.enum(["exact","prefix"]),
);

export const CommandPolicySchema: z.ZodType<types.CommandPolicy> = as(
  zod
    .object({
      allowAll: zod.boolean().optional(),
      allowScripts: zod.boolean().optional(),
      matchMode: MatchModeSchema.optional(),
      whitelist: zod.array(zod.string()).optional(),
    })
    .strict(),
);

export const ComponentSchema: z.ZodType<types.Component> = as(
  zod.string(),
);

export const DownloadActionSchema: z.ZodType<types.DownloadAction> = as(
  zod
    .object({
      destination: zod.string(),
      source: zod.string(),
    })
    .strict(),
);

export const EntryIdSchema: z.ZodType<types.EntryId> = as(
  zod.string().regex(UUID, "must be a UUID"),
);

export const EditNoteRequestSchema: z.ZodType<types.EditNoteRequest> = as(
  zod
    .object({
      id: EntryIdSchema,
      text: zod.string(),
    })
    .strict(),
);

export const EndpointSchema: z.ZodType<types.Endpoint> = as(
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

export const SubscriptionModeSchema: z.ZodType<types.SubscriptionMode> = as(
  zod.enum(["gapWhenSlow","slowTheSource"]),
);

export const EventsRequestSchema: z.ZodType<types.EventsRequest> = as(
  zod
    .object({
      from: zod.number().int().min(1).nullable().optional(),
      id: ExecutionIdSchema,
      mode: SubscriptionModeSchema.optional(),
    })
    .strict(),
);

export const ScriptActionSchema: z.ZodType<types.ScriptAction> = as(
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

export const ToolActionSchema: z.ZodType<types.ToolAction> = as(
  zod
    .object({
      name: zod.string(),
      parameters: zod.record(zod.string(), zod.unknown()).optional(),
      plugin: PluginNameSchema.nullable().optional(),
      sensitive: zod.array(zod.string()).optional(),
    })
    .strict(),
);

export const UploadActionSchema: z.ZodType<types.UploadAction> = as(
  zod
    .object({
      destination: zod.string(),
      mode: zod.number().int().min(0).max(4294967295).nullable().optional(),
      source: zod.string(),
    })
    .strict(),
);

export const ExecutionActionSchema: z.ZodType<types.ExecutionAction> = as(
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

export const ExecutionLimitOptionsSchema: z.ZodType<types.ExecutionLimitOptions> = as(
  zod
    .object({
      actionKind: ActionKindSchema.nullable().optional(),
      keep: zod.number().int().min(0).nullable().optional(),
      maxAgeMs: zod.number().int().min(0).nullable().optional(),
      plugin: PluginNameSchema.nullable().optional(),
    })
    .strict(),
);

export const ExecutionStateSchema: z.ZodType<types.ExecutionState> = as(
  zod.enum(["queued","running","completed","partial","failed","cancelled","interrupted"]),
);

export const IdempotencyKeySchema: z.ZodType<types.IdempotencyKey> = as(
  zod.string(),
);

export const TagSchema: z.ZodType<types.Tag> = as(
  zod.string(),
);

export const ExecutionQuerySchema: z.ZodType<types.ExecutionQuery> = as(
  zod
    .object({
      actionKind: ActionKindSchema.nullable().optional(),
      correlationId: CorrelationIdSchema.nullable().optional(),
      cursor: zod.string().nullable().optional(),
      idempotencyKey: IdempotencyKeySchema.nullable().optional(),
      limit: zod.number().int().min(0).max(4294967295).nullable().optional(),
      plugin: PluginNameSchema.nullable().optional(),
      rerunOf: ExecutionIdSchema.nullable().optional(),
      since: zod.string().nullable().optional(),
      status: zod.array(ExecutionStateSchema).optional(),
      tag: TagSchema.nullable().optional(),
      target: NodeIdSchema.nullable().optional(),
      text: zod.string().nullable().optional(),
      until: zod.string().nullable().optional(),
      user: zod.string().nullable().optional(),
    })
    .strict(),
);

export const HostKeyPolicySchema: z.ZodType<types.HostKeyPolicy> = as(
  zod.enum(["strict","accept-new","off"]),
);

export const RetryPolicySchema: z.ZodType<types.RetryPolicy> = as(
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

export const TargetExpressionSchema: z.ZodType<types.TargetExpression> = as(
  zod.string(),
);

export const HealthCheckSchema: z.ZodType<types.HealthCheck> = as(
  zod
    .object({
      action: ExecutionActionSchema,
      targets: TargetExpressionSchema.nullable().optional(),
      timeoutMs: zod.number().int().min(0).nullable().optional(),
    })
    .strict(),
);

export const ModeSchema: z.ZodType<types.Mode> = as(
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

export const StragglersSchema: z.ZodType<types.Stragglers> = as(
  zod
    .object({
      minMs: zod.number().int().min(0).optional(),
      multiple: zod.number(),
      quorum: ShareSchema.optional(),
    })
    .strict(),
);

export const RolloutSchema: z.ZodType<types.Rollout> = as(
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

export const TimeoutsSchema: z.ZodType<types.Timeouts> = as(
  zod
    .object({
      connectMs: zod.number().int().min(0).nullable().optional(),
      executionMs: zod.number().int().min(0).nullable().optional(),
      nodeMs: zod.number().int().min(0).nullable().optional(),
    })
    .strict(),
);

export const ExecutionRequestSchema: z.ZodType<types.ExecutionRequest> = as(
  zod
    .object({
      action: ExecutionActionSchema,
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

export const ExplainRequestSchema: z.ZodType<types.ExplainRequest> = as(
  zod
    .object({
      expression: TargetExpressionSchema,
      nodes: zod.array(NodeIdSchema).optional(),
    })
    .strict(),
);

export const ExplainSlowRequestSchema: z.ZodType<types.ExplainSlowRequest> = as(
  zod
    .object({
      id: ExecutionIdSchema,
      most: zod.number().int().min(0).max(10000).nullable().optional(),
    })
    .strict(),
);

export const ExportFormatSchema: z.ZodType<types.ExportFormat> = as(
  zod.enum(["json","ndjson","html"]),
);

export const ExportRequestSchema: z.ZodType<types.ExportRequest> = as(
  zod
    .object({
      format: ExportFormatSchema.optional(),
      id: ExecutionIdSchema,
    })
    .strict(),
);

export const ExternalPluginOptionsSchema: z.ZodType<types.ExternalPluginOptions> = as(
  zod
    .object({
      config: zod.record(zod.string(), zod.unknown()).optional(),
      program: zod.string(),
    })
    .strict(),
);

export const FactsMatchingRequestSchema: z.ZodType<types.FactsMatchingRequest> = as(
  zod
    .object({
      condition: zod.string(),
    })
    .strict(),
);

export const FreshnessSchema: z.ZodType<types.Freshness> = as(
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

export const FactsRequestSchema: z.ZodType<types.FactsRequest> = as(
  zod
    .object({
      freshness: FreshnessSchema.optional(),
      targets: TargetExpressionSchema,
    })
    .strict(),
);

export const JournalLevelSchema: z.ZodType<types.JournalLevel> = as(
  zod.enum(["off","failures","changes","all"]),
);

export const PluginJournalSettingsSchema: z.ZodType<types.PluginJournalSettings> = as(
  zod
    .object({
      level: JournalLevelSchema.nullable().optional(),
      levels: zod.record(zod.string(), JournalLevelSchema).optional(),
    })
    .strict(),
);

export const JournalSettingsSchema: z.ZodType<types.JournalSettings> = as(
  zod
    .object({
      level: JournalLevelSchema.nullable().optional(),
      plugins: zod.record(zod.string(), PluginJournalSettingsSchema).optional(),
    })
    .strict(),
);

export const PluginLimitOptionsSchema: z.ZodType<types.PluginLimitOptions> = as(
  zod
    .object({
      actionMs: zod.number().int().min(1).max(86400000).nullable().optional(),
      actionsAtOnce: zod.number().int().min(1).max(10000).nullable().optional(),
      askMs: zod.number().int().min(1).max(600000).nullable().optional(),
      dataMs: zod.number().int().min(1).max(600000).nullable().optional(),
      healthMs: zod.number().int().min(1).max(600000).nullable().optional(),
      initializeMs: zod.number().int().min(1).max(600000).nullable().optional(),
      inventoryMs: zod.number().int().min(1).max(600000).nullable().optional(),
    })
    .strict(),
);

export const LimitOptionsSchema: z.ZodType<types.LimitOptions> = as(
  zod
    .object({
      authorizerTimeoutMs: zod.number().int().min(1).max(600000).nullable().optional(),
      defaultConcurrency: zod.number().int().min(0).max(4294967295).nullable().optional(),
      hostDatabaseTimeoutMs: zod.number().int().min(1).max(600000).nullable().optional(),
      hostJournalTimeoutMs: zod.number().int().min(1).max(600000).nullable().optional(),
      maxNodeRuns: zod.number().int().min(0).nullable().optional(),
      maxQueuedExecutions: zod.number().int().min(0).nullable().optional(),
      maxRunningExecutions: zod.number().int().min(0).nullable().optional(),
      outputHeadBytes: zod.number().int().min(0).nullable().optional(),
      outputMemoryBytes: zod.number().int().min(0).nullable().optional(),
      outputTailBytes: zod.number().int().min(0).nullable().optional(),
      plugins: PluginLimitOptionsSchema.optional(),
    })
    .strict(),
);

export const LogLevelSchema: z.ZodType<types.LogLevel> = as(
  zod.enum(["debug","info","warn","error"]),
);

export const JournalLimitOptionsSchema: z.ZodType<types.JournalLimitOptions> = as(
  zod
    .object({
      eventType: zod.string().nullable().optional(),
      keep: zod.number().int().min(0).nullable().optional(),
      maxAgeMs: zod.number().int().min(0).nullable().optional(),
      source: zod.string().nullable().optional(),
    })
    .strict(),
);

export const RetentionOptionsSchema: z.ZodType<types.RetentionOptions> = as(
  zod
    .object({
      everyMs: zod.number().int().min(60000).max(2592000000).nullable().optional(),
      executions: zod.array(ExecutionLimitOptionsSchema).optional(),
      journal: zod.array(JournalLimitOptionsSchema).optional(),
      outputs: zod.array(ExecutionLimitOptionsSchema).optional(),
    })
    .strict(),
);

export const SshOptionsSchema: z.ZodType<types.SshOptions> = as(
  zod
    .object({
      config: zod.string().nullable().optional(),
      hostKeys: HostKeyPolicySchema.nullable().optional(),
      idleTimeoutMs: zod.number().int().min(1).max(86400000).nullable().optional(),
      knownHosts: zod.array(zod.string()).nullable().optional(),
      maxConnections: zod.number().int().min(1).max(100000).nullable().optional(),
      maxConnectionsPerHost: zod.number().int().min(1).max(100000).nullable().optional(),
      passphrase: SecretSchema.nullable().optional(),
      password: SecretSchema.nullable().optional(),
    })
    .strict(),
);

export const ToolKindSchema: z.ZodType<types.ToolKind> = as(
  zod.enum(["ansible","bolt","puppetdb"]),
);

export const ToolOptionsSchema: z.ZodType<types.ToolOptions> = as(
  zod
    .object({
      config: zod.record(zod.string(), zod.unknown()).optional(),
      kind: ToolKindSchema,
      name: PluginNameSchema.nullable().optional(),
    })
    .strict(),
);

export const FrameworkOptionsSchema: z.ZodType<types.FrameworkOptions> = as(
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
      retention: RetentionOptionsSchema.nullable().optional(),
      ssh: SshOptionsSchema.optional(),
      tools: zod.array(ToolOptionsSchema).optional(),
    })
    .strict(),
);

export const GraphQuerySchema: z.ZodType<types.GraphQuery> = as(
  zod
    .object({
      cursor: zod.string().nullable().optional(),
      limit: zod.number().int().min(0).max(4294967295).nullable().optional(),
      status: zod.array(ExecutionStateSchema).optional(),
    })
    .strict(),
);

export const HealthRequestSchema: z.ZodType<types.HealthRequest> = as(
  zod
    .object({
      plugin: PluginNameSchema.nullable().optional(),
    })
    .strict(),
);

export const InventoryRequestSchema: z.ZodType<types.InventoryRequest> = as(
  zod
    .object({
      freshness: FreshnessSchema.optional(),
    })
    .strict(),
);

export const JournalQuerySchema: z.ZodType<types.JournalQuery> = as(
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

export const ListPlansRequestSchema: z.ZodType<types.ListPlansRequest> = as(
  zod
    .object({
      beginning: zod.string().optional(),
      limit: zod.number().int().min(1).max(10000).nullable().optional(),
    })
    .strict(),
);

export const NoteRequestSchema: z.ZodType<types.NoteRequest> = as(
  zod
    .object({
      node: NodeIdSchema,
      text: zod.string(),
    })
    .strict(),
);

export const NothingSchema: z.ZodType<types.Nothing> = as(
  zod.object({}).strict(),
);

export const OfEntrySchema: z.ZodType<types.OfEntry> = as(
  zod
    .object({
      id: EntryIdSchema,
    })
    .strict(),
);

export const OfExecutionSchema: z.ZodType<types.OfExecution> = as(
  zod
    .object({
      id: ExecutionIdSchema,
    })
    .strict(),
);

export const OfPlanSchema: z.ZodType<types.OfPlan> = as(
  zod
    .object({
      hash: PlanHashSchema,
    })
    .strict(),
);

export const StreamKindSchema: z.ZodType<types.StreamKind> = as(
  zod.enum(["stdout","stderr"]),
);

export const OutputGroupsRequestSchema: z.ZodType<types.OutputGroupsRequest> = as(
  zod
    .object({
      id: ExecutionIdSchema,
      stream: StreamKindSchema,
    })
    .strict(),
);

export const OutputRequestSchema: z.ZodType<types.OutputRequest> = as(
  zod
    .object({
      hash: ContentHashSchema,
      maxBytes: zod.number().int().min(1).max(16777216).nullable().optional(),
      offset: zod.number().int().min(0).optional(),
    })
    .strict(),
);

export const PlanRetentionRequestSchema: z.ZodType<types.PlanRetentionRequest> = as(
  zod
    .object({
      executions: zod.array(ExecutionLimitOptionsSchema).optional(),
      journal: zod.array(JournalLimitOptionsSchema).optional(),
      outputs: zod.array(ExecutionLimitOptionsSchema).optional(),
    })
    .strict(),
);

export const RetentionOfExecutionsSchema: z.ZodType<types.RetentionOfExecutions> = as(
  zod
    .object({
      actionKind: ActionKindSchema.nullable().optional(),
      before: zod.string().nullable().optional(),
      executions: zod.number().int().min(0),
      keep: zod.number().int().min(0).nullable().optional(),
      mark: zod.string().nullable().optional(),
      newest: zod.string().nullable().optional(),
      plugin: PluginNameSchema.nullable().optional(),
      targets: zod.number().int().min(0),
    })
    .strict(),
);

export const RetentionOfJournalSchema: z.ZodType<types.RetentionOfJournal> = as(
  zod
    .object({
      before: zod.string().nullable().optional(),
      entries: zod.number().int().min(0),
      eventType: zod.string().nullable().optional(),
      keep: zod.number().int().min(0).nullable().optional(),
      mark: zod.string().nullable().optional(),
      source: zod.string().nullable().optional(),
    })
    .strict(),
);

export const RetentionOfOutputsSchema: z.ZodType<types.RetentionOfOutputs> = as(
  zod
    .object({
      bytes: zod.number().int().min(0),
      executions: zod.array(RetentionOfExecutionsSchema),
      outputs: zod.number().int().min(0),
    })
    .strict(),
);

export const RetentionPlanSchema: z.ZodType<types.RetentionPlan> = as(
  zod
    .object({
      executions: zod.array(RetentionOfExecutionsSchema).optional(),
      journal: zod.array(RetentionOfJournalSchema),
      outputs: RetentionOfOutputsSchema.nullable().optional(),
    })
    .strict(),
);

export const PruneRequestSchema: z.ZodType<types.PruneRequest> = as(
  zod
    .object({
      plan: RetentionPlanSchema,
    })
    .strict(),
);

export const ReloadExternalRequestSchema: z.ZodType<types.ReloadExternalRequest> = as(
  zod
    .object({
      plugin: ExternalPluginOptionsSchema,
    })
    .strict(),
);

export const ReloadToolRequestSchema: z.ZodType<types.ReloadToolRequest> = as(
  zod
    .object({
      tool: ToolOptionsSchema,
    })
    .strict(),
);

export const RerunSelectionSchema: z.ZodType<types.RerunSelection> = as(
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

export const RerunRequestSchema: z.ZodType<types.RerunRequest> = as(
  zod
    .object({
      id: ExecutionIdSchema,
      secrets: RerunSecretsSchema.optional(),
      selection: RerunSelectionSchema,
    })
    .strict(),
);

export const ResetBreakerRequestSchema: z.ZodType<types.ResetBreakerRequest> = as(
  zod
    .object({
      component: ComponentSchema,
    })
    .strict(),
);

export const ResolveRequestSchema: z.ZodType<types.ResolveRequest> = as(
  zod
    .object({
      expression: TargetExpressionSchema,
    })
    .strict(),
);

export const ResumeRequestSchema: z.ZodType<types.ResumeRequest> = as(
  zod
    .object({
      id: ExecutionIdSchema,
      rerunUnknown: zod.boolean().optional(),
      secrets: RerunSecretsSchema.optional(),
    })
    .strict(),
);

export const ShutdownRequestSchema: z.ZodType<types.ShutdownRequest> = as(
  zod
    .object({
      deadlineMs: zod.number().int().min(0).max(86400000).nullable().optional(),
    })
    .strict(),
);

export const TargetStateSchema: z.ZodType<types.TargetState> = as(
  zod.enum(["queued","running","finished","interrupted"]),
);

export const TargetsRequestSchema: z.ZodType<types.TargetsRequest> = as(
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

export const WhenSchema: z.ZodType<types.When> = as(
  zod.enum(["succeeded","failed","always"]),
);

export const TaskDefSchema: z.ZodType<types.TaskDef> = as(
  zod
    .object({
      action: ExecutionActionSchema,
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

export const TaskGraphSchema: z.ZodType<types.TaskGraph> = as(
  zod
    .object({
      name: zod.string(),
      tasks: zod.array(TaskDefSchema),
    })
    .strict(),
);

export const TimelineQuerySchema: z.ZodType<types.TimelineQuery> = as(
  zod
    .object({
      live: zod.boolean().optional(),
      query: JournalQuerySchema.optional(),
    })
    .strict(),
);

export const UseSshConfigRequestSchema: z.ZodType<types.UseSshConfigRequest> = as(
  zod
    .object({
      path: zod.string(),
    })
    .strict(),
);

export const VerifyRequestSchema: z.ZodType<types.VerifyRequest> = as(
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
  "facts.matching": FactsMatchingRequestSchema,
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
  "journal.planRetention": PlanRetentionRequestSchema,
  "journal.prune": PruneRequestSchema,
  "journal.query": JournalQuerySchema,
  "journal.timeline": TimelineQuerySchema,
  "journal.verify": VerifyRequestSchema,
  "journal.versions": OfEntrySchema,
  metrics: NothingSchema,
  output: OutputRequestSchema,
  outputGroups: OutputGroupsRequestSchema,
  "plans.apply": ApplyPlanRequestSchema,
  "plans.get": OfPlanSchema,
  "plans.list": ListPlansRequestSchema,
  "plans.make": ExecutionRequestSchema,
  "plugins.call": CallCapabilityRequestSchema,
  "plugins.health": HealthRequestSchema,
  "plugins.list": NothingSchema,
  "plugins.reloadExternal": ReloadExternalRequestSchema,
  "plugins.reloadTool": ReloadToolRequestSchema,
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
  totals: ExecutionQuerySchema,
  useSshConfig: UseSshConfigRequestSchema,
  wait: OfExecutionSchema,
};
