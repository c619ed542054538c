// Another instance of a plugin in its place, while the framework runs.
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { DeniedError, PabawiError } from "../../index.js";
import { plugin, result } from "../hostile/plugins.mjs";
import { folder, framework } from "./support.mjs";

const byEcho = { action: { type: "command", command: "x" }, targets: "n1", transport: "echo" };
const saying = (text, more = {}) => plugin("echo", { executeAction: async ({ target }) => result(target, text), ...more });

async function ran(host) {
  const { record } = await host.execute(byEcho);
  return host.outputText((await host.results(record.id)).items[0].stdout);
}

describe("a plugin of v1.x", () => {
  // R6.2, R6.7
  it("is put in the place of another, with its configuration, and what runs ends on the old one", async () => {
    let begun;
    const running = new Promise((resolve) => (begun = resolve));
    const executeAction = ({ target }) => new Promise((resolve) => begun(() => resolve(result(target, "first"))));
    const host = await framework({ plugins: [saying("", { executeAction })] });
    const id = await host.submit(byEcho);
    const outcome = host.wait(id);
    const end = await running;
    const seen = [];
    const second = saying("second", { initialize: async (config) => void seen.push(config), getConfig: undefined });
    await host.plugins.reload({ plugin: second, config: { enabled: true, name: "echo", type: "both", config: { a: 1 }, priority: 9 } });
    assert.deepEqual(seen.map(({ config }) => config), [{ a: 1 }]);
    assert.equal(await ran(host), "second");
    assert.equal((await host.plugins.list()).find(({ name }) => name === "echo").priority, 9);
    end();
    await outcome;
    assert.equal(await host.outputText((await host.results(id)).items[0].stdout), "first");
  });

  // R6.7, R7.4
  it("that does not get ready leaves the old one where it is", async () => {
    const host = await framework({ plugins: [saying("first")] });
    const broken = saying("second", { initialize: () => Promise.reject(new Error("no licence")) });
    await assert.rejects(host.plugins.reload(broken), (error) => {
      assert.ok(error instanceof PabawiError);
      assert.equal(error.code, "bad_config");
      assert.match(error.message, /echo could not get ready: .*no licence.*goes on/);
      return true;
    });
    await assert.rejects(host.plugins.reload({ name: "echo", type: "execution" }), { name: "ZodError" });
    await assert.rejects(host.plugins.reload(plugin("unknown")), /there is no plugin unknown/);
    assert.equal(await ran(host), "first");
  });

  // R6.6, R10.3
  it("is put there by those who may, and nothing is asked of it before that is known", async () => {
    const host = await framework({ plugins: [saying("first")], authorizer: ({ user, capability }) => user === "root" || capability !== "plugins.reload" });
    let asked = 0;
    const initialize = async () => void (asked += 1);
    await assert.rejects(host.plugins.reload(saying("second", { initialize }), { user: "eve" }), DeniedError);
    assert.equal(asked, 0);
    await host.plugins.reload(saying("second", { initialize }), { user: "root" });
    assert.deepEqual([asked, await ran(host)], [1, "second"]);
  });
});

describe("a tool and a program", () => {
  // R6.2
  it("are loaded anew with another configuration", async () => {
    const place = folder();
    const program = join(place, "hello");
    const of = (version) => {
      const capability = { name: "greeting.show", description: "Greets", parameters: { type: "object" }, requiredPermissions: [], risk: "read" };
      const about = { name: "hello", version, description: "Says hello", capabilities: [capability], methods: { call: true } };
      writeFileSync(program, `#!/bin/sh\ncase $1 in describe) echo '${JSON.stringify(about)}';; *) cat >/dev/null; echo '{"result": "hello ${version}"}';; esac\n`);
      chmodSync(program, 0o755);
    };
    of("1");
    const host = await framework({ externalPlugins: [{ program, config: {} }], tools: [{ kind: "bolt", config: {} }] });
    const said = () => host.plugins.call({ capability: "greeting.show", plugin: "hello" });
    assert.equal(await said(), "hello 1");
    of("2");
    await host.plugins.reloadExternal({ program });
    assert.equal(await said(), "hello 2");
    assert.equal((await host.plugins.list()).find(({ name }) => name === "hello").version, "2");
    await assert.rejects(host.plugins.reloadTool({ kind: "bolt", config: { nonsense: 1 } }), /nonsense/);
    await assert.rejects(host.plugins.reloadTool({ kind: "ansible" }), /there is no plugin ansible/);
  });
});
