/** One change each, for the filters in daily use. */
import { constants } from "node:os";
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
} from "../constants.ts";
import { checkOptions } from "../options.ts";
import { checkInteger, checkWord, I64, U64 } from "./check.ts";
import type { KeventInit } from "./record.ts";

/** The fields of a change that a builder does not ask for by position. */
export interface ChangeOptions {
  /** `EV_…` bits, 0 to 65535. EV_ADD unless a builder says otherwise. */
  flags?: number;
  /** `NOTE_…` bits of the filter, -2^31 to 2^32-1. 0 unless a builder says otherwise. */
  fflags?: number;
  /** The filter's number, -2^63 to 2^63-1. 0 unless given. */
  data?: number | bigint;
  /** The word that comes back with each event, 0 to 2^64-1. 0 unless given. */
  udata?: number | bigint;
}

/**
 * One change record from its four usual parts.
 *
 * ```ts
 * import { EV_ADD, EV_CLEAR, EVFILT_READ, kevChange } from "@kqueue/kqueue";
 *
 * const change = kevChange(0, EVFILT_READ, EV_ADD | EV_CLEAR, 42);
 * console.log(change.udata); // 42
 * ```
 *
 * @param fd The descriptor, or whatever the filter takes as its ident: 0 to 2^64-1.
 * @param filter One of the `EVFILT_…` constants: -32768 to 32767.
 * @param flags `EV_…` bits: 0 to 65535.
 * @param udata The word that comes back with each event: 0 to 2^64-1, 0 unless given.
 * @throws {RangeError} naming the argument that does not fit its field.
 */
export function kevChange(
  fd: number | bigint,
  filter: number,
  flags: number,
  udata?: number | bigint,
): KeventInit {
  checkInteger("flags", flags, 0, 0xffff);
  return change("fd", fd, filter, { flags, udata }, {});
}

/**
 * Watches a descriptor for something to read (EVFILT_READ): an event's data is the number of bytes, or on a listening
 * socket of connections; EV_EOF among its flags says that no more will come.
 *
 * ```ts
 * import { kevRead, Kqueue } from "@kqueue/kqueue";
 * import { close, pipe, write } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe();
 * using kq = new Kqueue();
 * kq.apply(kevRead(reader, { udata: 42 }));
 * write(writer, new Uint8Array(5));
 * for (const { udata, data } of kq.wait(1000)) console.log(udata, data); // 42n 5n
 * for (const fd of [reader, writer]) close(fd);
 * ```
 *
 * @param fd An open descriptor.
 * @param options With `fflags: NOTE_LOWAT`, `data` is the least number of bytes to report.
 * @throws {RangeError} naming the argument that does not fit its field.
 */
export function kevRead(
  fd: number | bigint,
  options?: ChangeOptions,
): KeventInit {
  return change("fd", fd, EVFILT_READ, options, {});
}

/**
 * Watches a descriptor for room to write (EVFILT_WRITE): an event's data is the room in bytes; EV_EOF among its
 * flags says that nobody will read.
 *
 * ```ts
 * import { kevWrite, Kqueue } from "@kqueue/kqueue";
 * import { close, pipe } from "@kqueue/kqueue/posix";
 *
 * const [reader, writer] = pipe();
 * using kq = new Kqueue();
 * kq.apply(kevWrite(writer));
 * for (const { data } of kq.wait(1000)) console.log(data > 0n); // true
 * for (const fd of [reader, writer]) close(fd);
 * ```
 *
 * @param fd An open descriptor.
 * @throws {RangeError} naming the argument that does not fit its field.
 */
export function kevWrite(
  fd: number | bigint,
  options?: ChangeOptions,
): KeventInit {
  return change("fd", fd, EVFILT_WRITE, options, {});
}

/**
 * A timer (EVFILT_TIMER): an event's data is how many periods ended since the last report.
 *
 * ```ts
 * import { kevTimer, NOTE_USECONDS } from "@kqueue/kqueue";
 *
 * kevTimer(1, 250); // every 250 ms
 * kevTimer(2, 250, { fflags: NOTE_USECONDS }); // every 250 µs
 * ```
 *
 * @param ident The caller's name for it: 0 to 2^64-1.
 * @param period Milliseconds, or the unit that `fflags` names: NOTE_SECONDS, NOTE_USECONDS, NOTE_NSECONDS. With
 * NOTE_ABSOLUTE a time since 1970 instead. Zero or less fires once, at once. An integer: for 1.5 ms say 1500 with
 * NOTE_USECONDS.
 * @param options With `flags: EV_ADD | EV_ONESHOT` it fires once.
 * @throws {RangeError} naming the argument that does not fit its field.
 */
