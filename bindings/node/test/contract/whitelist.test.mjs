// Section 15 of the contract: the command whitelist.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  BoltCommandNotAllowedError,
  BoltCommandWhitelistService,
  CommandNotAllowedError,
  CommandWhitelistService,
} from "../../pabawi/CommandWhitelistService.js";

const service = (config = {}) =>
  new BoltCommandWhitelistService({ allowAll: false, whitelist: ["ls", "uptime -p"], matchMode: "exact", ...config });

describe("command whitelist", () => {
  it("has its older and its newer names", () => {
    assert.equal(CommandWhitelistService, BoltCommandWhitelistService);
    assert.equal(CommandNotAllowedError, BoltCommandNotAllowedError);
  });

  for (const [command, config, allowed] of [
    ["ls", {}, true],
    ["  ls  ", {}, true],
    ["ls -l", {}, false],
    ["uptime -p", {}, true],
    ["", {}, false],
    ["ls -l", { matchMode: "prefix" }, true],
    ["lsof", { matchMode: "prefix" }, false],
    ["ls", { matchMode: "prefix" }, true],
    ["ls", { whitelist: [] }, false],
    ["anything", { allowAll: true }, true],
    ["", { allowAll: true }, true],
    ["-rf", { allowAll: true }, false],
    ["echo 'a' #!%=\"", { allowAll: true }, true],
    ["LS", {}, false],
  ]) {
    it(`${allowed ? "allows" : "refuses"} ${JSON.stringify(command)} with ${JSON.stringify(config)}`, () => {
      assert.equal(service(config).isCommandAllowed(command), allowed);
      if (allowed) {
        service(config).validateCommand(command);
      } else {
        assert.throws(() => service(config).validateCommand(command), BoltCommandNotAllowedError);
      }
    });
  }

  for (const character of ";|&`$(){}\n\r\t><\\*?[]~") {
    it(`refuses ${JSON.stringify(character)} also when all is allowed`, () => {
      assert.equal(service({ allowAll: true }).isCommandAllowed(`ls a${character}b`), false);
      assert.equal(service({ matchMode: "prefix" }).isCommandAllowed(`ls a${character}b`), false);
    });
  }

  for (const [config, reason] of [
    [{ allowAll: true }, "Command should be allowed (allowAll is enabled)"],
    [{ whitelist: [] }, "No commands are allowed (whitelist is empty and allowAll is disabled)"],
    [{}, "Command not found in whitelist (exact match mode). Allowed commands: ls, uptime -p"],
    [
      { matchMode: "prefix" },
      "Command does not match any whitelist prefix (prefix match mode). Allowed prefixes: ls, uptime -p",
    ],
  ]) {
    it(`says: ${reason}`, () => {
      assert.throws(() => service(config).validateCommand("rm; x"), {
        name: "BoltCommandNotAllowedError",
        message: "Command not allowed: rm; x",
        command: "rm; x",
        reason,
      });
    });
  }

  it("tells its configuration, and keeps its own list", () => {
    const whitelist = service({ matchMode: "prefix" });
    whitelist.getWhitelist().push("rm");
    assert.deepEqual(whitelist.getWhitelist(), ["ls", "uptime -p"]);
    assert.equal(whitelist.isCommandAllowed("rm"), false);
    assert.equal(whitelist.isAllowAllEnabled(), false);
    assert.equal(whitelist.getMatchMode(), "prefix");
  });

  it("goes by the configuration as it is now", () => {
    const config = { allowAll: false, whitelist: ["ls"], matchMode: "exact" };
    const whitelist = new BoltCommandWhitelistService(config);
    assert.equal(whitelist.isCommandAllowed("id"), false);
    config.whitelist.push("id");
    assert.equal(whitelist.isCommandAllowed("id"), true);
  });
});
