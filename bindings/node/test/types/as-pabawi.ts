/** Uses each module as Pabawi's own code does; it is compiled and never run. */
import { z } from "zod";

import type { Action, Capability, ExecutionResult, Facts, HealthStatus, IntegrationConfig, Node } from "../../index";
import { BasePlugin } from "../../pabawi/BasePlugin";
import { BatchExecutionService, type BatchStatusResponse } from "../../pabawi/BatchExecutionService";
import { BoltPlugin } from "../../pabawi/BoltPlugin";
import { BoltService } from "../../pabawi/BoltService";
import { BoltNodeUnreachableError, BoltTaskParameterError, type Task } from "../../pabawi/boltTypes";
import { CircuitBreaker, type CircuitBreakerState, createPuppetDBCircuitBreaker } from "../../pabawi/CircuitBreaker";
import {
  BoltCommandNotAllowedError,
  BoltCommandWhitelistService,
  CommandWhitelistService,
} from "../../pabawi/CommandWhitelistService";
import { NodeIdSchema, sanitizePackageName } from "../../pabawi/commonSchemas";
import { ExecutionQueue, ExecutionQueueFullError, type QueuedExecution } from "../../pabawi/ExecutionQueue";
import { type ExecutionRecord, ExecutionRepository } from "../../pabawi/ExecutionRepository";
import { type AggregatedInventory, IntegrationManager } from "../../pabawi/IntegrationManager";
import { JournalService, type LiveSource } from "../../pabawi/JournalService";
import {
  CreateJournalEntrySchema,
  JournalEventTypeSchema,
  type JournalEntry,
  type JournalEventType,
  JournalSourceSchema,
  SearchOptionsSchema,
  TimelineOptionsSchema,
} from "../../pabawi/journalTypes";
import { type LinkedNode, NodeLinkingService } from "../../pabawi/NodeLinkingService";
import { PackageManagerDetector } from "../../pabawi/PackageManagerDetector";
import { PerformanceMonitorService } from "../../pabawi/PerformanceMonitorService";
import { type Permission, PermissionService } from "../../pabawi/PermissionService";
import { DEFAULT_RETRY_CONFIG, type RetryConfig, withRetry } from "../../pabawi/RetryLogic";
import { loadSSHConfig, type SSHConfig } from "../../pabawi/sshConfig";
import { parseSSHConfig, type SSHHost } from "../../pabawi/sshConfigParser";
import { StreamingExecutionManager } from "../../pabawi/StreamingExecutionManager";
import {
  type DatabaseAdapter,
  type ExpressResponse,
  LoggerService,
  SSHService,
  type Ssh2Client,
} from "./pabawi-classes";

/** A type is exactly another. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(): T | undefined => undefined;

isTrue<Same<z.infer<typeof JournalEventTypeSchema>, JournalEventType>>();
isTrue<Same<z.infer<typeof TimelineOptionsSchema>["limit"], number>>();
isTrue<Same<z.infer<typeof CreateJournalEntrySchema>["userId"], string | null | undefined>>();

/** A plugin of Pabawi: extends the base class, and hands its logger to a class that takes Pabawi's own. */
class SSHPlugin extends BasePlugin {
  private service?: SSHService;

  constructor(logger?: LoggerService, performanceMonitor?: PerformanceMonitorService) {
    super("ssh", "both", logger, performanceMonitor);
  }

  protected async performInitialization(): Promise<void> {
    this.service = new SSHService({ enabled: this.config.enabled }, this.logger);
    this.log("ready", "info", "performInitialization");
    await Promise.resolve();
  }

  protected async performHealthCheck(): Promise<Omit<HealthStatus, "lastCheck">> {
    const complete = this.performanceMonitor.startTimer("ssh:healthCheck");
    complete({ service: this.service !== undefined });
    return Promise.resolve({ healthy: this.initialized, message: this.lastHealthCheck?.message });
  }

  async executeAction(action: Action): Promise<ExecutionResult> {
    return Promise.reject(new Error(action.action));
  }

  listCapabilities(): Capability[] {
    return [{ name: "command", description: "d", parameters: [] }];
  }
}

/** As `server.ts` puts the parts together. */
export async function wiring(adapter: DatabaseAdapter): Promise<AggregatedInventory> {
  const logger = new LoggerService("info");
  const bolt = new BoltService("/project", 300000, { inventoryTtl: 1, factsTtl: 1 });
  const repository = new ExecutionRepository(adapter);
  const queue = new ExecutionQueue(5, 50);
  const monitor = new PerformanceMonitorService();
  const manager = new IntegrationManager({ logger });
  const batches: BatchExecutionService = new BatchExecutionService(adapter, queue, repository, manager);
  const config: IntegrationConfig = { enabled: true, name: "ssh", type: "both", config: {}, priority: 50 };
  manager.registerPlugin(new SSHPlugin(logger, monitor), config);
  manager.registerPlugin(new BoltPlugin(bolt, logger, monitor), { ...config, name: "bolt" });
  const failures: { plugin: string; error: Error }[] = await manager.initializePlugins();
  const live = new Map<string, LiveSource>();
  const source = manager.getInformationSource("checkmk");
  if (source) {
    live.set("checkmk", source);
  }
  const journal = new JournalService(adapter, live);
  await journal.recordEvent({
    nodeId: "n",
    nodeUri: "u",
    eventType: "note",
    source: JournalSourceSchema.parse("user"),
    action: "a",
    summary: String(failures.length),
    details: {},
  });
  await batches.createBatch({ type: "command", action: "ls", targetNodeIds: ["n"] }, "user");
  (await manager.healthCheckAll(false)).forEach((status: HealthStatus, name: string) => {
    logger.info(name, { component: "Server", metadata: { healthy: status.healthy } });
  });
  return manager.getAggregatedInventory();
}

