/** Nodes, facts and groups out of what Bolt tells and has in its files. */
import { type Fields, fields, isObject, list, number, text } from "../../internal/json";
import type { Facts, Node, NodeGroup, Transport } from "../../internal/types";

const TRANSPORTS: readonly string[] = ["ssh", "winrm", "docker", "local"];

/** The nodes of `bolt inventory show --detail`, of any of its shapes. */
export function nodesOf(json: unknown): Node[] {
  const root = fields(json);
  const targets = fields(root["inventory"])["targets"] ?? root["targets"];
  if (Array.isArray(targets)) {
    return targets.flatMap((target) => nodeOf(typeof target === "string" ? { name: target } : fields(target)));
  }
  return Object.entries(root).flatMap(([name, target]) => (isObject(target) ? nodeOf({ ...target, name }) : []));
}

function nodeOf(target: Fields): Node[] {
  const name = text(target["name"]);
  if (!name) {
    return [];
  }
  const config: Node["config"] = { ...fields(target["config"]) };
  const [user, port] = [text(target["user"]), number(target["port"])];
  if (user !== undefined) {
    config.user ??= user;
  }
  if (port !== undefined) {
    config.port ??= port;
  }
  const transport = (text(target["transport"]) ?? text(config["transport"]) ?? "").toLowerCase();
  return [
    {
      id: name,
      name,
      uri: text(target["uri"]) ?? name,
      transport: TRANSPORTS.includes(transport) ? (transport as Transport) : "ssh",
      config,
    },
  ];
}

/** Facts out of a run of the task `facts`, whose missing parts are filled. */
export function factsOf(nodeId: string, json: unknown): Facts {
  const item = list(fields(json)["items"]).find((one) => fields(one)["status"] === "success");
  const facts = fields(item === undefined ? json : fields(item)["value"]);
  const [os, processors, networking] = [fields(facts["os"]), fields(facts["processors"]), fields(facts["networking"])];
  const release = fields(os["release"]);
  const memory = fields(fields(facts["memory"])["system"]);
  return {
    nodeId,
    gatheredAt: new Date().toISOString(),
    facts: {
      ...facts,
      os: {
        family: text(os["family"]) ?? "unknown",
        name: text(os["name"]) ?? "unknown",
        release: { full: text(release["full"]) ?? "unknown", major: text(release["major"]) ?? "unknown" },
      },
      processors: {
        count: number(processors["count"]) ?? 0,
        models: list(processors["models"]).filter((model) => typeof model === "string"),
      },
      memory: { system: { total: text(memory["total"]) ?? "0", available: text(memory["available"]) ?? "0" } },
      networking: {
        hostname: text(networking["hostname"]) ?? "unknown",
        interfaces: fields(networking["interfaces"]),
      },
    },
  };
}

/** The groups of an inventory file; those within others only by name, and without targets that have nothing but an address. */
export function groupsOf(inventory: unknown): NodeGroup[] {
  return list(fields(inventory)["groups"]).flatMap((group) => {
    const name = text(fields(group)["name"]);
    if (!name || !isObject(group)) {
      return [];
    }
    const nodes = list(group["targets"]).flatMap((target) => {
      const member = text(target) ?? text(fields(target)["name"]);
      return member ? [`bolt:${member}`] : [];
    });
    const metadata = metadataOf(group, list(group["groups"]));
    return [{ id: `bolt:${name}`, name, source: "bolt", sources: ["bolt"], linked: false, nodes, metadata }];
  });
}

function metadataOf(group: Fields, within: unknown[]): NonNullable<NodeGroup["metadata"]> {
  const metadata: NonNullable<NodeGroup["metadata"]> = {};
  const description = text(group["description"]);
  if (description !== undefined) {
    metadata.description = description;
  }
  if (isObject(group["vars"])) {
    metadata.variables = group["vars"];
  }
  if (isObject(group["config"])) {
    metadata["config"] = group["config"];
  }
  const hierarchy = within.flatMap((one) => text(one) ?? text(fields(one)["name"]) ?? []);
  if (hierarchy.length > 0) {
    metadata.hierarchy = hierarchy;
  }
  return metadata;
}
