// Pabawi's SQLiteAdapter in short: a DatabaseAdapter over the npm package `sqlite3`, with the tables that Pabawi has.
import { createRequire } from "node:module";

import { SCHEMA } from "./schema.mjs";

const sqlite3 = createRequire(import.meta.url)("sqlite3");

export class Adapter {
  /** Opens a file; the tables are made where they are missing. */
  static async open(place, schema = SCHEMA) {
    const made = new Adapter();
    await new Promise((resolve, reject) => {
      made.db = new sqlite3.Database(place, (error) => (error ? reject(error) : resolve()));
    });
    // As Pabawi sets them.
    const pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
    const missing = pragmas + schema.replaceAll("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ");
    await new Promise((resolve, reject) => made.db.exec(missing, (error) => (error ? reject(error) : resolve())));
    return made;
  }

  query(sql, params = []) {
    return new Promise((resolve, reject) => {
      this.db.all(sql, params, (error, rows) => (error ? reject(this.fault(error)) : resolve(rows)));
    });
  }

  async queryOne(sql, params = []) {
    return (await this.query(sql, params))[0] ?? null;
  }

  execute(sql, params = []) {
    return new Promise((resolve, reject) => {
      const fault = (error) => this.fault(error);
      this.db.run(sql, params, function (error) {
        if (error) reject(fault(error));
        else resolve({ changes: this.changes });
      });
    });
  }

  fault(error) {
    return Object.assign(new Error(`Query failed: ${error.message}`), { name: "DatabaseQueryError" });
  }

  getDialect() {
    return "sqlite";
  }

  close() {
    return new Promise((resolve) => this.db.close(resolve));
  }
}
