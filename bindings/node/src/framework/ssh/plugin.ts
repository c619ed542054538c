/** Pabawi's SSH plugin over the native transport: {@link createSshPlugin}. */
import { existsSync } from "node:fs";

import type { ZodError } from "zod";

import { messageOf, safely, told } from "../../internal/faults";
import type {
  Action,
  Capability,
  ExecutionResult,
  ExecutionToolPlugin,
  Facts,
  HealthStatus,
  InformationSourcePlugin,
  IntegrationConfig,
  LoggerLike,
  Node,
  NodeGroup,
  NodeResult,
  PerformanceMonitorLike,
} from "../../internal/types";
import { timed } from "../../internal/timed";
import { BasePlugin } from "../../pabawi/BasePlugin";
import type { SSHConfig } from "../../pabawi/sshConfig";
import { parseSSHConfig } from "../../pabawi/sshConfigParser";
import { at, callSite, invalid, objectOf, valid } from "../errors";
import { ACTION, argumentsOf, type CheckedAction, CONFIG, NODE, NODE_DATA } from "./arguments";
import { FACTS_COMMAND, factsOf } from "./facts";
import { groupsOf } from "./groups";
import { idOf, isName, noName, shown } from "./names";
import { failed, nodeResult, statusOf } from "./results";
import { readConfig, SshRunner } from "./runner";
import { checkedOptions, settingsOf, type SshPluginOptions } from "./settings";

const FACTS_TIMEOUT_SECONDS = 30;
/** What runs when the plugin is initialised anew may go on for as long as a command may take. */
const REPLACED_DEADLINE_MS = 3_600_000;
const NOT_READY = "SSH service not initialized";

/** Pabawi's SSH plugin, which can be ended. */
export interface SshPlugin extends ExecutionToolPlugin, InformationSourcePlugin {
  type: "both";
  listCapabilities(): Capability[];
  getPriority(): number;
  isEnabled(): boolean;
  getLastHealthCheck(): HealthStatus | undefined;
  /** Ends every command that runs, closes the connections, and takes nothing more. */
  shutdown(): Promise<void>;
  /** The same, as Pabawi calls it. */
  cleanup(): Promise<void>;
}

/**
 * Makes a plugin that Pabawi's IntegrationManager takes in the place of its own SSH plugin. Settings are read when it is
 * initialised: those that are given, and the environment for all others.
 *
 * `action.metadata` may have `streamingCallback`, which is told the output while it comes, and `signal`, which ends the command.
 *
 * @throws ZodError that names each key that cannot be
 */
export function createSshPlugin(options: SshPluginOptions = {}): SshPlugin {
  const site = callSite(createSshPlugin);
  return new Plugin(valid(site, () => checkedOptions(objectOf(options, "the options"))));
}

class Plugin extends BasePlugin implements SshPlugin {
  declare readonly type: "both";
  private readonly options: SshPluginOptions;
  private settings: SSHConfig | undefined;
  private runner: SshRunner | undefined;
  private nodes: Node[] = [];
  /** Reloads, one after the other. */
  private reloading: Promise<unknown> = Promise.resolve();
  /** What ends in the background. */
  private readonly ending = new Set<Promise<void>>();
  /** A text that could not be used, which is told once. */
  private refused: string | undefined;

  constructor(options: SshPluginOptions) {
    super("ssh", "both", options.logger === undefined ? undefined : guarded(options.logger), options.performanceMonitor);
    this.options = options;
  }

  override async initialize(config: IntegrationConfig): Promise<void> {
    const given = argumentsOf(callSite(this.initialize), CONFIG, { config });
    await super.initialize(given.config as unknown as IntegrationConfig);
  }

  async executeAction(action: Action): Promise<ExecutionResult> {
    const given = argumentsOf(callSite(this.executeAction), ACTION, { action });
    return this.measured("executeAction", () => this.execute(given.action));
  }

  listCapabilities(): Capability[] {
    return [
      {
        name: "command",
        description: "Execute a command on target nodes over SSH",
        parameters: [
          { name: "command", type: "string", required: true, description: "Command to execute" },
          { name: "sudo", type: "boolean", required: false, description: "Run the command with sudo", default: false },
          { name: "timeout", type: "number", required: false, description: "Timeout in seconds" },
        ],
      },
      {
        name: "package",
        description: "Manage packages on target nodes over SSH",
        parameters: [
          {
            name: "operation",
            type: "string",
            required: true,
            description: "Package operation",
            validation: { enum: ["install", "remove", "update"] },
          },
          { name: "package", type: "string", required: true, description: "Name of the package" },
        ],
      },
    ];
  }

  async getInventory(): Promise<Node[]> {
    return this.measured("getInventory", async () => {
      await this.current();
      return this.nodes.map((node) => ({ ...node, config: { ...node.config } }));
    });
  }

