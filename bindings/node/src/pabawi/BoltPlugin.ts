/**
 * Replaces Pabawi's `integrations/bolt/BoltPlugin`: Bolt as a plugin.
 *
 * Where it differs: it is logged that only the first of several targets is used.
 */
import * as childProcess from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { groupsOf } from "./bolt/nodes";
import { messageOf } from "../internal/faults";
import { native } from "../internal/native";
import type {
  Action,
  Capability,
  ExecutionResult,
  ExecutionToolPlugin,
  Facts,
  HealthStatus,
  InformationSourcePlugin,
  LoggerLike,
  Node,
  NodeGroup,
  PerformanceMonitorLike,
  StreamingCallback,
} from "../internal/types";
import { timed } from "../internal/timed";
import { BasePlugin } from "./BasePlugin";

/** What is asked of the BoltService. */
export interface BoltServiceLike {
  getBoltProjectPath(): string;
  getInventory(): Promise<Node[]>;
  gatherFacts(nodeId: string): Promise<Facts>;
  runCommand(nodeId: string, command: string, streamingCallback?: StreamingCallback): Promise<ExecutionResult>;
  runTask(
    nodeId: string,
    taskName: string,
    parameters?: Record<string, unknown>,
    streamingCallback?: StreamingCallback,
  ): Promise<ExecutionResult>;
}

const PROBE_TIMEOUT_MS = 5_000;
const PROJECT_FILES = ["bolt-project.yaml", "bolt-project.yml", "bolt.yaml"];
const INVENTORY_FILES = ["inventory.yaml", "inventory.yml"];

/** Runs commands and tasks through Bolt, and tells the nodes, groups and facts that Bolt knows. */
export class BoltPlugin extends BasePlugin implements ExecutionToolPlugin, InformationSourcePlugin {
  declare readonly type: "both";
  /** @internal */
  private readonly boltService: BoltServiceLike;

  constructor(boltService: BoltServiceLike, logger?: LoggerLike, performanceMonitor?: PerformanceMonitorLike) {
    super("bolt", "both", logger, performanceMonitor);
    this.boltService = boltService;
  }

  /** The service, as it was given. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- callers know which class they gave
  getBoltService(): any {
    return this.boltService;
  }

  async executeAction(action: Action): Promise<ExecutionResult> {
    this.needInitialized();
    return this.measured("executeAction", async () => {
      const [first, ...others] = [action.target].flat().filter((target) => target !== "");
      if (first === undefined) {
        throw new Error("No target specified for action");
      }
      if (action.type !== "command" && action.type !== "task") {
        const name = { plan: "Plan", script: "Script" }[action.type as string];
        throw new Error(
          name === undefined ? `Unsupported action type: ${String(action.type)}` : `${name} execution not yet implemented`,
        );
      }
      if (others.length > 0) {
        this.log(`Only ${first} is used, and not ${others.join(", ")}`, "warn", "executeAction");
      }
      return this.act(first, action);
    });
  }

  listCapabilities(): Capability[] {
    return [
      {
        name: "command",
        description: "Execute a shell command on target nodes using Bolt",
        parameters: [
          { name: "command", type: "string", required: true, description: "Command to execute" },
          { name: "sudo", type: "boolean", required: false, description: "Run the command with sudo", default: false },
        ],
      },
      {
        name: "task",
        description: "Execute a Bolt task on target nodes",
        parameters: [
          { name: "task", type: "string", required: true, description: "Name of the task" },
          { name: "parameters", type: "object", required: false, description: "Parameters of the task" },
        ],
      },
    ];
  }

  async getInventory(): Promise<Node[]> {
    this.needInitialized();
    return this.measured("getInventory", () => this.boltService.getInventory());
  }

  /** The groups of the project's inventory file; none where it cannot be read. */
  async getGroups(): Promise<NodeGroup[]> {
    this.needInitialized();
    return this.measured("getGroups", async () => {
      let path: string | undefined;
      try {
        path = this.fileOf(INVENTORY_FILES);
        return path === undefined ? [] : groupsOf(JSON.parse(native().toolYamlToJson(await readFile(path, "utf8"))) as unknown);
      } catch (error) {
        this.logError(`Failed to read groups from ${path ?? "the project"}`, error, "getGroups");
        return [];
      }
    });
  }

