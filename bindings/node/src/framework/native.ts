/** The framework's class in the addon: strings of JSON in, promises of strings of JSON out; the JSON of a failure stands behind a `!`. */
import { native } from "../internal/native";

export interface NativeFramework {
  open(number: number, opening: string): Promise<string>;
  call(number: number, user: string, name: string, given: string): Promise<string>;
  reload(number: number, user: string, object: string): Promise<string>;
  events(number: number, user: string, wanted: string): Promise<string>;
  next(number: number, stream: number): Promise<string[]>;
  /** The same where it is here already. */
  ready(stream: number): string[] | null;
  close(stream: number): void;
  abandon(number: number): void;
  answer(number: number, answer: string): void;
  detach(): void;
  take(feed: "log" | "metrics", most: number): string;
  tell(stream: number, what: string, text: string): void;
  told(stream: number): void;
}

interface Exports {
  NativeFramework: new (listener: (message: string) => void) => NativeFramework;
}

/** A framework that is not open yet; the listener must not throw. */
export function newFramework(listener: (message: string) => void): NativeFramework {
  const { NativeFramework } = native() as unknown as Exports;
  return new NativeFramework(listener);
}
