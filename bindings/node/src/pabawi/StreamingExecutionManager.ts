/**
 * Replaces Pabawi's `services/StreamingExecutionManager`: output of executions to browsers, as server-sent events.
 *
 * Where it differs: output is flushed so long after its last chunk, but also when a program does not pause for long; what came
 * before the first subscriber is shown to it with the first output that is flushed, up to a limit; lines are cut and not
 * chunks of many; the notice of the output limit is sent once; and a connection that this side ends no longer counts.
 */
import { messageOf } from "../internal/faults";
import { ConsoleLogger } from "../internal/logger";
import { OutputBuffer, type Piece } from "../internal/outputBuffer";
import type { LoggerLike } from "../internal/types";

export type StreamingEventType = "start" | "stdout" | "stderr" | "status" | "complete" | "error" | "command";

export interface StreamingEvent {
  type: StreamingEventType;
  executionId: string;
  timestamp: string;
  data?: unknown;
}

export interface StreamingCallback {
  onCommand(command: string): void;
  onStdout(chunk: string): void;
  onStderr(chunk: string): void;
}

export interface StreamingConfig {
  /** How long there is to be no more output before what came is sent, in milliseconds. */
  bufferMs: number;
  /** Most characters of an execution. */
  maxOutputSize: number;
  /** Most characters of a line. */
  maxLineLength: number;
}

/** What is asked of a response of Express. */
export interface ResponseLike {
  setHeader?(name: string, value: string): unknown;
  flushHeaders?(): void;
  write(text: string): unknown;
  end(): unknown;
  on?(event: string, listener: () => void): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Express's own request must fit
  req?: any;
}

interface Subscriber {
  response: ResponseLike;
  address: string;
}

interface Stream {
  subscribers: Map<ResponseLike, Subscriber>;
  buffer: OutputBuffer;
  timer?: NodeJS.Timeout | undefined;
  /** Since when output waits to be sent. */
  since: number;
  /** What nobody has seen, until somebody subscribes; see {@link StreamingExecutionManager.subscribe}. */
  unseen: string[] | undefined;
  unseenSize: number;
}

const HEARTBEAT_MS = 30_000;
const CLOSE_AFTER_MS = 1_000;
/** Output of a program that does not pause waits for so many times of its buffer, and at least a second. */
const LONGEST_WAIT = 10;
const LONGEST_WAIT_AT_LEAST_MS = 1_000;
const MOST_PER_ADDRESS = 10;
const MOST_UNSEEN = 64 * 1024;
/** Executions that nobody watches and whose end was not told; the oldest go first. */
const MOST_UNWATCHED = 1_000;

/** Sends events of executions to those who subscribed. */
export class StreamingExecutionManager {
  /** @internal */
  private readonly config: StreamingConfig;
  /** @internal */
  private readonly logger: LoggerLike;
  /** @internal */
  private readonly streams = new Map<string, Stream>();
  /** @internal */
  private readonly connections = new Map<string, number>();
  /** @internal */
  private readonly closing = new Set<NodeJS.Timeout>();
  /** @internal */
  private heartbeat: NodeJS.Timeout | undefined;

  constructor(config: StreamingConfig, logger?: LoggerLike) {
    this.config = config;
    this.logger = logger ?? new ConsoleLogger();
    this.heartbeat = setInterval(() => {
      this.beat();
    }, HEARTBEAT_MS);
    this.heartbeat.unref();
  }

  /** Only where the execution asks for its complete output. */
  createStreamingCallback(executionId: string, expertMode: boolean): StreamingCallback | undefined {
    if (!expertMode) {
      return undefined;
    }
    return {
      onCommand: (command) => {
        this.emitCommand(executionId, command);
      },
      onStdout: (chunk) => {
        this.emitStdout(executionId, chunk);
      },
      onStderr: (chunk) => {
        this.emitStderr(executionId, chunk);
      },
    };
  }

