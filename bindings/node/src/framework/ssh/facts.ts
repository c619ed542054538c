/** Facts of a node by one command of a POSIX shell, as Pabawi's SSH plugin tells them. */
import type { Facts } from "../../internal/types";

const SECTIONS = {
  hostname: "hostname 2>/dev/null || uname -n",
  os: "cat /etc/os-release 2>/dev/null",
  kernel: "uname -r",
  architecture: "uname -m",
  processors: "nproc 2>/dev/null; grep '^model name' /proc/cpuinfo 2>/dev/null",
  memory: "free -m 2>/dev/null",
  uptime: "cat /proc/uptime 2>/dev/null",
  network: "ip -j addr 2>/dev/null",
} as const;

type Section = keyof typeof SECTIONS;

/** What a node lacks leaves its section empty. */
export const FACTS_COMMAND = Object.entries(SECTIONS)
  .map(([name, command]) => `echo '====${name}===='; { ${command}; }`)
  .concat("true")
  .join("; ");

interface Address {
  local?: string;
  prefixlen?: number;
}

interface Link {
  ifname?: string;
  address?: string;
  addr_info?: Address[];
}

/** The facts in what {@link FACTS_COMMAND} wrote. */
export function factsOf(nodeId: string, written: string): Facts {
  const found = sectionsOf(written);
  const os = osRelease(found.os);
  const full = os["VERSION_ID"] ?? "unknown";
  const [count, ...models] = found.processors.split("\n");
  const [, total, , , , , available] = /^Mem:.*$/m.exec(found.memory)?.[0].split(/\s+/) ?? [];
  const megabytes = (value: string | undefined): string => (value === undefined ? "unknown" : `${value} MB`);
  return {
    nodeId,
    gatheredAt: new Date().toISOString(),
    source: "ssh",
    facts: {
      os: {
        family: os["ID"] ?? "unknown",
        name: os["NAME"] ?? "unknown",
        release: { full, major: full.split(".")[0] ?? "unknown" },
      },
      kernel: { release: found.kernel || "unknown" },
      architecture: found.architecture || "unknown",
      processors: {
        count: Number.parseInt(count ?? "", 10) || 0,
        models: models.map((line) => line.replace(/^.*?:\s*/, "")).filter((model) => model !== ""),
      },
      memory: { system: { total: megabytes(total), available: megabytes(available) } },
      networking: { hostname: found.hostname || "unknown", interfaces: interfacesOf(found.network) },
      system_uptime: { seconds: Math.floor(Number.parseFloat(found.uptime)) || 0 },
    },
  };
}

function sectionsOf(written: string): Record<Section, string> {
  const parts = written.split(/^====(\w+)====\n/m);
  const text = (name: string): string => {
    const place = parts.indexOf(name);
    return place < 0 ? "" : (parts[place + 1] ?? "").trim();
  };
  return Object.fromEntries(Object.keys(SECTIONS).map((name) => [name, text(name)])) as Record<Section, string>;
}

/** `NAME="value"` of os-release(5). */
function osRelease(text: string): Record<string, string | undefined> {
  const pairs = [...text.matchAll(/^(\w+)=(["']?)(.*)\2$/gm)].map(([, name, , value]) => [name, value]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

function interfacesOf(text: string): Record<string, unknown> {
  let links: unknown;
  try {
    links = JSON.parse(text || "[]");
  } catch {
    // An `ip` that knows no JSON.
    return {};
  }
  const named = (Array.isArray(links) ? (links as Link[]) : []).filter(({ ifname }) => ifname !== undefined);
  return Object.fromEntries(
    named.map(({ ifname, address, addr_info: addresses = [] }) => [
      ifname,
      { addresses: addresses.map(({ local }) => local).filter((local) => local !== undefined), ...(address === undefined ? {} : { mac: address }) },
    ]),
  );
}
