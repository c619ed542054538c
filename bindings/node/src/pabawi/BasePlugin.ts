/** Replaces Pabawi's `integrations/BasePlugin`: what every plugin has in common. Made to be extended. */
import { errorOf, messageOf } from "../internal/faults";
import { ConsoleLogger } from "../internal/logger";
import type {
  HealthStatus,
  IntegrationConfig,
  IntegrationPlugin,
  LoggerLike,
  PerformanceMonitorLike,
  PluginType,
} from "../internal/types";
import { PerformanceMonitorService } from "./PerformanceMonitorService";

/** Checks configuration, keeps state, and never lets a health check fail the caller. */
export abstract class BasePlugin implements IntegrationPlugin {
  readonly name: string;
  readonly type: PluginType;
  protected config: IntegrationConfig;
  protected initialized = false;
  protected lastHealthCheck: HealthStatus | undefined;
  // Plugins hand these two on to functions that take Pabawi's own classes, which no interface of ours can be.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  protected logger: any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  protected performanceMonitor: any;

  constructor(
    name: string,
    type: PluginType,
    logger?: LoggerLike,
    performanceMonitor?: PerformanceMonitorLike,
  ) {
    this.name = name;
    this.type = type;
    this.logger = logger ?? new ConsoleLogger();
    this.performanceMonitor = performanceMonitor ?? new PerformanceMonitorService();
    this.config = { enabled: false, name, type, config: {} };
  }

  /** Checks and keeps the configuration; the plugin's own part only runs when it is enabled. */
  async initialize(config: IntegrationConfig): Promise<void> {
    this.validateConfig(config);
    this.config = config;
    if (!config.enabled) {
      this.log("Plugin is disabled, skipping initialization", "info", "initialize");
      return;
    }
    try {
      await this.performInitialization();
    } catch (error) {
      this.logError("Failed to initialize plugin", error, "initialize");
      throw error;
    }
    this.initialized = true;
    this.log("Plugin initialized successfully", "info", "initialize");
  }

  /** Never rejects. */
  async healthCheck(): Promise<HealthStatus> {
    const lastCheck = new Date().toISOString();
    this.lastHealthCheck = await this.checked(lastCheck);
    return this.lastHealthCheck;
  }

  getConfig(): IntegrationConfig {
    return { ...this.config };
  }

  /** Whether it is initialised and enabled. */
  isInitialized(): boolean {
    return this.initialized && this.config.enabled;
  }

  isEnabled(): boolean {
    return this.config.enabled;
  }

  getPriority(): number {
    return this.config.priority ?? 0;
  }

  getLastHealthCheck(): HealthStatus | undefined {
    return this.lastHealthCheck === undefined ? undefined : { ...this.lastHealthCheck };
  }

  protected validateConfig(config: IntegrationConfig): void {
    if (!config.name) {
      throw new Error("Plugin configuration must include a name");
    }
    if (config.name !== this.name) {
      throw new Error(`Configuration name '${config.name}' does not match plugin name '${this.name}'`);
    }
    if (config.type !== this.type) {
      throw new Error(`Configuration type '${config.type}' does not match plugin type '${this.type}'`);
    }
  }

  /** Makes the plugin ready; called once the configuration has been checked. */
  protected abstract performInitialization(): Promise<void>;

  /** Looks whether the plugin works. */
  protected abstract performHealthCheck(): Promise<Omit<HealthStatus, "lastCheck">>;

  protected log(message: string, level: "debug" | "info" | "warn" | "error" = "info", operation?: string): void {
    (this.logger as LoggerLike)[level](message, {
      component: "BasePlugin",
      integration: this.name,
      ...(operation === undefined ? {} : { operation }),
    });
  }

  protected logError(message: string, error: unknown, operation?: string): void {
    (this.logger as LoggerLike).error(
      `${message}: ${messageOf(error)}`,
      {
        component: "BasePlugin",
        integration: this.name,
        ...(operation === undefined ? {} : { operation }),
      },
      errorOf(error),
    );
  }

  /** @internal */
  private async checked(lastCheck: string): Promise<HealthStatus> {
    if (!this.initialized) {
      return { healthy: false, message: "Plugin is not initialized", lastCheck };
    }
    if (!this.config.enabled) {
      return { healthy: false, message: "Plugin is disabled", lastCheck };
    }
    try {
      return { ...(await this.performHealthCheck()), lastCheck };
    } catch (error) {
      this.logError("Health check failed", error, "healthCheck");
      return {
        healthy: false,
        message: messageOf(error),
        lastCheck,
        details: { error: error instanceof Error ? error.stack : String(error) },
      };
    }
  }
}
