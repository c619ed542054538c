/** What Pabawi may apply to its own database: {@link journalMigration}. */
import { native } from "../internal/native";
import { at, callSite, invalid } from "./errors";

/** A migration in the scheme of Pabawi's `database/migrations`. */
export interface Migration {
  /** The name of its file: `NNN_name.dialect.sql`. */
  file: string;
  sql: string;
}

/**
 * Widens the constraints of `journal_entries`, so that every event type and source that Pabawi's own types know can be mirrored.
 * Nothing needs it, and nothing applies it but Pabawi.
 */
export function journalMigration(dialect: "sqlite" | "postgres"): Migration {
  const { hostMigration } = native() as unknown as { hostMigration: () => string };
  const { name, ...texts } = JSON.parse(hostMigration()) as { name: string; sqlite: string; postgres: string };
  if (typeof dialect !== "string" || !Object.hasOwn(texts, dialect)) {
    throw at(callSite(journalMigration), invalid([{ path: "dialect", message: 'must be "sqlite" or "postgres"' }]));
  }
  return { file: `${name}.${dialect}.sql`, sql: texts[dialect] };
}
