/** Replaces Pabawi's `integrations/ssh/config`: the settings of the SSH plugin, from the environment. */
import { homedir } from "node:os";
import { join } from "node:path";

export interface SSHConfig {
  enabled: boolean;
  configPath?: string;
  defaultUser: string;
  defaultPort: number;
  defaultKeyPath?: string;
  hostKeyCheck: boolean;
  /** Seconds, as all times here. */
  connectionTimeout: number;
  commandTimeout: number;
  maxConnections: number;
  maxConnectionsPerHost: number;
  idleTimeout: number;
  concurrencyLimit: number;
  sudo: {
    enabled: boolean;
    command: string;
    passwordless: boolean;
    password?: string;
    runAsUser?: string;
  };
  priority: number;
}

/** A setting that cannot be; the message names it. */
export class ConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigurationError";
  }
}

type Environment = Record<string, string | undefined>;

/** Each integer with its default and its range. */
const INTEGERS = {
  SSH_DEFAULT_PORT: [22, 1, 65535],
  SSH_CONNECTION_TIMEOUT: [30, 5, 300],
  SSH_COMMAND_TIMEOUT: [300, 10, 3600],
  SSH_MAX_CONNECTIONS: [50, 1, 1000],
  SSH_MAX_CONNECTIONS_PER_HOST: [5, 1, 100],
  SSH_IDLE_TIMEOUT: [300, 10, 3600],
  SSH_CONCURRENCY_LIMIT: [10, 1, 100],
  SSH_PRIORITY: [50, 0, 100],
} as const satisfies Record<string, readonly [number, number, number]>;

/**
 * Reads the settings; where SSH is not enabled nothing else is looked at.
 * @throws ConfigurationError
 */
export function parseSSHConfig(env: Environment = process.env): SSHConfig {
  if (!flag(env, "SSH_ENABLED", false)) {
    return settings(false, {}, "root", { enabled: false, command: "sudo", passwordless: true });
  }
  const defaultUser = env["SSH_DEFAULT_USER"];
  if (!defaultUser) {
    throw new ConfigurationError("SSH_DEFAULT_USER is required when SSH_ENABLED is true");
  }
  const password = env["SSH_SUDO_PASSWORD"];
  return settings(true, env, defaultUser, {
    enabled: flag(env, "SSH_SUDO_ENABLED", false),
    command: env["SSH_SUDO_COMMAND"] || "sudo",
    passwordless: flag(env, "SSH_SUDO_PASSWORDLESS", true),
    ...(password ? { password } : {}),
    runAsUser: env["SSH_SUDO_USER"] || "root",
  });
}

/**
 * Holds settings against each other.
 * @throws ConfigurationError
 */
export function validateSSHConfig(config: SSHConfig): void {
  if (!config.enabled) {
    return;
  }
  if (!config.defaultUser) {
    throw new ConfigurationError("SSH_DEFAULT_USER is required when SSH_ENABLED is true");
  }
  const { maxConnections, maxConnectionsPerHost, sudo } = config;
  if (maxConnectionsPerHost > maxConnections) {
    throw new ConfigurationError(
      `SSH_MAX_CONNECTIONS_PER_HOST (${String(maxConnectionsPerHost)}) cannot exceed ` +
        `SSH_MAX_CONNECTIONS (${String(maxConnections)})`,
    );
  }
  if (sudo.enabled && !sudo.passwordless && !sudo.password) {
    throw new ConfigurationError(
      "SSH_SUDO_PASSWORD is required when SSH_SUDO_ENABLED is true and SSH_SUDO_PASSWORDLESS is false",
    );
  }
}

/**
 * Reads the settings and holds them against each other.
 * @throws ConfigurationError
 */
export function loadSSHConfig(env: Environment = process.env): SSHConfig {
  const config = parseSSHConfig(env);
  validateSSHConfig(config);
  return config;
}

function settings(
  enabled: boolean,
  env: Environment,
  defaultUser: string,
  sudo: SSHConfig["sudo"],
): SSHConfig {
  const configPath = path(env["SSH_CONFIG_PATH"]);
  const defaultKeyPath = path(env["SSH_DEFAULT_KEY"]);
  return {
    enabled,
    ...(configPath === undefined ? {} : { configPath }),
    defaultUser,
    defaultPort: integer(env, "SSH_DEFAULT_PORT"),
    ...(defaultKeyPath === undefined ? {} : { defaultKeyPath }),
    hostKeyCheck: flag(env, "SSH_HOST_KEY_CHECK", true),
    connectionTimeout: integer(env, "SSH_CONNECTION_TIMEOUT"),
    commandTimeout: integer(env, "SSH_COMMAND_TIMEOUT"),
    maxConnections: integer(env, "SSH_MAX_CONNECTIONS"),
    maxConnectionsPerHost: integer(env, "SSH_MAX_CONNECTIONS_PER_HOST"),
    idleTimeout: integer(env, "SSH_IDLE_TIMEOUT"),
    concurrencyLimit: integer(env, "SSH_CONCURRENCY_LIMIT"),
    sudo,
    priority: integer(env, "SSH_PRIORITY"),
  };
}

function flag(env: Environment, name: string, otherwise: boolean): boolean {
  const value = env[name]?.trim().toLowerCase() ?? "";
  if (["true", "1", "yes"].includes(value)) {
    return true;
  }
  return ["false", "0", "no"].includes(value) ? false : otherwise;
}

function integer(env: Environment, name: keyof typeof INTEGERS): number {
  const [otherwise, least, most] = INTEGERS[name];
  const value = env[name];
  if (value === undefined || value === "") {
    return otherwise;
  }
  const number = Number.parseInt(value, 10);
  if (Number.isNaN(number)) {
    throw new ConfigurationError(`${name} must be a valid integer, got: ${value}`);
  }
  if (number < least || number > most) {
    throw new ConfigurationError(
      `${name} must be between ${String(least)} and ${String(most)}, got: ${String(number)}`,
    );
  }
  return number;
}

/** A path, with `~/` at its beginning as the home directory. */
function path(value: string | undefined): string | undefined {
  if (!value) {
    return undefined;
  }
  return value.startsWith("~/") ? join(homedir(), value.slice(2)) : value;
}
