/** Output of one execution between two flushes: lines of a length that can be shown, and an end to it all. */

export interface Piece {
  kind: "stdout" | "stderr";
  output: string;
}

/** Collects both streams; lengths are characters. */
export class OutputBuffer {
  private readonly parts: Record<Piece["kind"], string[]> = { stdout: [], stderr: [] };
  private used = 0;
  private isOver = false;

  constructor(
    private readonly maxOutputSize: number,
    private readonly maxLineLength: number,
  ) {}

  /** Adds a chunk, its lines cut to their length; what is past the limit is dropped and that is said once. */
  add(kind: Piece["kind"], chunk: string): void {
    if (this.isOver || chunk === "") {
      return;
    }
    const shown = this.cut(chunk);
    const room = this.maxOutputSize - this.used;
    this.used += Math.min(shown.length, room);
    if (shown.length <= room) {
      this.parts[kind].push(shown);
      return;
    }
    this.isOver = true;
    const limit = String(this.maxOutputSize);
    const notice = `\n[Output limit of ${limit} bytes reached. Further output will be truncated.]\n`;
    this.parts[kind].push(shown.slice(0, room), notice);
  }

  isEmpty(): boolean {
    return this.parts.stdout.length === 0 && this.parts.stderr.length === 0;
  }

  /** Whether anything was ever added. */
  wasUsed(): boolean {
    return this.used > 0 || this.isOver;
  }

  /** Takes out what was collected, standard output first. */
  take(): Piece[] {
    const pieces: Piece[] = [];
    for (const kind of ["stdout", "stderr"] as const) {
      const output = this.parts[kind].splice(0).join("");
      if (output !== "") {
        pieces.push({ kind, output });
      }
    }
    return pieces;
  }

  private cut(chunk: string): string {
    if (chunk.length <= this.maxLineLength) {
      return chunk;
    }
    const most = this.maxLineLength;
    const lines = chunk.split("\n").map((line) => {
      const over = line.length - most;
      return over > 0 ? `${line.slice(0, most)}... [truncated ${String(over)} characters]` : line;
    });
    return lines.join("\n");
  }
}