export async function records(repository: ExecutionRepository): Promise<string> {
  const record: Omit<ExecutionRecord, "id"> = {
    type: "command",
    targetNodes: ["n"],
    action: "ls",
    status: "running",
    startedAt: new Date().toISOString(),
    results: [],
  };
  const id = await repository.create(record);
  await repository.update(id, { status: "success", results: [], stdout: "" });
  const found: ExecutionRecord | null = await repository.findById(id);
  return found?.error ?? String((await repository.countByStatus()).total);
}

export function routes(query: unknown): string {
  try {
    const { q, limit } = SearchOptionsSchema.extend({ q: z.string() }).parse(query);
    const { eventType } = TimelineOptionsSchema.partial().parse(query);
    const types: string[] = [...JournalEventTypeSchema.options];
    return `${q}${String(limit)}${String(eventType)}${types.join()}${NodeIdSchema.parse(q)}`;
  } catch (error) {
    return error instanceof z.ZodError ? error.message : sanitizePackageName("x");
  }
}

export async function linking(manager: IntegrationManager): Promise<Node[]> {
  const service = new NodeLinkingService(manager);
  const linked: LinkedNode[] = service.linkNodes([]);
  const { node } = await service.getLinkedNodeData("n");
  return [...linked, node, ...(await service.findMatchingNodes("n"))];
}

export async function streams(response: ExpressResponse, bolt: BoltService): Promise<boolean> {
  const manager = new StreamingExecutionManager({ bufferMs: 100, maxOutputSize: 1, maxLineLength: 1 });
  await bolt.runCommand("n", "ls", manager.createStreamingCallback("e", true));
  return manager.subscribe("e", response);
}

export async function bolts(bolt: BoltService): Promise<string[]> {
  try {
    const tasks: Record<string, Task[]> = await bolt.listTasksByModule();
    const facts: Facts = await bolt.gatherFacts("n");
    return [...Object.keys(tasks), facts.nodeId, bolt.categoriseError("x").category];
  } catch (error) {
    if (error instanceof BoltTaskParameterError) {
      return error.parameterErrors;
    }
    return error instanceof BoltNodeUnreachableError ? [error.nodeId] : [];
  }
}

export async function permissions(adapter: DatabaseAdapter): Promise<Permission[]> {
  const service = new PermissionService(adapter);
  const allowed: boolean = await service.hasPermission("u", "bolt", "read");
  return allowed ? service.getUserPermissions("u") : (await service.listPermissions({ search: "x" })).items;
}

export async function ssh(client: Ssh2Client): Promise<(string | SSHHost)[]> {
  const config: SSHConfig = loadSSHConfig({ SSH_ENABLED: "true" });
  const detector = new PackageManagerDetector(new LoggerService());
  const { hosts } = parseSSHConfig("");
  return [config.defaultUser, detector.getInstallCommand(await detector.detect(client, "h"), "nginx"), ...hosts];
}

export function status(response: BatchStatusResponse, entry: JournalEntry): string {
  const [execution] = response.executions;
  return `${response.batch.status}${String(execution?.duration)}${entry.timestamp}`;
}

export async function queue(): Promise<number> {
  const executions = new ExecutionQueue(5, 50);
  const execution: QueuedExecution = {
    id: "1",
    type: "command",
    nodeId: "web1",
    action: "uptime",
    enqueuedAt: new Date(),
  };
  try {
    await executions.acquire(execution);
  } catch (error) {
    if (error instanceof ExecutionQueueFullError) {
      return error.queueSize + error.limit;
    }
  }
  executions.release("1");
  // No class is nominal: something of the same shape is one.
  const alike: Pick<ExecutionQueue, keyof ExecutionQueue> = executions;
  const again: ExecutionQueue = alike;
  return again.getStatus().queue.length;
}

export async function resilience(): Promise<string> {
  const breaker: CircuitBreaker = createPuppetDBCircuitBreaker(5, 60000);
  const other = new CircuitBreaker({
    failureThreshold: 1,
    resetTimeout: 1,
    onStateChange: (from: CircuitBreakerState, to) => `${from}${to}`,
  });
  const config: RetryConfig = { ...DEFAULT_RETRY_CONFIG, onRetry: (attempt, delay) => attempt + delay };
  return withRetry(() => breaker.execute(() => other.execute(() => Promise.resolve("ok"))), config);
}

export function whitelist(service: CommandWhitelistService): string {
  try {
    new BoltCommandWhitelistService({ allowAll: false, whitelist: [], matchMode: "exact" }).validateCommand("ls");
  } catch (error) {
    return error instanceof BoltCommandNotAllowedError ? error.reason : String(service.getWhitelist());
  }
  return service.getMatchMode();
}

export function metrics(): number {
  const monitor = new PerformanceMonitorService();
  return monitor.startTimer("a")({ nodes: 1 }).duration + (monitor.getStatistics("a")?.count ?? 0);
}
