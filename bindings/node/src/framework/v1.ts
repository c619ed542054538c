/**
 * Plugins of Pabawi v1.x, as the native half asks them: {@link V1Objects}. The objects stay what they are; methods are looked
 * up when they are called, and what they are told is a copy.
 */
import { safely, textOf } from "../internal/faults";
import type { IntegrationPlugin } from "../internal/types";
import { Beforehand } from "./answers";
import type { PluginEntry } from "./options";

/** Where what a plugin tells while it runs goes. */
export interface Told {
  tell(stream: number, what: "command" | "stdout" | "stderr", text: string): void;
  told(stream: number): void;
}

interface Asked {
  object: number;
  member: string;
  args?: unknown[];
  stream?: number;
}

type Methods = Record<string, unknown>;

/** What may stand for a name in messages before it is known to be one. */
const NAME = /^[\x20-\x7e]{1,100}$/;

/** A plugin may still tell something long after its answer, for as long as it holds the functions. */
const gone = new FinalizationRegistry<() => void>((told) => {
  told();
});

function isEntry(given: IntegrationPlugin | PluginEntry): given is PluginEntry {
  const is = () => typeof (given as PluginEntry).plugin === "object" && typeof (given as unknown as Methods)["initialize"] !== "function";
  // One that cannot be looked at is told of by the name that it does not tell.
  return safely(is) ?? false;
}

/** What the native half is told of an object. */
export interface Described {
  object: number;
  name: string;
  config: unknown;
}

const CONFIG_SCHEMA = "configSchema";

/** A schema of zod, also of another copy than the host's. */
interface ZodLike {
  safeParse(value: unknown): { success: boolean; error?: { issues: { path: PropertyKey[]; message: string }[] } };
}

/** That is checked here; the native half knows JSON Schema, and would take one of zod for a schema that all is good for. */
function zodOf(schema: unknown): ZodLike | undefined {
  const is = (): boolean => typeof schema === "object" && schema !== null && typeof (schema as Partial<ZodLike>).safeParse === "function";
  return safely(is) === true ? (schema as ZodLike) : undefined;
}

/** Throws where the plugin's own part of its configuration is not what its schema lets through, with the path of each field. */
function checkConfig(schema: ZodLike | undefined, config: unknown): void {
  const issues = schema?.safeParse((config as { config?: unknown } | null)?.config).error?.issues ?? [];
  if (issues.length > 0) {
    const fields = issues.map(({ path, message }) => `${["config", "config", ...path].map(String).join(".")}: ${message}`);
    throw new Error(fields.join("; "));
  }
}

export class V1Objects {
  private readonly objects = new Map<number, IntegrationPlugin>();
  private readonly told: Told;
  private next = 0;

  constructor(told: Told) {
    this.told = told;
  }

  /** Takes an object; what the native half is told of it. */
  add(given: IntegrationPlugin | PluginEntry): Described {
    const { plugin, config } = isEntry(given) ? given : { plugin: given, config: undefined };
    const object = this.next;
    this.next += 1;
    this.objects.set(object, plugin);
    const name = safely(() => (plugin as { name?: unknown }).name);
    return { object, name: typeof name === "string" && NAME.test(name) ? name : `plugin ${String(object)}`, config: config ?? null };
  }

  /** Nothing is asked of it any more. */
  forget(object: number): void {
    this.objects.delete(object);
  }

  /** Nothing is asked of any of them any more. */
  letGo(): void {
    this.objects.clear();
  }

  /** Answers a question about one of them. */
  asked(service: string, { object, member, args, stream }: Asked): unknown {
    const plugin = this.objects.get(object) as unknown as Methods | undefined;
    if (plugin === undefined) {
      throw new Beforehand(new Error(`there is no plugin ${String(object)}`), "missing");
    }
    switch (service) {
      case "v1.read":
        return member === CONFIG_SCHEMA && zodOf(plugin[member]) !== undefined ? undefined : plugin[member];
      case "v1.has":
        return typeof plugin[member] === "function";
      default:
        return this.called(plugin, member, args ?? [], stream);
    }
  }

  private called(plugin: Methods, member: string, args: unknown[], stream: number | undefined): unknown {
    if (stream !== undefined) {
      this.listen(args, stream);
    }
    let method: unknown;
    try {
      method = plugin[member];
      if (typeof method === "function") {
        if (member === "initialize") {
          checkConfig(zodOf(plugin[CONFIG_SCHEMA]), args[0]);
        }
        return Reflect.apply(method, plugin, args);
      }
    } catch (error) {
      throw new Beforehand(error, "atOnce");
    }
    throw new Beforehand(new Error(`it has no method ${member}`), "missing");
  }

  /** Puts the three functions where v1.x has them. */
  private listen(args: unknown[], stream: number): void {
    // Each of the functions holds this, so it is gone when the last of them is.
    const held = { stream };
    const tell = (what: "command" | "stdout" | "stderr") => (text: unknown): void => {
      this.told.tell(held.stream, what, textOf(text));
    };
    gone.register(held, () => {
      this.told.told(stream);
    });
    const streamingCallback = { onCommand: tell("command"), onStdout: tell("stdout"), onStderr: tell("stderr") };
    const action = args[0] as { metadata?: Record<string, unknown> };
    action.metadata = { ...action.metadata, streamingCallback };
  }
}
