// Server-Sent Events as a browser reads them.
import assert from "node:assert/strict";

/** Nothing that a test follows takes longer. */
const MOST_MS = 100_000;

/** The events as [id, type, data], for as long as they are read; whoever stops drops the connection. */
export async function* sse(url, headers = {}) {
  const gone = new AbortController();
  const late = setTimeout(() => gone.abort(new Error(`${url} does not come to an end`)), MOST_MS);
  try {
    const response = await fetch(url, { headers, signal: gone.signal });
    assert.equal(response.status, 200, await (response.ok ? "" : response.text()));
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of response.body) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const [, id, type, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(part);
        yield [Number(id), type, JSON.parse(data)];
      }
    }
  } finally {
    clearTimeout(late);
    gone.abort();
  }
}

/** Those up to the one with which it is enough, or all. */
export async function eventsOf(url, headers, isEnough = () => false) {
  const found = [];
  for await (const event of sse(url, headers)) {
    found.push(event);
    if (isEnough(found)) break;
  }
  return found;
}
