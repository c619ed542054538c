/** The host's objects, as the native half asks them: {@link HostObjects}. Nothing that they do can throw here. */

import { errorOf, told } from "../internal/faults";
import type { LoggerLike, LogContext } from "../internal/types";
import { answered, threw } from "./answers";
import type { NativeFramework } from "./native";
import type {
  AuthorizeFunction,
  CreateFrameworkOptions,
  HostDatabaseLike,
  JournalServiceLike,
  MetricRecorderLike,
  PermissionServiceLike,
} from "./options";
import { type Told, V1Objects } from "./v1";

/** What is taken of a feed in one turn of the event loop. */
const BATCH = 200;

type Feed = "log" | "metrics";
type Message = { ask: { number: number; service: string; with: unknown } } | { news: Feed } | { gone: number };
interface Batch {
  items: string[];
  lost: number;
  more: boolean;
}
interface Line {
  level: "error" | "warn" | "info" | "debug";
  message: string;
  context: LogContext;
}

export class HostObjects {
  readonly plugins: V1Objects;
  private native: NativeFramework | undefined;
  private logger: LoggerLike | undefined;
  private monitor: MetricRecorderLike | undefined;
  private database: HostDatabaseLike | undefined;
  private journal: JournalServiceLike | undefined;
  private authorizer: AuthorizeFunction | PermissionServiceLike | undefined;

  constructor(options: Omit<CreateFrameworkOptions, "database" | "journal">) {
    const tell: Told = {
      tell: (stream, what, text) => this.native?.tell(stream, what, text),
      told: (stream) => this.native?.told(stream),
    };
    this.plugins = new V1Objects(tell);
    this.logger = options.logger;
    this.monitor = options.performanceMonitor;
    this.database = options.hostDatabase;
    this.journal = options.hostJournal;
    this.authorizer = options.authorizer === "allow-all" ? undefined : options.authorizer;
  }

  /** What the native half says goes here. */
  readonly listen = (text: string): void => {
    try {
      const message = JSON.parse(text) as Message;
      if ("news" in message) {
        setImmediate(() => {
          this.empty(message.news);
        });
      } else if ("gone" in message) {
        this.plugins.forget(message.gone);
      } else {
        const { number, service, with: asked } = message.ask;
        this.ask(service, asked)
          .then((answer) => this.native?.answer(number, answer))
          .catch((error: unknown) => {
            process.emitWarning(errorOf(error));
          });
      }
    } catch (error) {
      process.emitWarning(errorOf(error));
    }
  };

  attach(native: NativeFramework): void {
    this.native = native;
  }

  /** Nothing is asked any more: each half lets go of the other, and both of the host's objects. */
  detach(): void {
    this.flush();
    this.native?.detach();
    this.native = undefined;
    this.plugins.letGo();
    this.logger = this.monitor = this.database = this.journal = this.authorizer = undefined;
  }

  /** Tells the host's logger and monitor all that there still is. */
  private flush(): void {
    for (const feed of ["log", "metrics"] as const) {
      while (this.turn(feed)) {
        // Ends: a feed is bounded, and nothing fills it any more.
      }
    }
  }

  private empty(feed: Feed): void {
    if (this.turn(feed)) {
      // What else has to be done goes between.
      setImmediate(() => {
        this.empty(feed);
      });
    }
  }

  /** Takes a batch; tells whether there is more. */
  private turn(feed: Feed): boolean {
    if (this.native === undefined) {
      return false;
    }
    const { items, lost, more } = JSON.parse(this.native.take(feed, BATCH)) as Batch;
    for (const item of items) {
      this.deliver(feed, item);
    }
    if (lost > 0 && feed === "log") {
      const context = { component: "execution", metadata: { lost } };
      told(() => this.logger?.warn(`${String(lost)} log records were lost: the logger is slower than they come`, context));
    }
    return more;
  }

  private deliver(feed: Feed, item: string): void {
    told(() => {
      if (feed === "log") {
        const { level, message, context } = JSON.parse(item) as Line;
        return this.logger?.[level](message, context);
      }
      const metric = JSON.parse(item) as { operation: string; duration: number; metadata: Record<string, unknown> };
      return this.monitor?.recordMetric({ ...metric, timestamp: new Date().toISOString() });
    });
  }

  /** The answer to a question, as JSON; never rejects. */
  private async ask(service: string, asked: unknown): Promise<string> {
    try {
      return answered(await this.asked(service, asked));
    } catch (error) {
      return threw(error);
    }
  }

  private asked(service: string, asked: unknown): unknown {
    switch (service) {
      case "authorize":
        return (this.authorizer as AuthorizeFunction)(asked as never);
      case "hasPermission": {
        const { user, resource, action } = asked as { user: string; resource: string; action: string };
        return (this.authorizer as PermissionServiceLike).hasPermission(user, resource, action);
      }
      case "database.query":
      case "database.execute": {
        const { sql, parameters } = asked as { sql: string; parameters: unknown[] };
        const database = this.database as HostDatabaseLike;
        return service === "database.query" ? database.query(sql, parameters) : database.execute(sql, parameters);
      }
      case "journal.record":
        return recorded(this.journal as JournalServiceLike, asked as Parameters<JournalServiceLike["recordEvent"]>[0]);
      default:
        return this.plugins.asked(service, asked as never);
    }
  }
}

/** Hands an entry over. What the service answers stays on this side: it may be anything. */
async function recorded(journal: JournalServiceLike, entry: Parameters<JournalServiceLike["recordEvent"]>[0]): Promise<null> {
  await journal.recordEvent(entry);
  return null;
}
