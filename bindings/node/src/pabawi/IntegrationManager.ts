/**
 * Replaces Pabawi's `integrations/IntegrationManager`: the plugins, their nodes and groups together, and their health.
 *
 * Where it differs: callers who find what is remembered out of date at the same time share one round of questions (where nothing
 * is remembered, each asks); a health check that does not answer is reported; stopping the scheduler also stops a round that is under way from arming it again.
 */
import { DeadlineError, within } from "../internal/deadline";
import { errorOf, messageOf } from "../internal/faults";
import { linkGroups, remapMembers, validGroups } from "../internal/groups";
import { ConsoleLogger } from "../internal/logger";
import type {
  Action,
  ExecutionResult,
  ExecutionToolPlugin,
  Facts,
  HealthStatus,
  InformationSourcePlugin,
  IntegrationConfig,
  IntegrationPlugin,
  LinkedNode,
  LoggerLike,
  Node,
  NodeGroup,
  PluginRegistration,
  ProvisioningCapability,
} from "../internal/types";
import { NodeLinkingService } from "./NodeLinkingService";

export type { LinkedNode };

export interface AggregatedInventory {
  nodes: LinkedNode[];
  groups: NodeGroup[];
  sources: Record<
    string,
    { nodeCount: number; groupCount: number; lastSync: string; status: "healthy" | "degraded" | "unavailable" }
  >;
  fetchDiagnostics?: Record<string, SourceDiagnostics>;
}

export interface SourceDiagnostics {
  durationMs: number;
  timedOut: boolean;
  status: "healthy" | "unavailable";
  nodeCount: number;
  groupCount: number;
  error?: string;
}

export interface AggregatedNodeData {
  node: Node;
  facts: Record<string, Facts>;
  executionHistory: ExecutionResult[];
  additionalData?: Record<string, Record<string, unknown>>;
}

export interface HealthCheckCacheEntry {
  status: HealthStatus;
  cachedAt: string;
}

/** Times in milliseconds. */
export interface IntegrationManagerOptions {
  healthCheckIntervalMs?: number | undefined;
  healthCheckRetryMs?: number | undefined;
  healthCheckCacheTTL?: number | undefined;
  inventoryCacheTTL?: number | undefined;
  logger?: LoggerLike | undefined;
}

const SOURCE_TIMEOUT_MS = 15_000;
/** Sources that need longer. */
const SLOW_SOURCES: Record<string, number> = { checkmk: 60_000 };
const HEALTH_TIMEOUT_MS = 60_000;

/** What one source answered. */
interface Fetched {
  name: string;
  nodes: Node[];
  groups: NodeGroup[];
  diagnostics: SourceDiagnostics;
}

/** Keeps the plugins and asks them. */
export class IntegrationManager {
  /** @internal */
  private readonly options: { interval: number; retry: number; healthTtl: number; inventoryTtl: number };
  /** @internal */
  private readonly logger: LoggerLike;
  /** @internal */
  private readonly plugins = new Map<string, PluginRegistration>();
  /** @internal */
  private readonly tools = new Map<string, ExecutionToolPlugin>();
  /** @internal */
  private readonly sources = new Map<string, InformationSourcePlugin>();
  /** @internal */
  private readonly linking: NodeLinkingService;
  /** @internal */
  private readonly health = new Map<string, HealthCheckCacheEntry>();
  /** @internal */
  private inventory: { data: AggregatedInventory; at: number } | undefined;
  /** @internal */
  private fetching: Promise<AggregatedInventory> | undefined;
  /**
   * Counts how often the inventory was forgotten: answers to questions from before are not remembered.
   * @internal
   */
  private forgotten = 0;
  /** @internal */
  private initialized = false;
  /** @internal */
  private scheduler: { timer?: NodeJS.Timeout | undefined } | undefined;

  constructor(options: IntegrationManagerOptions = {}) {
    this.options = {
      interval: options.healthCheckIntervalMs ?? 300_000,
      retry: options.healthCheckRetryMs ?? 60_000,
      healthTtl: options.healthCheckCacheTTL ?? 600_000,
      inventoryTtl: options.inventoryCacheTTL ?? 300_000,
    };
    this.logger = options.logger ?? new ConsoleLogger();
    this.linking = new NodeLinkingService(this, this.logger);
  }

