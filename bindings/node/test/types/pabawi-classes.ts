/** Pabawi's own classes as far as types go: with private members, so that nothing but themselves is one of them. */

export type LogLevel = "error" | "warn" | "info" | "debug";

export interface LogContext {
  component: string;
  integration?: string;
  operation?: string;
  metadata?: Record<string, unknown>;
}

export declare class LoggerService {
  private level: LogLevel;
  constructor(level?: LogLevel);
  error(message: string, context?: LogContext, error?: Error): void;
  warn(message: string, context?: LogContext): void;
  info(message: string, context?: LogContext): void;
  debug(message: string, context?: LogContext): void;
  getLevel(): LogLevel;
}

export interface DatabaseAdapter {
  query<T>(sql: string, params?: unknown[]): Promise<T[]>;
  queryOne<T>(sql: string, params?: unknown[]): Promise<T | null>;
  execute(sql: string, params?: unknown[]): Promise<{ changes: number }>;
  beginTransaction(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  withTransaction<T>(fn: () => Promise<T>): Promise<T>;
  initialize(): Promise<void>;
  close(): Promise<void>;
  isConnected(): boolean;
  getDialect(): "sqlite" | "postgres";
}

export declare class SSHService {
  private pool: unknown;
  constructor(config: { enabled: boolean }, logger: LoggerService);
}

/** As `@types/express` has it, as far as streaming goes. */
export interface ExpressResponse {
  setHeader(name: string, value: number | string | readonly string[]): this;
  flushHeaders(): void;
  write(chunk: unknown, callback?: (error: Error | null | undefined) => void): boolean;
  end(callback?: () => void): this;
  on(event: "close", listener: () => void): this;
  on(event: string | symbol, listener: (...args: unknown[]) => void): this;
  req: { ip?: string; headers: Record<string, string> };
}

/** As `@types/ssh2` has it, as far as looking for programs goes. */
export interface Ssh2Client {
  exec(command: string, callback: (error: Error | undefined, channel: { stderr: NodeJS.ReadableStream }) => void): this;
  exec(
    command: string,
    options: { pty?: boolean },
    callback: (error: Error | undefined, channel: { stderr: NodeJS.ReadableStream }) => void,
  ): this;
}

/** Its entry is inferred from a schema in which the details have a default. */
export declare class JournalService {
  private readonly db: DatabaseAdapter;
  constructor(db: DatabaseAdapter);
  recordEvent(entry: {
    nodeId: string;
    nodeUri: string;
    eventType:
      | "provision"
      | "destroy"
      | "start"
      | "stop"
      | "reboot"
      | "suspend"
      | "resume"
      | "command_execution"
      | "task_execution"
      | "puppet_run"
      | "package_install"
      | "config_change"
      | "state_change"
      | "note"
      | "unknown";
    source: "proxmox" | "aws" | "azure" | "bolt" | "ansible" | "ssh" | "puppetdb" | "checkmk" | "user" | "system";
    action: string;
    summary: string;
    details?: Record<string, unknown>;
    userId?: string | null;
  }): Promise<string>;
}
