// A host as Pabawi is one: Express, its own SQLite database through the npm package `sqlite3`, permissions from its tables, plugins of
// v1.x, Server-Sent Events. It is a program of its own, so that a test can kill it: `node host.mjs '{"place", "nodes", "sshConfig"}'`.
// It says where it listens, serves until SIGTERM, and then ends as Pabawi does.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { createExecutionFramework, PabawiError } from "../../index.js";
import { BasePlugin } from "../../pabawi/BasePlugin.js";
import { PermissionService } from "../../pabawi/PermissionService.js";
import { Adapter } from "../sqlite.mjs";

const express = createRequire(import.meta.url)("express");
const { place, nodes, sshConfig } = JSON.parse(process.argv[2]);

const logger = { error: (message) => console.error(message), warn() {}, info() {}, debug() {} };

/** Where the nodes come from. */
class Inventory extends BasePlugin {
  constructor() {
    super("cmdb", "information", logger);
  }
  async performInitialization() {}
  async performHealthCheck() {
    return { healthy: true };
  }
  async getInventory() {
    return nodes.map(({ name, address, port }) => ({ id: name, name, uri: `ssh://${address}:${port}`, transport: "ssh", config: {} }));
  }
  async getGroups() {
    return [{ id: "cmdb:all-nodes", name: "all-nodes", source: "cmdb", sources: ["cmdb"], linked: false, nodes: nodes.map(({ name }) => name) }];
  }
  async getNodeFacts(nodeId) {
    return { nodeId, gatheredAt: new Date().toISOString(), facts: { rack: nodeId.slice(-1) } };
  }
  async getNodeData() {
    return null;
  }
}

/** Something that runs actions itself and streams, as Pabawi's plugins do. */
class Runbook extends BasePlugin {
  constructor() {
    super("runbook", "execution", logger);
  }
  async performInitialization() {}
  async performHealthCheck() {
    return { healthy: true };
  }
  listCapabilities() {
    return [{ name: "command", description: "Plays a runbook" }];
  }
  async executeAction({ target, action, metadata }) {
    for (const step of ["one", "two"]) {
      metadata.streamingCallback?.onStdout?.(`${action} ${step} on ${target}\n`);
      await wait(1);
    }
    const status = action === "fail" ? "failed" : "success";
    const output = { stdout: "", stderr: "", exitCode: status === "failed" ? 3 : 0 };
    const results = [{ nodeId: target, status, output, duration: 1, ...(status === "failed" ? { error: "the runbook failed" } : {}) }];
    return { id: randomUUID(), type: "command", targetNodes: [target], action, status, startedAt: new Date().toISOString(), results };
  }
}

const database = await Adapter.open(join(place, "pabawi.db"));
const entry = (plugin, type) => ({ plugin, config: { enabled: true, name: plugin.name, type, config: {}, priority: 5 } });
const framework = await createExecutionFramework({
  database: join(place, "executions.db"),
  hostDatabase: database,
  authorizer: new PermissionService(database),
  plugins: [entry(new Inventory(), "information"), entry(new Runbook(), "execution")],
  logger,
  ssh: { config: sshConfig },
  limits: { maxNodeRuns: 60, defaultConcurrency: 60 },
});

/** What the rest of the application writes meanwhile, as often as it can, through the same connection. */
let audited = 0;
let isOver = false;
const auditing = (async () => {
  while (!isOver) {
    await database.execute("INSERT INTO audit_logs (id, timestamp, event_type, action, result) VALUES (?, ?, 'load', 'write', 'ok')", [
      randomUUID(),
      new Date().toISOString(),
    ]);
    audited += 1;
    // The mirror and the pages have their turns on the same connection.
    await wait(3);
  }
})();

const app = express();
app.use(express.json({ limit: "1mb" }));
// Pabawi reads the user out of a token.
app.use((request, response, next) => {
  request.user = request.get("X-User");
  if (request.user === undefined) response.status(401).json({ error: { code: "UNAUTHORIZED", message: "who are you?" } });
  else next();
});

app.post("/api/executions/batch", async ({ body, user }, response) => {
  const { targetNodeIds = [], targetGroupIds = [], action, tool = "ssh" } = body;
  const targets = [...targetNodeIds, ...targetGroupIds.map((id) => `@${id}`)].join(",");
  const transport = tool === "ssh" ? undefined : tool;
  const batchId = await framework.submit({ action: { type: "command", command: action }, targets, transport }, { user });
  response.status(201).json({ batchId });
});

app.post("/api/executions/batch/:id/cancel", async ({ params, user }, response) => {
  response.json(await framework.cancel(params.id, {}, { user }));
});

app.post("/api/executions/batch/:id/resume", async ({ params, user }, response) => {
  response.json(await framework.resume(params.id, {}, { user }));
});

// What Pabawi's own screens show is read in its own tables.
app.get("/api/executions/batch/:id", async ({ params }, response) => {
  const batch = await database.queryOne("SELECT * FROM batch_executions WHERE id = ?", [params.id]);
  const executions = await database.query("SELECT * FROM executions WHERE batch_id = ? ORDER BY batch_position", [params.id]);
  response.json({ batch, executions });
});

app.get("/api/journal/:nodeId", async ({ params }, response) => {
  const entries = await database.query("SELECT * FROM journal_entries WHERE node_id = ? ORDER BY timestamp DESC", [params.nodeId]);
  response.json(entries.map((row) => ({ ...row, details: JSON.parse(row.details) })));
});

app.get("/api/integrity", async (_, response) => {
  // What was acknowledged until now has to be there.
  const acknowledged = audited;
  const [{ count }] = await database.query("SELECT count(*) AS count FROM audit_logs");
  const told = await database.query("PRAGMA integrity_check");
  response.json({ told: told.map(({ integrity_check: line }) => line), audited: acknowledged, count });
});

app.get("/api/mirror", async (_, response) => {
  response.json((await framework.stats()).mirror);
});

app.get("/api/executions/:id/stream", async (request, response) => {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const from = Number(request.get("Last-Event-ID") ?? 0) + 1;
  for await (const event of framework.events(request.params.id, { from, signal: gone.signal, user: request.user })) {
    if (!response.headersSent) response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    if (!response.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)) await once(response, "drain", { signal: gone.signal });
  }
  response.end();
});

const CODES = { denied: [403, "INSUFFICIENT_PERMISSIONS"], not_found: [404, "EXECUTION_NOT_FOUND"], queue_full: [429, "QUEUE_FULL"], validation: [400, "VALIDATION_ERROR"] };
app.use((error, request, response, next) => {
  if (response.headersSent || response.destroyed) return response.destroy();
  const code = error.name === "ZodError" ? "validation" : error instanceof PabawiError ? error.code : undefined;
  const [status, name] = CODES[code] ?? [500, "INTERNAL"];
  if (code === undefined) next(error);
  else response.status(status).json({ error: { code: name, message: error.message } });
});

const server = app.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));

// It does not outlive the test, however that ends.
process.stdin.resume().once("end", () => process.exit(1));

process.once("SIGTERM", async () => {
  server.close();
  server.closeAllConnections();
  await framework.shutdown({ deadlineMs: 0 });
  isOver = true;
  await auditing;
  await database.close();
  // Nothing else keeps it.
  process.stdin.destroy();
});
