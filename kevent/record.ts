/** A change or an event as a plain object. */

/** One event, or one change, as it comes out of a list: `struct kevent` with its three 64-bit words as bigints. */
export interface Kevent {
  /** What is watched: a descriptor, a pid, a signal's number, or for timers and user events a number of the caller's. */
  ident: bigint;
  /** Which kind of watcher: one of the `EVFILT_…` constants. */
  filter: number;
  /** `EV_…` bits, 0 to 65535. */
  flags: number;
  /** `NOTE_…` bits of the filter, 0 to 4294967295. */
  fflags: number;
  /** The filter's number: bytes, periods, a status, or with `EV_ERROR` an errno. Signed. */
  data: bigint;
  /** The caller's own 64 bits, which come back with each event as they were given. Unsigned. */
  udata: bigint;
}

/** One event of `struct kevent64_s`: a {@linkcode Kevent} and two words more. */
export interface Kevent64 extends Kevent {
  /** Two words of the filter's. Of the public filters only EVFILT_MACHPORT and a timer with NOTE_LEEWAY use them. */
  ext: [bigint, bigint];
}

/**
 * What a change may be given as: words as numbers (safe integers) or bigints; what is left out is 0.
 *
 * `fflags` may be negative, down to -2^31: JavaScript's bitwise operators give signed numbers, so
 * `NOTE_EXIT | NOTE_EXITSTATUS` is negative and means its unsigned twin.
 */
export interface KeventInit {
  /** What to watch: 0 to 2^64-1. */
  ident: number | bigint;
  /** One of the `EVFILT_…` constants: -32768 to 32767. */
  filter: number;
  /** `EV_…` bits: 0 to 65535. Without EV_ADD the change is for a watcher that is there already. */
  flags?: number;
  /** `NOTE_…` bits of the filter: -2^31 to 2^32-1. */
  fflags?: number;
  /** The filter's number: -2^63 to 2^63-1. */
  data?: number | bigint;
  /** The caller's own word: 0 to 2^64-1. */
  udata?: number | bigint;
}

/** What a change of `struct kevent64_s` may be given as. */
export interface Kevent64Init extends KeventInit {
  /** Two words of the filter's, each 0 to 2^64-1. */
  ext?: readonly [number | bigint, number | bigint];
}
