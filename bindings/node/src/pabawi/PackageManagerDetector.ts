/** Replaces Pabawi's `integrations/ssh/PackageManagerDetector`: which package manager a host has, and its commands. */
import { messageOf } from "../internal/faults";
import { ConsoleLogger } from "../internal/logger";
import type { LoggerLike } from "../internal/types";
import { sanitizePackageName } from "./commonSchemas";

export type PackageManager = "apt" | "yum" | "dnf" | "zypper" | "pacman" | "unknown";
export type PackageOperation = "install" | "remove" | "update";

/** What is asked of a client of npm's ssh2. */
export interface SSHClientLike {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- ssh2's own overloads must fit
  exec(command: string, callback: (error: any, stream: any) => void): unknown;
}

interface ExecStream {
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  stderr?: { on?: (event: string, listener: () => void) => unknown };
}

type Known = Exclude<PackageManager, "unknown">;

/** In the order in which they are looked for, each with its program and the words before the name of a package. */
const MANAGERS: Record<Known, { program: string } & Record<PackageOperation, string>> = {
  apt: {
    program: "apt-get",
    install: "apt-get install -y",
    remove: "apt-get remove -y",
    update: "apt-get install --only-upgrade -y",
  },
  dnf: { program: "dnf", install: "dnf install -y", remove: "dnf remove -y", update: "dnf update -y" },
  yum: { program: "yum", install: "yum install -y", remove: "yum remove -y", update: "yum update -y" },
  zypper: {
    program: "zypper",
    install: "zypper install -y",
    remove: "zypper remove -y",
    update: "zypper update -y",
  },
  pacman: {
    program: "pacman",
    install: "pacman -S --noconfirm",
    remove: "pacman -R --noconfirm",
    update: "pacman -S --noconfirm",
  },
};

/** Looks once per host. */
export class PackageManagerDetector {
  /** @internal */
  private readonly logger: LoggerLike;
  /** @internal */
  private readonly cache = new Map<string, PackageManager>();

  constructor(logger?: LoggerLike) {
    this.logger = logger ?? new ConsoleLogger();
  }

  /** The first package manager that the host has, or `unknown`. Never rejects. */
  async detect(client: SSHClientLike, hostKey: string): Promise<PackageManager> {
    const cached = this.cache.get(hostKey);
    if (cached !== undefined) {
      return cached;
    }
    const found = await this.look(client, hostKey);
    this.cache.set(hostKey, found);
    return found;
  }

  getInstallCommand(packageManager: PackageManager, packageName: string): string {
    return command("install", packageManager, packageName);
  }

  getRemoveCommand(packageManager: PackageManager, packageName: string): string {
    return command("remove", packageManager, packageName);
  }

  getUpdateCommand(packageManager: PackageManager, packageName: string): string {
    return command("update", packageManager, packageName);
  }

  clearCache(hostKey: string): void {
    this.cache.delete(hostKey);
  }

  clearAllCache(): void {
    this.cache.clear();
  }

  /** @internal */
  private async look(client: SSHClientLike, hostKey: string): Promise<PackageManager> {
    for (const [name, { program }] of Object.entries(MANAGERS)) {
      try {
        if (await succeeds(client, `command -v ${program}`)) {
          return name as Known;
        }
      } catch (error) {
        this.logger.debug(`Looking for ${program} failed: ${messageOf(error)}`, {
          component: "PackageManagerDetector",
          integration: "ssh",
          operation: "detect",
          metadata: { hostKey },
        });
      }
    }
    this.logger.warn(`No package manager found on ${hostKey}`, {
      component: "PackageManagerDetector",
      integration: "ssh",
      operation: "detect",
      metadata: { hostKey },
    });
    return "unknown";
  }
}

function command(operation: PackageOperation, packageManager: PackageManager, packageName: string): string {
  const name = sanitizePackageName(packageName);
  if (packageManager === "unknown") {
    throw new Error(`Cannot generate ${operation} command: package manager unknown`);
  }
  return `${MANAGERS[packageManager][operation]} ${name}`;
}

/** Whether a command ends with 0. */
function succeeds(client: SSHClientLike, command: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error: unknown, stream: ExecStream) => {
      if (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      // Both streams have to be read, or the channel never ends.
      stream.on("data", () => undefined);
      stream.stderr?.on?.("data", () => undefined);
      stream.on("error", (fault) => {
        reject(fault instanceof Error ? fault : new Error(String(fault)));
      });
      stream.on("close", (code) => {
        resolve(code === 0);
      });
    });
  });
}