  registerPlugin(plugin: IntegrationPlugin, config: IntegrationConfig): void {
    const { name, type } = plugin;
    if (this.plugins.has(name)) {
      throw new Error(`Plugin '${name}' is already registered`);
    }
    this.plugins.set(name, { plugin, config, registeredAt: new Date().toISOString() });
    if (type === "execution" || type === "both") {
      this.tools.set(name, plugin as ExecutionToolPlugin);
    }
    if (type === "information" || type === "both") {
      this.sources.set(name, plugin as InformationSourcePlugin);
    }
    this.log("info", `Registered plugin: ${name} (${type})`, "registerPlugin", { type });
  }

  /** `false` when there is no such plugin. */
  unregisterPlugin(name: string): boolean {
    if (!this.plugins.delete(name)) {
      return false;
    }
    this.tools.delete(name);
    this.sources.delete(name);
    this.health.delete(name);
    this.clearInventoryCache();
    this.log("info", `Unregistered plugin: ${name}`, "unregisterPlugin");
    return true;
  }

  /** Initialises one after the other, in the order of registration, and returns the failures. Never rejects. */
  async initializePlugins(): Promise<{ plugin: string; error: Error }[]> {
    const errors: { plugin: string; error: Error }[] = [];
    for (const [name, { plugin, config }] of [...this.plugins]) {
      try {
        await plugin.initialize(config);
      } catch (thrown) {
        const error = errorOf(thrown);
        errors.push({ plugin: name, error });
        this.fault(`Failed to initialize plugin '${name}'`, error, "initializePlugins", name);
      }
    }
    this.initialized = true;
    return errors;
  }

  isInitialized(): boolean {
    return this.initialized;
  }

  getPluginCount(): number {
    return this.plugins.size;
  }

  getExecutionTool(name: string): ExecutionToolPlugin | null {
    return this.tools.get(name) ?? null;
  }

  getInformationSource(name: string): InformationSourcePlugin | null {
    return this.sources.get(name) ?? null;
  }

  getAllExecutionTools(): ExecutionToolPlugin[] {
    return [...this.tools.values()];
  }

  getAllInformationSources(): InformationSourcePlugin[] {
    return [...this.sources.values()];
  }

  getAllPlugins(): PluginRegistration[] {
    return [...this.plugins.values()];
  }

  /** What tools can create and destroy; a tool that fails to say is left out. */
  getAllProvisioningCapabilities(): { source: string; capabilities: ProvisioningCapability[] }[] {
    const found: { source: string; capabilities: ProvisioningCapability[] }[] = [];
    for (const [source, tool] of this.tools) {
      const { listProvisioningCapabilities } = tool as { listProvisioningCapabilities?: () => ProvisioningCapability[] };
      if (typeof listProvisioningCapabilities !== "function") {
        continue;
      }
      try {
        const capabilities = listProvisioningCapabilities.call(tool);
        if (capabilities.length > 0) {
          found.push({ source, capabilities });
        }
      } catch (error) {
        this.fault(`Failed to list provisioning capabilities of '${source}'`, error, "getAllProvisioningCapabilities", source);
      }
    }
    return found;
  }

  async executeAction(toolName: string, action: Action): Promise<ExecutionResult> {
    const tool = this.tools.get(toolName);
    if (tool === undefined) {
      throw new Error(`Execution tool '${toolName}' not found`);
    }
    if (!tool.isInitialized()) {
      throw new Error(`Execution tool '${toolName}' is not initialized`);
    }
    return tool.executeAction(action);
  }

  /** Nodes and groups of all sources, linked; sources that fail are told in `sources` and `fetchDiagnostics`. */
  async getAggregatedInventory(useCache = true): Promise<AggregatedInventory> {
    if (!useCache) {
      return this.fetchInventory();
    }
    const cached = this.inventory;
    if (cached !== undefined && Date.now() - cached.at < this.options.inventoryTtl) {
      return cached.data;
    }
    if (cached === undefined) {
      return this.fetchInventory();
    }
    if (this.fetching === undefined) {
      const fetching = this.fetchInventory().finally(() => {
        if (this.fetching === fetching) {
          this.fetching = undefined;
        }
      });
      this.fetching = fetching;
    }
    return this.fetching;
  }

