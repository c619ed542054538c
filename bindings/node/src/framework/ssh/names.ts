/** Names of nodes, as the plugin takes them: each is one node, and no expression of targets. */

const MOST_CHARACTERS = 253;
/** Characters of what was given that a message repeats. */
const MOST_SHOWN = 100;

const USER = /[A-Za-z0-9._%+~][A-Za-z0-9._%+~-]*@/.source;
const PLAIN = /[A-Za-z0-9_][A-Za-z0-9._%+-]*(?:\/[A-Za-z0-9._%+-]+)*/.source;
const ADDRESS = /(?=[^\]]*:[^\]]*:)[0-9A-Fa-f:.%]+/.source;
const PORT = /:(\d{1,5})/.source;
/** Only `ssh://` of all schemes: another one would be another way to the node, and `local://` none at all. */
const NAME = new RegExp(`^(?:ssh://)?(?:${USER})?(?:${PLAIN}(?:${PORT})?|${ADDRESS}|\\[${ADDRESS}\\](?:${PORT})?)$`);

/** What can be the name of a node, or `[user@]host[:port]`. */
export function isName(target: string): boolean {
  const [match, ...ports] = target.length > MOST_CHARACTERS ? [] : (NAME.exec(target) ?? []);
  const port = ports.find((one) => one !== undefined);
  return match !== undefined && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535));
}

/** What is said about one that is none. */
export function noName(target: string): string {
  return `Invalid SSH target '${shown(target)}': must be [user@]host[:port]`;
}

/** The id that the framework gives a node: ids hold no brackets. */
export function idOf(name: string): string {
  const [bracketed, host = "", port] = /\[([^\]]*)\](?::(\d+))?/.exec(name) ?? [""];
  return name.replace(bracketed, port === undefined ? host : `${host}/${port}`);
}

/** An expression of targets that is this node and nothing else. */
export function expressionOf(name: string): string {
  return `"${name}"`;
}

/** What was given, for a message that one can read. */
export function shown(given: string): string {
  return given.length > MOST_SHOWN ? `${given.slice(0, MOST_SHOWN)}...` : given;
}
