/** The framework object: {@link createExecutionFramework}. Everything in it is done by the native half. */
import { userInfo } from "node:os";

import { onAbort } from "../internal/signals";
import { aborted, Beside, Caller, checked, throwIfAborted } from "./calls";
import { callSite, type CallSite, objectOf, valid } from "./errors";
import { type EventStream, eventStream, type EventWatcher, eventWatcher } from "./events";
import { EventsRequestSchema, ExecutionRequestSchema, ExportRequestSchema, OutputRequestSchema } from "./generated/schemas";
import type * as types from "./generated/types";
import { HostObjects } from "./host";
import { type CallOptions, type CreateFrameworkOptions, checkOptions, dialectOf } from "./options";
import { bytesOf } from "./output";
import * as parts from "./parts";

type WithoutId<T> = Omit<T, "id">;

/** Which events, and who asks. */
export interface EventOptions extends CallOptions {
  /** From this number on; 1, which is all, when absent. */
  from?: number | undefined;
  /** What happens when the reader is slower than the events come; `gapWhenSlow` when absent. */
  mode?: types.SubscriptionMode | undefined;
}

/** What was submitted, and what comes of it. */
export interface Followed {
  id: types.ExecutionId;
  events: EventStream<types.ExecutionEvent>;
}

/**
 * Runs executions and answers questions about them. Every call takes who asks and a signal. What is wrong with what is given
 * is a `ZodError` of the host's own Zod, and nothing has happened then; every other failure is a `PabawiError`.
 */
export interface ExecutionFramework {
  /** Where the database is: a path, or a URL without its password. */
  readonly database: string;

  /**
   * Runs a request to its end. A signal cancels the execution; the promise is rejected when the engine has said what was
   * stopped, with that outcome as `details.outcome` of the `AbortedError`.
   */
  execute(request: types.ExecutionRequest, options?: CallOptions): Promise<types.ExecutionOutcome>;
  /** Accepts a request; its id stands on disk when the promise is fulfilled. A signal that comes meanwhile cancels it. */
  submit(request: types.ExecutionRequest, options?: CallOptions): Promise<types.ExecutionId>;
  /** The same with its events from the start on, so that not even output that is shown live only can be missed. */
  submitAndFollow(request: types.ExecutionRequest, options?: Omit<EventOptions, "from">): Promise<Followed>;
  /** Waits for the end, also of what another process runs. A signal ends the wait only. */
  wait(id: types.ExecutionId, options?: CallOptions): Promise<types.ExecutionOutcome>;
  /** The events, live or replayed, to the last one. */
  events(id: types.ExecutionId, options?: EventOptions): EventStream<types.ExecutionEvent>;
  /** The same for listeners. */
  watch(id: types.ExecutionId, options?: EventOptions): EventWatcher<types.ExecutionEvent>;
  /** Ends an execution or some of its nodes. */
  cancel(id: types.ExecutionId, how?: WithoutId<types.CancelRequest>, options?: CallOptions): Promise<types.CancelReceipt>;
  /** Runs it again on chosen nodes of it, as a new one. */
  rerun(id: types.ExecutionId, how: WithoutId<types.RerunRequest>, options?: CallOptions): Promise<types.ExecutionId>;
  /** Goes on with one whose process died. */
  resume(id: types.ExecutionId, how?: WithoutId<types.ResumeRequest>, options?: CallOptions): Promise<types.Resumed>;

  /** Where an execution stands. */
  get(id: types.ExecutionId, options?: CallOptions): Promise<types.ExecutionRecord>;
  /** How far it is, how fast it goes, when it will be done. */
  progress(id: types.ExecutionId, options?: CallOptions): Promise<types.ProgressReport>;
  /** Executions, newest first. */
  executions(query?: types.ExecutionQuery, options?: CallOptions): Promise<types.Page<types.ExecutionRecord>>;
  /** How many executions stand where. */
  totals(query?: types.ExecutionQuery, options?: CallOptions): Promise<types.ExecutionTotals>;
  /** Targets of one, with their results. */
  results(id: types.ExecutionId, query?: WithoutId<types.TargetsRequest>, options?: CallOptions): Promise<types.Page<types.TargetRecord>>;
  attempts(id: types.ExecutionId, node?: types.NodeId, options?: CallOptions): Promise<types.AttemptRecord[]>;
  /** A part of a stored output; null where nobody has it. */
  output(hash: types.ContentHash, part?: Omit<types.OutputRequest, "hash">, options?: CallOptions): Promise<types.OutputChunk | null>;
  /** A stored output as a text, with a mark where something was left out; empty where there is none. */
  outputText(output: types.OutputRef | undefined, options?: CallOptions): Promise<string>;
  /** The targets by equal output. */
  outputGroups(id: types.ExecutionId, stream: types.StreamKind, options?: CallOptions): Promise<types.OutputGroup[]>;
  /**
   * All that is remembered of an execution, as the text of a document in pieces: `json` when absent. The pieces are made while they
   * are read: `pipeline(framework.export(id, "html"), createWriteStream(path))`.
   */
  export(id: types.ExecutionId, format?: types.ExportFormat, options?: CallOptions): EventStream<string>;
  /** Where the time went. */
  explainSlow(id: types.ExecutionId, most?: number, options?: CallOptions): Promise<types.SlowReport>;
  /** The circuit breakers that are not closed or have seen failures lately. */
  breakers(options?: CallOptions): Promise<types.BreakerStatus[]>;
  /** Closes one; false when it is closed already. */
  resetBreaker(component: types.Component, options?: CallOptions): Promise<boolean>;

