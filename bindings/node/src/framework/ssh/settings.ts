/** Settings of the SSH plugin: Pabawi's variables of the environment, and what is given in the program, which wins. */
import { basename } from "node:path";

import type { LoggerLike, PerformanceMonitorLike } from "../../internal/types";
import { zod } from "../../internal/zod";
import { ConfigurationError, loadSSHConfig, type SSHConfig } from "../../pabawi/sshConfig";
import type { HostKeyPolicy } from "../generated/types";
import { having } from "../options";
import { parsed } from "./arguments";

/** Settings by the names of Pabawi's `SSHConfig`; times are seconds. What is absent comes from the environment. */
export type SshPluginSettings = Partial<Omit<SSHConfig, "sudo">> & { sudo?: Partial<SSHConfig["sudo"]> };

/** What the plugin is made of. */
export interface SshPluginOptions extends SshPluginSettings {
  logger?: LoggerLike | undefined;
  performanceMonitor?: PerformanceMonitorLike | undefined;
  /** How host keys are checked; without it `strict`, or `off` where `hostKeyCheck` is false. */
  hostKeys?: HostKeyPolicy | undefined;
  /** Lists of known hosts to use instead of those of the configuration. */
  knownHosts?: string[] | undefined;
  /** Where the plugin's executions are remembered, as for a framework; without it in a file of its own that is removed at the end. */
  database?: string | undefined;
}

/** Each setting with the variable that has it. */
const VARIABLES = {
  configPath: "SSH_CONFIG_PATH",
  defaultUser: "SSH_DEFAULT_USER",
  defaultPort: "SSH_DEFAULT_PORT",
  defaultKeyPath: "SSH_DEFAULT_KEY",
  hostKeyCheck: "SSH_HOST_KEY_CHECK",
  connectionTimeout: "SSH_CONNECTION_TIMEOUT",
  commandTimeout: "SSH_COMMAND_TIMEOUT",
  maxConnections: "SSH_MAX_CONNECTIONS",
  maxConnectionsPerHost: "SSH_MAX_CONNECTIONS_PER_HOST",
  idleTimeout: "SSH_IDLE_TIMEOUT",
  concurrencyLimit: "SSH_CONCURRENCY_LIMIT",
  priority: "SSH_PRIORITY",
  "sudo.enabled": "SSH_SUDO_ENABLED",
  "sudo.command": "SSH_SUDO_COMMAND",
  "sudo.passwordless": "SSH_SUDO_PASSWORDLESS",
  "sudo.password": "SSH_SUDO_PASSWORD",
  "sudo.runAsUser": "SSH_SUDO_USER",
} as const;

/** What stands in a line of the client configuration, or is a path, goes on in no other. */
const text = zod
  .string()
  .min(1)
  .regex(/^[^\0\r\n]*$/, "must be one line without NUL");
const line = text.optional();
const whole = zod.number().int().optional();
const flag = zod.boolean().optional();

const OptionsSchema = zod
  .object({
    enabled: flag,
    configPath: line,
    defaultUser: line,
    defaultPort: whole,
    defaultKeyPath: line,
    hostKeyCheck: flag,
    connectionTimeout: whole,
    commandTimeout: whole,
    maxConnections: whole,
    maxConnectionsPerHost: whole,
    idleTimeout: whole,
    concurrencyLimit: whole,
    priority: whole,
    sudo: zod.object({ enabled: flag, command: line, passwordless: flag, password: line, runAsUser: line }).strict().optional(),
    logger: having("a logger", "error", "warn", "info", "debug").optional(),
    performanceMonitor: having("a performance monitor", "startTimer").optional(),
    hostKeys: zod.enum(["strict", "accept-new", "off"]).optional(),
    knownHosts: zod.array(text).optional(),
    database: line,
  })
  .strict();

/** What was given, as a copy; throws a `ZodError` that names each key that cannot be. */
export function checkedOptions(options: object): SshPluginOptions {
  return parsed(OptionsSchema, options, "the options") as SshPluginOptions;
}

/**
 * The settings, as Pabawi reads them, with those that are given in the place of their variables.
 * @throws ConfigurationError that names the key, or the variable where the environment has it.
 */
export function settingsOf(options: SshPluginOptions, env: NodeJS.ProcessEnv = process.env): SSHConfig {
  const given = new Map<string, string>();
  const variables: Record<string, string | undefined> = { ...env };
  for (const [key, variable] of Object.entries(VARIABLES)) {
    const [name, part] = key.split(".") as [keyof SshPluginSettings, string | undefined];
    const value = part === undefined ? options[name] : (options[name] as Record<string, unknown> | undefined)?.[part];
    if (value !== undefined) {
      variables[variable] = String(value);
      given.set(variable, key);
    }
  }
  if (options.enabled !== undefined || given.size > 0) {
    variables["SSH_ENABLED"] = String(options.enabled ?? true);
  }
  try {
    const settings = loadSSHConfig(variables);
    if (settings.sudo.enabled) {
      runAsMethod(settings);
    }
    return settings;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) {
      throw error;
    }
    throw new ConfigurationError(error.message.replace(/SSH_[A-Z_]+/g, (variable) => given.get(variable) ?? variable));
  }
}

/** Options of sudo that it has anyway. */
const GIVEN = ["-n", "-S", "-H"];

/**
 * The program that changes the user; its directory is left to the node's PATH.
 * @throws ConfigurationError where it is another one, or has options that would be lost.
 */
export function runAsMethod({ sudo }: SSHConfig): "sudo" | "su" | "doas" {
  const [program = "", ...options] = sudo.command.trim().split(/\s+/);
  const method = basename(program);
  const areGiven = options.every((option) => method === "sudo" && GIVEN.includes(option));
  if (areGiven && (method === "sudo" || method === "su" || method === "doas")) {
    return method;
  }
  throw new ConfigurationError(
    `SSH_SUDO_COMMAND must be sudo (with no options but ${GIVEN.join(", ")}), su or doas, got: ${sudo.command}`,
  );
}