  async getNodeFacts(nodeId: string): Promise<Facts> {
    this.needInitialized();
    return this.measured("getNodeFacts", () => this.boltService.gatherFacts(nodeId));
  }

  async getNodeData(nodeId: string, dataType: string): Promise<unknown> {
    this.needInitialized();
    return this.measured("getNodeData", () => {
      if (dataType !== "facts") {
        throw new Error(`Bolt does not support data type: ${dataType}`);
      }
      return this.getNodeFacts(nodeId);
    });
  }

  protected async performInitialization(): Promise<void> {
    // Whether Bolt is there is asked when its health is.
    await this.measured("initialization", () => Promise.resolve());
  }

  protected async performHealthCheck(): Promise<Omit<HealthStatus, "lastCheck">> {
    return this.measured("healthCheck", () => this.health());
  }

  /** @internal */
  private async health(): Promise<Omit<HealthStatus, "lastCheck">> {
    let projectPath: string | undefined;
    try {
      projectPath = this.boltService.getBoltProjectPath();
      if (!(await isBoltThere())) {
        const message = "Bolt command is not available. Please install Puppet Bolt.";
        return { healthy: false, message, details: { projectPath } };
      }
      const hasProjectConfig = this.fileOf(PROJECT_FILES) !== undefined;
      const hasInventory = this.fileOf(INVENTORY_FILES) !== undefined;
      const details = { projectPath, hasProjectConfig, hasInventory };
      if (!hasProjectConfig) {
        const message = "Bolt project configuration is missing. Using global configuration as fallback.";
        return { healthy: true, message, details };
      }
      if (!hasInventory) {
        return {
          healthy: true,
          degraded: true,
          message: "Bolt inventory file is missing. Task execution will be limited.",
          details,
          workingCapabilities: ["command", "task"],
          failingCapabilities: ["inventory"],
        };
      }
      const nodeCount = (await this.boltService.getInventory()).length;
      const message = `Bolt is properly configured. ${String(nodeCount)} nodes in inventory.`;
      return { healthy: true, message, details: { ...details, nodeCount } };
    } catch (error) {
      return { healthy: false, message: `Bolt health check failed: ${messageOf(error)}`, details: { projectPath } };
    }
  }

  /** @internal */
  private async act(target: string, action: Action): Promise<ExecutionResult> {
    const callback = action.metadata?.["streamingCallback"] as StreamingCallback | undefined;
    if (action.type === "task") {
      return this.boltService.runTask(target, action.action, action.parameters, callback);
    }
    const command = action.parameters?.["sudo"] ? `sudo ${action.action}` : action.action;
    return this.boltService.runCommand(target, command, callback);
  }

  /** @internal */
  private measured<T>(operation: string, work: () => Promise<T>): Promise<T> {
    return timed(this.performanceMonitor as PerformanceMonitorLike, `bolt:${operation}`, work);
  }

  /** @internal */
  private needInitialized(): void {
    if (!this.initialized) {
      throw new Error("Bolt plugin not initialized");
    }
  }

  /** @internal */
  private fileOf(names: string[]): string | undefined {
    const projectPath = this.boltService.getBoltProjectPath();
    return names.map((name) => join(projectPath, name)).find((path) => existsSync(path));
  }
}

function isBoltThere(): Promise<boolean> {
  return new Promise((resolve) => {
    childProcess.exec("bolt --version", { timeout: PROBE_TIMEOUT_MS }, (error) => {
      resolve(error === null);
    });
  });
}
