// Journal services of a host for tests: Pabawi's database for the drop-in, one that keeps what it is told, and how telling it goes.
import { join } from "node:path";
import { after } from "node:test";

import { folder } from "./framework/support.mjs";
import { Adapter } from "./sqlite.mjs";
import { until } from "./waiting.mjs";

const adapters = [];
after(() => Promise.all(adapters.map((adapter) => adapter.close())));

/** Pabawi's database, with a user. */
export async function database(place = join(folder(), "pabawi.db")) {
  const made = await Adapter.open(place);
  await made.execute("INSERT OR IGNORE INTO users VALUES ('id-omar', 'omar', 'omar@example.com', 'x', 'Omar', 'O', 1, 0, '2026', '2026', NULL)");
  adapters.push(made);
  return made;
}

export const entriesOf = (adapter) => adapter.query("SELECT * FROM journal_entries ORDER BY rowid");

/** Waits until telling the journal is as wanted, and tells how it goes. */
export async function told(host, wanted) {
  const stats = async () => (await host.stats()).hostJournal;
  return until(`the journal: ${JSON.stringify(await stats())}`, async () => {
    const now = await stats();
    return wanted(now) ? now : undefined;
  });
}

export const caughtUp = ({ state, waiting }) => state === "caughtUp" && waiting === 0;

/** So many were told since the framework was opened, and nothing waits. */
export const all = (count) => (stats) => stats.written === count && caughtUp(stats);

/** A service that keeps what it is told, or does `instead` while that is a function. */
export function book() {
  const made = {
    entries: [],
    asked: 0,
    instead: undefined,
    recordEvent(entry) {
      made.asked += 1;
      return made.instead === undefined ? made.entries.push(entry) : made.instead(entry);
    },
  };
  return made;
}

/** Notes on nodes of these names: entries of which the order is known. */
export async function notes(host, ...names) {
  for (const name of names) await host.journal.note(name, `about ${name}`, { user: "id-omar" });
}
