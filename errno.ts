/** What the platform calls its errors. */
import { constants } from "node:os";
// Not by its names: Deno before 2.8.1 has no getSystemErrorMap, and would not load a module that imports it.
import * as util from "node:util";

/** The platform's name for an errno, "E42" for one that it has none for. */
export function errnoName(errno: number): string {
  // node:util knows one name a number; node:os also those that libuv never reports.
  return util.getSystemErrorName(-errno) ?? nameFromOs(errno) ?? `E${errno}`;
}

function nameFromOs(errno: number): string | undefined {
  return Object.entries(constants.errno).find(([, n]) => n === errno)?.[0];
}

/** The platform's words for an errno, where it has any. */
export function errnoText(errno: number): string | undefined {
  if (!("getSystemErrorMap" in util)) return undefined;
  return util.getSystemErrorMap().get(-errno)?.[1];
}
