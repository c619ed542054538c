// Section 3 of the contract: linking of nodes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { NodeLinkingService } from "../../pabawi/NodeLinkingService.js";

const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const node = (id, source, more = {}) => ({
  id, name: id, uri: `ssh://${id}`, transport: "ssh", config: {}, ...(source ? { source } : {}), ...more,
});
const service = (nodes = [], sources = {}) =>
  new NodeLinkingService(
    { getAggregatedInventory: async () => ({ nodes }), getInformationSource: (name) => sources[name] ?? null },
    quiet,
  );
const link = (...nodes) => service().linkNodes(nodes);

describe("linking", () => {
  it("leaves a single node as it is, with its source", () => {
    const [one] = link(node("a", "ssh", { extra: { x: 1 } }));
    assert.deepEqual(one, {
      ...node("a", "ssh", { extra: { x: 1 } }),
      sources: ["ssh"],
      linked: false,
      sourceData: { ssh: { id: "a", uri: "ssh://a", config: {}, metadata: undefined, status: undefined } },
    });
  });

  for (const [what, first, second] of [
    ["the same id", node("a", "bolt"), node("a", "puppetdb")],
    ["ids in another case", node("WEB", "bolt"), node("web", "puppetdb")],
    ["a name", node("1", "bolt", { name: "Web" }), node("2", "puppetdb", { name: "web" })],
    ["an id that is a name", node("web", "bolt"), node("2", "proxmox", { name: "web" })],
    ["the host of the address", node("1", "bolt", { uri: "ssh://h:22/x" }), node("2", "puppetdb", { uri: "winrm://H" })],
    ["the host of an address whose id has a port", node("h:22", "bolt"), node("H", "puppetdb", { uri: "" })],
    ["config.hostname", node("1", "bolt", { config: { hostname: "h" } }), node("h", "puppetdb")],
  ]) {
    it(`links by ${what}`, () => {
      const linked = link(first, second);
      assert.equal(linked.length, 1);
      assert.equal(linked[0].linked, true);
      assert.equal(linked[0].sources.length, 2);
    });
  }

  for (const [what, first, second] of [
    ["different names", node("a", "bolt"), node("b", "puppetdb")],
    ["blank names", node("a", "bolt", { name: " " }), node("b", "puppetdb", { name: " " })],
    ["addresses of Proxmox", node("a", "p", { uri: "proxmox://n/1" }), node("b", "q", { uri: "proxmox://n/2" })],
    ["addresses of AWS", node("a", "p", { uri: "aws:eu:1" }), node("b", "q", { uri: "aws:eu:2" })],
    ["addresses of Azure", node("a", "p", { uri: "azure:s:1" }), node("b", "q", { uri: "azure:s:2" })],
    ["addresses of this machine", node("a", "p", { uri: "ssh://localhost:1" }), node("b", "q", { uri: "ssh://Localhost/2" })],
    ["its addresses", node("a", "p", { uri: "ssh://127.0.0.1:1" }), node("b", "q", { uri: "127.0.0.1" })],
    ["addresses without a host", node("a", "p", { uri: "docker:///1" }), node("b", "q", { uri: "docker://:1" })],
  ]) {
    it(`does not link by ${what}`, () => assert.equal(link(first, second).length, 2));
  }

  it("links what shares an identifier with the first one, and nothing by way of others", () => {
    const [a, b, c] = [
      node("a", "x", { uri: "ssh://one" }),
      node("b", "y", { name: "two", uri: "ssh://one" }),
      node("c", "z", { uri: "ssh://two" }),
    ];
    const told = (...nodes) => link(...nodes).map(({ id, sources }) => [id, sources]);
    assert.deepEqual(told(a, c, b), [["a", ["x", "y"]], ["c", ["z", "y"]]]);
    assert.deepEqual(told(a, b, c), [["a", ["x", "y"]], ["c", ["z", "y"]]]);
    assert.deepEqual(told(b, c, a), [["two", ["y", "z", "x"]]]);
  });

  it("finds others by id, name, address and host name, in this order", () => {
    const first = node("i", "a", { name: "n", uri: "ssh://u", config: { hostname: "h" } });
    const others = [node("h", "e"), node("u", "d"), node("n", "c"), node("i", "b")];
    assert.deepEqual(link(first, ...others).map(({ sources }) => sources), [["a", "b", "c", "d", "e"]]);
  });

  it("takes the fields of the source with the highest priority, and name and address of the first", () => {
    const [one] = link(
      node("web", "bolt", { uri: "", transport: "winrm", config: { user: "b" } }),
      node("web", "ssh", { uri: "ssh://web:22", transport: "ssh", config: { user: "s" }, extra: 1 }),
      node("web", "puppetserver", { config: { user: "p" } }),
    );
    assert.deepEqual([one.id, one.name, one.uri], ["web", "web", "ssh://web:22"]);
    assert.deepEqual([one.source, one.transport, one.config.user, one.extra], ["ssh", "ssh", "s", 1]);
    assert.deepEqual(one.sources, ["bolt", "ssh", "puppetserver"]);
  });

  for (const [higher, lower] of [
    ["ssh", "puppetserver"], ["puppetserver", "bolt"], ["bolt", "ansible"], ["puppetdb", "checkmk"],
    ["ansible", "hiera"], ["hiera", "proxmox"], ["SSH", "bolt"],
  ]) {
    it(`prefers ${higher} to ${lower}`, () => {
      assert.equal(link(node("a", lower), node("a", higher))[0].source, higher);
      assert.equal(link(node("a", higher), node("a", lower))[0].source, higher);
    });
  }

  it("prefers the first of equals", () => {
    assert.equal(link(node("a", "puppetdb"), node("a", "bolt"))[0].source, "puppetdb");
    assert.equal(link(node("a", "ansible"), node("a", "checkmk"))[0].source, "ansible");
  });

  it("takes a node without a source for one of bolt", () => {
    const [one] = link(node("a"));
    assert.deepEqual([one.source, one.sources], ["bolt", ["bolt"]]);
  });

  it("keeps what each source said, the last of a source", () => {
    const [one] = link(
      node("a", "x", { metadata: { n: 1 }, status: "up" }),
      node("a", "y", { config: { k: 1 } }),
      node("a", "x", { uri: "ssh://b", metadata: { n: 2 } }),
    );
    assert.deepEqual(one.sources, ["x", "y"]);
    assert.deepEqual(one.sourceData.x, { id: "a", uri: "ssh://b", config: {}, metadata: { n: 2 }, status: undefined });
    assert.deepEqual(one.sourceData.y.config, { k: 1 });
  });

  it("is not linked within one source", () => {
    assert.deepEqual([link(node("a", "x"), node("a", "x"))].map(([one]) => [one.linked, one.sources])[0], [false, ["x"]]);
  });

  it("takes the certificate's status from puppetserver and the latest check-in", () => {
    const [one] = link(
      node("a", "puppetdb", { lastCheckIn: "2026-01-02T00:00:00Z" }),
      node("a", "puppetserver", { certificateStatus: "signed", lastCheckIn: "2026-01-01T00:00:00Z" }),
      node("a", "ssh", { lastCheckIn: "2026-01-01T12:00:00Z" }),
    );
    assert.equal(one.certificateStatus, "signed");
    assert.equal(one.lastCheckIn, "2026-01-02T00:00:00Z");
  });

  it("names by trimmed name, else id, else address", () => {
    assert.equal(link(node("a", "x", { name: " web " }))[0].id, "web");
    assert.equal(link(node("a", "x", { name: "" }))[0].name, "a");
    assert.equal(link({ uri: "ssh://u", source: "x" })[0].name, "ssh://u");
  });

  it("bears nodes with little in them", () => {
    assert.equal(link({ id: "a" }, { id: "b", config: null, name: null, uri: 7 }).length, 2);
    assert.deepEqual(link(), []);
  });

  it("links linked nodes again without loss", () => {
    const once = link(node("a", "bolt"), node("a", "ssh"), node("b", "ssh"));
    const twice = service().linkNodes(once);
    assert.deepEqual(twice, once);
  });

  it("links 20 000 nodes of three sources quickly", () => {
    const names = Array.from({ length: 20_000 }, (_, at) => `node${at}.example.com`);
    const nodes = ["ssh", "puppetdb", "bolt"].flatMap((source) => names.map((name) => node(name, source)));
    const begin = performance.now();
    assert.equal(service().linkNodes(nodes).length, 20_000);
    assert.ok(performance.now() - begin < 10_000);
  });
});

