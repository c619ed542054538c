// Every call of the framework object with good arguments, but for its options, which stand behind them.
import { all, command } from "./support.mjs";

const task = { name: "only", targets: "here", transport: "local", action: { type: "command", command: "true" } };

/** What calls need to be about: an execution, a run of a graph, a plan, a note, and what retention would remove. */
export async function things(host) {
  const { record } = await host.execute(command("true"));
  const graph = await host.graphs.run({ name: "g", tasks: [task] });
  await host.graphs.wait(graph);
  return {
    id: record.id,
    graph,
    plan: (await host.plans.make(command("true"))).hash,
    note: (await host.journal.note("here", "a note")).id,
    prune: await host.journal.planRetention({ executions: [{ keep: 100 }] }),
  };
}

export const CALLS = {
  execute: () => [command("true")],
  submit: () => [command("true")],
  submitAndFollow: () => [command("true")],
  wait: ({ id }) => [id],
  events: ({ id }) => [id],
  watch: ({ id }) => [id],
  cancel: ({ id }) => [id, {}],
  rerun: ({ id }) => [id, { selection: "all" }],
  resume: ({ id }) => [id, {}],
  get: ({ id }) => [id],
  progress: ({ id }) => [id],
  executions: () => [{}],
  totals: () => [{}],
  results: ({ id }) => [id, {}],
  attempts: ({ id }) => [id, "here"],
  outputGroups: ({ id }) => [id, "stdout"],
  export: ({ id }) => [id, "json"],
  explainSlow: ({ id }) => [id, 5],
  breakers: () => [],
  resetBreaker: () => ["node:here"],
  inventory: () => [{}],
  facts: () => ["here", {}],
  factsMatching: () => ["os.family=Debian"],
  useSshConfig: () => ["/no/such/file"],
  "plans.make": () => [command("true")],
  "plans.list": () => [{}],
  "plans.get": ({ plan }) => [plan],
  "plans.apply": ({ plan }) => [plan, {}],
  "graphs.run": () => [{ name: "g", tasks: [task] }],
  "graphs.get": ({ graph }) => [graph],
  "graphs.wait": ({ graph }) => [graph],
  "graphs.list": () => [{}],
  "graphs.cancel": ({ graph }) => [graph, {}],
  "graphs.resume": ({ graph }) => [graph, {}],
  "graphs.events": ({ graph }) => [graph],
  "targets.resolve": () => ["here"],
  "targets.explain": () => ["here", []],
  "journal.query": () => [{}],
  "journal.timeline": () => [{ query: { nodes: ["here"] } }],
  "journal.note": () => ["here", "x"],
  "journal.editNote": ({ note }) => [note, "x"],
  "journal.versions": ({ note }) => [note],
  "journal.verify": () => ["here"],
  "journal.planRetention": () => [{ executions: [{ keep: 1 }] }],
  "journal.prune": ({ prune }) => [prune],
  "plugins.list": () => [],
  "plugins.health": () => ["hello"],
  "plugins.call": () => [{ capability: "greeting.show" }],
  "plugins.reloadTool": () => [{ kind: "ansible" }],
  "plugins.reloadExternal": () => [{ program: "/no/such/program" }],
};

/** Makes a call by its name; of what is a stream all is read. */
export async function call(host, name, args) {
  const path = name.split(".");
  const made = path.slice(0, -1).reduce((object, part) => object[part], host)[path.at(-1)](...args);
  if (name === "watch") return new Promise((resolve, reject) => made.on("error", reject).on("end", resolve));
  return ["events", "export", "graphs.events"].includes(name) ? all(made) : made;
}
