// Made by scripts/generate.mjs of the types of the native half. Changes belong there.
/* eslint-disable @typescript-eslint/no-explicit-any -- a row is of values of any kind */

import type { ExecutionEvent } from "./types";

/** The events of an execution of the values of their rows, one behind the other. */
export function eventsOf(rows: readonly any[], executionId: string): ExecutionEvent[] {
  const events: ExecutionEvent[] = [];
  for (let at = 0; at < rows.length; ) {
    switch (rows[at]) {
      case 1: {
        const event = { executionId, seq: rows[at + 1], at: rows[at + 2], type: "nodeStarted", node: rows[at + 3], attempt: rows[at + 4] } as const;
        events.push(event);
        at += 5;
        break;
      }
      case 2: {
        const event = { executionId, seq: rows[at + 1], at: rows[at + 2], type: "nodeConnected", node: rows[at + 3], reused: rows[at + 4], phases: { waitUs: rows[at + 5], dnsUs: rows[at + 6], tcpUs: rows[at + 7], kexUs: rows[at + 8], authUs: rows[at + 9] } } as const;
        events.push(event);
        at += 10;
        break;
      }
      case 3: {
        const event = { executionId, seq: rows[at + 1], at: rows[at + 2], type: "output", node: rows[at + 3], stream: rows[at + 4], offset: rows[at + 5], data: rows[at + 6] } as const;
        events.push(event);
        at += 7;
        break;
      }
      case 4: {
        const event: any = { executionId, seq: rows[at + 1], at: rows[at + 2], type: "nodeFinished", node: rows[at + 3], attempt: rows[at + 4], result: rows[at + 5], durationMs: rows[at + 6] };
        if (rows[at + 7] !== null) {
          const phases: any = { startUs: rows[at + 7] };
          if (rows[at + 8] !== null) {
            phases.firstByteUs = rows[at + 8];
          }
          phases.runUs = rows[at + 9];
          phases.drainUs = rows[at + 10];
          event.phases = phases;
        }
        if (rows[at + 11] !== null) {
          event.stdout = rows[at + 11];
        }
        if (rows[at + 12] !== null) {
          event.stderr = rows[at + 12];
        }
        event.progress = { total: rows[at + 13], queued: rows[at + 14], running: rows[at + 15], succeeded: rows[at + 16], failed: rows[at + 17], cancelled: rows[at + 18], skipped: rows[at + 19], interrupted: rows[at + 20] };
        events.push(event);
        at += 21;
        break;
      }
      case 0: {
        const event = rows[at + 1];
        event.executionId = executionId;
        events.push(event);
        at += 2;
        break;
      }
      default:
        throw new RangeError(`there are no rows ${rows[at]}`);
    }
  }
  return events;
}
