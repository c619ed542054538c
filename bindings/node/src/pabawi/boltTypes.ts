/** Replaces Pabawi's `integrations/bolt/types`: the data of Bolt, and its errors, which are told by their class and name. */
export type {
  ExecutionResult,
  Facts,
  Node,
  NodeResult,
  StreamingCallback,
  Task,
  TaskParameter,
  TaskParameterType,
} from "../internal/types";

/** How a process of Bolt is run. */
export interface BoltExecutionOptions {
  /** Milliseconds. */
  timeout?: number | undefined;
  cwd?: string | undefined;
  format?: "json" | "human" | undefined;
}

/** What a process of Bolt left; both outputs without blanks around them. */
export interface BoltExecutionResult {
  success: boolean;
  stdout: string;
  stderr: string;
  exitCode: number | null;
  error?: string | undefined;
  command?: string | undefined;
}

export type BoltJsonOutput = Record<string, unknown>;

/** Bolt could not be run, or failed. */
export class BoltExecutionError extends Error {
  readonly exitCode: number | null;
  readonly stderr: string;
  readonly stdout: string;

  constructor(message: string, exitCode: number | null, stderr: string, stdout: string) {
    super(message);
    this.name = "BoltExecutionError";
    this.exitCode = exitCode;
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

/** Bolt took longer than it may. */
export class BoltTimeoutError extends Error {
  /** Milliseconds. */
  readonly timeout: number;

  constructor(message: string, timeout: number) {
    super(message);
    this.name = "BoltTimeoutError";
    this.timeout = timeout;
  }
}

/** Bolt's output is not what it promises. */
export class BoltParseError extends Error {
  readonly output: string;
  readonly parseError: Error;

  constructor(message: string, output: string, parseError: Error) {
    super(message);
    this.name = "BoltParseError";
    this.output = output;
    this.parseError = parseError;
  }
}

export class BoltInventoryNotFoundError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BoltInventoryNotFoundError";
  }
}

export class BoltNodeUnreachableError extends Error {
  readonly nodeId: string;
  readonly details: string | undefined;

  constructor(message: string, nodeId: string, details?: string) {
    super(message);
    this.name = "BoltNodeUnreachableError";
    this.nodeId = nodeId;
    this.details = details;
  }
}

export class BoltTaskNotFoundError extends Error {
  readonly taskName: string;

  constructor(message: string, taskName: string) {
    super(message);
    this.name = "BoltTaskNotFoundError";
    this.taskName = taskName;
  }
}

export class BoltTaskParameterError extends Error {
  readonly taskName: string;
  readonly parameterErrors: string[];

  constructor(message: string, taskName: string, parameterErrors: string[]) {
    super(message);
    this.name = "BoltTaskParameterError";
    this.taskName = taskName;
    this.parameterErrors = parameterErrors;
  }
}
