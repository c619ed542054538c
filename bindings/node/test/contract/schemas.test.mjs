// Sections 9 and 15 of the contract: schemas of the journal, and shapes that several routes check.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as common from "../../pabawi/commonSchemas.js";
import * as journal from "../../pabawi/journalTypes.js";

const { z } = await import(process.env.PABAWI_TEST_ZOD ?? "zod");

const EVENTS = [
  "provision", "destroy", "start", "stop", "reboot", "suspend", "resume", "command_execution", "task_execution",
  "puppet_run", "package_install", "config_change", "state_change", "note", "unknown",
];
const SOURCES = ["proxmox", "aws", "azure", "bolt", "ansible", "ssh", "puppetdb", "checkmk", "user", "system"];

const created = {
  nodeId: "n", nodeUri: "ssh://n", eventType: "note", source: "user", action: "add_note", summary: "s",
};

describe("schemas of the journal", () => {
  for (const event of EVENTS) {
    it(`knows the event ${event}`, () => assert.equal(journal.JournalEventTypeSchema.parse(event), event));
  }
  for (const source of SOURCES) {
    it(`knows the source ${source}`, () => assert.equal(journal.JournalSourceSchema.parse(source), source));
  }
  it("knows no others", () => {
    assert.deepEqual(journal.JournalEventTypeSchema.options, EVENTS);
    assert.deepEqual(journal.JournalSourceSchema.options, SOURCES);
    assert.equal(journal.JournalSourceSchema.safeParse("puppet").success, false);
  });

  it("throws the host's own ZodError", () => {
    assert.throws(() => journal.CreateJournalEntrySchema.parse({}), (error) => error instanceof z.ZodError);
  });

  it("fills in details and leaves userId as it is", () => {
    assert.deepEqual(journal.CreateJournalEntrySchema.parse(created), { ...created, details: {} });
    for (const userId of ["u", null]) {
      assert.equal(journal.CreateJournalEntrySchema.parse({ ...created, userId }).userId, userId);
    }
  });

  for (const field of Object.keys(created)) {
    it(`needs ${field}, and not an empty one`, () => {
      const { [field]: _, ...rest } = created;
      for (const entry of [rest, { ...created, [field]: "" }, { ...created, [field]: 1 }]) {
        const { success, error } = journal.CreateJournalEntrySchema.safeParse(entry);
        assert.equal(success, false);
        assert.deepEqual(error.issues[0].path, [field]);
      }
    });
  }

  it("knows entries", () => {
    const entry = { ...created, id: "1", details: { a: [1] }, timestamp: "2026-01-02T03:04:05.678Z", isLive: false };
    assert.deepEqual(journal.JournalEntrySchema.parse(entry), entry);
    for (const bad of [{ timestamp: "yesterday" }, { isLive: "no" }, { id: "" }]) {
      assert.equal(journal.JournalEntrySchema.safeParse({ ...entry, ...bad }).success, false);
    }
  });

  for (const [name, schema] of [
    ["TimelineOptions", journal.TimelineOptionsSchema],
    ["SearchOptions", journal.SearchOptionsSchema],
    ["GlobalTimelineFilters", journal.GlobalTimelineFiltersSchema],
  ]) {
    it(`has defaults and limits in ${name}`, () => {
      assert.deepEqual(schema.parse({}), { limit: 50, offset: 0 });
      assert.deepEqual(schema.parse({ limit: 200, offset: 7 }), { limit: 200, offset: 7 });
      for (const bad of [{ limit: 0 }, { limit: 201 }, { limit: 1.5 }, { offset: -1 }, { offset: 0.5 }, { limit: "x" }]) {
        assert.equal(schema.safeParse(bad).success, false, JSON.stringify(bad));
      }
    });
  }

  it("takes one filter or a list", () => {
    for (const options of [
      { eventType: "note", source: "user" },
      { eventType: ["note", "start"], source: ["user", "aws"] },
      { startDate: "2026-01-01T00:00:00Z", endDate: "2026-01-02T00:00:00.000Z" },
    ]) {
      assert.deepEqual(journal.TimelineOptionsSchema.parse(options), { limit: 50, offset: 0, ...options });
    }
    for (const bad of [{ eventType: "x" }, { source: ["user", "x"] }, { startDate: "2026-01-01" }]) {
      assert.equal(journal.TimelineOptionsSchema.safeParse(bad).success, false, JSON.stringify(bad));
    }
    assert.deepEqual(journal.GlobalTimelineFiltersSchema.parse({ nodeIds: ["a"] }).nodeIds, ["a"]);
    assert.equal(journal.GlobalTimelineFiltersSchema.safeParse({ nodeIds: [""] }).success, false);
  });

  it("can be made partial and be extended", () => {
    assert.equal(journal.CreateJournalEntrySchema.partial().safeParse({ nodeId: "n" }).success, true);
    assert.deepEqual(journal.SearchOptionsSchema.extend({ q: z.string() }).parse({ q: "x" }), { limit: 50, offset: 0, q: "x" });
  });
});

describe("common schemas", () => {
  for (const [name, schema, good, bad] of [
    ["node ids", common.NodeIdSchema, ["a", "web1.example.com", "bolt:web1", "a/b-c_d", "x".repeat(253)], ["", "-a", ".a", "a b", "a;b", "x".repeat(254)]],
    ["certnames", common.CertnameSchema, ["a.b", "x".repeat(255)], ["", "a b", "x".repeat(256)]],
    ["packages", common.PackageNameSchema, ["nginx", "lib+x", "a~b", "a:amd64", "x".repeat(256)], ["", "-x", "a b", "a/b", "x".repeat(257)]],
    ["users", common.UnixUsernameSchema, ["root", "_x", "a-b_c9", "a".repeat(32)], ["", "Root", "9a", "a.b", "a".repeat(33)]],
    ["environments", common.PuppetEnvironmentSchema, ["production", "a_1", "x".repeat(64)], ["", "Prod", "a-b", "x".repeat(65)]],
    ["tags", common.PuppetTagSchema, ["a", "_a", "9a", "a::b", "a.b-c", "x".repeat(128)], ["", "A", ":a", "x".repeat(129)]],
    ["playbooks", common.PlaybookPathSchema, ["site.yml", "a/b-c_d.yaml"], ["", "/site.yml", "../x.yml", "a/../b.yml", "site.txt", "a b.yml", `${"x".repeat(500)}.yml`]],
  ]) {
    it(`knows ${name}`, () => {
      for (const text of good) assert.equal(schema.parse(text), text);
      for (const text of [...bad, 7, undefined]) assert.equal(schema.safeParse(text).success, false, String(text));
    });
  }

  it("cleans names of packages", () => {
    assert.equal(common.sanitizePackageName("  nginx "), "nginx");
    for (const [name, message] of [
      ["  ", "Package name cannot be empty"],
      ["x".repeat(257), "Package name too long (max 256 characters)"],
      [" a b ", "Invalid package name 'a b': contains characters not allowed in package names"],
      ["$(id)", "Invalid package name '$(id)': contains characters not allowed in package names"],
    ]) {
      assert.throws(() => common.sanitizePackageName(name), { message });
    }
  });

  it("checks names of users", () => {
    assert.equal(common.sanitizeUnixUsername("app"), "app");
    assert.throws(() => common.sanitizeUnixUsername("A b"), {
      message:
        "Invalid username 'A b': must be a valid Unix username (lowercase, starts with letter or underscore, max 32 chars)",
    });
  });
});