  async getLinkedInventory(
    useCache = true,
  ): Promise<{ nodes: LinkedNode[]; sources: AggregatedInventory["sources"] }> {
    const { nodes, sources } = await this.getAggregatedInventory(useCache);
    return { nodes, sources };
  }

  async getLinkedNodeData(nodeId: string): Promise<{ node: LinkedNode; dataBySource: Record<string, unknown> }> {
    return this.linking.getLinkedNodeData(nodeId);
  }

  /** A node as its first source has it, and the facts of all sources that have some. */
  async getNodeData(nodeId: string): Promise<AggregatedNodeData> {
    const sources = [...this.sources].filter(([, source]) => source.isInitialized());
    let node: Node | undefined;
    for (const [name, source] of sources) {
      try {
        node = (await source.getInventory()).find(({ id }) => id === nodeId);
      } catch (error) {
        this.fault(`Failed to get the inventory of '${name}'`, error, "getNodeData", name);
      }
      if (node !== undefined) {
        break;
      }
    }
    if (node === undefined) {
      throw new Error(`Node '${nodeId}' not found in any source`);
    }
    const facts: Record<string, Facts> = {};
    const gathered = sources.map(async ([name, source]) => {
      try {
        return [name, await source.getNodeFacts(nodeId)] as const;
      } catch (error) {
        this.fault(`Failed to get facts of '${nodeId}' from '${name}'`, error, "getNodeData", name);
        return undefined;
      }
    });
    for (const one of await Promise.all(gathered)) {
      if (one !== undefined) {
        facts[one[0]] = one[1];
      }
    }
    return { node, facts, executionHistory: [], additionalData: {} };
  }

  /** The health of every plugin. With `useCache`, what is remembered, where it is of every plugin and fresh. */
  async healthCheckAll(useCache = false): Promise<Map<string, HealthStatus>> {
    if (useCache) {
      const cached = this.rememberedHealth();
      if (cached !== undefined) {
        return cached;
      }
    }
    const checked = [...this.plugins].map(async ([name, { plugin }]): Promise<[string, HealthStatus]> => {
      try {
        const late = `no answer within ${String(HEALTH_TIMEOUT_MS)}ms`;
        return [name, await within(plugin.healthCheck(), HEALTH_TIMEOUT_MS, late)];
      } catch (error) {
        this.fault(`Health check of '${name}' failed`, error, "healthCheckAll", name);
        const message = `Health check failed: ${messageOf(error)}`;
        return [name, { healthy: false, message, lastCheck: new Date().toISOString() }];
      }
    });
    const results = new Map(await Promise.all(checked));
    const cachedAt = new Date().toISOString();
    for (const [name, status] of results) {
      if (this.plugins.has(name)) {
        this.health.set(name, { status, cachedAt });
      }
    }
    return results;
  }

  /** Checks now, and again and again; sooner while a plugin is unhealthy. Does nothing when it is started already. */
  startHealthCheckScheduler(): void {
    if (this.scheduler !== undefined) {
      return;
    }
    const scheduler: { timer?: NodeJS.Timeout | undefined } = {};
    this.scheduler = scheduler;
    const round = async (useCache: boolean): Promise<void> => {
      let healthy = false;
      try {
        const all = await this.healthCheckAll(useCache);
        healthy = [...all.values()].every((status) => status.healthy);
      } catch (error) {
        this.fault("Health checks failed", error, "healthCheckScheduler");
      }
      if (this.scheduler === scheduler) {
        scheduler.timer = setTimeout(
          () => {
            void round(false);
          },
          healthy ? this.options.interval : this.options.retry,
        );
      }
    };
    void round(this.health.size > 0);
  }

  stopHealthCheckScheduler(): void {
    clearTimeout(this.scheduler?.timer);
    this.scheduler = undefined;
  }

  /** A copy. */
  getHealthCheckCache(): Map<string, HealthCheckCacheEntry> {
    return new Map(this.health);
  }

  clearHealthCheckCache(): void {
    this.health.clear();
  }

  clearInventoryCache(): void {
    this.forgotten += 1;
    this.inventory = undefined;
    // What is under way was asked before, so nobody who comes now may get it.
    this.fetching = undefined;
  }

