/** Output of nodes, as it crosses: a text, or base64 where it is no UTF-8. */
import { StringDecoder } from "node:string_decoder";

import { callSite, objectOf, valid } from "./errors";
import type { OutputData } from "./generated/types";

/** The bytes. */
export function bytesOf(data: OutputData): Buffer {
  if (typeof data === "string") {
    return Buffer.from(data);
  }
  return valid(callSite(bytesOf), () => Buffer.from(objectOf(data, "output that is no text").base64, "base64"));
}

/** Makes text of the parts of one stream, also where a character stands in two of them. */
export interface OutputDecoder {
  write(data: OutputData): string;
  /** What is left at the end. */
  end(): string;
}

export function outputDecoder(): OutputDecoder {
  const decoder = new StringDecoder("utf8");
  return { write: (data) => decoder.write(bytesOf(data)), end: () => decoder.end() };
}
