// Makes src/framework/generated/{types,schemas,events}.ts of what the native half says of its types, as JSON Schemas, and of the
// rows that it tells events by, so that there is one source for both languages. With `--check` nothing is written, and a file that
// is not what would be written is a failure.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { built, here, orWorkspace } from "./cargo.mjs";

const described = execFileSync(built("describe", orWorkspace("-p", "pabawi-node", "--example", "describe"), () => true), {
  encoding: "utf8",
  maxBuffer: 64 * 1024 * 1024,
});

/** Names that Pabawi has for other things, which the package exports too. */
const RENAMED = { Action: "ExecutionAction", ExecutionStatus: "ExecutionState", Node: "InventoryNode", NodeGroup: "InventoryGroup" };
const renamed = (name) => RENAMED[name] ?? name;
const { schemas: { calls, requests, answers }, eventRows } = JSON.parse(described, (key, value) => {
  if (key === "$ref") return value.replace(/[^/]+$/, renamed);
  if (key !== "requests" && key !== "answers") return value;
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [renamed(name), schema]));
});

const HEAD = "// Made by scripts/generate.mjs of the types of the native half. Changes belong there.\n";
const PAGE = /^Page\d*$/;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const named = (reference) => decodeURIComponent(reference.replace(/^.*\//, ""));
const union = (parts) => [...new Set(parts)].join(" | ");
const indent = (text) => text.replace(/\n/g, "\n  ");
const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
const variants = (schema) => schema.oneOf ?? schema.anyOf;

/** Names that a schema refers to. */
function references(schema, found = new Set()) {
  if (Array.isArray(schema)) {
    schema.forEach((part) => references(part, found));
  } else if (isObject(schema)) {
    if (typeof schema.$ref === "string") found.add(named(schema.$ref));
    Object.values(schema).forEach((part) => references(part, found));
  }
  return found;
}

/** Names that mean the same when they are given and when they are told. */
function sameBothWays() {
  const plain = (schema) => JSON.stringify(schema);
  const same = new Set(Object.keys(answers).filter((name) => name in requests && plain(answers[name]) === plain(requests[name])));
  for (let before = -1; before !== same.size; ) {
    before = same.size;
    for (const name of same) {
      if ([...references(answers[name])].some((other) => !same.has(other))) same.delete(name);
    }
  }
  return same;
}

const same = sameBothWays();

/** The name of a type in TypeScript. What differs when it is told is a view of it. */
function typeName(name, told) {
  if (PAGE.test(name)) return `Page<${type(answers[name].properties.items.items, told)}>`;
  return told && name in requests && !same.has(name) ? `${name}View` : name;
}

function comment(schema, before = "") {
  const text = schema.description?.replace(/\[`?([^\]`]*)`?\](\([^)]*\))?/g, "`$1`").replace(/``+/g, "`");
  if (!text) return "";
  const lines = text.split("\n");
  const body = lines.length === 1 ? `/** ${lines[0]} */` : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */`;
  return `${body.replace(/\*\/(?=.)/g, "*\\/").split("\n").map((line) => before + line).join("\n")}\n`;
}

/** A schema as a type. */
function type(schema, told) {
  if (schema === true || !isObject(schema)) return "unknown";
  const parts = [];
  if (schema.$ref) parts.push(typeName(named(schema.$ref), told));
  if (schema.allOf) parts.push(...schema.allOf.map((part) => type(part, told)));
  if (schema.properties) parts.push(fields(schema, told));
  if (variants(schema)) {
    const of = union(variants(schema).map((part) => type(part, told)));
    parts.push(parts.length > 0 && of.includes(" | ") ? `(${of})` : of);
  }
  if (parts.length > 0) return parts.join(" & ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return union(schema.enum.map((value) => JSON.stringify(value)));
  if (Array.isArray(schema.type)) return union(schema.type.map((one) => type({ ...schema, type: one }, told)));
  switch (schema.type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array": {
      if (schema.prefixItems) return `[${schema.prefixItems.map((item) => type(item, told)).join(", ")}]`;
      const of = type(schema.items ?? true, told);
      return /[ |&]/.test(of) ? `(${of})[]` : `${of}[]`;
    }
    case "object":
      return isObject(schema.additionalProperties)
        ? `Record<string, ${type(schema.additionalProperties, told)}>`
        : schema.additionalProperties === false
          ? "Record<string, never>"
          : "Record<string, unknown>";
    default:
      return "unknown";
  }
}

function fields(schema, told) {
  const lines = Object.entries(schema.properties).map(([name, field]) => {
    const required = schema.required?.includes(name);
    let of = type(field, told);
    // What is told is left out rather than null; what is given may be either.
    if (!required) of = told ? of.replace(/ \| null$/, "") : `${of} | undefined`;
    return `${comment(field, "  ")}  ${key(name)}${required ? "" : "?"}: ${indent(of)};`;
  });
  return `{\n${lines.join("\n")}\n}`;
}

function declaration(name, schema, told) {
  const head = comment(schema);
  const shown = typeName(name, told);
  const isPlain = schema.properties && !variants(schema) && !schema.$ref && !schema.allOf;
  if (isPlain) return `${head}export interface ${shown} ${fields(schema, told)}\n`;
  return `${head}export type ${shown} = ${type(schema, told)};\n`;
}

function types() {
  const text = [
    HEAD,
    "/** A part of a list. */\nexport interface Page<T> {\n  items: T[];\n  /** Given back in the next question, it brings the next part; absent with the last. */\n  nextCursor?: string;\n}\n",
  ];
  for (const name of Object.keys(requests).sort()) text.push(declaration(name, requests[name], false));
  for (const name of Object.keys(answers).sort()) {
    if (!PAGE.test(name) && !same.has(name)) text.push(declaration(name, answers[name], true));
  }
  const table = Object.entries(calls).map(
    ([name, { request, answer }]) => `  ${key(name)}: { request: ${type(request, false)}; answer: ${type(answer, true)} };`,
  );
  text.push(`/** What each call takes and answers. */\nexport interface Calls {\n${table.join("\n")}\n}\n`);
  return text.join("\n");
}

/** The properties of an object whose parts stand in several places. */
function flat(schema) {
  const whole = { properties: {}, required: [] };
  for (const part of [schema.$ref && requests[named(schema.$ref)], ...(schema.allOf ?? [])].filter(Boolean)) {
    const { properties, required } = flat(part);
    Object.assign(whole.properties, properties);
    whole.required.push(...required);
  }
  if (variants(schema)) throw new Error(`an object with variants and fields cannot be checked: ${JSON.stringify(schema)}`);
  Object.assign(whole.properties, schema.properties);
  whole.required.push(...(schema.required ?? []));
  return whole;
}

function strictObject(schema) {
  const { properties, required } = flat(schema);
  const lines = Object.entries(properties).map(
    ([name, field]) => `  ${key(name)}: ${indent(check(field))}${required.includes(name) ? "" : ".optional()"},`,
  );
  return `zod\n  .object({\n  ${lines.join("\n  ")}\n  })\n  .strict()`;
}

const INTEGERS = { uint8: [0, 255], uint16: [0, 65535], uint32: [0, 4294967295], uint64: [0], uint: [0], int32: [-2147483648, 2147483647] };

function numbers(schema) {
  const [least, most] = (schema.type === "integer" && INTEGERS[schema.format]) || [];
  const low = Math.max(schema.minimum ?? -Infinity, least ?? -Infinity);
  const high = Math.min(schema.maximum ?? Infinity, most ?? Infinity);
  const bounds = `${low > -Infinity ? `.min(${low})` : ""}${high < Infinity ? `.max(${high})` : ""}`;
  return `zod.number()${schema.type === "integer" ? ".int()" : ""}${bounds}`;
}

const lengths = (schema, least, most) =>
  `${schema[least] === undefined ? "" : `.min(${schema[least]})`}${schema[most] === undefined ? "" : `.max(${schema[most]})`}`;

/** A schema as a Zod schema. */
function check(schema) {
  if (schema === true || !isObject(schema)) return "zod.unknown()";
  if (schema.$ref && !schema.properties) return `${named(schema.$ref)}Schema`;
  if (schema.properties || schema.allOf) return strictObject(schema);
  const several = variants(schema);
  if (several) {
    const rest = several.filter((part) => part.type !== "null");
    const end = rest.length < several.length ? ".nullable()" : "";
    if (rest.length === 1) return check(rest[0]) + end;
    if (rest.every((part) => typeof part.const === "string" || part.enum)) {
      const words = rest.flatMap((part) => part.enum ?? [part.const]);
      return `zod.enum(${JSON.stringify(words)})${end}`;
    }
    const tag = Object.entries(rest[0].properties ?? {}).find(([, field]) => "const" in field)?.[0];
    const isTagged = tag !== undefined && rest.every((part) => "const" in (part.properties?.[tag] ?? {}));
    const list = rest.map((part) => `  ${indent(check(part))},`).join("\n");
    return `${isTagged ? `zod.discriminatedUnion(${JSON.stringify(tag)}, ` : "zod.union("}[\n${list}\n])${end}`;
  }
  if ("const" in schema) return `zod.literal(${JSON.stringify(schema.const)})`;
  if (schema.enum) return `zod.enum(${JSON.stringify(schema.enum.filter((word) => word !== null))})`;
  if (Array.isArray(schema.type)) {
    const [one] = schema.type.filter((name) => name !== "null");
    return `${check({ ...schema, type: one })}.nullable()`;
  }
  switch (schema.type) {
    case "string":
      if (schema.format === "uuid") return "zod.string().regex(UUID, \"must be a UUID\")";
      return `zod.string()${lengths(schema, "minLength", "maxLength")}${schema.pattern ? `.regex(new RegExp(${JSON.stringify(schema.pattern)}))` : ""}`;
    case "integer":
    case "number":
      return numbers(schema);
    case "boolean":
      return "zod.boolean()";
    case "null":
      return "zod.null()";
    case "array":
      return `zod.array(${check(schema.items ?? true)})${lengths(schema, "minItems", "maxItems")}`;
    case "object":
      if (schema.additionalProperties === false) return "zod.object({}).strict()";
      return `zod.record(zod.string(), ${check(schema.additionalProperties ?? true)})`;
    default:
      return "zod.unknown()";
  }
}

/** Names in an order in which each stands behind those it needs. */
function inOrder() {
  const done = [];
  const visit = (name, above) => {
    if (done.includes(name)) return;
    if (above.includes(name)) throw new Error(`${name} needs itself: zod.lazy is not written yet`);
    for (const other of [...references(requests[name])].sort()) visit(other, [...above, name]);
    done.push(name);
  };
  for (const name of Object.keys(requests).sort()) visit(name, []);
  return done;
}

function schemas() {
  const names = inOrder();
  const text = [
    HEAD,
    'import type { z } from "zod";\n',
    'import { zod } from "../../internal/zod";',
    'import type * as types from "./types";\n',
    "/** The same for every version of zod: a schema by what it lets through. */",
    "const as = <T>(schema: unknown): z.ZodType<T> => schema as z.ZodType<T>;\n",
    "const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;\n",
  ];
  for (const name of names) {
    text.push(`export const ${name}Schema: z.ZodType<types.${name}> = as(\n  ${indent(check(requests[name]))},\n);\n`);
  }
  const table = Object.entries(calls).map(([name, { request }]) => `  ${key(name)}: ${check(request)},`);
  text.push(
    `/** What each call takes. */\nexport const callSchemas: { [K in keyof types.Calls]: z.ZodType<types.Calls[K]["request"]> } = {\n${table.join("\n")}\n};\n`,
  );
  return text.join("\n");
}

/** Makes events of rows. Every value has its place, so that a loop over them looks at no name. */
function events() {
  const text = [
    HEAD + "/* eslint-disable @typescript-eslint/no-explicit-any -- a row is of values of any kind */\n",
    'import type { ExecutionEvent } from "./types";\n',
    "/** The events of an execution of the values of their rows, one behind the other. */",
    "export function eventsOf(rows: readonly any[], executionId: string): ExecutionEvent[] {",
    "  const events: ExecutionEvent[] = [];",
    "  for (let at = 0; at < rows.length; ) {",
    "    switch (rows[at]) {",
  ];
  for (const [nth, row] of eventRows.entries()) {
    let place = 1;
    const value = () => `rows[at + ${place++}]`;
    const object = (of, begun, name) => {
      const first = of.findIndex((field) => field.isOptional);
      const [always, later] = first < 0 ? [of, []] : [of.slice(0, first), of.slice(first)];
      const inner = (field) => (field.within.length > 0 ? object(field.within, [], field.name) : { literal: value(), after: [] });
      const told = always.map((field) => {
        const { literal, after } = inner(field);
        if (after.length > 0) throw new Error(`${field.name} is never absent, but something in it may be: that is not written yet`);
        return `${key(field.name)}: ${literal}`;
      });
      const after = later.flatMap((field) => {
        const isHere = `rows[at + ${place}] !== null`;
        const { literal, after } = inner(field);
        const lines = [...(after.length > 0 ? [`const ${field.name}: any = ${literal};`, ...after] : []),
          `${name}.${field.name} = ${after.length > 0 ? field.name : literal};`];
        return field.isOptional ? [`if (${isHere}) {`, ...lines.map((line) => `  ${line}`), "}"] : lines;
      });
      return { literal: `{ ${[...begun, ...told].join(", ")} }`, after };
    };
    const seqAndAt = `seq: ${value()}, at: ${value()}`;
    const { literal, after } = object(row.fields, ["executionId", seqAndAt, `type: ${JSON.stringify(row.type)}`], "event");
    text.push(
      `      case ${nth + 1}: {`,
      `        const event${after.length > 0 ? ": any" : ""} = ${literal}${after.length > 0 ? "" : " as const"};`,
      ...after.map((line) => `        ${line}`),
      "        events.push(event);",
      `        at += ${place};`,
      "        break;",
      "      }",
    );
  }
  text.push(
    "      case 0: {",
    "        const event = rows[at + 1];",
    "        event.executionId = executionId;",
    "        events.push(event);",
    "        at += 2;",
    "        break;",
    "      }",
    "      default:",
    "        throw new RangeError(`there are no rows ${rows[at]}`);",
    "    }",
    "  }",
    "  return events;",
    "}\n",
  );
  return text.join("\n");
}

const place = join(here, "src", "framework", "generated");
const isCheck = process.argv.includes("--check");
mkdirSync(place, { recursive: true });
for (const [name, text] of [["types.ts", types()], ["schemas.ts", schemas()], ["events.ts", events()]]) {
  const path = join(place, name);
  let before = "";
  try {
    before = readFileSync(path, "utf8");
  } catch {
    // It is not there yet.
  }
  if (before === text) continue;
  if (isCheck) {
    console.error(`${path} is not what the native half says: run \`npm run generate\` in bindings/node`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
