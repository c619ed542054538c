/** What the SSH plugin is asked to run: {@link checkAction}. */
import type { z } from "zod";

import type { Action, StreamingCallback } from "../../internal/types";
import { zod } from "../../internal/zod";
import { objectOf } from "../errors";

/** What of an action counts. */
export interface SshAction {
  type: string;
  target: string | string[];
  action: string;
  parameters?: Action["parameters"];
  timeout?: unknown;
  metadata?: { streamingCallback?: StreamingCallback | undefined; signal?: AbortSignal | undefined } | undefined;
}

function made<T>(is: (value: object) => boolean, message: string): z.ZodType<T> {
  return zod.custom<T>((value) => typeof value === "object" && value !== null && is(value), { message });
}

const anything = made<Record<string, unknown>>((value) => !Array.isArray(value), "must be an object");
const callback = made<StreamingCallback>(
  (value) => ["onCommand", "onStdout", "onStderr"].some((name) => typeof (value as Record<string, unknown>)[name] === "function"),
  "must be an object with onCommand, onStdout or onStderr",
);
// By its shape: one of another realm, such as a test environment's, is one too.
const signal = made<AbortSignal>(
  (value) => typeof (value as AbortSignal).aborted === "boolean" && typeof (value as AbortSignal).addEventListener === "function",
  "must be an AbortSignal",
);

const ActionSchema = zod.object({
  type: zod.string(),
  target: zod.union([zod.string(), zod.array(zod.string())]),
  action: zod.string().min(1),
  parameters: anything.nullish(),
  timeout: zod.unknown().optional(),
  metadata: zod.object({ streamingCallback: callback.nullish(), signal: signal.nullish() }).nullish(),
});

/** What was given, as it was when it was looked at. Throws a `ZodError` that names each field that cannot be. */
export function checkAction(action: Action): SshAction {
  // Nothing at all is no action, while options may be left out.
  const given = action === undefined ? null : action;
  const { parameters, metadata, ...rest } = ActionSchema.parse(objectOf(given as Action, "the action")) as z.infer<typeof ActionSchema>;
  return {
    ...rest,
    ...(parameters ? { parameters } : {}),
    ...(metadata ? { metadata: { streamingCallback: metadata.streamingCallback ?? undefined, signal: metadata.signal ?? undefined } } : {}),
  };
}
