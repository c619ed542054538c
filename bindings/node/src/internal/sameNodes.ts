/**
 * Which entries of several sources are the same node. Entries that share an identifier are one, also by way of others.
 *
 * It stands on this side because it is done sooner than what entries are called has crossed to the native one.
 */
import type { Node } from "./types";

/** Identifiers that an entry has at most: id, name, the host of its address, and the host name in its configuration. */
const MOST = 4;
/** No entry, or no identifier. */
const NONE = -1;

/** Machines of clouds are named by other means than the host of an address. */
const CLOUD = /^(?:proxmox|aws|azure):/;
/** This machine, as any machine calls itself. */
const OWN = /^(?:127\.|localhost$)/i;

/**
 * The entries of each node: nodes in the order of their first entries, of each node that entry first and then the others as
 * they are found, by id, name, address and host name.
 */
export function sameNodes(nodes: readonly Node[]): Node[][] {
  const groups = groupsOf(nodes);
  const isFound = new Uint8Array(nodes.length);
  const found = new Int32Array(nodes.length);
  const all: Node[][] = [];
  let [done, end] = [0, 0];
  for (let first = 0; first < nodes.length; first += 1) {
    if (isFound[first] === 1) {
      continue;
    }
    isFound[first] = 1;
    found[end++] = first;
    const set: Node[] = [];
    for (; done < end; done += 1) {
      const place = found[done] as number;
      set.push(nodes[place] as Node);
      for (let own = place * MOST; own < (place + 1) * MOST; own += 1) {
        const group = groups.ofPlace[own] as number;
        if (group === NONE) {
          break;
        }
        // Each group is gone through once, so the whole is linear.
        for (let member = groups.first[group] as number; member !== NONE; member = groups.next[member] as number) {
          const other = Math.trunc(member / MOST);
          if (isFound[other] === 0) {
            isFound[other] = 1;
            found[end++] = other;
          }
        }
        groups.first[group] = NONE;
      }
    }
    all.push(set);
  }
  return all;
}

/** The entries that have this identifier, in any case. */
export function nodesCalled(nodes: readonly Node[], identifier: string): Node[] {
  const wanted = identifier.toLowerCase();
  return nodes.filter((node) => {
    const own: string[] = [];
    return identifiers(node, own) > 0 && own.includes(wanted);
  });
}

/** Who has which identifier. */
interface Groups {
  /** The groups of the entry at each place, `MOST` of them, those that it has first. */
  ofPlace: Int32Array;
  /** Of each group the first one in `ofPlace`, */
  first: number[];
  /** and of each one there the next of the same group. */
  next: Int32Array;
}

function groupsOf(nodes: readonly Node[]): Groups {
  const ofPlace = new Int32Array(nodes.length * MOST).fill(NONE);
  const next = new Int32Array(nodes.length * MOST).fill(NONE);
  const first: number[] = [];
  const last: number[] = [];
  const numbers = new Map<string, number>();
  const own: string[] = [];
  for (let place = 0; place < nodes.length; place += 1) {
    const count = identifiers(nodes[place] as Node, own);
    for (let nth = 0; nth < count; nth += 1) {
      const at = place * MOST + nth;
      const name = own[nth] as string;
      const group = numbers.get(name);
      if (group === undefined) {
        numbers.set(name, first.length);
        ofPlace[at] = first.length;
        first.push(at);
        last.push(at);
      } else {
        ofPlace[at] = group;
        next[last[group] as number] = at;
        last[group] = at;
      }
    }
  }
  return { ofPlace, first, next };
}

/** Writes everything that an entry is found by, each once, in lower case, and tells how many they are. */
function identifiers(node: Node, all: string[]): number {
  const id = text(node.id).toLowerCase();
  all[0] = id;
  let count = 1;
  const given = text(node.name);
  if (given !== id && given.trim() !== "") {
    count = add(all, count, given.toLowerCase());
  }
  const host = hostOf(text(node.uri), id);
  if (host !== "") {
    count = add(all, count, host.toLowerCase());
  }
  const hostname = text((node.config as Record<string, unknown> | undefined)?.["hostname"]);
  if (hostname !== "") {
    count = add(all, count, hostname.toLowerCase());
  }
  return count;
}

function add(all: string[], count: number, identifier: string): number {
  for (let at = 0; at < count; at += 1) {
    if (all[at] === identifier) {
      return count;
    }
  }
  all[count] = identifier;
  return count + 1;
}

/** The host of an address that names one which is not known yet. This machine's own names are those of any machine. */
function hostOf(uri: string, known: string): string {
  if (CLOUD.test(uri)) {
    return "";
  }
  const scheme = uri.indexOf("://");
  const begin = scheme === -1 ? 0 : scheme + 3;
  const end = before(uri, "/", before(uri, ":", uri.length, begin), begin);
  if (end - begin === known.length && uri.startsWith(known, begin)) {
    return "";
  }
  const host = uri.slice(begin, end);
  return OWN.test(host) ? "" : host;
}

/** Where a mark stands, or the end where it stands behind that or nowhere. */
function before(uri: string, mark: string, end: number, begin: number): number {
  const at = uri.indexOf(mark, begin);
  return at === -1 || at > end ? end : at;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
