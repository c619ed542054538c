/** The parts of a framework that have a name of their own: plans, graphs, targets, the journal, plugins. */
import { Beside, type Caller, checked } from "./calls";
import { callSite, valid } from "./errors";
import { type EventStream, eventStream } from "./events";
import { OfExecutionSchema } from "./generated/schemas";
import type * as types from "./generated/types";
import type { IntegrationPlugin } from "../internal/types";
import { type CallOptions, checkPlugin, type PluginEntry } from "./options";
import type { V1Objects } from "./v1";

type WithoutId<T> = Omit<T, "id">;

/** Plans: what a request would do, kept, and carried out if it is still that. */
export interface Plans {
  /** Says what a request would do, and keeps that. Nothing is connected or started. */
  make(request: types.ExecutionRequest, options?: CallOptions): Promise<types.ExecutionPreview>;
  /** Plans, newest first. */
  list(which?: types.ListPlansRequest, options?: CallOptions): Promise<types.PlanHead[]>;
  get(hash: types.PlanHash, options?: CallOptions): Promise<types.StoredPlan>;
  /** Carries a plan out; a `ConflictError` with `details.changes` where it would do something else now. */
  apply(hash: types.PlanHash, how?: Omit<types.ApplyPlanRequest, "hash">, options?: CallOptions): Promise<types.ExecutionId>;
}

/** Task graphs: many requests with prerequisites. */
export interface Graphs {
  /** Checks a graph whole, records it and starts it. */
  run(graph: types.TaskGraph, options?: CallOptions): Promise<types.ExecutionId>;
  /** How a run stands. */
  get(id: types.ExecutionId, options?: CallOptions): Promise<types.GraphView>;
  /** Waits for the end of a run. */
  wait(id: types.ExecutionId, options?: CallOptions): Promise<types.GraphView>;
  list(query?: types.GraphQuery, options?: CallOptions): Promise<types.Page<types.GraphRunRecord>>;
  /** Ends a run; false when it had ended. */
  cancel(id: types.ExecutionId, how?: WithoutId<types.CancelGraphRequest>, options?: CallOptions): Promise<boolean>;
  /** Goes on with a run whose process died. */
  resume(id: types.ExecutionId, how?: WithoutId<types.ResumeRequest>, options?: CallOptions): Promise<types.ExecutionId>;
  /** What happens in a run of this process from now on; nothing where it has ended or runs in another. */
  events(id: types.ExecutionId, options?: CallOptions): EventStream<types.GraphEvent>;
}

/** What target expressions mean. */
export interface Targets {
  /** The targets that an expression selects now. */
  resolve(expression: types.TargetExpression, options?: CallOptions): Promise<types.Target[]>;
  /** What each term of it does, and why nodes are selected or not. */
  explain(expression: types.TargetExpression, nodes?: types.NodeId[], options?: CallOptions): Promise<types.Explanation>;
}

/** The node journal. */
export interface NodeJournal {
  /** Entries, newest first. */
  query(query?: types.JournalQuery, options?: CallOptions): Promise<types.Page<types.JournalEntry>>;
  /** Entries with what plugins tell live. */
  timeline(query?: types.TimelineQuery, options?: CallOptions): Promise<types.Timeline>;
  note(node: types.NodeId, text: string, options?: CallOptions): Promise<types.JournalEntry>;
  editNote(id: types.EntryId, text: string, options?: CallOptions): Promise<types.JournalEntry>;
  /** All versions of an entry. */
  versions(id: types.EntryId, options?: CallOptions): Promise<types.JournalEntry[]>;
  /** Looks for tampering, of one node or of all. */
  verify(node?: types.NodeId, options?: CallOptions): Promise<types.JournalVerification>;
  /** What would be removed by these limits now, of the journal, executions and outputs; nothing is. */
  planRetention(limits: types.PlanRetentionRequest, options?: CallOptions): Promise<types.RetentionPlan>;
  /** Removes what a plan says, in small steps. */
  prune(plan: types.RetentionPlan, options?: CallOptions): Promise<types.RetentionReport>;
}