  /**
   * Adds a connection; `false`, and the response untouched, when its address has as many as it may. What came before the
   * first one is not sent at once, but as output is: after a pause.
   */
  subscribe(executionId: string, response: ResponseLike): boolean {
    const address = addressOf(response);
    const connections = this.connections.get(address) ?? 0;
    if (connections >= MOST_PER_ADDRESS) {
      this.warn(`Too many connections from ${address}`, "subscribe", { executionId, connections });
      return false;
    }
    const stream = this.stream(executionId);
    if (!stream.subscribers.has(response)) {
      this.connections.set(address, connections + 1);
    }
    stream.subscribers.set(response, { response, address });
    response.setHeader?.("Content-Type", "text/event-stream");
    response.setHeader?.("Cache-Control", "no-cache");
    response.setHeader?.("Connection", "keep-alive");
    response.setHeader?.("X-Accel-Buffering", "no");
    response.flushHeaders?.();
    response.on?.("close", () => {
      this.unsubscribe(executionId, response);
    });
    this.send(executionId, response, frame(executionId, "start", { message: "Connected to execution stream" }));
    if (stream.unseen?.length === 0) {
      stream.unseen = undefined;
    } else if (stream.unseen !== undefined && stream.timer === undefined) {
      this.arm(executionId, stream);
    }
    return true;
  }

  unsubscribe(executionId: string, response: ResponseLike): void {
    const stream = this.streams.get(executionId);
    const subscriber = stream?.subscribers.get(response);
    if (stream === undefined || subscriber === undefined) {
      return;
    }
    stream.subscribers.delete(response);
    this.forget(subscriber.address);
    if (stream.subscribers.size === 0 && stream.buffer.isEmpty()) {
      // How much of the limit was used has to outlive the last subscriber.
      if (!stream.buffer.wasUsed()) {
        this.drop(executionId);
      }
    }
  }

  /** Sends an event to all who subscribed to the execution. */
  emit(executionId: string, event: { type: StreamingEventType; data?: unknown }): void {
    const stream = this.streams.get(executionId);
    if (stream !== undefined && stream.subscribers.size > 0) {
      this.broadcast(executionId, stream, frame(executionId, event.type, event.data));
    }
  }

  emitStdout(executionId: string, chunk: string): void {
    this.collect(executionId, "stdout", chunk);
  }

  emitStderr(executionId: string, chunk: string): void {
    this.collect(executionId, "stderr", chunk);
  }

  emitStatus(executionId: string, status: string): void {
    this.emit(executionId, { type: "status", data: { status } });
  }

  emitCommand(executionId: string, command: string): void {
    const stream = this.stream(executionId);
    this.broadcast(executionId, stream, frame(executionId, "command", { command }));
  }

  /** Sends what is left and the result, and ends the connections a second later. */
  emitComplete(executionId: string, result: unknown): void {
    this.finish(executionId, "complete", result);
  }

  /** Sends what is left and the fault, and ends the connections a second later. */
  emitError(executionId: string, error: unknown): void {
    this.finish(executionId, "error", { error: messageOf(error) });
  }

  getSubscriberCount(executionId: string): number {
    return this.streams.get(executionId)?.subscribers.size ?? 0;
  }

  /** Executions that somebody watches. */
  getActiveExecutionCount(): number {
    return [...this.streams.values()].filter((stream) => stream.subscribers.size > 0).length;
  }

  stopHeartbeat(): void {
    clearInterval(this.heartbeat);
    this.heartbeat = undefined;
  }

  /** Ends every connection and every timer. */
  cleanup(): void {
    this.stopHeartbeat();
    for (const timer of this.closing) {
      clearTimeout(timer);
    }
    this.closing.clear();
    for (const executionId of [...this.streams.keys()]) {
      this.close(executionId);
    }
    this.connections.clear();
  }

  /** @internal */
  private stream(executionId: string): Stream {
    let stream = this.streams.get(executionId);
    if (stream === undefined) {
      this.makeRoom();
      const { maxOutputSize, maxLineLength } = this.config;
      stream = {
        subscribers: new Map(),
        buffer: new OutputBuffer(maxOutputSize, maxLineLength),
        since: 0,
        unseen: [],
        unseenSize: 0,
      };
      this.streams.set(executionId, stream);
    }
    return stream;
  }

  /** @internal */
  private makeRoom(): void {
    if (this.streams.size < MOST_UNWATCHED) {
      return;
    }
    for (const [executionId, stream] of this.streams) {
      if (stream.subscribers.size === 0) {
        this.drop(executionId);
        return;
      }
    }
  }

