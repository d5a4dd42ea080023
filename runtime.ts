/** Where this code runs, as far as something depends on it. Constants and packing work where there is no Deno. */

const { Deno: deno } = globalThis as { Deno?: typeof Deno };

/** The system's name: "darwin", "linux" and so on; "" where there is no Deno to tell. */
export const OS: string = deno?.build.os ?? "";
/** The processor's name: "x86_64" or "aarch64"; "" where there is no Deno to tell. */
export const ARCH: string = deno?.build.arch ?? "";
/** Whether the C library that this process runs on is musl. */
export const IS_MUSL: boolean = deno?.build.target.endsWith("musl") ?? false;

/** Throws where there is no Deno to call a C library through, as in Node and Bun. */
export function checkRuntime(): void {
  if (deno?.dlopen !== undefined) return;
  throw new Error(
    "A kernel queue needs Deno, whose Deno.dlopen its calls go through; constants and packing work without",
  );
}
