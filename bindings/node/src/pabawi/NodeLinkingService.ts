/**
 * Replaces Pabawi's `integrations/NodeLinkingService`: entries of several sources that are one machine become one node.
 * Which entries belong together is told by `sameNodes`; their fields are merged here, and unknown ones survive.
 *
 * Where it differs: entries do not belong together since they are of Azure or name their own machine as `localhost`; nodes that
 * are linked already keep all their sources.
 */
import { messageOf } from "../internal/faults";
import { ConsoleLogger } from "../internal/logger";
import { nodesCalled, sameNodes } from "../internal/sameNodes";
import type {
  CertificateStatus,
  InformationSourcePlugin,
  LinkedNode,
  LinkedNodeData,
  LoggerLike,
  Node,
  SourceNodeData,
} from "../internal/types";

export type { LinkedNode, LinkedNodeData, SourceNodeData };

/** What is asked of the IntegrationManager. */
export interface InventoryManagerLike {
  getAggregatedInventory(useCache?: boolean): Promise<{ nodes: Node[] }>;
  getInformationSource(name: string): InformationSourcePlugin | null;
}

/** Whose fields win; a higher number does. Sources that are not here have 0. */
const PRIORITIES: Record<string, number> = {
  ssh: 50,
  puppetserver: 20,
  bolt: 10,
  puppetdb: 10,
  ansible: 8,
  checkmk: 8,
  hiera: 6,
};

/** What sources send beyond the type. */
type AnyNode = Node & {
  sources?: unknown;
  sourceData?: unknown;
  metadata?: Record<string, unknown>;
  status?: string;
  lastCheckIn?: string;
};

/** Spread first: what is added to an object that begins as another's copy costs the V8 of Node 20 twenty times as much. */
const NOTHING = {};

/** What is asked of a source beyond facts, by its name. */
const MORE_DATA: Record<string, readonly ("reports" | "catalog" | "events" | "certificate" | "status")[]> = {
  puppetdb: ["reports", "catalog", "events"],
  puppetserver: ["certificate", "status"],
};

/** Links nodes of several sources. */
export class NodeLinkingService {
  /** @internal */
  private readonly integrationManager: InventoryManagerLike;
  /** @internal */
  private readonly logger: LoggerLike;

  constructor(integrationManager: InventoryManagerLike, logger?: LoggerLike) {
    this.integrationManager = integrationManager;
    this.logger = logger ?? new ConsoleLogger();
  }

  /** One node for an entry and all that share an identifier with it; in the order of their first entries. */
  linkNodes(nodes: Node[]): LinkedNode[] {
    return sameNodes(nodes).map(linked);
  }

  /** A node, by id or name, with what its sources know. Sources that fail are left out. */
  async getLinkedNodeData(nodeId: string): Promise<LinkedNodeData> {
    const { nodes } = await this.integrationManager.getAggregatedInventory();
    const all = this.linkNodes(nodes);
    const node = all.find((one) => one.id === nodeId || one.name === nodeId);
    if (node === undefined) {
      throw new Error(`Node '${nodeId}' not found in any source`);
    }
    const dataBySource: LinkedNodeData["dataBySource"] = {};
    for (const name of node.sources) {
      const source = this.integrationManager.getInformationSource(name);
      if (!source?.isInitialized()) {
        continue;
      }
      try {
        const data: Record<string, unknown> = { facts: await source.getNodeFacts(nodeId) };
        for (const type of MORE_DATA[name] ?? []) {
          data[type] = await source.getNodeData(nodeId, type);
        }
        dataBySource[name] = data;
      } catch (error) {
        this.logger.error(
          `Failed to get data of node '${nodeId}' from ${name}: ${messageOf(error)}`,
          {
            component: "NodeLinkingService",
            integration: name,
            operation: "getLinkedNodeData",
            metadata: { nodeId },
          },
          error instanceof Error ? error : undefined,
        );
      }
    }
    return { node, dataBySource };
  }

  /** The nodes of the inventory that have this identifier, in any case. */
  async findMatchingNodes(identifier: string): Promise<Node[]> {
    const { nodes } = await this.integrationManager.getAggregatedInventory();
    return nodesCalled(nodes, identifier);
  }
}

function priority(source: string): number {
  return PRIORITIES[source.toLowerCase()] ?? 0;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Adds what each source says of an entry: all that one which is linked already has, and its own source where that is not there. */
function tell(node: AnyNode, sourceData: Record<string, SourceNodeData>): void {
  const known = node.sourceData;
  const own = node.source ?? "bolt";
  let isTold = false;
  if (Array.isArray(node.sources) && typeof known === "object" && known !== null) {
    for (const source of node.sources as string[]) {
      const data = (known as Record<string, SourceNodeData | undefined>)[source];
      if (data !== undefined) {
        sourceData[source] = data;
        isTold ||= source === own;
      }
    }
  }
  if (!isTold) {
    const { id, uri, config, metadata, status } = node;
    sourceData[own] = { id, uri, config, metadata, status } as SourceNodeData;
  }
}

/** One node of the entries that are it, the first one first. */
function linked(entries: readonly AnyNode[]): LinkedNode {
  const sourceData: Record<string, SourceNodeData> = {};
  let primary = entries[0] as AnyNode;
  let certificateStatus: CertificateStatus | undefined;
  let lastCheckIn: string | undefined;
  for (const entry of entries) {
    tell(entry, sourceData);
    const source = entry.source ?? "bolt";
    if (priority(source) > priority(primary.source ?? "bolt")) {
      primary = entry;
    }
    if (source.toLowerCase() === "puppetserver" && entry.certificateStatus) {
      certificateStatus = entry.certificateStatus;
    }
    if (entry.lastCheckIn && !(lastCheckIn && Date.parse(lastCheckIn) >= Date.parse(entry.lastCheckIn))) {
      lastCheckIn = entry.lastCheckIn;
    }
  }
  const [first] = entries as [AnyNode];
  const uri = entries.find((entry) => entry.uri)?.uri ?? primary.uri;
  const name = text(first.name)?.trim() || first.id || uri;
  const sources = Object.keys(sourceData);
  const node: LinkedNode = {
    ...NOTHING,
    ...primary,
    id: name,
    name,
    uri,
    source: primary.source ?? "bolt",
    sources,
    linked: sources.length > 1,
    sourceData,
  };
  if (certificateStatus !== undefined) {
    node.certificateStatus = certificateStatus;
  }
  if (lastCheckIn !== undefined) {
    node.lastCheckIn = lastCheckIn;
  }
  return node;
}
