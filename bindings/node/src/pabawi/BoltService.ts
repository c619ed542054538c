/**
 * Replaces Pabawi's `integrations/bolt/BoltService`: Bolt as a program, and what its JSON means.
 *
 * Where it differs: a process that does not heed TERM is killed; an answer without results of a Bolt that failed is a failure;
 * the transport may stand in the configuration of a target; facts that could not be gathered are an error and are not
 * remembered; tasks are looked up a few at a time.
 */
import {
  type BoltErrorMeaning,
  type BoltErrorCategory,
  isJsonError,
  KINDS,
  meaningOf,
  parameterErrors,
} from "./bolt/faults";
import { factsOf, nodesOf } from "./bolt/nodes";
import { commandLine, runBolt } from "./bolt/process";
import { failedResult, resultOf, type RunOf } from "./bolt/results";
import { taskOf, tasksOf } from "./bolt/tasks";
import { Kept } from "../internal/kept";
import { errorOf } from "../internal/faults";
import { fields, list, isObject } from "../internal/json";
import type { ExecutionResult, Facts, Node, StreamingCallback, Task } from "../internal/types";
import {
  BoltExecutionError,
  type BoltExecutionOptions,
  type BoltExecutionResult,
  BoltInventoryNotFoundError,
  type BoltJsonOutput,
  BoltNodeUnreachableError,
  BoltParseError,
  BoltTaskNotFoundError,
  BoltTaskParameterError,
} from "./boltTypes";

/** How long answers are remembered, in milliseconds. */
export interface BoltCacheConfig {
  inventoryTtl: number;
  factsTtl: number;
}

export interface PuppetAgentOptions {
  tags?: string[] | undefined;
  environment?: string | undefined;
  noop?: boolean | undefined;
  noNoop?: boolean | undefined;
  debug?: boolean | undefined;
}

export interface PackageInstallOptions {
  packageName: string;
  ensure?: string | undefined;
  version?: string | undefined;
  settings?: Record<string, unknown> | undefined;
}

/** What a task of packages calls its parameters. */
export interface PackageParameterMapping {
  packageName: string;
  ensure?: string | undefined;
  version?: string | undefined;
  settings?: string | undefined;
}

type Raw = { stdout: string; stderr: string; command?: string | undefined };

const TASKS_TTL_MS = 5 * 60 * 1000;
/** Processes of Bolt at once while tasks are looked up. */
const LOOKUPS = 4;
/** What the parameter `action` of the built-in task of packages calls Puppet's words. */
const ACTIONS: Record<string, string> = { present: "install", absent: "uninstall", latest: "upgrade" };

/** Runs Bolt in a project directory. */
export class BoltService {
  /** @internal */
  private readonly boltProjectPath: string;
  /** @internal */
  private readonly defaultTimeout: number;
  /** @internal */
  private readonly inventory: Kept<Node[]>;
  /** @internal */
  private readonly facts: Kept<Facts>;
  /** @internal */
  private readonly tasks = new Kept<Task[]>(TASKS_TTL_MS);

  constructor(boltProjectPath: string, defaultTimeout = 300_000, cache?: Partial<BoltCacheConfig>) {
    this.boltProjectPath = boltProjectPath;
    this.defaultTimeout = defaultTimeout;
    this.inventory = new Kept(cache?.inventoryTtl ?? 30_000);
    this.facts = new Kept(cache?.factsTtl ?? 300_000);
  }

  /** What each kind of error in Bolt's JSON means. */
  static getErrorKindMap(): Record<string, BoltErrorCategory> {
    return { ...KINDS };
  }

  getBoltProjectPath(): string {
    return this.boltProjectPath;
  }

  getDefaultTimeout(): number {
    return this.defaultTimeout;
  }

  /** Runs Bolt; a failing command is a result and not an error. */
  async executeCommand(
    args: string[],
    options: BoltExecutionOptions = {},
    streamingCallback?: StreamingCallback,
  ): Promise<BoltExecutionResult> {
    return runBolt({
      args,
      cwd: options.cwd ?? this.boltProjectPath,
      timeoutMs: options.timeout ?? this.defaultTimeout,
      callback: streamingCallback,
    });
  }

