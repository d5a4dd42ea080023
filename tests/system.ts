/** Which system the tests run on, and what answers the calls there. */
import { darwinLibrary } from "./darwin/library.ts";

export const IS_LINUX = Deno.build.os === "linux";

/** What suites call the system's own kernel, and the stand-in for macOS's. */
export const SYSTEM_NAME = IS_LINUX ? "the engine" : "macOS";
export const STAND_IN_NAME = "the C library of Darwin's ABI";

/** The kernels that a program of its own can run over: the name, and for the stand-in the path of its C library. */
export function kernelsOfPrograms(): [name: string, ...library: string[]][] {
  const library = darwinLibrary();
  const system: [string] = [SYSTEM_NAME];
  // Where a C compiler built it, and the test may know of it.
  const hasStandIn = IS_LINUX && "path" in library;
  return hasStandIn ? [system, [STAND_IN_NAME, library.path]] : [system];
}
