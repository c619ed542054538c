/** A text of which only the beginning and the end are kept where it is long: {@link HeadTail}. */

/** Characters that are kept of each. */
export const KEPT = 512 * 1024;
/** Parts of the end are put together to so many, so that there are few of them. */
const PART = 64 * 1024;

export class HeadTail {
  private readonly head: string[] = [];
  /** How many more the beginning takes. */
  private room = KEPT;
  private readonly tail: string[] = [];
  private tailLength = 0;
  private leftOut = 0;

  add(text: string): void {
    let at = Math.min(this.room, text.length);
    this.room -= at;
    if (this.room === 0 && isSecondHalf(text, at)) {
      at -= 1;
    }
    if (at > 0) {
      this.head.push(text.slice(0, at));
    }
    this.addEnd(text.slice(at));
  }

  /** What is kept, with a line that says how much is not where something was left out. */
  whole(): string {
    const tail = this.tail.join("");
    let more = Math.max(0, tail.length - KEPT);
    if (isSecondHalf(tail, more)) {
      more += 1;
    }
    const leftOut = this.leftOut + more;
    const mark = leftOut === 0 ? "" : `\n[${String(leftOut)} characters left out]\n`;
    return this.head.join("") + mark + tail.slice(more);
  }

  private addEnd(text: string): void {
    if (text === "") {
      return;
    }
    const last = this.tail.length - 1;
    if (last >= 0 && (this.tail[last] as string).length + text.length <= PART) {
      this.tail[last] += text;
    } else {
      this.tail.push(text);
    }
    this.tailLength += text.length;
    while (this.tailLength - (this.tail[0] as string).length >= KEPT) {
      const { length } = this.tail.shift() as string;
      this.tailLength -= length;
      this.leftOut += length;
    }
  }
}

/** Whether a character that is two units long would be cut there. */
function isSecondHalf(text: string, at: number): boolean {
  return at > 0 && at < text.length && /[\uDC00-\uDFFF]/.test(text.charAt(at)) && /[\uD800-\uDBFF]/.test(text.charAt(at - 1));
}