export function kevTimer(
  ident: number | bigint,
  period: number | bigint,
  options?: Omit<ChangeOptions, "data">,
): KeventInit {
  if (Number.isFinite(period) && !Number.isInteger(period)) {
    throw new RangeError(
      `period must be an integer, got ${period}: use NOTE_USECONDS for fractions`,
    );
  }
  checkWord("period", period, I64);
  if (options !== undefined) {
    checkOptions("options", options, TIMER_OPTIONS, TIMER_SAMPLE);
  }
  const { flags, fflags, udata }: ChangeOptions = options ?? {};
  const given = { flags, fflags, udata, data: period };
  return change("ident", ident, EVFILT_TIMER, given, {});
}

/**
 * An event of the caller's own (EVFILT_USER), fired by a change with NOTE_TRIGGER or by `Kqueue.trigger`. Fired, it
 * is reported in every call until it is deleted; with EV_CLEAR, as here unless flags say otherwise, once per firing.
 *
 * ```ts
 * import { kevUser, Kqueue } from "@kqueue/kqueue";
 *
 * using kq = new Kqueue();
 * kq.apply(kevUser(1));
 * kq.trigger(1, { data: 7 });
 * for (const { ident, data } of kq.poll()) console.log(ident, data); // 1n 7n
 * ```
 *
 * @param ident The caller's name for it: 0 to 2^64-1.
 * @param options Flags are EV_ADD | EV_CLEAR unless given.
 * @throws {RangeError} naming the argument that does not fit its field.
 */
export function kevUser(
  ident: number | bigint,
  options?: ChangeOptions,
): KeventInit {
  return change("ident", ident, EVFILT_USER, options, {
    flags: EV_ADD | EV_CLEAR,
  });
}

/**
 * Counts a signal sent to this process (EVFILT_SIGNAL), ignored or handled as it may be: an event's data is how often
 * since the last report.
 *
 * ```ts
 * import { kevSignal } from "@kqueue/kqueue";
 *
 * console.log(kevSignal("SIGINT").ident); // 2
 * ```
 *
 * @param signal The signal's name, or its number on this system: 1 to 64.
 * @throws {RangeError} naming the argument that does not fit.
 */
export function kevSignal(
  signal: Deno.Signal | number | bigint,
  options?: ChangeOptions,
): KeventInit {
  const number = typeof signal === "string"
    ? signalNumber(signal)
    : integerOf(signal);
  checkInteger("signal", number, 1, 64);
  return change("signal", number, EVFILT_SIGNAL, options, {});
}

function signalNumber(name: Deno.Signal): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  if (Object.hasOwn(numbers, name)) return numbers[name];
  throw new RangeError(`signal must be one of this system's, got "${name}"`);
}

/**
 * Watches a process, this one's child or not (EVFILT_PROC): reported once when it exits.
 *
 * With `NOTE_EXIT | NOTE_EXITSTATUS` the event's data is the status as wait(2) has it, if its fflags have
 * NOTE_EXITSTATUS: test `(fflags & NOTE_EXITSTATUS) !== 0` first. On Linux NOTE_EXIT comes alone, with data 0, where the
 * status cannot be known (R82). The signal that ended the process is `Number(data) & 0x7f`; if that is 0, its exit code
 * is `Number(data) >> 8`.
 *
 * A child is still to be waited for. On macOS that may take a moment after the event: `waitpid` with `noHang` may give null
 * (R81).
 *
 * ```ts
 * import { kevProc, Kqueue, NOTE_EXIT, NOTE_EXITSTATUS } from "@kqueue/kqueue";
 * import { kill, spawn, waitpid } from "@kqueue/kqueue/posix";
 *
 * using kq = new Kqueue();
 * const pid = spawn(["sleep", "60"]);
 * kq.apply(kevProc(pid, { fflags: NOTE_EXIT | NOTE_EXITSTATUS }));
 * kill(pid, "SIGTERM");
 * for (const { fflags, data } of kq.wait()) {
 *   const isKnown = (fflags & NOTE_EXITSTATUS) !== 0;
 *   const status = Number(data);
 *   if (!isKnown) console.log("it exited, and nobody knows how");
 *   else if ((status & 0x7f) !== 0) console.log("signal", status & 0x7f); // signal 15
 *   else console.log("exit code", status >> 8);
 * }
 * waitpid(pid);
 * ```
 *
 * @param pid The process's number: 1 to 2147483647.
 * @param options Fflags are NOTE_EXIT unless given.
 * @throws {RangeError} naming the argument that does not fit.
 */
