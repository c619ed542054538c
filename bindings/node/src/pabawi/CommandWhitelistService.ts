/**
 * Replaces Pabawi's `validation/CommandWhitelistService`: which commands may be run. The rules are those of the
 * framework's own command policy.
 */
import { native, type Whitelist } from "../internal/native";

/** As the configuration has it. */
export interface WhitelistConfig {
  allowAll: boolean;
  whitelist: string[];
  matchMode: "exact" | "prefix";
}

/** A command that may not be run, and why. */
export class BoltCommandNotAllowedError extends Error {
  readonly command: string;
  readonly reason: string;

  constructor(message: string, command: string, reason: string) {
    super(message);
    this.name = "BoltCommandNotAllowedError";
    this.command = command;
    this.reason = reason;
  }
}

/** Holds commands against the list of the configuration. */
export class BoltCommandWhitelistService {
  /** @internal */
  private readonly config: WhitelistConfig;
  /** @internal */
  private rules: { from: string[]; allowAll: boolean; matchMode: string; native: Whitelist } | undefined;

  constructor(config: WhitelistConfig) {
    this.config = config;
  }

  /** Whether the command may be run. */
  isCommandAllowed(command: string): boolean {
    return this.current().allows(command);
  }

  /** Throws a {@link BoltCommandNotAllowedError} unless the command may be run. */
  validateCommand(command: string): void {
    const reason = this.current().refusal(command);
    if (reason !== null) {
      throw new BoltCommandNotAllowedError(`Command not allowed: ${command}`, command, reason);
    }
  }

  /** The entries, in a list of their own. */
  getWhitelist(): string[] {
    return [...this.config.whitelist];
  }

  isAllowAllEnabled(): boolean {
    return this.config.allowAll;
  }

  getMatchMode(): "exact" | "prefix" {
    return this.config.matchMode;
  }

  /**
   * The rules of the configuration as it is now: its owner may change it.
   * @internal
   */
  private current(): Whitelist {
    const { allowAll, whitelist, matchMode } = this.config;
    const known = this.rules;
    if (
      known?.allowAll === allowAll &&
      known.matchMode === matchMode &&
      known.from.length === whitelist.length &&
      known.from.every((entry, at) => entry === whitelist[at])
    ) {
      return known.native;
    }
    const rules = new (native().Whitelist)(allowAll, whitelist, matchMode === "prefix");
    this.rules = { from: [...whitelist], allowAll, matchMode, native: rules };
    return rules;
  }
}

export { BoltCommandNotAllowedError as CommandNotAllowedError };
export { BoltCommandWhitelistService as CommandWhitelistService };