describe("data of a linked node", () => {
  const source = (more = {}) => ({
    isInitialized: () => true,
    getNodeFacts: async (id) => ({ facts: id }),
    getNodeData: async (id, type) => `${type} of ${id}`,
    ...more,
  });

  it("asks each of its sources for what it has", async () => {
    const nodes = [node("a", "bolt"), node("a", "puppetdb"), node("a", "puppetserver")];
    const all = service(nodes, { bolt: source(), puppetdb: source(), puppetserver: source() });
    const { node: found, dataBySource } = await all.getLinkedNodeData("a");
    assert.equal(found.id, "a");
    assert.deepEqual(dataBySource, {
      bolt: { facts: { facts: "a" } },
      puppetdb: { facts: { facts: "a" }, reports: "reports of a", catalog: "catalog of a", events: "events of a" },
      puppetserver: { facts: { facts: "a" }, certificate: "certificate of a", status: "status of a" },
    });
  });

  it("keeps all sources of an inventory that is linked already", async () => {
    const linked = link(node("a", "bolt"), node("a", "ssh"));
    const { node: found, dataBySource } = await service(linked, { bolt: source(), ssh: source() }).getLinkedNodeData("a");
    assert.deepEqual(found.sources, ["bolt", "ssh"]);
    assert.deepEqual(Object.keys(dataBySource), ["bolt", "ssh"]);
  });

  it("keeps the own source of a linked node that does not say what that source knows", async () => {
    for (const [sources, sourceData, all] of [
      [["bolt"], {}, ["bolt"]],
      [["ssh", "bolt"], { ssh: { id: "s", uri: "ssh://s" } }, ["ssh", "bolt"]],
      [[], {}, ["bolt"]],
    ]) {
      const [found] = link(node("a", "bolt", { sources, sourceData }));
      assert.deepEqual(found.sources, all);
      assert.equal(found.sourceData.bolt.id, "a");
      assert.equal(found.sourceData.ssh?.id, sourceData.ssh?.id);
    }
  });

  it("leaves out sources that fail, are not there or not initialised", async () => {
    const nodes = ["a", "b", "c", "d"].map((name) => node("n", name));
    const failing = source({ getNodeFacts: () => Promise.reject(new Error("no")) });
    const all = service(nodes, { a: failing, b: source({ isInitialized: () => false }), d: source() });
    assert.deepEqual(Object.keys((await all.getLinkedNodeData("n")).dataBySource), ["d"]);
  });

  it("finds by id or name, and says what it does not find", async () => {
    const all = service([node("1", "x", { name: "web" })]);
    assert.equal((await all.getLinkedNodeData("web")).node.name, "web");
    await assert.rejects(all.getLinkedNodeData("gone"), { message: "Node 'gone' not found in any source" });
  });

  it("finds nodes by any identifier", async () => {
    const nodes = [node("1", "x", { name: "Web", uri: "ssh://h" }), node("2", "x", { config: { hostname: "web" } })];
    const all = service(nodes);
    assert.deepEqual((await all.findMatchingNodes("WEB")).map((one) => one.id), ["1", "2"]);
    assert.deepEqual((await all.findMatchingNodes("H")).map((one) => one.id), ["1"]);
    assert.deepEqual(await all.findMatchingNodes("nobody"), []);
    const own = node("1", "x", { uri: "ssh://localhost:22" });
    assert.deepEqual(await service([own]).findMatchingNodes("LOCALHOST"), [own]);
  });
});
