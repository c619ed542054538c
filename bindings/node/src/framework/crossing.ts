/** What crosses to the native half, as JSON that says all that was given: {@link crossing}. */
import { invalid } from "./errors";

/** Deeper than this nothing is looked at; the native half reads no more than that either. */
const DEEPEST = 128;

/**
 * What crosses, as JSON. What JSON cannot hold is refused and not left out or changed, but for members of objects that are
 * `undefined`, which are as good as absent.
 */
export function crossing(value: unknown): string {
  const unfit = unfitIn(value, "", []);
  if (unfit !== undefined) {
    throw invalid([unfit]);
  }
  const text = JSON.stringify(value);
  // JSON.stringify writes whole characters as they are, and halves as escapes.
  if (/\\ud[89a-f]/.test(text)) {
    const path = halfCharacter(value, "");
    if (path !== undefined) {
      throw invalid([{ path, message: "must be a text of whole characters: a surrogate stands alone in it" }]);
    }
  }
  return text;
}

/** What a schema made of what was given, where it has not lost a member named `__proto__`, as it does where it copies. */
export function withProto<T>(given: unknown, made: T): T {
  const path = lostProto(given, made, "");
  if (path !== undefined) {
    throw invalid([{ path, message: "must have another name than __proto__" }]);
  }
  return made;
}

interface Unfit {
  path: string;
  message: string;
}

/** The first thing in it that JSON cannot hold; `above` are those that it stands in. */
function unfitIn(value: unknown, path: string, above: object[]): Unfit | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? undefined : { path, message: `must be a finite number, and is ${String(value)}` };
    case "bigint":
    case "function":
    case "symbol":
      return { path, message: `must be something that JSON can hold, and is a ${typeof value}` };
    case "object":
      break;
    default:
      return undefined;
  }
  // What says itself how it is written, as dates do, is written so.
  if (value === null || typeof (value as { toJSON?: unknown }).toJSON === "function") {
    return undefined;
  }
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (KEPT_BY_JSON.has(kind)) {
    return undefined;
  }
  if (kind !== "Object" && !Array.isArray(value)) {
    return { path, message: `must be something that JSON can hold, and is of the kind ${kind}` };
  }
  if (above.includes(value)) {
    return { path, message: "must not be what it stands in itself" };
  }
  if (above.length === DEEPEST) {
    return { path: path.split(".", 2).join("."), message: `must not be deeper than ${String(DEEPEST)}` };
  }
  above.push(value);
  // Of a list also the places where nothing is.
  for (const [name, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const at = typeof name === "number" ? `${path}[${String(name)}]` : below(path, name);
    const isHole = member === undefined && typeof name === "number";
    const unfit = isHole ? { path: at, message: "must not be undefined" } : unfitIn(member, at, above);
    if (unfit !== undefined) {
      return unfit;
    }
  }
  above.pop();
  return undefined;
}

/** Objects that stand for a plain value. */
const KEPT_BY_JSON = new Set(["String", "Boolean"]);

/** The place of the first such member that is in one and not in the other. What was not copied is looked at no further. */
function lostProto(given: unknown, made: unknown, path: string): string | undefined {
  if (given === made || typeof given !== "object" || given === null || typeof made !== "object" || made === null) {
    return undefined;
  }
  if (Object.hasOwn(given, "__proto__") && !Object.hasOwn(made, "__proto__")) {
    return below(path, "__proto__");
  }
  for (const [name, member] of Object.entries(made)) {
    const at = Array.isArray(made) ? `${path}[${name}]` : below(path, name);
    const found = lostProto((given as Record<string, unknown>)[name], member, at);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** The first text in it that has half a character, which no text on the other side can have. */
function halfCharacter(value: unknown, at: string): string | undefined {
  if (typeof value === "string") {
    return HALF.test(value) ? at : undefined;
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  for (const [name, inner] of Object.entries(value)) {
    const found = HALF.test(name) ? at : halfCharacter(inner, Array.isArray(value) ? `${at}[${name}]` : below(at, name));
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** A surrogate that has no other one. */
const HALF = /\p{Surrogate}/u;

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
