/** Where the system's C library is, and how to open it with no more permission than it takes. */
import { ArrayBuffer, Int32Array } from "./intrinsics.ts";
import { checkRuntime, IS_MUSL } from "./runtime.ts";

/** The C library of macOS. No file of that name exists there: the loader keeps it in its cache. */
export const DARWIN_LIBRARY = "/usr/lib/libSystem.B.dylib";

/**
 * Opens the system's C library with the given symbols.
 *
 * @throws {Error} where this is not Deno.
 * @throws {Deno.errors.NotSupported} on a system that is neither macOS nor Linux, naming it.
 * @throws {Deno.errors.NotCapable} without the permission to open it (`--allow-ffi`).
 */
export function openSystemLibrary<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S> {
  checkRuntime();
  switch (Deno.build.os) {
    case "darwin":
      return Deno.dlopen(DARWIN_LIBRARY, symbols);
    case "linux":
      return openLinuxLibrary(symbols);
    default:
      throw new Deno.errors.NotSupported(
        `A kernel queue needs macOS or Linux, and this is ${Deno.build.os}`,
      );
  }
}

function openLinuxLibrary<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S> {
  const { arch } = Deno.build;
  const paths = IS_MUSL ? pathsOfMusl(arch) : pathsOfGlibc(arch);
  if (Deno.permissions.querySync({ name: "ffi" }).state === "granted") {
    const name = IS_MUSL ? `libc.musl-${arch}.so.1` : "libc.so.6";
    return openFirst([name, ...paths], symbols);
  }
  // A permission for one library names it by its absolute path, which differs between distributions.
  const granted = paths.filter((path) =>
    Deno.permissions.querySync({ name: "ffi", path }).state === "granted"
  );
  return openFirst(granted.length > 0 ? granted : paths, symbols);
}

// A process has one C library. Another one beside it would find its threads' memory laid out otherwise, and crash.

/** Where Debian, Fedora and Arch keep glibc. */
function pathsOfGlibc(arch: string): string[] {
  return [
    `/lib/${arch}-linux-gnu/libc.so.6`,
    `/usr/lib/${arch}-linux-gnu/libc.so.6`,
    "/lib64/libc.so.6",
    "/usr/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
  ];
}

/** Where Alpine keeps musl. */
function pathsOfMusl(arch: string): string[] {
  return [`/lib/libc.musl-${arch}.so.1`, `/lib/ld-musl-${arch}.so.1`];
}

function openFirst<S extends Deno.ForeignLibraryInterface>(
  paths: readonly string[],
  symbols: S,
): Deno.DynamicLibrary<S> {
  let failure: unknown;
  for (const path of paths) {
    try {
      return Deno.dlopen(path, symbols);
    } catch (error) {
      // A refusal is final: asking for the next path would only prompt again.
      if (error instanceof Deno.errors.NotCapable) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/**
 * `void *memmove(void *dst, const void *src, size_t len)`, twice: it copies errno out of the library's memory, and as
 * `addressOf` it returns a buffer's address.
 *
 * Deno.UnsafePointer and Deno.UnsafePointerView could do both, but they refuse a program that may open one library
 * only (`--allow-ffi=/path`).
 */
export const MEMORY_SYMBOLS = {
  memmove: { parameters: ["pointer", "pointer", "usize"], result: "pointer" },
  addressOf: {
    name: "memmove",
    parameters: ["buffer", "buffer", "usize"],
    result: "pointer",
  },
} as const;

/** The functions of {@linkcode MEMORY_SYMBOLS}, of whichever library. */
export type MemorySymbols = Deno.StaticForeignLibraryInterface<
  typeof MEMORY_SYMBOLS
>;

/** The address of a buffer's bytes. It stays good as long as the buffer lives and stands on an ArrayBuffer of its own. */
export function addressOf(
  symbols: MemorySymbols,
  bytes: BufferSource,
): Deno.PointerValue {
  return symbols.addressOf(bytes, bytes, 0n);
}

/** This thread's errno, as one library keeps it. */
export class Errno {
  readonly #symbols: MemorySymbols;
  readonly #location: Deno.PointerValue;
  readonly #value = new Int32Array(new ArrayBuffer(4));
  readonly #address: Deno.PointerValue;

  /** @param location What `__error()` or `__errno_location()` returned: an isolate stays on its thread, and so it holds. */
  constructor(symbols: MemorySymbols, location: Deno.PointerValue) {
    this.#symbols = symbols;
    this.#location = location;
    this.#address = addressOf(symbols, this.#value);
  }

  /** What the last {@linkcode capture} found; 0 before any. */
  get value(): number {
    return this.#value[0];
  }

  /** Keeps errno, to be called right after a call that failed, before anything else on this thread can change it. */
  capture(): number {
    this.#symbols.memmove(this.#address, this.#location, 4n);
    return this.#value[0];
  }
}