/** The plugins. */
export interface Plugins {
  /** How they stand. */
  list(options?: CallOptions): Promise<types.PluginStatus[]>;
  /** Asks how they are, or one of them. */
  health(plugin?: types.PluginName, options?: CallOptions): Promise<types.PluginStatus[]>;
  /** Has a plugin answer what is no action on nodes. */
  call(call: types.CallCapabilityRequest, options?: CallOptions): Promise<unknown>;
  /**
   * Puts another instance of a plugin of Pabawi v1.x in its place, with its configuration. It is got ready first; where that fails,
   * the one that was there goes on. What runs, ends on the old one, which is let go of then.
   */
  reload(plugin: IntegrationPlugin | PluginEntry, options?: CallOptions): Promise<void>;
  /** The same for Ansible, Bolt and PuppetDB. */
  reloadTool(tool: types.ToolOptions, options?: CallOptions): Promise<void>;
  /** The same for a program. */
  reloadExternal(plugin: types.ExternalPluginOptions, options?: CallOptions): Promise<void>;
}

export function plans(caller: Caller): Plans {
  const part: Plans = {
    make: (request, options) => caller.call(callSite(part.make), "plans.make", request, options, "finish"),
    list: (which = {}, options) => caller.call(callSite(part.list), "plans.list", which, options, "forget"),
    get: (hash, options) => caller.call(callSite(part.get), "plans.get", { hash }, options, "forget"),
    apply: (hash, how, options) => caller.call(callSite(part.apply), "plans.apply", new Beside(how, { hash }), options, "finish"),
  };
  return part;
}

export function graphs(caller: Caller): Graphs {
  const part: Graphs = {
    run: (graph, options) => caller.call(callSite(part.run), "graphs.run", graph, options, "finish"),
    get: (id, options) => caller.call(callSite(part.get), "graphs.get", { id }, options, "forget"),
    wait: (id, options) => caller.call(callSite(part.wait), "graphs.wait", { id }, options, "forget"),
    list: (query = {}, options) => caller.call(callSite(part.list), "graphs.list", query, options, "forget"),
    cancel: (id, how, options) => caller.call(callSite(part.cancel), "graphs.cancel", new Beside(how, { id }), options, "finish"),
    resume: (id, how, options) => caller.call(callSite(part.resume), "graphs.resume", new Beside(how, { id }), options, "finish"),
    events: (id, options) => {
      const site = callSite(part.events);
      return eventStream(caller, site, { graph: valid(site, () => checked(OfExecutionSchema, { id })) }, options);
    },
  };
  return part;
}

export function targets(caller: Caller): Targets {
  const part: Targets = {
    resolve: (expression, options) => caller.call(callSite(part.resolve), "resolve", { expression }, options, "forget"),
    explain: (expression, nodes, options) => caller.call(callSite(part.explain), "explain", { expression, nodes }, options, "forget"),
  };
  return part;
}

export function journal(caller: Caller): NodeJournal {
  const part: NodeJournal = {
    query: (query = {}, options) => caller.call(callSite(part.query), "journal.query", query, options, "forget"),
    timeline: (query = {}, options) => caller.call(callSite(part.timeline), "journal.timeline", query, options, "forget"),
    note: (node, text, options) => caller.call(callSite(part.note), "journal.note", { node, text }, options, "finish"),
    editNote: (id, text, options) => caller.call(callSite(part.editNote), "journal.editNote", { id, text }, options, "finish"),
    versions: (id, options) => caller.call(callSite(part.versions), "journal.versions", { id }, options, "forget"),
    verify: (node, options) => caller.call(callSite(part.verify), "journal.verify", { node }, options, "forget"),
    planRetention: (limits, options) => caller.call(callSite(part.planRetention), "journal.planRetention", limits, options, "forget"),
    prune: (plan, options) => caller.call(callSite(part.prune), "journal.prune", { plan }, options, "finish"),
  };
  return part;
}

export function plugins(caller: Caller, objects: V1Objects): Plugins {
  const part: Plugins = {
    list: (options) => caller.call(callSite(part.list), "plugins.list", {}, options, "forget"),
    health: (plugin, options) => caller.call(callSite(part.health), "plugins.health", { plugin }, options, "forget"),
    call: (call, options) => caller.call(callSite(part.call), "plugins.call", call, options, "finish"),
    reload: (plugin, options) => caller.reload(callSite(part.reload), () => objects.add(checkPlugin(plugin)), options),
    reloadTool: async (tool, options) => {
      await caller.call(callSite(part.reloadTool), "plugins.reloadTool", { tool }, options, "finish");
    },
    reloadExternal: async (plugin, options) => {
      await caller.call(callSite(part.reloadExternal), "plugins.reloadExternal", { plugin }, options, "finish");
    },
  };
  return part;
}