export function kevProc(
  pid: number | bigint,
  options?: ChangeOptions,
): KeventInit {
  const number = integerOf(pid);
  checkInteger("pid", number, 1, 0x7fff_ffff);
  return change("pid", number, EVFILT_PROC, options, { fflags: NOTE_EXIT });
}

/**
 * Watches an open file or directory, whatever name it has or gets (EVFILT_VNODE): an event's fflags say what
 * happened. It goes on until it is deleted or its descriptor closed: NOTE_DELETE does not end it.
 *
 * ```ts
 * import { kevVnode, Kqueue, NOTE_WRITE } from "@kqueue/kqueue";
 * import { close, creat, getpid, unlink, write } from "@kqueue/kqueue/posix";
 *
 * const path = `/tmp/kqueue-example-${getpid()}`;
 * const fd = creat(path);
 * using kq = new Kqueue();
 * kq.apply(kevVnode(fd));
 * write(fd, new Uint8Array(1));
 * for (const { fflags } of kq.wait(1000)) {
 *   console.log((fflags & NOTE_WRITE) !== 0); // true
 * }
 * close(fd);
 * unlink(path);
 * ```
 *
 * @param fd An open descriptor of it.
 * @param options Flags are EV_ADD | EV_CLEAR unless given. Fflags are what to report: unless given NOTE_DELETE,
 * NOTE_WRITE, NOTE_EXTEND, NOTE_ATTRIB, NOTE_LINK, NOTE_RENAME and NOTE_REVOKE.
 * @throws {RangeError} naming the argument that does not fit its field.
 */
export function kevVnode(
  fd: number | bigint,
  options?: ChangeOptions,
): KeventInit {
  return change("fd", fd, EVFILT_VNODE, options, {
    flags: EV_ADD | EV_CLEAR,
    fflags: NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK |
      NOTE_RENAME | NOTE_REVOKE,
  });
}

/** Events have idents as bigints. */
function integerOf(value: number | bigint): number {
  return typeof value === "bigint" ? Number(value) : value;
}

const OPTIONS: Required<ChangeOptions> = {
  udata: 42,
  flags: EV_ADD,
  fflags: 0,
  data: 0,
};
const { data: _, ...TIMER_OPTIONS } = OPTIONS;
const TIMER_SAMPLE = "{ flags: EV_ADD | EV_ONESHOT }";

/** What `options` leave out is as `defaults` have it, and EV_ADD or 0 where those have nothing. */
function change(
  identName: string,
  ident: number | bigint,
  filter: number,
  options: Given | undefined,
  defaults: { flags?: number; fflags?: number },
): KeventInit {
  if (options !== undefined) checkOptions("options", options, OPTIONS);
  const {
    flags = defaults.flags ?? EV_ADD,
    fflags = defaults.fflags ?? 0,
    data = 0,
    udata = 0,
  } = options ?? {};
  checkWord(identName, ident, U64);
  checkInteger("filter", filter, -0x8000, 0x7fff);
  checkInteger("flags", flags, 0, 0xffff);
  checkInteger("fflags", fflags, -0x8000_0000, 0xffff_ffff);
  checkWord("data", data, I64);
  checkWord("udata", udata, U64);
  // Adding makes -0, which no ident is, to 0.
  const word = typeof ident === "number" ? ident + 0 : ident;
  return { ident: word, filter, flags, fflags, data, udata };
}

/** {@linkcode ChangeOptions} of which some may be undefined. */
type Given = { [K in keyof ChangeOptions]: ChangeOptions[K] | undefined };