  /** @internal */
  private collect(executionId: string, kind: "stdout" | "stderr", chunk: string): void {
    const stream = this.stream(executionId);
    stream.buffer.add(kind, chunk);
    if (!stream.buffer.isEmpty()) {
      this.arm(executionId, stream);
    }
  }

  /**
   * Flushes after a pause, or when what came first has waited for long.
   * @internal
   */
  private arm(executionId: string, stream: Stream): void {
    const { bufferMs } = this.config;
    const now = Date.now();
    if (stream.timer === undefined) {
      stream.since = now;
    }
    const longest = Math.max(LONGEST_WAIT * bufferMs, LONGEST_WAIT_AT_LEAST_MS);
    clearTimeout(stream.timer);
    stream.timer = setTimeout(
      () => {
        this.flush(executionId, stream);
      },
      Math.max(0, Math.min(bufferMs, stream.since + longest - now)),
    );
  }

  /** @internal */
  private flush(executionId: string, stream: Stream): void {
    clearTimeout(stream.timer);
    stream.timer = undefined;
    if (stream.subscribers.size > 0) {
      for (const text of stream.unseen ?? []) {
        this.broadcast(executionId, stream, text);
      }
      stream.unseen = undefined;
    }
    for (const { kind, output } of stream.buffer.take() satisfies Piece[]) {
      this.broadcast(executionId, stream, frame(executionId, kind, { output }));
    }
  }

  /** @internal */
  private broadcast(executionId: string, stream: Stream, text: string): void {
    if (stream.unseen !== undefined && stream.subscribers.size === 0) {
      if (stream.unseenSize + text.length <= MOST_UNSEEN) {
        stream.unseen.push(text);
        stream.unseenSize += text.length;
      }
      return;
    }
    for (const { response } of [...stream.subscribers.values()]) {
      this.send(executionId, response, text);
    }
  }

  /** @internal */
  private send(executionId: string, response: ResponseLike, text: string): void {
    try {
      response.write(text);
    } catch (error) {
      this.warn(`Writing to a subscriber failed: ${messageOf(error)}`, "send", { executionId });
      this.unsubscribe(executionId, response);
    }
  }

  /** @internal */
  private finish(executionId: string, type: "complete" | "error", data: unknown): void {
    const stream = this.streams.get(executionId);
    if (stream === undefined) {
      return;
    }
    this.flush(executionId, stream);
    if (stream.subscribers.size === 0) {
      this.drop(executionId);
      return;
    }
    this.broadcast(executionId, stream, frame(executionId, type, data));
    const timer = setTimeout(() => {
      this.closing.delete(timer);
      this.close(executionId);
    }, CLOSE_AFTER_MS);
    this.closing.add(timer);
  }

  /** @internal */
  private close(executionId: string): void {
    const stream = this.streams.get(executionId);
    this.drop(executionId);
    for (const { response, address } of stream?.subscribers.values() ?? []) {
      this.forget(address);
      try {
        response.end();
      } catch (error) {
        this.warn(`Ending a connection failed: ${messageOf(error)}`, "close", { executionId });
      }
    }
  }

  /** @internal */
  private drop(executionId: string): void {
    clearTimeout(this.streams.get(executionId)?.timer);
    this.streams.delete(executionId);
  }

  /** @internal */
  private forget(address: string): void {
    const left = (this.connections.get(address) ?? 0) - 1;
    if (left > 0) {
      this.connections.set(address, left);
    } else {
      this.connections.delete(address);
    }
  }

  /** @internal */
  private beat(): void {
    for (const [executionId, { subscribers }] of this.streams) {
      for (const { response } of [...subscribers.values()]) {
        this.send(executionId, response, ": heartbeat\n\n");
      }
    }
  }

  /** @internal */
  private warn(message: string, operation: string, metadata: Record<string, unknown>): void {
    this.logger.warn(message, { component: "StreamingExecutionManager", operation, metadata });
  }
}

function frame(executionId: string, type: StreamingEventType, data: unknown): string {
  const event: StreamingEvent = { type, executionId, timestamp: new Date().toISOString() };
  if (data !== undefined) {
    event.data = data;
  }
  return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function addressOf(response: ResponseLike): string {
  const request = response.req as { ip?: string; socket?: { remoteAddress?: string } } | undefined;
  return request?.ip ?? request?.socket?.remoteAddress ?? "unknown";
}
