/** Tests over the C library of `tests/darwin/`: calls that fail on request, and the bytes that each was given. */
import { assertEquals } from "@std/assert";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import {
  close,
  kevent,
  kqueue,
  type Libc,
  openLibc,
  useLibc,
} from "../../ffi.ts";
import type { Kevent64Init } from "../../kevent.ts";
import { Kqueue } from "../../kqueue.ts";
import { darwinLibrary } from "../darwin/library.ts";

const CALL_SIZE = 448;
const RECORDS = 64;
const KEVENT = 1;

/** One call of kevent or kevent64, as the C library was given it. */
export interface Call {
  syscall: "kevent" | "kevent64";
  kq: number;
  changes: number;
  events: number;
  flags: number;
  /** Null where the pointer was. */
  timeout: { sec: bigint; nsec: bigint } | null;
  /** Whether both lists were the same memory. */
  isSameList: boolean;
  recordSize: number;
  /** The bytes of the first change records, eight at most. */
  records: Uint8Array;
  /** The sum of the bytes of all change records. */
  sum: bigint;
}

/** The hooks of one C library. */
export interface Hooks {
  /** Makes the next call of kqueue, kevent, kevent64, ioctl, or of poll without time fail; with 0 it leaves that one alone. */
  failNext(errno: number): void;
  /** Makes the next call of kevent, kevent64 or poll that could wait fail after so many milliseconds, as a signal does. */
  failNextWait(errno: number, afterMs: number): void;
  /** Forgets the failures that no call took, and returns their number. */
  clearFailures(): number;
  /** How many calls of kevent and kevent64 there have been. */
  calls(): number;
  lastCall(): Call;
  /** Makes the next malloc fail. */
  failNextMalloc(): void;
  /** How many calls of poll that may wait have begun, and how many descriptors the last of them was given. */
  polls(): number;
  lastPoll(): number;
  /** The library's close, past the module. */
  close(fd: number): number;
}

/** What a test over the C library has to work with. */
export interface Darwin {
  readonly libc: Libc;
  readonly hooks: Hooks;
  /** The test's own queue, one of kevent64 (R10a), with room for 5 events. */
  readonly kq: Kqueue;
  /** Another one, of kevent. */
  readonly kq32: number;
}

/** Describes what holds over the C library; where there is none, skips it and says why. */
export function describeOverDarwin(
  name: string,
  body: (darwin: Darwin) => void,
): void {
  const library = darwinLibrary();
  if ("skip" in library) {
    describe(name, () => {
      it.skip(`over the C library (${library.skip})`, () => {});
    });
    return;
  }
  // Opened outside of the tests, as they stay open.
  const hooks = openHooks(library.path);
  const libc = openLibc(library.path);
  describe(name, () => {
    let before: Libc | null;
    let queue: Kqueue | undefined;
    let kq32 = -1;
    beforeAll(async () => {
      before = useLibc(libc);
      // The first wait opens what all others share.
      using first = new Kqueue();
      await first.waitAsync({ timeoutMs: 0.1 });
    });
    beforeEach(() => {
      queue = new Kqueue({ capacity: 5 });
      kq32 = kqueue();
      assertEquals(kevent(kq32, null, null, null), 0);
    });
    afterEach(() => {
      queue?.close();
      close(kq32);
      assertEquals(hooks.clearFailures(), 0, "some failures met no call");
    });
    afterAll(() => {
      useLibc(before);
    });
    body({
      libc,
      hooks,
      get kq() {
        if (queue === undefined) throw new Error("there is no queue yet");
        return queue;
      },
      get kq32() {
        return kq32;
      },
    });
  });
}

function openHooks(path: string): Hooks {
  const { symbols } = Deno.dlopen(path, {
    // int kqtest_fail_next(int error);
    kqtest_fail_next: { parameters: ["i32"], result: "i32" },
    // int kqtest_fail_next_blocking(int error, int64_t nanoseconds);
    kqtest_fail_next_blocking: { parameters: ["i32", "i64"], result: "i32" },
    // int kqtest_clear_failures(void);
    kqtest_clear_failures: { parameters: [], result: "i32" },
    // uint64_t kqtest_calls(void);
    kqtest_calls: { parameters: [], result: "u64" },
    // size_t kqtest_last_call(void *out);
    kqtest_last_call: { parameters: ["buffer"], result: "usize" },
    // void kqtest_fail_next_malloc(void);
    kqtest_fail_next_malloc: { parameters: [], result: "void" },
    // uint64_t kqtest_polls(void);
    kqtest_polls: { parameters: [], result: "u64" },
    // unsigned kqtest_last_nfds(void);
    kqtest_last_nfds: { parameters: [], result: "u32" },
    // int close(int fildes);
    close: { parameters: ["i32"], result: "i32" },
  });
  return {
    failNext(errno) {
      symbols.kqtest_fail_next(errno);
    },
    failNextWait(errno, afterMs) {
      symbols.kqtest_fail_next_blocking(errno, BigInt(afterMs) * 1_000_000n);
    },
    clearFailures: () => symbols.kqtest_clear_failures(),
    calls: () => Number(symbols.kqtest_calls()),
    lastCall() {
      const bytes = new Uint8Array(CALL_SIZE);
      const size = symbols.kqtest_last_call(bytes);
      if (size !== BigInt(CALL_SIZE)) {
        throw new Error(`a call has ${size} bytes`);
      }
      return readCall(bytes);
    },
    failNextMalloc: () => symbols.kqtest_fail_next_malloc(),
    polls: () => Number(symbols.kqtest_polls()),
    lastPoll: () => symbols.kqtest_last_nfds(),
    close: (fd) => symbols.close(fd),
  };
}

function readCall(bytes: Uint8Array<ArrayBuffer>): Call {
  const view = new DataView(bytes.buffer);
  const recordSize = view.getUint32(48, true);
  const recorded = view.getUint32(52, true);
  const isTimeoutNull = view.getUint8(22) === 1;
  return {
    syscall: view.getUint32(0, true) === KEVENT ? "kevent" : "kevent64",
    kq: view.getInt32(4, true),
    changes: view.getInt32(8, true),
    events: view.getInt32(12, true),
    flags: view.getUint32(16, true),
    timeout: isTimeoutNull ? null : {
      sec: view.getBigInt64(24, true),
      nsec: view.getBigInt64(32, true),
    },
    isSameList: view.getUint8(23) === 1,
    recordSize,
    records: bytes.slice(RECORDS, RECORDS + recorded * recordSize),
    sum: view.getBigUint64(40, true),
  };
}

/** Records as Darwin's header lays them out, packed without the module's help. */
export function packRecords(
  recordSize: number,
  changes: Iterable<Kevent64Init>,
  extraFlags = 0,
): Uint8Array {
  const all = [...changes];
  const view = new DataView(new ArrayBuffer(all.length * recordSize));
  for (const [index, change] of all.entries()) {
    const at = index * recordSize;
    view.setBigUint64(at, BigInt(change.ident), true);
    view.setInt16(at + 8, change.filter, true);
    view.setUint16(at + 10, (change.flags ?? 0) | extraFlags, true);
    view.setUint32(at + 12, change.fflags ?? 0, true);
    view.setBigInt64(at + 16, BigInt(change.data ?? 0), true);
    view.setBigUint64(at + 24, BigInt(change.udata ?? 0), true);
    if (recordSize === 32) continue;
    view.setBigUint64(at + 32, BigInt(change.ext?.[0] ?? 0), true);
    view.setBigUint64(at + 40, BigInt(change.ext?.[1] ?? 0), true);
  }
  return new Uint8Array(view.buffer);
}