  readonly plans: parts.Plans;
  readonly graphs: parts.Graphs;
  readonly targets: parts.Targets;
  readonly journal: parts.NodeJournal;
  readonly plugins: parts.Plugins;
  /** What the sources of nodes know. */
  inventory(how?: types.InventoryRequest, options?: CallOptions): Promise<types.InventoryView>;
  /** Facts of the nodes that an expression selects. */
  facts(targets: types.TargetExpression, how?: Omit<types.FactsRequest, "targets">, options?: CallOptions): Promise<types.FactsOfNode[]>;
  /**
   * The nodes whose stored facts meet a condition, `os.family=Debian` or `processors.count>=4`, by their names. Nothing is collected
   * for it.
   */
  factsMatching(condition: string, options?: CallOptions): Promise<types.NodeId[]>;
  /** What plugins can do and the caller may. */
  capabilities(options?: CallOptions): Promise<types.ProvidedCapability[]>;
  /** How the engine stands. */
  stats(options?: CallOptions): Promise<types.Stats>;
  metrics(options?: CallOptions): Promise<types.MetricsSnapshot>;
  /** The same as text for Prometheus. */
  prometheus(options?: CallOptions): Promise<string>;

  /**
   * Reaches nodes by this OpenSSH client configuration from now on. What runs goes on as it was begun, and the limits of connections
   * hold for all of it together.
   */
  useSshConfig(path: string, options?: CallOptions): Promise<void>;
  /** Accepts nothing more, gives what runs until the deadline, ends it then, and closes everything. */
  shutdown(how?: types.ShutdownRequest, options?: CallOptions): Promise<types.ShutdownReport>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a framework. Without an authorizer, everything is denied. */
export async function createExecutionFramework(options: CreateFrameworkOptions = {}): Promise<ExecutionFramework> {
  const site = callSite(createExecutionFramework);
  const { data, host } = valid(site, () => checkOptions(objectOf(options, "the options")));
  throwIfAborted(site, host.signal);
  const objects = new HostObjects(host);
  const caller = new Caller(host.user ?? userInfo().username, objects.listen);
  objects.attach(caller.native);
  const opening = {
    options: data,
    authorizer: authorizerKind(host.authorizer),
    hostDatabase: host.hostDatabase === undefined ? undefined : dialectOf(host.hostDatabase),
    hostJournal: host.hostJournal !== undefined,
    logger: host.logger !== undefined,
    performanceMonitor: host.performanceMonitor !== undefined,
    plugins: (host.plugins ?? []).map((plugin) => objects.plugins.add(plugin)),
  };
  const opened = caller.open(site, opening, host.signal);
  try {
    return framework(caller, objects, await orAborted(site, host.signal, opened));
  } catch (error) {
    // What opens all the same after it was given up is nobody's.
    void opened
      .then(() => caller.call(site, "shutdown", { deadlineMs: 0 }, undefined, "finish"))
      .catch(() => undefined)
      .finally(() => {
        objects.detach();
      });
    throw error;
  }
}

/** What becomes of it, unless it is given up before. */
function orAborted<T>(site: CallSite, signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopHearing = onAbort(signal, () => {
      reject(aborted(site, signal));
    });
    promise.then(resolve, reject).finally(stopHearing);
  });
}

function authorizerKind(authorizer: CreateFrameworkOptions["authorizer"]): string | undefined {
  if (authorizer === undefined) {
    return undefined;
  }
  if (authorizer === "allow-all") {
    return "allowAll";
  }
  return typeof authorizer === "function" ? "function" : "permissions";
}

