/** Groups of several sources: what is wrong with them, their members as ids of linked nodes, one group per name. */
import type { LinkedNode, LoggerLike, NodeGroup } from "./types";

const CONTEXT = { component: "IntegrationManager", operation: "getAggregatedInventory" };
const MOST_NAMED = 5;

/** The groups of a source that can be used, with names that are safe to show. */
export function validGroups(groups: NodeGroup[], source: string, nodeIds: Set<string>, logger: LoggerLike): NodeGroup[] {
  const seen = new Set<string>();
  const warn = (message: string, metadata: Record<string, unknown>) => {
    logger.warn(message, { ...CONTEXT, integration: source, metadata });
  };
  return groups.flatMap((group) => {
    const { id, name, nodes } = group as Partial<NodeGroup>;
    const isWhole = [id, name, group.source].every((text) => typeof text === "string" && text !== "");
    if (!isWhole || !Array.isArray(nodes)) {
      warn(`Group of ${source} is not whole and is left out`, { id, name });
      return [];
    }
    if (seen.has(group.id)) {
      warn(`Group '${group.id}' of ${source} is there twice; the first one stays`, { id });
      return [];
    }
    seen.add(group.id);
    const unknown = nodes.filter((node) => !nodeIds.has(node) && !nodeIds.has(String(node).replace(`${source}:`, "")));
    if (unknown.length > 0) {
      warn(`Group '${group.id}' of ${source} has members that are no nodes of it`, {
        count: unknown.length,
        members: unknown.slice(0, MOST_NAMED),
      });
    }
    return [{ ...group, name: group.name.replace(/[^a-zA-Z0-9 _.:/-]/g, "").trim() || "sanitized_group" }];
  });
}

/** Replaces members by the ids of the linked nodes that they are, each once. */
export function remapMembers(groups: NodeGroup[], nodes: LinkedNode[]): void {
  const ids = new Set(nodes.map(({ id }) => id));
  const idOf = new Map<string, string>();
  for (const { id, name, sources, sourceData } of nodes) {
    for (const data of Object.values(sourceData)) {
      if (data.id !== id) {
        idOf.set(data.id, id);
      }
    }
    for (const source of sources) {
      idOf.set(`${source}:${name}`, id);
    }
  }
  for (const group of groups) {
    group.nodes = [...new Set(group.nodes.map((member) => (ids.has(member) ? member : (idOf.get(member) ?? member))))];
  }
}

/** One group for all that have the same name, in the order of the first ones. */
export function linkGroups(groups: NodeGroup[]): NodeGroup[] {
  const byName = new Map<string, NodeGroup[]>();
  for (const group of groups) {
    const same = byName.get(group.name);
    if (same === undefined) {
      byName.set(group.name, [group]);
    } else {
      same.push(group);
    }
  }
  return [...byName.values()].map((same) => {
    const [first] = same as [NodeGroup];
    if (same.length === 1) {
      return first;
    }
    const metadata = Object.assign({}, ...same.map((group) => group.metadata)) as Record<string, unknown>;
    return {
      id: `linked:${first.name}`,
      name: first.name,
      source: first.source,
      sources: same.map(({ source }) => source),
      linked: true,
      nodes: [...new Set(same.flatMap(({ nodes }) => nodes))],
      metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
    } as NodeGroup;
  });
}
