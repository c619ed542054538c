/** Runs commands of the SSH plugin on a framework of its own: {@link SshRunner}. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { LoggerLike, StreamingCallback } from "../../internal/types";
import { messageOf, told } from "../../internal/faults";
import { onAbort } from "../../internal/signals";
import type { SSHConfig } from "../../pabawi/sshConfig";
import { createExecutionFramework, type ExecutionFramework } from "../framework";
import type { ExecutionRequest, NodeOutcome } from "../generated/types";
import { type OutputDecoder, outputDecoder } from "../output";
import { makeFolder, removeFolder } from "./folder";
import { HeadTail } from "./headTail";
import { expressionOf } from "./names";
import { runAsMethod, type SshPluginOptions } from "./settings";

/** How one command is run. */
export interface HowToRun {
  timeoutSeconds: number;
  sudo: boolean;
  callback?: StreamingCallback | undefined;
  signal?: AbortSignal | undefined;
}

/** What became of it on one node. */
export interface Ran {
  outcome: NodeOutcome;
  stdout: string;
  stderr: string;
  durationMs: number;
}

type Stream = "stdout" | "stderr";

const FORGET_EVERY_MS = 60_000;
const FORGET_AFTER_MS = 600_000;

/** One node's output while it comes. */
class Collected {
  readonly texts: Record<Stream, HeadTail> = { stdout: new HeadTail(), stderr: new HeadTail() };
  private readonly decoders: Record<Stream, OutputDecoder> = { stdout: outputDecoder(), stderr: outputDecoder() };

  add(stream: Stream, data: Parameters<OutputDecoder["write"]>[0]): string {
    return this.kept(stream, this.decoders[stream].write(data));
  }

  end(stream: Stream): string {
    return this.kept(stream, this.decoders[stream].end());
  }

  private kept(stream: Stream, text: string): string {
    this.texts[stream].add(text);
    return text;
  }
}

export class SshRunner {
  private constructor(
    private readonly framework: ExecutionFramework,
    private readonly folder: string,
    private readonly settings: SSHConfig,
    private text: string,
  ) {}

  /** The client configuration as it is used. */
  get configText(): string {
    return this.text;
  }

  /** Opens a framework by these settings; `configText` is the client configuration, to which the defaults are added. */
  static async open(settings: SSHConfig, configText: string, options: SshPluginOptions, logger: LoggerLike): Promise<SshRunner> {
    const folder = await makeFolder();
    try {
      const config = await written(folder, configText, settings);
      const framework = await createExecutionFramework({
        database: options.database ?? join(folder, "executions.db"),
        // Nobody asks it what was, once a result was given; a database of the host's is the host's to keep small.
        retention: options.database === undefined ? { everyMs: FORGET_EVERY_MS, executions: [{ maxAgeMs: FORGET_AFTER_MS }] } : undefined,
        // Who may do what has been asked before a plugin is called.
        authorizer: "allow-all",
        user: "ssh-plugin",
        logger,
        logLevel: "warn",
        // Pabawi writes its own journal.
        journal: { level: "off" },
        limits: { maxNodeRuns: 1000, defaultConcurrency: settings.concurrencyLimit },
        ssh: {
          config,
          hostKeys: options.hostKeys ?? (settings.hostKeyCheck ? "strict" : "off"),
          ...(options.knownHosts === undefined ? {} : { knownHosts: options.knownHosts }),
          maxConnections: settings.maxConnections,
          maxConnectionsPerHost: settings.maxConnectionsPerHost,
          idleTimeoutMs: settings.idleTimeout * 1000,
        },
      });
      return new SshRunner(framework, folder, settings, configText);
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  }

  /** Runs a command; what became of it is by node. A signal ends it on every node that still has it. */
  async run(nodes: readonly string[], command: string, how: HowToRun): Promise<Map<string, Ran>> {
    const { callback, signal } = how;
    const tell = (name: keyof StreamingCallback, text: string): void => {
      if (text !== "") {
        // What is wrong with who listens is not the command's fault.
        told(() => callback?.[name]?.(text));
      }
    };
    signal?.throwIfAborted();
    const { id, events } = await this.framework.submitAndFollow(this.request(nodes, command, how), { mode: "slowTheSource" });
    const cancel = (): void => {
      // Refused only where it is over already.
      this.framework.cancel(id).catch(() => undefined);
    };
    const stopHearing = onAbort(signal, cancel);
    if (signal?.aborted === true) {
      cancel();
    }
    tell("onCommand", command);
    const outputs = new Map<string, Collected>();
    const ran = new Map<string, Ran>();
    try {
      for await (const event of events) {
        if (event.type === "output") {
          const collected = outputs.get(event.node) ?? new Collected();
          outputs.set(event.node, collected);
          tell(event.stream === "stdout" ? "onStdout" : "onStderr", collected.add(event.stream, event.data));
        } else if (event.type === "nodeFinished") {
          const collected = outputs.get(event.node) ?? new Collected();
          outputs.delete(event.node);
          tell("onStdout", collected.end("stdout"));
          tell("onStderr", collected.end("stderr"));
          const { stdout, stderr } = collected.texts;
          ran.set(event.node, { outcome: event.result, stdout: stdout.whole(), stderr: stderr.whole(), durationMs: event.durationMs });
        }
      }
    } finally {
      stopHearing();
    }
    return ran;
  }

  /** Reaches nodes by another client configuration from now on; what runs goes on, and the limits hold for all of it together. */
  async use(configText: string): Promise<void> {
    await this.framework.useSshConfig(await written(this.folder, configText, this.settings));
    this.text = configText;
  }

  /** Ends what still runs after the deadline, and removes what it made on this machine. */
  async close(deadlineMs: number): Promise<void> {
    await this.framework.shutdown({ deadlineMs });
    await removeFolder(this.folder);
  }

  private request(nodes: readonly string[], command: string, { timeoutSeconds, sudo }: HowToRun): ExecutionRequest {
    const { connectionTimeout, concurrencyLimit, sudo: settings } = this.settings;
    const password = settings.passwordless ? undefined : settings.password;
    const user = settings.runAsUser ?? "root";
    const runAs = () => ({ user, method: runAsMethod(this.settings), ...(password === undefined ? {} : { password }) });
    return {
      action: { type: "command", command, ...(sudo ? { runAs: runAs() } : {}) },
      targets: nodes.map(expressionOf).join(","),
      concurrency: concurrencyLimit,
      timeouts: { connectMs: connectionTimeout * 1000, nodeMs: Math.round(timeoutSeconds * 1000) },
    };
  }
}

/** Writes a client configuration with the defaults and tells its path. */
async function written(folder: string, configText: string, settings: SSHConfig): Promise<string> {
  const path = join(folder, "ssh_config");
  await writeFile(path, withDefaults(configText, settings), { mode: 0o600 });
  return path;
}

/** The first value wins in such a file, so defaults come last. */
function withDefaults(text: string, { defaultUser, defaultPort, defaultKeyPath }: SSHConfig): string {
  const lines = [`  User ${defaultUser}`, `  Port ${String(defaultPort)}`];
  if (defaultKeyPath !== undefined) {
    lines.push(`  IdentityFile "${defaultKeyPath}"`);
  }
  return `${text}\nHost *\n${lines.join("\n")}\n`;
}

/** The client configuration; what keeps it from being read is told, and then it is undefined. */
export async function readConfig(path: string | undefined, tell: (message: string) => void): Promise<string | undefined> {
  if (path === undefined) {
    return "";
  }
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    tell(`Failed to read SSH config file ${path}: ${messageOf(error)}`);
    return undefined;
  }
}