function framework(caller: Caller, objects: HostObjects, database: string): ExecutionFramework {
  const shutdown: ExecutionFramework["shutdown"] = async (how = {}, options) => {
    const report = await caller.call(callSite(shutdown), "shutdown", how, options, "finish");
    caller.isShutDown = true;
    objects.detach();
    return report;
  };
  const whole: Omit<ExecutionFramework, typeof Symbol.asyncDispose> = {
    database,
    execute: (request, options) => execute(caller, callSite(whole.execute), request, options),
    submit: (request, options) => submit(caller, callSite(whole.submit), request, options),
    submitAndFollow: (request, options) => submitAndFollow(caller, callSite(whole.submitAndFollow), request, options),
    wait: (id, options) => caller.call(callSite(whole.wait), "wait", { id }, options, "forget"),
    events: (id, options) => events(caller, callSite(whole.events), id, options),
    watch: (id, options) => {
      const site = callSite(whole.watch);
      const { wanted, rest } = eventOptions(site, id, options);
      const { signal: outer } = caller.options(site, rest);
      return eventWatcher((signal) => eventStream(caller, site, { execution: wanted }, { ...rest, signal }), outer);
    },
    cancel: (id, how, options) => caller.call(callSite(whole.cancel), "cancel", new Beside(how, { id }), options, "finish"),
    rerun: (id, how, options) => caller.call(callSite(whole.rerun), "rerun", new Beside(how, { id }), options, "finish"),
    resume: (id, how, options) => caller.call(callSite(whole.resume), "resume", new Beside(how, { id }), options, "finish"),
    get: (id, options) => caller.call(callSite(whole.get), "get", { id }, options, "forget"),
    progress: (id, options) => caller.call(callSite(whole.progress), "progress", { id }, options, "forget"),
    executions: (query = {}, options) => caller.call(callSite(whole.executions), "executions", query, options, "forget"),
    totals: (query = {}, options) => caller.call(callSite(whole.totals), "totals", query, options, "forget"),
    results: (id, query, options) => caller.call(callSite(whole.results), "targets", new Beside(query, { id }), options, "forget"),
    attempts: (id, node, options) => caller.call(callSite(whole.attempts), "attempts", { id, node }, options, "forget"),
    output: (hash, part, options) => caller.call(callSite(whole.output), "output", new Beside(part, { hash }), options, "forget"),
    outputText: (output, options) => outputText(caller, callSite(whole.outputText), output, options),
    outputGroups: (id, stream, options) => caller.call(callSite(whole.outputGroups), "outputGroups", { id, stream }, options, "forget"),
    export: (id, format, options) => {
      const site = callSite(whole.export);
      return eventStream(caller, site, { document: valid(site, () => checked(ExportRequestSchema, { id, format })) }, options);
    },
    explainSlow: (id, most, options) => caller.call(callSite(whole.explainSlow), "explainSlow", { id, most }, options, "forget"),
    breakers: (options) => caller.call(callSite(whole.breakers), "breakers", {}, options, "forget"),
    resetBreaker: (component, options) => caller.call(callSite(whole.resetBreaker), "resetBreaker", { component }, options, "finish"),
    plans: parts.plans(caller),
    graphs: parts.graphs(caller),
    targets: parts.targets(caller),
    journal: parts.journal(caller),
    plugins: parts.plugins(caller, objects.plugins),
    inventory: (how = {}, options) => caller.call(callSite(whole.inventory), "inventory", how, options, "forget"),
    facts: (targets, how, options) => caller.call(callSite(whole.facts), "facts", new Beside(how, { targets }), options, "forget"),
    factsMatching: (condition, options) => caller.call(callSite(whole.factsMatching), "facts.matching", { condition }, options, "forget"),
    capabilities: (options) => caller.call(callSite(whole.capabilities), "capabilities", {}, options, "forget"),
    stats: (options) => caller.call(callSite(whole.stats), "stats", {}, options, "forget"),
    metrics: (options) => caller.call(callSite(whole.metrics), "metrics", {}, options, "forget"),
    prometheus: (options) => caller.call(callSite(whole.prometheus), "prometheus", {}, options, "forget"),
    useSshConfig: async (path, options) => {
      await caller.call(callSite(whole.useSshConfig), "useSshConfig", { path }, options, "finish");
    },
    shutdown,
  };
  // Older releases of Node 20 have no such symbol.
  const dispose = Symbol.asyncDispose as symbol | undefined;
  const disposing = dispose === undefined ? {} : { [dispose]: async () => void (await shutdown()) };
  return Object.freeze({ ...whole, ...disposing }) as ExecutionFramework;
}

