// Pabawi's DatabaseAdapter over SQLite in memory, with the tables that Pabawi has.
import { createRequire } from "node:module";

import { SCHEMA } from "./schema.mjs";

const SQL = await createRequire(import.meta.url)("sql.js/dist/sql-wasm.js")();

export class Database {
  asked = [];
  failure;

  constructor(schema = SCHEMA) {
    this.db = new SQL.Database();
    this.db.run(schema);
  }

  async query(sql, params = []) {
    this.asked.push({ sql, params });
    if (this.failure) throw this.failure;
    const statement = this.db.prepare(sql);
    try {
      statement.bind(params);
      const rows = [];
      while (statement.step()) rows.push(statement.getAsObject());
      return rows;
    } finally {
      statement.free();
    }
  }

  async queryOne(sql, params = []) {
    return (await this.query(sql, params))[0] ?? null;
  }

  async execute(sql, params = []) {
    this.asked.push({ sql, params });
    if (this.failure) throw this.failure;
    this.db.run(sql, params);
    return { changes: this.db.getRowsModified() };
  }

  getDialect() {
    return "sqlite";
  }
}

/** An adapter that answers with these rows, and remembers what it was asked. */
export function answering(rows = []) {
  const asked = [];
  const ask = (answer) => async (sql, params) => {
    asked.push({ sql, params });
    return answer;
  };
  return {
    asked,
    query: ask(rows),
    queryOne: ask(rows[0] ?? null),
    execute: ask({ changes: 1 }),
    getDialect: () => "sqlite",
  };
}
