/**
 * Which entries of several sources are the same node: those that share an identifier.
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
/** This machine, as any machine calls itself. Entries do not belong together by that, but are found by it. */
const OWN = /^(?:127\.|localhost$)/i;

/**
 * The entries of each node. The first entry that is in no node yet makes one, with all that share an identifier with it, in
 * the order in which they are found: by id, name, address and host name. Such an entry may be in an earlier node as well.
 */
export function sameNodes(nodes: readonly Node[]): Node[][] {
  const groups = groupsOf(nodes);
  /** The last entry that took each one in. */
  const takenBy = new Int32Array(nodes.length).fill(NONE);
  const all: Node[][] = [];
  for (let first = 0; first < nodes.length; first += 1) {
    if (takenBy[first] !== NONE) {
      continue;
    }
    takenBy[first] = first;
    const set: Node[] = [nodes[first] as Node];
    // No entry of these groups has made a node before, so each group is gone through once, and the whole is linear.
    for (let own = first * MOST; own < (first + 1) * MOST; own += 1) {
      const group = groups.ofPlace[own] as number;
      if (group === NONE) {
        break;
      }
      for (let member = groups.first[group] as number; member !== NONE; member = groups.next[member] as number) {
        const other = Math.trunc(member / MOST);
        if (takenBy[other] !== first) {
          takenBy[other] = first;
          set.push(nodes[other] as Node);
        }
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
    return identifiers(node, own, true) > 0 && own.includes(wanted);
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

/** Writes what an entry is called, each once, in lower case, and tells how many they are; `isAny`: this machine's own names too. */
function identifiers(node: Node, all: string[], isAny = false): number {
  const id = text(node.id).toLowerCase();
  all[0] = id;
  let count = 1;
  const given = text(node.name);
  if (given !== id && given.trim() !== "") {
    count = add(all, count, given.toLowerCase());
  }
  const host = hostOf(text(node.uri), id, isAny);
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

/** The host of an address that names one which is not known yet. */
function hostOf(uri: string, known: string, isAny: boolean): string {
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
  return !isAny && OWN.test(host) ? "" : host;
}

/** Where a mark stands, or the end where it stands behind that or nowhere. */
function before(uri: string, mark: string, end: number, begin: number): number {
  const at = uri.indexOf(mark, begin);
  return at === -1 || at > end ? end : at;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
