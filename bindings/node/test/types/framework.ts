/** The framework object as a host's TypeScript uses it: with Pabawi's own classes, and what must not compile. */
import {
  AbortedError,
  type CreateJournalEntry,
  createExecutionFramework,
  createSshPlugin,
  type ExecutionAction,
  type ExecutionEvent,
  type ExecutionFramework,
  type ExecutionRequest,
  type JournalServiceLike,
  PabawiError,
  schemas,
  type SshPlugin,
} from "../../index";
import { PermissionService } from "../../pabawi/PermissionService";
import { PerformanceMonitorService } from "../../pabawi/PerformanceMonitorService";
import { BoltPlugin } from "../../pabawi/BoltPlugin";
import { JournalService } from "../../pabawi/JournalService";
import type { DatabaseAdapter, JournalService as PabawiJournal, LoggerService } from "./pabawi-classes";

export async function open(logger: LoggerService, db: DatabaseAdapter, plugin: BoltPlugin): Promise<ExecutionFramework> {
  return createExecutionFramework({
    database: "executions.db",
    user: "service",
    authorizer: new PermissionService(db),
    logger,
    logLevel: "warn",
    performanceMonitor: new PerformanceMonitorService(),
    hostDatabase: db,
    hostJournal: new JournalService(db),
    journal: { level: "all" },
    retention: { executions: [{ maxAgeMs: 90 * 86_400_000 }], journal: [{ eventType: "note" }, { keep: 1_000_000 }] },
    plugins: [plugin, { plugin, config: { enabled: true, name: "bolt", type: "both", config: {} } }],
    limits: { maxNodeRuns: 10 },
    ssh: { hostKeys: "accept-new" },
  });
}

export const opened = (db: DatabaseAdapter): Promise<ExecutionFramework> => createExecutionFramework({ database: db });

export const journalled = (journal: PabawiJournal): Promise<ExecutionFramework> => createExecutionFramework({ journal });

/** Something that takes entries, and says nothing. */
export const collecting = (entries: CreateJournalEntry[]): JournalServiceLike => ({ recordEvent: (entry) => void entries.push(entry) });

export async function run(framework: ExecutionFramework, signal: AbortSignal): Promise<string> {
  const action: ExecutionAction = { type: "command", command: "uptime", env: { A: "b", C: { secret: "d" } } };
  const request: ExecutionRequest = { action, targets: "@web", rollout: { mode: { type: "rolling", waves: [1, "20%"] } } };
  const { summary, record } = await framework.execute(request, { user: "alice", signal });
  // What was told can be given again.
  await framework.submit(record.request);
  let text = summary.status;
  for await (const event of framework.events(record.id, { from: 3 })) {
    text += told(event);
  }
  framework
    .watch(record.id)
    .on("output", (event) => (text += event.stream))
    .on("event", (event) => (text += String(event.seq)))
    .on("error", (error) => (text += error.message));
  const { items, nextCursor } = await framework.results(record.id, { state: "finished" });
  for (const { result, stdout } of items) {
    text += result?.outcome === "exited" ? String(result.code) : await framework.outputText(stdout);
  }
  return text + (nextCursor ?? "");
}

export async function records(framework: ExecutionFramework, id: string, plugin: BoltPlugin): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of framework.export(id, "html")) {
    pieces.push(piece);
  }
  const plan = await framework.journal.planRetention({ executions: [{ keep: 100 }], journal: [{ source: "ssh", maxAgeMs: 1 }] });
  // What was told can be given again.
  const { steps } = await framework.journal.prune(plan, { user: "alice" });
  await framework.plugins.reload({ plugin, config: { enabled: true, name: "bolt", type: "both", config: {} } });
  await framework.plugins.reloadTool({ kind: "bolt" });
  await framework.plugins.reloadExternal({ program: "/opt/pabawi/lookup" });
  // @ts-expect-error -- no such format
  framework.export(id, "pdf");
  return [...pieces, ...(await framework.factsMatching("os.family=Debian")), String(steps)].join("");
}

function told(event: ExecutionEvent): string {
  switch (event.type) {
    case "output":
      return typeof event.data === "string" ? event.data : event.data.base64;
    case "nodeFinished":
      return event.node;
    case "finished":
      return event.summary.status;
    default:
      return "";
  }
}

export function fault(error: unknown): string {
  if (error instanceof AbortedError) {
    return String(error.cause);
  }
  return error instanceof PabawiError ? `${error.code}${error.node ?? ""}${String(error.retryable)}` : "";
}

export const parsed: ExecutionRequest = schemas.ExecutionRequestSchema.parse({});

export async function wrong(framework: ExecutionFramework): Promise<void> {
  // @ts-expect-error -- the targets are missing
  await framework.execute({ action: { type: "command", command: "true" } });
  // @ts-expect-error -- no such action
  await framework.execute({ action: { type: "dance" }, targets: "a" });
  // @ts-expect-error -- no such field
  await framework.submit({ action: { type: "command", command: "true" }, targets: "a", sudo: true });
  // @ts-expect-error -- no such selection
  await framework.rerun("id", { selection: "some" });
  // @ts-expect-error -- it takes no entries
  await createExecutionFramework({ journal: { record: () => undefined } });
  // @ts-expect-error -- no such option
  await createExecutionFramework({ databse: "x" });
}

export function sshPlugin(logger: LoggerService): SshPlugin {
  // @ts-expect-error -- a port is a number
  createSshPlugin({ defaultPort: "22" });
  return createSshPlugin({ defaultUser: "deploy", commandTimeout: 60, sudo: { enabled: true }, hostKeys: "accept-new", logger });
}
