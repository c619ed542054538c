// A PostgreSQL server of its own, and Pabawi's PostgresAdapter in short: a DatabaseAdapter over the npm package `pg`.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { postgresProgram } from "../scripts/cargo.mjs";
import { SCHEMA } from "./schema.mjs";

const pg = createRequire(import.meta.url)("pg");

/** Starts a server that ends when it is told to, or with this process. */
export async function startPostgres() {
  const child = spawn(process.env.PABAWI_TEST_POSTGRES ?? postgresProgram(), { stdio: ["pipe", "pipe", "inherit"] });
  const [url] = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once("line", (line) => resolve([line]));
    child.once("error", reject).once("exit", (code) => reject(new Error(`no PostgreSQL: exit code ${code}`)));
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  return {
    url,
    end: () => {
      child.stdin.end();
      return gone;
    },
  };
}

/** `?` becomes `$1` and so on, but for those in texts and names. */
function numbered(sql) {
  let next = 0;
  return sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\?/g, (part) => (part === "?" ? `$${(next += 1)}` : part));
}

export class PostgresAdapter {
  static async open(url, schema = SCHEMA) {
    const made = new PostgresAdapter();
    made.pool = new pg.Pool({ connectionString: url });
    // Of a connection that is idle when the server ends.
    made.pool.on("error", () => undefined);
    await made.pool.query(schema);
    return made;
  }

  async query(sql, params = []) {
    return (await this.asked(sql, params)).rows;
  }

  async queryOne(sql, params = []) {
    return (await this.query(sql, params))[0] ?? null;
  }

  async execute(sql, params = []) {
    return { changes: (await this.asked(sql, params)).rowCount ?? 0 };
  }

  async asked(sql, params) {
    try {
      return await this.pool.query(numbered(sql), params);
    } catch (cause) {
      throw Object.assign(new Error(`Query failed: ${cause.message}`, { cause }), { name: "DatabaseQueryError" });
    }
  }

  getDialect() {
    return "postgres";
  }

  close() {
    return this.pool.end();
  }
}