function events(caller: Caller, site: CallSite, id: string, options: EventOptions | undefined): EventStream<types.ExecutionEvent> {
  const { wanted, rest } = eventOptions(site, id, options);
  return eventStream(caller, site, { execution: wanted }, rest);
}

/** Which events, and how they are asked for. */
function eventOptions(site: CallSite, id: string, options: EventOptions | undefined): { wanted: types.EventsRequest; rest: CallOptions } {
  return valid(site, () => {
    const { from, mode, ...rest } = objectOf(options, "the options") ?? {};
    return { wanted: checked(EventsRequestSchema, { id, from, mode }), rest };
  });
}

async function submit(caller: Caller, site: CallSite, request: types.ExecutionRequest, options: CallOptions | undefined): Promise<string> {
  const id = await caller.call(site, "submit", request, options, "finish");
  const { user, signal } = caller.options(site, options);
  if (signal?.aborted === true) {
    // It was accepted while it was given up, so it is ended as if it had been accepted before.
    await caller.call(site, "cancel", { id }, { user }, "finish");
    throw aborted(site, signal, { executionId: id });
  }
  return id;
}

async function submitAndFollow(
  caller: Caller,
  site: CallSite,
  request: types.ExecutionRequest,
  options: Omit<EventOptions, "from"> | undefined,
): Promise<Followed> {
  const { mode, ...rest } = valid(site, () => ({ ...objectOf(options, "the options") }));
  const submitted = () => ({
    submitted: { request: checked(ExecutionRequestSchema, request), mode: checked(EventsRequestSchema, { id: NO_ID, mode }).mode },
  });
  const { number, execution: id } = await caller.stream(site, submitted, rest, "finish");
  const { user, signal } = caller.options(site, rest);
  if (signal?.aborted === true) {
    caller.native.close(number);
    await caller.call(site, "cancel", { id }, { user }, "finish");
    throw aborted(site, signal, { executionId: id });
  }
  return { id, events: eventStream(caller, site, number, rest) };
}

/** Stands where the id of what is submitted will be. */
const NO_ID = "00000000-0000-0000-0000-000000000000";

async function execute(
  caller: Caller,
  site: CallSite,
  request: types.ExecutionRequest,
  options: CallOptions | undefined,
): Promise<types.ExecutionOutcome> {
  const id = await caller.call(site, "submit", request, options, "finish");
  const { user, signal } = caller.options(site, options);
  const giveUpWaiting = new AbortController();
  let refused: unknown;
  const cancel = (): void => {
    caller.call(site, "cancel", { id }, { user }, "finish").catch((error: unknown) => {
      // It cannot be ended, so that there is nothing to wait for.
      refused = error;
      giveUpWaiting.abort();
    });
  };
  const stopHearing = onAbort(signal, cancel);
  if (signal?.aborted === true) {
    cancel();
  }
  try {
    const outcome = await caller.call(site, "wait", { id }, { user, signal: giveUpWaiting.signal }, "forget");
    if (signal?.aborted === true) {
      throw aborted(site, signal, { executionId: id, outcome });
    }
    return outcome;
  } catch (error) {
    throw refused ?? error;
  } finally {
    stopHearing();
  }
}

/** Bytes of an output that are fetched at once. */
const PART = 4 * 1024 * 1024;

async function outputText(caller: Caller, site: CallSite, output: types.OutputRef | undefined, options: CallOptions | undefined): Promise<string> {
  if (output === undefined) {
    return "";
  }
  const { hash } = valid(site, () => checked(OutputRequestSchema, { hash: objectOf(output, "the output").hash }));
  const found: Buffer[] = [];
  let omission: types.Omission | undefined;
  let offset = 0;
  // Ends: each turn reads on in what is kept, and the last one gets nothing.
  for (;;) {
    const chunk = await caller.call(site, "output", { hash, offset, maxBytes: PART }, options, "forget");
    const bytes = bytesOf(chunk?.data ?? "");
    if (chunk === null || bytes.length === 0) {
      break;
    }
    found.push(bytes);
    offset += bytes.length;
    omission = chunk.omission;
    if (offset >= chunk.keptBytes) {
      break;
    }
  }
  const whole = Buffer.concat(found);
  if (omission === undefined) {
    return whole.toString();
  }
  const mark = `\n[${String(omission.bytes)} bytes left out]\n`;
  return whole.subarray(0, omission.at).toString() + mark + whole.subarray(omission.at).toString();
}
