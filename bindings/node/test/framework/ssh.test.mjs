// Executions on a real sshd.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { PabawiError, targetError } from "../../index.js";
import { all, framework, isRunning } from "./support.mjs";
import { sshd } from "./sshd.mjs";

const { config } = await sshd();
const host = await framework({ ssh: { config } });

describe("nodes over SSH", () => {
  // R1.1, R1.4, R1.5, R1.7
  it("run commands with variables, and tell both streams", async () => {
    const action = { type: "command", command: 'echo "$GREETING"; echo err >&2; exit 4', env: { GREETING: "hello" } };
    const { record, summary } = await host.execute({ action, targets: "node[1-3]" });
    assert.deepEqual(summary.outcomes, { exited: 3 });
    for (const { result, stdout, stderr } of (await host.results(record.id)).items) {
      assert.deepEqual(result, { outcome: "exited", code: 4 });
      assert.deepEqual([await host.outputText(stdout), await host.outputText(stderr)], ["hello\n", "err\n"]);
    }
    assert.equal((await all(host.events(record.id))).filter((event) => event.type === "nodeConnected").length, 3);
  });

  // R8.8
  it("have their processes ended by a cancellation", async () => {
    const id = await host.submit({ action: { type: "command", command: "echo $$; sleep 300 & wait" }, targets: "node1" });
    let pid;
    for await (const event of host.events(id)) {
      if (event.type === "output") pid = Number(event.data);
      if (pid !== undefined) break;
    }
    assert.ok(await isRunning(pid));
    await host.cancel(id);
    await host.wait(id);
    assert.deepEqual((await host.results(id)).items[0].result.termination, { state: "confirmed" });
    assert.equal(await isRunning(pid), false);
  });

  // R7.1, R7.3
  it("that cannot be reached are told with their reason, and the others go on", async () => {
    const { record, summary } = await host.execute({ action: { type: "command", command: "true" }, targets: "node1,nowhere.invalid" });
    assert.equal(summary.status, "partial");
    const { items } = await host.results(record.id, { outcomes: ["unreachable"] });
    assert.deepEqual([items[0].target.node, items[0].result.error.code], ["nowhere.invalid", "dns"]);
    const error = targetError(items[0]);
    assert.ok(error instanceof PabawiError);
    assert.deepEqual([error.code, error.node, error.details.result], ["dns", "nowhere.invalid", items[0].result]);
    const [other] = (await host.results(record.id, { outcomes: ["succeeded"] })).items;
    assert.equal(targetError(other), undefined);
  });
});
