/** Replaces Pabawi's `integrations/ssh/sshConfigParser`: hosts from an OpenSSH client configuration, and back. */
import { native } from "../internal/native";

export interface SSHHost {
  name: string;
  uri: string;
  alias?: string;
  user?: string;
  port?: number;
  privateKeyPath?: string;
  password?: string;
  groups?: string[];
}

export interface ParseResult {
  hosts: SSHHost[];
  /** Lines that cannot be, each with its number. */
  errors: string[];
  success: boolean;
}

/** Reads what can be read; lines that cannot are told in `errors`. */
export function parseSSHConfig(content: string): ParseResult {
  const { hosts, errors } = native().parseSshHosts(content);
  return { hosts, errors, success: true };
}

/** Writes hosts so that {@link parseSSHConfig} reads the same; passwords are not written. */
export function serializeSSHConfig(hosts: SSHHost[]): string {
  const blocks = hosts.map((host) => {
    const lines = [`Host ${host.name}${host.alias ? ` ${host.alias}` : ""}`];
    lines.push(`    HostName ${host.uri.replace(/^ssh:\/\//, "")}`);
    if (host.user) {
      lines.push(`    User ${host.user}`);
    }
    if (host.port) {
      lines.push(`    Port ${String(host.port)}`);
    }
    if (host.privateKeyPath) {
      lines.push(`    IdentityFile ${host.privateKeyPath}`);
    }
    if (host.groups && host.groups.length > 0) {
      lines.push(`    # Groups: ${host.groups.join(",")}`);
    }
    return `${lines.join("\n")}\n`;
  });
  return blocks.join("\n");
}
