/**
 * The data of Pabawi's core, and what the replacements ask of the services that they are given. Services are interfaces
 * and never classes, so that Pabawi's own fit.
 */

export type Transport = "ssh" | "winrm" | "docker" | "local";
export type CertificateStatus = "signed" | "requested" | "revoked";

/** A managed machine, as one source tells of it. */
export interface Node {
  id: string;
  name: string;
  uri: string;
  transport: Transport;
  config: Record<string, unknown> & { user?: string; port?: number };
  source?: string;
  certificateStatus?: CertificateStatus;
}

/** What one source said of a linked node. */
export interface SourceNodeData {
  id: string;
  uri: string;
  config?: Record<string, unknown>;
  metadata?: Record<string, unknown>;
  status?: string;
}

/** A managed machine, as all its sources tell of it. */
export interface LinkedNode extends Node {
  sources: string[];
  linked: boolean;
  certificateStatus?: CertificateStatus;
  lastCheckIn?: string;
  sourceData: Record<string, SourceNodeData>;
}

/** A linked node with what its sources know. */
export interface LinkedNodeData {
  node: LinkedNode;
  dataBySource: Record<
    string,
    {
      facts?: unknown;
      status?: unknown;
      certificate?: unknown;
      reports?: unknown[];
      catalog?: unknown;
      events?: unknown[];
    }
  >;
}

/** What is known of a node. */
export interface Facts {
  nodeId: string;
  gatheredAt: string;
  source?: string;
  command?: string;
  facts: {
    os: { family: string; name: string; release: { full: string; major: string } };
    processors: { count: number; models: string[] };
    memory: { system: { total: string; available: string } };
    networking: { hostname: string; interfaces: Record<string, unknown> };
    categories?: {
      system: Record<string, unknown>;
      network: Record<string, unknown>;
      hardware: Record<string, unknown>;
      custom: Record<string, unknown>;
    };
    [key: string]: unknown;
  };
}

/** What happened on one node; `duration` is in milliseconds. */
export interface NodeResult {
  nodeId: string;
  status: "success" | "failed";
  output?: { stdout?: string; stderr?: string; exitCode?: number };
  value?: unknown;
  error?: string;
  duration: number;
}

export type ExecutionType = "command" | "task" | "facts" | "puppet" | "package" | "plan";
export type ExecutionStatus = "running" | "success" | "failed" | "partial";
export type ExecutionTool = "bolt" | "ansible" | "ssh";

/** What a tool did. */
export interface ExecutionResult {
  id: string;
  type: ExecutionType;
  targetNodes: string[];
  action: string;
  parameters?: Record<string, unknown>;
  status: ExecutionStatus;
  startedAt: string;
  completedAt?: string;
  results: NodeResult[];
  error?: string;
  command?: string;
  expertMode?: boolean;
  stdout?: string;
  stderr?: string;
}

/** A named set of nodes. */
export interface NodeGroup {
  id: string;
  name: string;
  source: string;
  sources: string[];
  linked: boolean;
  nodes: string[];
  metadata?: {
    description?: string;
    variables?: Record<string, unknown>;
    hierarchy?: string[];
    [key: string]: unknown;
  };
}

export type TaskParameterType = "String" | "Integer" | "Boolean" | "Array" | "Hash";

export interface TaskParameter {
  name: string;
  type: TaskParameterType;
  description?: string;
  required: boolean;
  default?: unknown;
  enum?: string[];
  puppetType?: string;
}

/** A task of Bolt. */
export interface Task {
  name: string;
  module: string;
  description?: string;
  parameters: TaskParameter[];
  modulePath: string;
}

export interface HealthStatus {
  healthy: boolean;
  message?: string;
  lastCheck: string;
  details?: Record<string, unknown>;
  degraded?: boolean;
  workingCapabilities?: string[];
  failingCapabilities?: string[];
}

export type PluginType = "execution" | "information" | "both";

export interface IntegrationConfig {
  enabled: boolean;
  name: string;
  type: PluginType;
  config: Record<string, unknown>;
  priority?: number;
}

export interface CapabilityParameter {
  name: string;
  type: "string" | "number" | "boolean" | "object" | "array";
  required: boolean;
  description?: string;
  default?: unknown;
  validation?: { min?: number; max?: number; pattern?: string; enum?: string[] };
}

export interface Capability {
  name: string;
  description: string;
  parameters?: CapabilityParameter[];
}

export interface ProvisioningCapability extends Capability {
  operation: "create" | "destroy";
}

/** What is to be done. */
export interface Action {
  type: "command" | "task" | "plan" | "script";
  target: string | string[];
  action: string;
  parameters?: Record<string, unknown>;
  timeout?: number;
  metadata?: Record<string, unknown>;
}

export interface IntegrationPlugin {
  name: string;
  type: PluginType;
  initialize(config: IntegrationConfig): Promise<void>;
  healthCheck(): Promise<HealthStatus>;
  getConfig(): IntegrationConfig;
  isInitialized(): boolean;
}

export interface ExecutionToolPlugin extends IntegrationPlugin {
  type: "execution" | "both";
  executeAction(action: Action): Promise<ExecutionResult>;
  listCapabilities(): Capability[];
}

export interface InformationSourcePlugin extends IntegrationPlugin {
  type: "information" | "both";
  getInventory(): Promise<Node[]>;
  getGroups(): Promise<NodeGroup[]>;
  getNodeFacts(nodeId: string): Promise<Facts>;
  getNodeData(nodeId: string, dataType: string): Promise<unknown>;
}

export interface PluginRegistration {
  plugin: IntegrationPlugin;
  config: IntegrationConfig;
  registeredAt: string;
}

/** Gets output while a tool runs. */
export interface StreamingCallback {
  onCommand?: ((command: string) => void) | undefined;
  onStdout?: ((chunk: string) => void) | undefined;
  onStderr?: ((chunk: string) => void) | undefined;
}

export interface LogContext {
  component: string;
  integration?: string;
  operation?: string;
  metadata?: Record<string, unknown>;
}

/** Where lines of the log go: Pabawi's LoggerService, or anything like it. */
export interface LoggerLike {
  error(message: string, context?: LogContext, error?: Error): void;
  warn(message: string, context?: LogContext): void;
  info(message: string, context?: LogContext): void;
  debug(message: string, context?: LogContext): void;
}

/** What is asked of a service that measures times. */
export interface PerformanceMonitorLike {
  startTimer(operation: string): (metadata?: Record<string, unknown>) => unknown;
}

/** What is asked of Pabawi's database. */
export interface DatabaseAdapterLike {
  query<T>(sql: string, params?: unknown[]): Promise<T[]>;
  queryOne<T>(sql: string, params?: unknown[]): Promise<T | null>;
  execute(sql: string, params?: unknown[]): Promise<{ changes: number }>;
  getDialect?(): "sqlite" | "postgres";
}