  /** Runs Bolt and reads what it prints; a failing command is an error. */
  async executeCommandWithJsonOutput(
    args: string[],
    options: BoltExecutionOptions = {},
    streamingCallback?: StreamingCallback,
  ): Promise<BoltJsonOutput> {
    const result = await this.executeCommand(args, { ...options, format: "json" }, streamingCallback);
    if (!result.success) {
      throw executionError(result);
    }
    return this.parseJsonOutput(result.stdout);
  }

  parseJsonOutput(output: string): BoltJsonOutput {
    if (output.trim() === "") {
      throw new BoltParseError("Bolt command returned empty output", output, new Error("Empty output"));
    }
    try {
      return JSON.parse(output) as BoltJsonOutput;
    } catch (error) {
      throw new BoltParseError("Failed to parse Bolt JSON output", output, errorOf(error));
    }
  }

  async getInventory(): Promise<Node[]> {
    return this.inventory.get("", async () => {
      const { json, failed } = await this.asked(["inventory", "show", "--format", "json", "--detail"]);
      if (failed !== undefined) {
        const { category, message } = this.categoriseError(complaintOf(failed));
        throw category === "inventory_not_found" ? new BoltInventoryNotFoundError(message) : executionError(failed);
      }
      return nodesOf(json);
    });
  }

  async gatherFacts(nodeId: string): Promise<Facts> {
    guard("nodeId", nodeId);
    return this.facts.get(nodeId, async () => {
      const args = ["task", "run", "facts", "--targets", nodeId, "--format", "json"];
      const { json, failed } = await this.asked(args);
      const told = failed ?? { success: true, stdout: JSON.stringify(json), stderr: "", exitCode: 0 };
      if (json === undefined) {
        throw this.failure(told, nodeId) ?? executionError(told);
      }
      const items = list(json["items"]).map(fields);
      if (items.length > 0 && !items.some((item) => item["status"] === "success")) {
        const { results } = resultOf(this.run("task", nodeId, "facts", Date.now(), told), json);
        const error = results[0]?.error ?? "Task execution failed";
        throw this.categoriseError(error).category === "connection"
          ? new BoltNodeUnreachableError(`Node ${nodeId} is unreachable`, nodeId, error)
          : new BoltExecutionError(error, told.exitCode, told.stderr, told.stdout);
      }
      return { ...this.transformFactsOutput(nodeId, json), command: commandLine(args) };
    });
  }

  async runCommand(nodeId: string, command: string, streamingCallback?: StreamingCallback): Promise<ExecutionResult> {
    guard("nodeId", nodeId);
    guard("command", command);
    const startMs = Date.now();
    const args = ["command", "run", command, "--targets", nodeId, "--format", "json"];
    const result = await this.executeCommand(args, {}, streamingCallback);
    return this.finished(this.run("command", nodeId, command, startMs, result), result);
  }

  async runTask(
    nodeId: string,
    taskName: string,
    parameters?: Record<string, unknown>,
    streamingCallback?: StreamingCallback,
  ): Promise<ExecutionResult> {
    guard("nodeId", nodeId);
    guard("taskName", taskName);
    const startMs = Date.now();
    const args = ["task", "run", taskName, "--targets", nodeId, "--format", "json"];
    if (parameters !== undefined && Object.keys(parameters).length > 0) {
      args.push("--params", JSON.stringify(parameters));
    }
    const result = await this.executeCommand(args, {}, streamingCallback);
    return this.finished({ ...this.run("task", nodeId, taskName, startMs, result), parameters }, result);
  }

  /** The tasks of the project with their parameters; those that cannot be looked up have none. */
  async listTasks(): Promise<Task[]> {
    return this.tasks.get("", async () => {
      const json = await this.executeCommandWithJsonOutput(["task", "show", "--format", "json"]);
      const tasks = tasksOf(json);
      const found: Task[] = [...tasks];
      let next = 0;
      const look = async (): Promise<void> => {
        for (let at = next++; at < tasks.length; at = next++) {
          const task = tasks[at] as Task;
          try {
            found[at] = (await this.getTaskDetails(task.name)) ?? task;
          } catch {
            found[at] = task;
          }
        }
      };
      await Promise.all(Array.from({ length: LOOKUPS }, look));
      return found;
    });
  }

