/** Tasks and their parameters out of Bolt's JSON. */
import { type Fields, fields, isObject, list, text } from "../../internal/json";
import type { Task, TaskParameter, TaskParameterType } from "../../internal/types";

/** The tasks of any of the shapes that versions of Bolt print. */
export function tasksOf(json: unknown): Task[] {
  const told = isObject(json) && "tasks" in json ? json["tasks"] : json;
  if (isObject(told)) {
    return Object.entries(told).flatMap(([name, task]) => (isObject(task) ? taskOf({ ...task, name }) : []));
  }
  return list(told).flatMap((entry) => {
    if (Array.isArray(entry)) {
      const [name, description] = entry as unknown[];
      return taskOf({ name, description });
    }
    return typeof entry === "string" ? taskOf({ name: entry }) : taskOf(fields(entry));
  });
}

/** One task, or none where it has no name. */
export function taskOf(entry: Fields): Task[] {
  const name = text(entry["name"]);
  if (!name) {
    return [];
  }
  const metadata = fields(entry["metadata"]);
  const description = text(metadata["description"]) ?? text(entry["description"]);
  const parameters = metadata["parameters"] ?? metadata["params"] ?? entry["parameters"] ?? entry["params"];
  const [module, ...rest] = name.split("::");
  return [
    {
      name,
      module: rest.length > 0 && module ? module : "core",
      ...(description === undefined ? {} : { description }),
      parameters: Object.entries(fields(parameters)).map(([parameter, told]) => parameterOf(parameter, fields(told))),
      modulePath: text(entry["module"]) ?? text(entry["file"]) ?? "",
    },
  ];
}

function parameterOf(name: string, told: Fields): TaskParameter {
  const puppetType = text(told["type"]);
  const { type, words } = typeOf(puppetType);
  const isOptional = puppetType === undefined || puppetType.trim().startsWith("Optional");
  const description = text(told["description"]);
  return {
    name,
    type,
    ...(description === undefined ? {} : { description }),
    required: typeof told["required"] === "boolean" ? told["required"] : !isOptional,
    ...("default" in told ? { default: told["default"] } : {}),
    ...(words === undefined ? {} : { enum: words }),
    ...(puppetType === undefined ? {} : { puppetType }),
  };
}

const TYPES: Record<string, TaskParameterType> = {
  String: "String",
  Integer: "Integer",
  Numeric: "Integer",
  Float: "Integer",
  Boolean: "Boolean",
  Array: "Array",
  Tuple: "Array",
  Hash: "Hash",
  Struct: "Hash",
};

/** The base type of a type of Puppet, and its words where it is an Enum. */
function typeOf(puppetType: string | undefined): { type: TaskParameterType; words?: string[] } {
  let inner = (puppetType ?? "").trim();
  for (let wrapped = unwrapped(inner); wrapped !== undefined; wrapped = unwrapped(inner)) {
    inner = wrapped;
  }
  const [, name = "", rest = ""] = /^(\w+)\s*(.*)$/s.exec(inner) ?? [];
  if (name === "Enum") {
    const words = rest.replace(/^\[/, "").replace(/\]$/, "").split(",");
    return { type: "String", words: words.map((word) => word.trim().replace(/^['"]|['"]$/g, "")) };
  }
  return { type: TYPES[name] ?? "String" };
}

/** What stands in `Optional[...]`, or first in `Variant[...]`. */
function unwrapped(type: string): string | undefined {
  const [, inner] = /^(?:Optional|Variant|Sensitive)\s*\[(.*)\]$/s.exec(type) ?? [];
  return inner?.trim();
}
