/** Groups that a client configuration implies by its patterns, and nodes by their names. */
import type { NodeGroup } from "../../internal/types";

/** Each group with the words of a name that lead to it. */
const BY_NAME = {
  production: ["prod"],
  staging: ["stg", "staging"],
  development: ["dev", "development"],
  test: ["test"],
  qa: ["qa"],
} as const;

/** The groups that have nodes. */
export function groupsOf(configText: string, names: readonly string[]): NodeGroup[] {
  const groups = new Map<string, { nodes: Set<string>; description: string }>();
  const add = (name: string, description: string, nodes: readonly string[]): void => {
    if (name === "" || nodes.length === 0) {
      return;
    }
    const group = groups.get(name) ?? { nodes: new Set<string>(), description };
    groups.set(name, group);
    nodes.forEach((node) => group.nodes.add(node));
  };
  for (const pattern of patternsOf(configText)) {
    const matches = glob(pattern);
    const name = pattern.replace(/[*?]+/g, "").replace(/^[-._]+|[-._]+$/g, "");
    add(name, `SSH hosts matching ${pattern}`, names.filter((node) => matches.test(node)));
  }
  for (const [name, words] of Object.entries(BY_NAME)) {
    const word = new RegExp(words.map((one) => `${one}-|-${one}`).join("|"));
    add(name, `SSH hosts of ${name} by their names`, names.filter((node) => word.test(node)));
  }
  return [...groups].map(([name, { nodes, description }]) => ({
    id: `ssh:${name}`,
    name,
    source: "ssh",
    sources: ["ssh"],
    linked: false,
    nodes: [...nodes],
    metadata: { description },
  }));
}

/** Patterns with wildcards of `Host` lines and of `Match ... host` lines, each once. */
function patternsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const line of text.split("\n")) {
    const host = /^\s*host\s+(.*)$/i.exec(line)?.[1] ?? /^\s*match\s.*?\bhost\s+(\S+)/i.exec(line)?.[1]?.replace(/,/g, " ");
    for (const pattern of host?.trim().split(/\s+/) ?? []) {
      if (/[*?]/.test(pattern) && !pattern.startsWith("!")) {
        found.add(pattern);
      }
    }
  }
  return found;
}

function glob(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/\*/g, ".*").replace(/\?/g, ".")}$`);
}