  clearAllCaches(): void {
    this.clearHealthCheckCache();
    this.clearInventoryCache();
  }

  /** @internal */
  private async fetchInventory(): Promise<AggregatedInventory> {
    const { forgotten } = this;
    const fetched = await Promise.all([...this.sources].map(([name, source]) => this.fetchSource(name, source)));
    const nodes: Node[] = [];
    const groups: NodeGroup[] = [];
    const data: AggregatedInventory = { nodes: [], groups: [], sources: {}, fetchDiagnostics: {} };
    const lastSync = new Date().toISOString();
    for (const { name, diagnostics, ...found } of fetched) {
      for (const node of found.nodes) {
        nodes.push(node);
      }
      for (const group of found.groups) {
        groups.push(group);
      }
      const { nodeCount, groupCount, status } = diagnostics;
      data.sources[name] = { nodeCount, groupCount, lastSync, status };
      (data.fetchDiagnostics ??= {})[name] = diagnostics;
    }
    data.nodes = this.linking.linkNodes(nodes);
    remapMembers(groups, data.nodes);
    data.groups = linkGroups(groups);
    if (this.forgotten === forgotten) {
      this.inventory = { data, at: Date.now() };
    }
    return data;
  }

  /** @internal */
  private async fetchSource(name: string, source: InformationSourcePlugin): Promise<Fetched> {
    const begin = Date.now();
    const unavailable = (error: string, timedOut: boolean): Fetched => ({
      name,
      nodes: [],
      groups: [],
      diagnostics: {
        durationMs: Date.now() - begin,
        timedOut,
        status: "unavailable",
        nodeCount: 0,
        groupCount: 0,
        error,
      },
    });
    try {
      if (!source.isInitialized()) {
        this.log("warn", `Source '${name}' is not initialized`, "getAggregatedInventory", {}, name);
        return unavailable("Source is not initialized", false);
      }
      const ms = SLOW_SOURCES[name] ?? SOURCE_TIMEOUT_MS;
      const asked = Promise.all([source.getInventory(), this.groupsOf(name, source)]);
      const [found, foundGroups] = await within(asked, ms, `Source '${name}' timed out after ${String(ms)}ms`);
      const nodes = found.map((node) => ({ ...node, source: name }));
      const stamped = foundGroups.map((group) => ({ ...group, source: name }));
      const groups = validGroups(stamped, name, new Set(nodes.map(({ id }) => id)), this.logger);
      const counts = { nodeCount: nodes.length, groupCount: groups.length };
      const durationMs = Date.now() - begin;
      return { name, nodes, groups, diagnostics: { durationMs, timedOut: false, status: "healthy", ...counts } };
    } catch (error) {
      this.fault(`Failed to get inventory from '${name}'`, error, "getAggregatedInventory", name);
      return unavailable(messageOf(error), error instanceof DeadlineError);
    }
  }

  /** @internal */
  private async groupsOf(name: string, source: InformationSourcePlugin): Promise<NodeGroup[]> {
    try {
      return await source.getGroups();
    } catch (error) {
      this.fault(`Failed to get groups from '${name}'`, error, "getAggregatedInventory", name);
      return [];
    }
  }

  /** @internal */
  private rememberedHealth(): Map<string, HealthStatus> | undefined {
    const remembered = new Map<string, HealthStatus>();
    for (const name of this.plugins.keys()) {
      const entry = this.health.get(name);
      if (entry === undefined || Date.now() - Date.parse(entry.cachedAt) >= this.options.healthTtl) {
        return undefined;
      }
      remembered.set(name, entry.status);
    }
    return remembered;
  }

  /** @internal */
  private log(
    level: "info" | "warn",
    message: string,
    operation: string,
    metadata: Record<string, unknown> = {},
    integration?: string,
  ): void {
    const place = integration === undefined ? {} : { integration };
    this.logger[level](message, { component: "IntegrationManager", ...place, operation, metadata });
  }

  /** @internal */
  private fault(message: string, error: unknown, operation: string, integration?: string): void {
    const place = integration === undefined ? {} : { integration };
    this.logger.error(
      `${message}: ${messageOf(error)}`,
      { component: "IntegrationManager", ...place, operation },
      error instanceof Error ? error : undefined,
    );
  }
}
