/** The log where the host gives none: lines as Pabawi's LoggerService writes them, to the console, by LOG_LEVEL. */
import type { LogContext, LoggerLike } from "./types";

const LEVELS = ["error", "warn", "info", "debug"] as const;
type Level = (typeof LEVELS)[number];

function configuredLevel(): Level {
  const named = process.env["LOG_LEVEL"]?.toLowerCase();
  return LEVELS.find((level) => level === named) ?? "info";
}

/** A line: time, level, where it comes from, what, and details as JSON. */
export function formatLine(level: Level, message: string, context?: LogContext): string {
  const places = [context?.component, context?.integration, context?.operation];
  const where = places.filter((place) => place).map((place) => ` [${String(place)}]`);
  const metadata = context?.metadata;
  const details = metadata !== undefined && Object.keys(metadata).length > 0 ? ` ${JSON.stringify(metadata)}` : "";
  return `[${new Date().toISOString()}] ${level.toUpperCase().padEnd(5)}${where.join("")} ${message}${details}`;
}

/** Writes to the console what its level lets through. */
export class ConsoleLogger implements LoggerLike {
  /** @internal */
  private readonly most: number;

  constructor(level: Level = configuredLevel()) {
    this.most = LEVELS.indexOf(level);
  }

  error(message: string, context?: LogContext, error?: Error): void {
    console.error(formatLine("error", message, context));
    if (error?.stack !== undefined) {
      console.error(error.stack);
    }
  }

  warn(message: string, context?: LogContext): void {
    if (this.most >= LEVELS.indexOf("warn")) {
      console.warn(formatLine("warn", message, context));
    }
  }

  info(message: string, context?: LogContext): void {
    if (this.most >= LEVELS.indexOf("info")) {
      console.log(formatLine("info", message, context));
    }
  }

  debug(message: string, context?: LogContext): void {
    if (this.most >= LEVELS.indexOf("debug")) {
      console.log(formatLine("debug", message, context));
    }
  }
}
