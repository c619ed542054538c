// Plugins of v1.x without faults, in which methods can be replaced.

/** A plugin that runs actions, lists nodes and knows facts. */
export function plugin(name, methods = {}) {
  return {
    name,
    type: "both",
    initialize: async () => {},
    isInitialized: () => true,
    getConfig: () => ({ enabled: true, name, type: "both", config: {} }),
    healthCheck: async () => ({ healthy: true, lastCheck: "2026-01-01T00:00:00Z" }),
    listCapabilities: () => [{ name: "command", description: "Runs" }],
    getInventory: async () => [node(`of-${name}`), node("n1")],
    getGroups: async () => [{ id: `${name}:all`, name: `all-${name}`, source: name, sources: [name], linked: false, nodes: ["n1"] }],
    getNodeFacts: async (nodeId) => ({ nodeId, gatheredAt: "2026-01-01T00:00:00Z", facts: { by: { [name]: true } } }),
    getNodeData: async () => ({ of: name }),
    executeAction: async (action) => result(action.target, `by ${name}\n`),
    ...methods,
  };
}

export function node(id) {
  return { id, name: id, uri: `ssh://${id}`, transport: "ssh", config: {} };
}

/** One of this machine: what an inventory says of how a node is reached goes before what a request says. */
export function localNode(id) {
  return { ...node(id), uri: `local://${id}`, transport: "local" };
}

export function result(nodeId, stdout) {
  return {
    id: "1", type: "command", targetNodes: [nodeId], action: "x", status: "success", startedAt: "2026-01-01T00:00:00Z",
    results: [{ nodeId, status: "success", output: { stdout, stderr: "", exitCode: 0 }, duration: 1 }],
  };
}
