/** The calls on a C library of Darwin's ABI: its functions, and the kernel behind them. */
import type { Kernel } from "./kernel.ts";
import type { RecordMemory } from "./kevent/memory.ts";
import { KEVENT, KEVENT64, type Struct, TIMESPEC } from "./kevent/struct.ts";
import type { TimespecMemory } from "./kevent/timespec.ts";
import { addressOf, Errno, openSystemLibrary } from "./library.ts";
import { POLL_SYMBOLS, type PollLibrary } from "./poll.ts";

/** A parameter that points to a struct: Deno's FFI has one type for all of them, C has one for each. */
function pointerTo(_struct: Struct): "pointer" {
  return "pointer";
}

/** What this module calls of Darwin's C library. A variadic function is declared without its variadic arguments. */
const SYMBOLS = {
  // int kqueue(void);
  kqueue: { parameters: [], result: "i32" },
  kevent: {
    parameters: [
      "i32", // int kq
      pointerTo(KEVENT), // const struct kevent *changelist
      "i32", // int nchanges
      pointerTo(KEVENT), // struct kevent *eventlist
      "i32", // int nevents
      pointerTo(TIMESPEC), // const struct timespec *timeout
    ],
    result: "i32", // int
  },
  kevent64: {
    parameters: [
      "i32", // int kq
      pointerTo(KEVENT64), // const struct kevent64_s *changelist
      "i32", // int nchanges
      pointerTo(KEVENT64), // struct kevent64_s *eventlist
      "i32", // int nevents
      "u32", // unsigned int flags
      pointerTo(TIMESPEC), // const struct timespec *timeout
    ],
    result: "i32", // int
  },
  // int close(int fildes);
  close: { parameters: ["i32"], result: "i32" },
  // int ioctl(int fildes, unsigned long request, ...); FIOCLEX takes no third argument.
  ioctl: { parameters: ["i32", "u64"], result: "i32" },
  // int *__error(void);
  __error: { parameters: [], result: "pointer" },
  // poll, malloc, free, memmove
  ...POLL_SYMBOLS,
} as const satisfies Deno.ForeignLibraryInterface;

/** `FIOCLEX` of Darwin's `<sys/filio.h>`, `_IO('f', 1)`: sets close-on-exec. */
const FIOCLEX = 0x20006601n;

type Symbols = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

/**
 * The functions that this module calls of Darwin's C library, and that a library for `openLibc` must have.
 *
 * A variadic function is declared without its variadic arguments: Apple silicon passes those on the stack.
 */
export const DARWIN_SYMBOLS: Deno.ForeignLibraryInterface = SYMBOLS;

const LOADER = {
  // void *dlopen(const char *path, int mode);
  dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** `RTLD_NOW`, of macOS and Linux. */
const RTLD_NOW = 2;

/** Opens the system's own C library. */
export function openDarwin(): Kernel {
  return new DarwinKernel(openSystemLibrary(SYMBOLS).symbols);
}

/** Opens another one, which stays loaded until the process ends. */
export function openDarwinAt(path: string): Kernel {
  const { symbols } = Deno.dlopen(path, { ...SYMBOLS, ...LOADER });
  keepLoaded(path, symbols.dlopen);
  return new DarwinKernel(symbols);
}

/**
 * Deno unloads a library with the isolate that opened it, also while a call of it is under way on another thread. So it is
 * opened once more, for good.
 */
function keepLoaded(
  path: string,
  dlopen: (path: BufferSource, mode: number) => Deno.PointerValue,
): void {
  if (dlopen(new TextEncoder().encode(`${path}\0`), RTLD_NOW) === null) {
    throw new Deno.errors.NotSupported(`Cannot keep ${path} loaded`);
  }
}

/** A C library of Darwin's ABI behind the calls. */
class DarwinKernel implements Kernel {
  readonly poll: PollLibrary;
  readonly #symbols: Symbols;
  readonly #errno: Errno;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
    this.#errno = new Errno(symbols, symbols.__error());
    this.poll = { symbols, errno: this.#errno };
  }

  kqueue(): number {
    const kq = this.#symbols.kqueue();
    if (kq === -1) return this.#fail();
    if (this.#symbols.ioctl(kq, FIOCLEX) === -1) {
      this.#fail();
      this.#symbols.close(kq);
      return -1;
    }
    return kq;
  }

  kevent(
    kq: number,
    changes: RecordMemory | null,
    events: RecordMemory | null,
    timeout: TimespecMemory | null,
  ): number {
    const count = this.#symbols.kevent(
      kq,
      changes === null ? null : this.#address(changes),
      changes === null ? 0 : changes.length,
      events === null ? null : this.#address(events),
      events === null ? 0 : events.capacity,
      timeout === null ? null : this.#address(timeout),
    );
    return count === -1 ? this.#fail() : count;
  }

  kevent64(
    kq: number,
    changes: RecordMemory | null,
    events: RecordMemory | null,
    flags: number,
    timeout: TimespecMemory | null,
  ): number {
    const count = this.#symbols.kevent64(
      kq,
      changes === null ? null : this.#address(changes),
      changes === null ? 0 : changes.length,
      events === null ? null : this.#address(events),
      events === null ? 0 : events.capacity,
      flags,
      timeout === null ? null : this.#address(timeout),
    );
    return count === -1 ? this.#fail() : count;
  }

  replacing(): void {} // the kernel knows by itself

  close(fd: number): number {
    return this.#symbols.close(fd) === -1 ? this.#fail() : 0;
  }

  errno(): number {
    return this.#errno.value;
  }

  #fail(): -1 {
    this.#errno.capture();
    return -1;
  }

  #address(memory: RecordMemory | TimespecMemory): Deno.PointerValue {
    return memory.pointer ??= addressOf(this.#symbols, memory.bytes);
  }
}