  async listTasksByModule(): Promise<Record<string, Task[]>> {
    const modules: Record<string, Task[]> = {};
    for (const task of await this.listTasks()) {
      (modules[task.module] ??= []).push(task);
    }
    return modules;
  }

  /** A task with its parameters; null when there is none of that name. */
  async getTaskDetails(taskName: string): Promise<Task | null> {
    guard("taskName", taskName);
    const { json, failed } = await this.asked(["task", "show", taskName, "--format", "json"]);
    if (failed !== undefined) {
      if (["task_not_found", "not_found"].includes(this.categoriseError(complaintOf(failed)).category)) {
        return null;
      }
      throw executionError(failed);
    }
    const [task] = taskOf({ name: taskName, ...json });
    return task ?? null;
  }

  async runPuppetAgent(
    nodeId: string,
    options: PuppetAgentOptions = {},
    streamingCallback?: StreamingCallback,
  ): Promise<ExecutionResult> {
    const parameters: Record<string, unknown> = {};
    if (options.tags && options.tags.length > 0) {
      parameters["tags"] = options.tags.join(",");
    }
    for (const [name, value] of [
      ["environment", options.environment],
      ["noop", options.noop],
      ["no_noop", options.noNoop],
      ["debug", options.debug],
    ] as const) {
      if (value !== undefined) {
        parameters[name] = value;
      }
    }
    return this.runTask(nodeId, "psick::puppet_agent", parameters, streamingCallback);
  }

  async installPackage(
    nodeId: string,
    taskName: string,
    options: PackageInstallOptions,
    mapping: PackageParameterMapping,
    streamingCallback?: StreamingCallback,
  ): Promise<ExecutionResult> {
    const { packageName, ensure, version, settings } = options;
    const parameters: Record<string, unknown> = { [mapping.packageName]: packageName };
    if (ensure !== undefined && mapping.ensure) {
      parameters[mapping.ensure] = mapping.ensure === "action" ? (ACTIONS[ensure] ?? ensure) : ensure;
    }
    if (version !== undefined && mapping.version) {
      parameters[mapping.version] = version;
    }
    if (settings !== undefined && mapping.settings) {
      parameters[mapping.settings] = settings;
    }
    return this.runTask(nodeId, taskName, parameters, streamingCallback);
  }

  categoriseError(stderr: string): BoltErrorMeaning {
    return meaningOf(stderr);
  }

  isBoltJsonError(value: unknown): boolean {
    return isJsonError(value);
  }

  invalidateInventoryCache(): void {
    this.inventory.forgetAll();
  }

  /** Forgets the facts of a node, or of all. */
  invalidateFactsCache(nodeId?: string): void {
    if (nodeId === undefined) {
      this.facts.forgetAll();
    } else {
      this.facts.forget(nodeId);
    }
  }

  invalidateAllCaches(): void {
    this.invalidateInventoryCache();
    this.invalidateFactsCache();
    this.tasks.forgetAll();
  }

  /*
   * The names below are those by which Pabawi's own tests reach what Bolt's output means.
   */

  /** @internal */
  transformInventoryOutput(json: unknown): Node[] {
    return nodesOf(json);
  }

  /** @internal */
  private transformFactsOutput(nodeId: string, json: unknown): Facts {
    return factsOf(nodeId, json);
  }

  /** @internal */
  transformCommandOutput(
    id: string,
    nodeId: string,
    action: string,
    json: unknown,
    startMs: number,
    endMs: number,
    raw?: Raw,
  ): ExecutionResult {
    return resultOf({ id, type: "command", nodeId, action, startMs, endMs, raw }, json);
  }

  /** @internal */
  transformTaskOutput(
    id: string,
    nodeId: string,
    action: string,
    parameters: Record<string, unknown> | undefined,
    json: unknown,
    startMs: number,
    endMs: number,
    raw?: Raw,
  ): ExecutionResult {
    return resultOf({ id, type: "task", nodeId, action, parameters, startMs, endMs, raw }, json);
  }

  /** @internal */
  transformTaskListOutput(json: unknown): Task[] {
    return tasksOf(json);
  }

  /** @internal */
  private extractParameterErrors(stderr: string): string[] {
    return parameterErrors(stderr);
  }

