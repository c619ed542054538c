// What the SSH plugin keeps of a long output.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HeadTail, KEPT } from "../../framework/ssh/headTail.js";

/** The same pieces each time (Lehmer). */
function pieces(text, seed) {
  const found = [];
  for (let at = 0, next = seed; at < text.length; ) {
    next = (next * 48_271) % 0x7fff_ffff;
    const size = 1 + (next % [7, 300, 70_000, 600_000][next % 4]);
    found.push(text.slice(at, at + size));
    at += size;
  }
  return found;
}

/** What is to be kept; a character of two units stays whole, or is left out. */
function expected(text) {
  const isCut = (at) => at > 0 && at < text.length && text.codePointAt(at - 1) > 0xffff;
  let [head, tail] = [Math.min(KEPT, text.length), Math.max(KEPT, text.length - KEPT)];
  if (text.length <= 2 * KEPT) return text;
  if (isCut(head)) head -= 1;
  if (isCut(tail)) tail += 1;
  return `${text.slice(0, head)}\n[${tail - head} characters left out]\n${text.slice(tail)}`;
}

describe("the beginning and the end of a text", () => {
  for (const [what, length, letter] of [
    ["empty", 0, "a"],
    ["short", 100, "ab"],
    ["as long as may be", 2 * KEPT, "abc"],
    ["one longer", 2 * KEPT + 1, "abc"],
    ["much longer", 9 * KEPT, "0123456789\n"],
    ["of characters of two units", 5 * KEPT + 1, "😀"],
    ["of those, cut at both places", 5 * KEPT, `${"😀".repeat(3)}x`],
  ]) {
    it(`of one that is ${what}, however it comes`, () => {
      const text = letter.repeat(Math.ceil(length / letter.length)).slice(0, length).replace(/[\ud800-\udbff]$/, "x");
      for (let seed = 1; seed <= 12; seed += 1) {
        const kept = new HeadTail();
        // As a decoder gives them: no piece ends in half a character.
        const whole = pieces(text, seed).reduce((all, piece) => {
          const half = all.length > 0 && /[\ud800-\udbff]$/.test(all.at(-1)) ? all.pop() : "";
          return [...all, half + piece];
        }, []);
        for (const piece of whole) kept.add(piece);
        assert.ok(kept.whole() === expected(text), `seed ${seed}`);
      }
    });
  }
});
