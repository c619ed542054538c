/**
 * Plugins of Pabawi v1.x, as the native half asks them: {@link V1Objects}. The objects stay what they are; methods are looked
 * up when they are called, and what they are told is a copy.
 */
import type { IntegrationPlugin } from "../internal/types";
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

/** How a call ended that did not even begin. */
class Beforehand extends Error {
  constructor(
    message: string,
    readonly thrown: { atOnce?: true; missing?: true },
  ) {
    super(message);
  }
}

/** A plugin may still tell something long after its answer, for as long as it holds the functions. */
const gone = new FinalizationRegistry<() => void>((told) => {
  told();
});

function isEntry(given: IntegrationPlugin | PluginEntry): given is PluginEntry {
  return typeof (given as PluginEntry).plugin === "object" && typeof (given as unknown as Methods)["initialize"] !== "function";
}

export class V1Objects {
  private readonly objects: { plugin: IntegrationPlugin; config: unknown }[];
  private readonly told: Told;

  constructor(given: readonly (IntegrationPlugin | PluginEntry)[], told: Told) {
    this.objects = given.map((one) => (isEntry(one) ? { plugin: one.plugin, config: one.config ?? null } : { plugin: one, config: null }));
    this.told = told;
  }

  /** What the native half is told of them. */
  described(): { object: number; name: string; config: unknown }[] {
    return this.objects.map(({ plugin, config }, object) => {
      const { name } = plugin as { name?: unknown };
      return { object, name: typeof name === "string" ? name : `plugin ${String(object)}`, config };
    });
  }

  /** Answers a question about one of them. */
  asked(service: string, { object, member, args, stream }: Asked): unknown {
    const plugin = this.objects[object]?.plugin as unknown as Methods | undefined;
    if (plugin === undefined) {
      throw new Beforehand(`there is no plugin ${String(object)}`, { missing: true });
    }
    switch (service) {
      case "v1.read":
        return plugin[member];
      case "v1.has":
        return typeof plugin[member] === "function";
      default: {
        const method = plugin[member];
        if (typeof method !== "function") {
          throw new Beforehand(`it has no method ${member}`, { missing: true });
        }
        return this.called(plugin, method as (...args: unknown[]) => unknown, args ?? [], stream);
      }
    }
  }

  private called(plugin: Methods, method: (...args: unknown[]) => unknown, args: unknown[], stream: number | undefined): unknown {
    if (stream !== undefined) {
      this.listen(args, stream);
    }
    try {
      return method.apply(plugin, args);
    } catch (error) {
      if (typeof error === "object" && error !== null && Object.isExtensible(error)) {
        Object.defineProperty(error, "thrown", { value: { atOnce: true }, configurable: true });
      }
      throw error;
    }
  }

  /** Puts the three functions where v1.x has them. */
  private listen(args: unknown[], stream: number): void {
    // Each of the functions holds this, so it is gone when the last of them is.
    const held = { stream };
    const tell = (what: "command" | "stdout" | "stderr") => (text: unknown): void => {
      this.told.tell(held.stream, what, String(text));
    };
    gone.register(held, () => {
      this.told.told(stream);
    });
    const streamingCallback = { onCommand: tell("command"), onStdout: tell("stdout"), onStderr: tell("stderr") };
    const action = args[0] as { metadata?: Record<string, unknown> };
    action.metadata = { ...action.metadata, streamingCallback };
  }
}