  async getGroups(): Promise<NodeGroup[]> {
    if (!this.initialized) {
      throw new Error("SSH plugin not initialized");
    }
    return this.measured("getGroups", async () => {
      const { configText } = await this.current();
      return groupsOf(configText, this.nodes.map(({ name }) => name));
    });
  }

  async getNodeFacts(nodeId: string): Promise<Facts> {
    const site = callSite(this.getNodeFacts);
    argumentsOf(site, NODE, { nodeId });
    return this.measured("getNodeFacts", async () => {
      const how = { timeoutSeconds: FACTS_TIMEOUT_SECONDS, sudo: false };
      const runner = await this.current();
      const place = this.found(nodeId);
      if (!isName(place)) {
        throw at(site, invalid([{ path: "nodeId", message: noName(nodeId) }]));
      }
      const ran = (await runner.run([place], FACTS_COMMAND, how)).get(idOf(place));
      const result = nodeResult(nodeId, ran, this.limits(FACTS_TIMEOUT_SECONDS));
      if (result.status === "failed") {
        throw new Error(`Failed to gather facts from ${nodeId}: ${result.error ?? "unknown"}`);
      }
      return { ...factsOf(nodeId, result.output?.stdout ?? ""), command: FACTS_COMMAND };
    });
  }

  /** Nothing but facts is known of a node, and these have a method of their own. */
  async getNodeData(nodeId: string, dataType: string): Promise<unknown> {
    argumentsOf(callSite(this.getNodeData), NODE_DATA, { nodeId, dataType });
    return null;
  }

  async shutdown(): Promise<void> {
    this.initialized = false;
    await this.reloading.catch(() => undefined);
    const { runner } = this;
    this.runner = undefined;
    if (runner !== undefined) {
      this.end(runner, 0);
    }
    for (const old of this.replaced) {
      this.end(old, 0);
    }
    await Promise.all(this.ending);
  }

  cleanup(): Promise<void> {
    return this.shutdown();
  }

  protected async performInitialization(): Promise<void> {
    await this.measured("initialization", async () => {
      const settings = settingsOf(this.options);
      const text = (await this.readConfig(settings)) ?? "";
      const runner = await SshRunner.open(settings, text, this.options, this.options.logger ?? QUIET);
      const before = this.runner;
      this.settings = settings;
      this.runner = runner;
      this.nodes = this.nodesOf(text, settings);
      if (before !== undefined) {
        this.end(before, REPLACED_DEADLINE_MS);
      }
    });
  }

  protected async performHealthCheck(): Promise<Omit<HealthStatus, "lastCheck">> {
    return this.measured("healthCheck", async () => {
      const { settings } = this;
      if (settings === undefined || this.runner === undefined) {
        return { healthy: false, message: NOT_READY };
      }
      const { configPath } = settings;
      const details = { configPath, nodeCount: this.nodes.length, hasConfig: configPath !== undefined };
      if (configPath !== undefined && !existsSync(configPath)) {
        return { healthy: false, message: `SSH config file not found: ${configPath}`, details };
      }
      await this.current();
      const nodeCount = this.nodes.length;
      const message =
        nodeCount === 0
          ? "SSH plugin is healthy but inventory is empty"
          : `SSH plugin is healthy with ${String(nodeCount)} configured host(s)`;
      return { healthy: true, message, details: { ...details, nodeCount } };
    });
  }

  private async execute(action: CheckedAction): Promise<ExecutionResult> {
    const runner = await this.current();
    const startedAt = new Date();
    const targets = [...new Set([action.target].flat())];
    const finished = (results: NodeResult[], error: string | undefined): ExecutionResult => ({
      id: `ssh-${String(startedAt.getTime())}-${Math.random().toString(36).slice(2, 11).padEnd(9, "0")}`,
      type: "command",
      targetNodes: targets,
      action: action.action,
      ...(action.parameters === undefined ? {} : { parameters: action.parameters }),
      status: statusOf(results),
      startedAt: startedAt.toISOString(),
      completedAt: new Date().toISOString(),
      results,
      command: action.action,
      ...(error === undefined ? {} : { error }),
    });
    if (action.type !== "command") {
      return finished([], `Unsupported action type: ${shown(action.type)}`);
    }
    const seconds = action.timeout ?? this.settings?.commandTimeout ?? 0;
    if (!(seconds > 0 && Number.isFinite(seconds))) {
      return finished([], `timeout must be a positive number of seconds, got: ${String(seconds)}`);
    }
    const found = targets.map((target): [string, string] => [target, this.found(target)]);
    const places = new Map(found.filter(([, place]) => isName(place)));
    const how = {
      timeoutSeconds: seconds,
      sudo: action.parameters?.sudo === true || this.settings?.sudo.enabled === true,
      callback: action.metadata?.streamingCallback,
      signal: action.metadata?.signal,
    };
    try {
      const nodes = [...new Set(places.values())];
      const ran = nodes.length === 0 ? undefined : await runner.run(nodes, action.action, how);
      const results = targets.map((target) => {
        const place = places.get(target);
        return place === undefined
          ? failed(target, noName(target))
          : nodeResult(target, ran?.get(idOf(place)), this.limits(seconds));
      });
      const good = results.some(({ status }) => status === "success");
      return finished(results, good ? undefined : results.find(({ error }) => error !== undefined)?.error);
    } catch (error) {
      const reason = reasonOf(error);
      this.logError("Failed to run a command", reason, "executeAction");
      return finished(targets.map((target) => failed(target, reason)), reason);
    }
  }

