/** What the plugin's methods are given, checked before anything is done: what is wrong with it is a `ZodError` that names it. */
import type { z } from "zod";

import { safely } from "../../internal/faults";
import type { StreamingCallback } from "../../internal/types";
import { zod } from "../../internal/zod";
import { type CallSite, invalid, valid } from "../errors";
import { signal } from "../options";

type Shape = Record<string, z.ZodType<unknown>>;

const isText = (value: unknown): value is string => typeof value === "string";

const target = zod.custom<string | string[]>(
  (value) => isText(value) || (Array.isArray(value) && value.length > 0 && Array.from(value).every(isText)),
  { message: "must be the name of a node, or an array of such, which is not empty" },
);

const streamingCallback = zod
  .custom<StreamingCallback>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      ["onCommand", "onStdout", "onStderr"].every((name) =>
        ["function", "undefined"].includes(typeof (value as Record<string, unknown>)[name]),
      ),
    { message: "must be an object whose onCommand, onStdout and onStderr are functions" },
  )
  .optional();

/** What `executeAction` is given. A type that the plugin lacks, and a timeout that cannot be, are told by the result. */
export const ACTION = {
  action: zod.object({
    type: zod.string(),
    target,
    action: zod.string(),
    parameters: zod.object({ sudo: zod.boolean().optional() }).passthrough().optional(),
    timeout: zod.custom<number>((value) => typeof value === "number", { message: "must be a number of seconds" }).optional(),
    metadata: zod.object({ streamingCallback, signal }).optional(),
  }),
};

/** An action as it is then. */
export type CheckedAction = z.infer<typeof ACTION.action>;

/** What `initialize` is given; whether name and type are the plugin's is checked as for every plugin. */
export const CONFIG = {
  config: zod
    .object({
      enabled: zod.boolean(),
      name: zod.string().optional(),
      type: zod.string(),
      config: zod.object({}).passthrough().optional(),
      priority: zod.number().optional(),
    })
    .passthrough(),
};

/** What `getNodeFacts` is given. */
export const NODE = { nodeId: zod.string() };
/** What `getNodeData` is given. */
export const NODE_DATA = { ...NODE, dataType: zod.string() };

/** The arguments by their names, as the schemas make them: copies that no getter can change any more. */
export function argumentsOf<S extends Shape>(
  site: CallSite,
  schemas: S,
  given: Record<keyof S & string, unknown>,
): z.infer<z.ZodObject<S>> {
  return valid(site, () => parsed(zod.object(schemas), given, "the arguments"));
}

/** What the schema makes of it. Zod does not catch what getters and proxies throw: then each field is looked at alone. */
export function parsed<S extends Shape>(schema: z.ZodObject<S>, given: object, what: string): z.infer<z.ZodObject<S>> {
  const whole = looked(schema, given);
  if (whole?.error !== undefined) {
    throw whole.error;
  }
  if (whole !== undefined) {
    return whole.data as z.infer<z.ZodObject<S>>;
  }
  const field = (name: string): unknown => (given as Record<string, unknown>)[name];
  const wrong = Object.entries(schema.shape).filter(([name, one]) => safely(() => looked(one, field(name))) === undefined);
  const fields = wrong.map(([path]) => ({ path, message: "cannot be looked at" }));
  throw invalid(fields.length > 0 ? fields : [{ path: "", message: `${what} cannot be looked at` }]);
}

/** What is made of it, or what is wrong with it; nothing where it throws. Zod 4 looks once more where it is asked for the error. */
function looked(schema: z.ZodType<unknown>, value: unknown): { data?: unknown; error?: Error | undefined } | undefined {
  return safely(() => {
    const { data, error } = schema.safeParse(value);
    return { data, error };
  });
}