  /** @internal */
  buildCommandString(args: string[]): string {
    return commandLine(args);
  }

  /** @internal */
  private generateExecutionId(): string {
    const chance = Array.from({ length: 9 }, () => Math.floor(Math.random() * 36).toString(36));
    return `exec_${String(Date.now())}_${chance.join("")}`;
  }

  /** @internal */
  private run(
    type: RunOf["type"],
    nodeId: string,
    action: string,
    startMs: number,
    { stdout, stderr, command }: BoltExecutionResult,
  ): RunOf {
    const id = this.generateExecutionId();
    return { id, type, nodeId, action, startMs, endMs: Date.now(), raw: { stdout, stderr, command } };
  }

  /**
   * The result of a command or task: what Bolt's JSON says, also where Bolt failed.
   * @internal
   */
  private finished(run: RunOf, process: BoltExecutionResult): ExecutionResult {
    const json = this.jsonIn(process);
    if (json !== undefined) {
      const result = resultOf(run, json);
      return result.results.length > 0 || process.success
        ? result
        : failedResult(run, `Bolt returned no result for node ${run.nodeId}`, process.exitCode);
    }
    const failure = this.failure(process, run.nodeId, run.type === "task" ? run.action : undefined);
    if (failure !== undefined) {
      throw failure;
    }
    return failedResult(run, process.error ?? complaintOf(process), process.exitCode);
  }

  /**
   * What Bolt printed as JSON, and the process where it failed.
   * @internal
   */
  private async asked(args: string[]): Promise<{ json: BoltJsonOutput | undefined; failed?: BoltExecutionResult }> {
    try {
      return { json: await this.executeCommandWithJsonOutput(args) };
    } catch (error) {
      if (!(error instanceof BoltExecutionError) || error.exitCode === null) {
        throw error;
      }
      const { exitCode, stderr, stdout, message } = error;
      const failed = { success: false, stdout, stderr, exitCode, error: message, command: commandLine(args) };
      return { json: this.jsonIn(failed), failed };
    }
  }

  /**
   * What Bolt printed as JSON. Without a failure it must be some; with one it counts when it holds results.
   * @internal
   */
  private jsonIn({ success, stdout }: BoltExecutionResult): BoltJsonOutput | undefined {
    if (success) {
      return this.parseJsonOutput(stdout);
    }
    try {
      const json: unknown = JSON.parse(stdout);
      return isObject(json) && Array.isArray(json["items"]) ? json : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * The error of its own that a failure of Bolt is, where it is one.
   * @internal
   */
  private failure(process: BoltExecutionResult, nodeId: string, taskName?: string): Error | undefined {
    const complaint = complaintOf(process);
    const { category, message } = this.categoriseError(complaint);
    if (category === "connection") {
      return new BoltNodeUnreachableError(`Node ${nodeId} is unreachable`, nodeId, message);
    }
    if (taskName !== undefined && (category === "task_not_found" || category === "not_found")) {
      return new BoltTaskNotFoundError(`Task '${taskName}' not found in Bolt modules`, taskName);
    }
    if (taskName !== undefined && category === "validation") {
      const told = this.extractParameterErrors(message);
      return new BoltTaskParameterError(`Invalid parameters for task '${taskName}'`, taskName, told);
    }
    return undefined;
  }
}

/** Refuses what Bolt would take for an option. */
function guard(field: string, value: string): void {
  if (value === "" || value.startsWith("-")) {
    const message = `Refusing to pass ${field}="${value}" to bolt: leading '-' would be parsed as a flag`;
    throw new BoltExecutionError(message, -1, "", "");
  }
}

/** What a failing process said; Bolt writes errors as JSON to its standard output. */
function complaintOf({ stdout, stderr, error }: BoltExecutionResult): string {
  return stdout.startsWith("{") && stderr === "" ? stdout : stderr || stdout || (error ?? "");
}

function executionError(result: BoltExecutionResult): BoltExecutionError {
  const { exitCode, stderr, stdout } = result;
  const message = result.error ?? `Bolt command failed with exit code ${String(exitCode)}`;
  return new BoltExecutionError(message, exitCode, stderr, stdout);
}