  private limits(commandSeconds: number): { connectSeconds: number; commandSeconds: number } {
    return { connectSeconds: this.settings?.connectionTimeout ?? 0, commandSeconds };
  }

  /** The name of a node by its name, id or alias; else what was given, which is connected to as it stands. */
  private found(target: string): string {
    const node = this.nodes.find(({ name, id, config }) => name === target || id === target || config["alias"] === target);
    return node?.name ?? target;
  }

  /** What runs commands by the client configuration as it is now. */
  private current(): Promise<SshRunner> {
    const reloaded = this.reloading.then(() => this.reloaded());
    this.reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  private async reloaded(): Promise<SshRunner> {
    const { runner, settings } = this;
    if (runner === undefined || settings === undefined) {
      throw new Error(NOT_READY);
    }
    const text = settings.configPath === undefined ? "" : await this.readConfig(settings);
    if (text === undefined || text === runner.configText || text === this.refused) {
      return runner;
    }
    try {
      await runner.use(text);
      this.nodes = this.nodesOf(text, settings);
    } catch (error) {
      this.refused = text;
      this.logError(`Failed to use SSH config file ${settings.configPath ?? ""}, the one before is kept`, error, "reload");
    }
    return runner;
  }

  private readonly replaced = new Set<SshRunner>();

  private end(runner: SshRunner, deadlineMs: number): void {
    if (deadlineMs > 0) {
      this.replaced.add(runner);
    }
    const ended = runner
      .close(deadlineMs)
      .catch((error: unknown) => {
        this.logError("Failed to close SSH connections", error, "shutdown");
      })
      .finally(() => {
        this.replaced.delete(runner);
        this.ending.delete(ended);
      });
    this.ending.add(ended);
  }

  private readConfig({ configPath }: SSHConfig): Promise<string | undefined> {
    return readConfig(configPath, (message) => {
      this.log(message, "error", "loadInventory");
    });
  }

  private nodesOf(text: string, { defaultUser, defaultPort, defaultKeyPath }: SSHConfig): Node[] {
    const { hosts, errors } = parseSSHConfig(text);
    for (const error of errors) {
      this.log(`SSH config file: ${error}`, "warn", "loadInventory");
    }
    return hosts.map((host) => {
      const privateKeyPath = host.privateKeyPath ?? defaultKeyPath;
      return {
        id: host.name,
        name: host.name,
        uri: host.uri,
        transport: "ssh",
        config: {
          user: host.user ?? defaultUser,
          port: host.port ?? defaultPort,
          ...(privateKeyPath === undefined ? {} : { privateKeyPath }),
          ...(host.groups === undefined ? {} : { groups: host.groups }),
          ...(host.alias === undefined ? {} : { alias: host.alias }),
        },
        source: "ssh",
      };
    });
  }

  private measured<T>(operation: string, work: () => Promise<T>): Promise<T> {
    return timed(this.performanceMonitor as PerformanceMonitorLike, `ssh:${operation}`, work);
  }
}

/** Tells that logger; what it throws, or what its promise is rejected with, is its own to know. */
function guarded(logger: LoggerLike): LoggerLike {
  return {
    error: (...line) => {
      told(() => logger.error(...line));
    },
    warn: (...line) => {
      told(() => logger.warn(...line));
    },
    info: (...line) => {
      told(() => logger.info(...line));
    },
    debug: (...line) => {
      told(() => logger.debug(...line));
    },
  };
}

/** What was thrown, for people: of a `ZodError` what is wrong with which field, and not the whole as JSON. */
function reasonOf(error: unknown): string {
  const issues = safely(() => (error as Error).name === "ZodError" && (error as ZodError).issues) || undefined;
  return issues?.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ") ?? messageOf(error);
}

/** The framework has no line for the console of a host that gave no logger. */
const QUIET = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
