/**
 * The names and values of Darwin's `<sys/event.h>`, as in xnu-11417.101.15 `bsd/sys/event.h`.
 *
 * Prefixes say where a value belongs: `EVFILT_` in a record's `filter`, `EV_` in its `flags`,
 * `NOTE_` in its `fflags`, `KEVENT_FLAG_` in the `flags` argument of `kevent64`. Under each
 * name, *in* means that a change carries it to the kernel, *out* that an event brings it back.
 * The same bit means different things to different filters.
 *
 * Compare by mask, never by equality: events carry the flags of the registration too. JavaScript's
 * bitwise operators give signed 32 bits, so anything combined with bit 31 (`NOTE_EXIT`,
 * `NOTE_FFOR`, `NOTE_FFCOPY`, …) comes out negative. A change takes such a value as its unsigned
 * twin; an event holds the unsigned one. So test with `!== 0`, or make yours unsigned with `>>> 0`.
 *
 * @example Watching a process: what to ask for, and how to read the answer
 * ```ts
 * import {
 *   EV_ADD,
 *   EV_EOF,
 *   EVFILT_PROC,
 *   NOTE_EXIT,
 *   NOTE_EXITSTATUS,
 * } from "@kqueue/kqueue/constants";
 *
 * const change = {
 *   ident: Deno.pid,
 *   filter: EVFILT_PROC,
 *   flags: EV_ADD,
 *   fflags: NOTE_EXIT | NOTE_EXITSTATUS, // negative here, and right
 * };
 *
 * function hasExited(event: { filter: number; flags: number; fflags: number }): boolean {
 *   return event.filter === EVFILT_PROC &&
 *     (event.flags & EV_EOF) !== 0 &&
 *     (event.fflags & NOTE_EXIT) !== 0;
 * }
 *
 * console.log((change.fflags >>> 0) === 0x84000000); // true
 * console.log(hasExited({ ...change, flags: EV_ADD | EV_EOF })); // true
 * ```
 *
 * @module
 */

// Filters: what a watcher (knote) watches.

/**
 * Ready to read. `ident`: a descriptor. `data` out: bytes to read, connections waiting on a
 * listener, or a file's end minus its offset. `fflags` in: `NOTE_LOWAT`, `NOTE_OOB`; out: a
 * socket's error, with `EV_EOF`, or `NOTE_OOB`.
 */
export const EVFILT_READ: -1 = -1;
/**
 * Ready to write. `ident`: a descriptor. `data` out: room in bytes (1 for a regular file). `fflags`
 * in: `NOTE_LOWAT`, on macOS; out: a socket's error, with `EV_EOF`.
 */
export const EVFILT_WRITE: -2 = -2;
/**
 * Asynchronous I/O. `ident`, `data` and `fflags` mean nothing: macOS has the number but refuses the
 * filter with ENOTSUP, and so does Linux.
 */
export const EVFILT_AIO: -3 = -3;
/**
 * Happenings on a file or directory. `ident`: its open descriptor. `fflags` in: the `NOTE_` bits
 * wanted, `NOTE_DELETE` to `NOTE_REVOKE`; out: of each happening that has one of them all its bits,
 * wanted or not. `data`: unused.
 */
export const EVFILT_VNODE: -4 = -4;
/**
 * Happenings in a process, a child or not. `ident`: its pid. `fflags` in: the `NOTE_` bits wanted;
 * out: those that happened. `data` out: the wait status, if `fflags` has `NOTE_EXITSTATUS`. Sets `EV_CLEAR`
 * itself.
 */
export const EVFILT_PROC: -5 = -5;
/**
 * Signals sent to this process, handled or ignored alike; on macOS the signal's action is as it was,
 * even if that ends the process. `ident`: the signal's number. `data` out: how many since the last
 * report. `fflags`: unused. Sets `EV_CLEAR` itself.
 */
export const EVFILT_SIGNAL: -6 = -6;
/**
 * A timer. `ident`: a number of the caller's. `data` in: the period, in milliseconds unless
 * `fflags` names a unit; out: periods ended since the last report. `fflags` out: 0. Sets `EV_CLEAR`
 * itself.
 */
export const EVFILT_TIMER: -7 = -7;
/**
 * Messages on a Mach port. `ident`: the name of a port or port set. `fflags` in: options of
 * `mach_msg`. `data` out: the port that has a message. Linux refuses it with ENOTSUP.
 */
export const EVFILT_MACHPORT: -8 = -8;
/**
 * File systems mounted, unmounted and the like. `ident`: 0. `fflags` in: the `VQ_` bits wanted, of
 * `<sys/mount.h>`, 0 for all; out: those that happened. Sets `EV_CLEAR` itself. Linux refuses it
 * with ENOTSUP.
 */
export const EVFILT_FS: -9 = -9;
/**
 * Fired by the program itself. `ident`: a number of the caller's. `fflags` in: 24 bits of the
 * caller's, `NOTE_TRIGGER` and how to combine; out: the 24 bits, and above them what the change that
 * added the watcher had there, so mask what you compare with `NOTE_FFLAGSMASK`. `data`: comes back
 * as last given.
 */
export const EVFILT_USER: -10 = -10;
/**
 * Virtual memory pressure. `fflags` would take the `NOTE_VM_` bits; macOS has the number but
 * refuses the filter with ENOTSUP, and so does Linux.
 */
export const EVFILT_VM: -12 = -12;
/**
 * Exceptional conditions. `ident`: a socket. `fflags` in and out: `NOTE_OOB`, out-of-band data. On
 * macOS it fires, without `NOTE_OOB`, for all that `EVFILT_READ` fires for, on Linux for the end.
 */
export const EVFILT_EXCEPT: -15 = -15;

// Flags that act on the watcher a change names.

/**
 * In: adds the watcher, or changes the one that is there, which it does not enable. Out: it was
 * registered with it.
 */
export const EV_ADD = 0x0001;
/**
 * In: removes the watcher; overrules `EV_ADD` in the same change. Out, with `EV_ONESHOT`: the last
 * event of a watcher whose removal was put off (see {@linkcode EV_DISPATCH2}).
 */
export const EV_DELETE = 0x0002;
/**
 * In: lets the watcher report again. The change's `udata`, `fflags` and `data` apply too, so send
 * the whole record.
 */
export const EV_ENABLE = 0x0004;
/** In: keeps the watcher but stops its reports; overrules `EV_ENABLE` in the same change. */
export const EV_DISABLE = 0x0008;

// Flags that say how a watcher reports. Those of its registration come back in its events.

/** In and out: report once, then remove the watcher. Some filters set it themselves. */
export const EV_ONESHOT = 0x0010;
/** In and out: report each change of state once (an edge), not all the while (a level). */
export const EV_CLEAR = 0x0020;
/**
 * In: answer this change with an `EV_ERROR` event, `data` 0 or the errno; collect no events. Out: it
 * was registered with it.
 */
export const EV_RECEIPT = 0x0040;
/** In and out: report once, then disable the watcher until `EV_ENABLE`. */
export const EV_DISPATCH = 0x0080;
/**
 * In and out: makes `udata` part of the watcher's identity: each change of it needs this flag and the
 * same `udata`. Linux: ENOTSUP.
 */
export const EV_UDATA_SPECIFIC = 0x0100;
/**
 * In and out: `EV_DISPATCH | EV_UDATA_SPECIFIC`. To delete such a watcher while it is disabled is
 * EINPROGRESS: it reports `EV_DELETE | EV_ONESHOT` once it is enabled, and is gone with that. With
 * `EV_ENABLE` in the same change it is deleted at once.
 */
export const EV_DISPATCH2 = 0x0180;
/**
 * In: report when the descriptor or port is closed; EINVAL unless with `EV_ADD` and `EV_DISPATCH2`.
 * Out: it was closed.
 */
export const EV_VANISHED = 0x0200;

// Flags that an event brings back, and the bits kept for the system.

/** Out: this event answers a change: `data` is its errno, or 0 for a receipt. */
export const EV_ERROR = 0x4000;
/**
 * Out: the end: of a stream (READ: `data` bytes are still to be read), of a process, or of a file's
 * watcher (`NOTE_REVOKE`).
 */
export const EV_EOF = 0x8000;
/** All the bits that belong to the system: what a change has of them is ignored. */
export const EV_SYSFLAGS = 0xf000;
/** A bit whose meaning each filter chooses; ignored in a change. */
export const EV_FLAG0 = 0x1000;
/** A second bit whose meaning each filter chooses; ignored in a change. */
export const EV_FLAG1 = 0x2000;
/** `EV_FLAG0` under the name that the kernel's own poll(2) has for it; ignored in a change. */
export const EV_POLL = 0x1000;
/** `EV_FLAG1` as a mark of out-of-band data; ignored in a change, which asks by `NOTE_OOB`. */
export const EV_OOBAND = 0x2000;

// fflags of EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT.

/**
 * EVFILT_READ of sockets and pipes (on macOS EVFILT_WRITE of them too), in: `data` is a low-water
 * mark in bytes: less is not reported, save with `EV_EOF` or a socket's error. With `data` 1 it also
 * admits character devices that cannot count their bytes.
 */
export const NOTE_LOWAT = 0x00000001;
/** EVFILT_EXCEPT and EVFILT_READ, in and out: out-of-band data has arrived on the socket. */
export const NOTE_OOB = 0x00000002;

// fflags of EVFILT_USER. All 32 bits of the change that adds the watcher come back, until a later one combines.

/**
 * EVFILT_USER, in: fires the watcher, at its registration or later. Out: it was in the change that
 * added the watcher.
 */
export const NOTE_TRIGGER = 0x01000000;
/** EVFILT_USER, in: leaves the watcher's fflags alone. */
export const NOTE_FFNOP = 0x00000000;
/** EVFILT_USER, in: ands the change's 24 bits into the watcher's, and clears those above. */
export const NOTE_FFAND = 0x40000000;
/**
 * EVFILT_USER, in: ors the change's 24 bits into the watcher's, and leaves those above. Bit 31:
 * `NOTE_FFOR | 1` is negative in JavaScript; a change takes it as its unsigned twin.
 */
export const NOTE_FFOR = 0x80000000;
/**
 * EVFILT_USER, in: the change's 24 bits replace all of the watcher's. Bit 31: `NOTE_FFCOPY | 1` is
 * negative in JavaScript; a change takes it as its unsigned twin.
 */
export const NOTE_FFCOPY = 0xc0000000;
/** EVFILT_USER: masks how to combine. Bit 31: `(fflags & NOTE_FFCTRLMASK) >>> 0`. */
export const NOTE_FFCTRLMASK = 0xc0000000;
/** EVFILT_USER: masks the 24 bits that are the caller's; an event may have others besides. */
export const NOTE_FFLAGSMASK = 0x00ffffff;

// fflags of EVFILT_VNODE. A change asks for them. An event has all the notes of a happening of which one was asked for.

/**
 * EVFILT_VNODE, in and out: a name of the file was removed, the last or not (then with `NOTE_LINK`),
 * or a rename put another file in its place (then alone).
 */
export const NOTE_DELETE = 0x00000001;
/**
 * EVFILT_VNODE, in and out: it was written to; in a directory, an entry was made, removed or renamed.
 * To truncate a file is no write but `NOTE_ATTRIB`.
 */
export const NOTE_WRITE = 0x00000002;
/**
 * EVFILT_VNODE, in and out: it grew, by a write or by ftruncate(2). On macOS posted before
 * `NOTE_WRITE` or `NOTE_ATTRIB`, so a waiter on another thread may get it by itself.
 */
export const NOTE_EXTEND = 0x00000004;
/**
 * EVFILT_VNODE, in and out: its mode, owner, times or extended attributes changed, or it was
 * truncated or extended by ftruncate(2) or `O_TRUNC`. Filesystems of macOS may post it besides.
 */
export const NOTE_ATTRIB = 0x00000008;
/**
 * EVFILT_VNODE, in and out: a name of the file was made or removed; in a directory, a directory was
 * made, removed or moved.
 */
export const NOTE_LINK = 0x00000010;
/** EVFILT_VNODE, in and out: it was renamed; the watcher stays with the file. */
export const NOTE_RENAME = 0x00000020;
/**
 * EVFILT_VNODE, in and out: access was revoked, by revoke(2) or an unmount. The event has `EV_EOF` and
 * `EV_ONESHOT`, and on macOS comes, without this note, also if it was not asked for.
 */
export const NOTE_REVOKE = 0x00000040;
/**
 * EVFILT_VNODE: no happening of the file; the kernel's cue to look again for data to read. On macOS,
 * who asks for it gets it with each lseek(2).
 */
export const NOTE_NONE = 0x00000080;
/** EVFILT_VNODE, in and out: a lock of flock(2) was released, by it or by close(2). Linux: ENOTSUP. */
export const NOTE_FUNLOCK = 0x00000100;
/** EVFILT_VNODE, in and out: a lease on the file is to be downgraded. Linux: ENOTSUP. */
export const NOTE_LEASE_DOWNGRADE = 0x00000200;
/** EVFILT_VNODE, in and out: a lease on the file is to be released. Linux: ENOTSUP. */
export const NOTE_LEASE_RELEASE = 0x00000400;

// fflags of EVFILT_PROC. A change asks for them, an event has those that happened.

/**
 * EVFILT_PROC, in and out: the process exited; the event has `EV_EOF` and `EV_ONESHOT`. Bit 31:
 * `NOTE_EXIT | NOTE_EXITSTATUS` is negative in JavaScript, and taken as unsigned by a change; an
 * event's `fflags` is unsigned: test `(event.fflags & NOTE_EXIT) !== 0`, or compare after `>>> 0`.
 */
export const NOTE_EXIT = 0x80000000;
/** EVFILT_PROC, in and out: the process forked. Linux: ENOTSUP. */
export const NOTE_FORK = 0x40000000;
/** EVFILT_PROC, in and out: the process executed a new program. Linux: ENOTSUP. */
export const NOTE_EXEC = 0x20000000;
/**
 * EVFILT_PROC, in and out: the process was reaped by its parent; a watcher that asks for it outlives
 * the exit. Linux: ENOTSUP.
 *
 * @deprecated Marked so in Apple's header. Use {@linkcode NOTE_EXIT}.
 */
export const NOTE_REAP = 0x10000000;
/** EVFILT_PROC, in and out: a signal was sent to the process. Linux: ENOTSUP. */
export const NOTE_SIGNAL = 0x08000000;
/**
 * EVFILT_PROC, in and out: the process exited, and `data` of the event is the wait status:
 * `Number(data) & 0x7f` is the signal that ended it; if that is 0, `Number(data) >> 8` its exit code.
 * With `NOTE_EXIT` beside it EACCES for who is neither the parent nor may signal the process.
 *
 * Test `(event.fflags & NOTE_EXITSTATUS) !== 0` before reading `data`: on Linux `NOTE_EXIT` comes
 * alone, with `data` 0, where the status cannot be known.
 */
export const NOTE_EXITSTATUS = 0x04000000;
/**
 * EVFILT_PROC, in and out: the process exited, and `data` says why the system ended it, as below,
 * beside the wait status if that was asked for. Linux: ENOTSUP.
 */
export const NOTE_EXIT_DETAIL = 0x02000000;
/** EVFILT_PROC, out: masks the reasons that `NOTE_EXIT_DETAIL` puts in `data`. */
export const NOTE_EXIT_DETAIL_MASK = 0x00070000;
/** EVFILT_PROC, out, in `data`: ended because its pages could not be decrypted. */
export const NOTE_EXIT_DECRYPTFAIL = 0x00010000;
/** EVFILT_PROC, out, in `data`: ended because memory was short. */
export const NOTE_EXIT_MEMORY = 0x00020000;
/** EVFILT_PROC, out, in `data`: ended because its code signature was not valid. */
export const NOTE_EXIT_CSERROR = 0x00040000;
/**
 * EVFILT_PROC: exited while it had another parent, such as a debugger. No longer sent.
 *
 * @deprecated Marked so in Apple's header. Use {@linkcode NOTE_EXIT}.
 */
export const NOTE_EXIT_REPARENTED = 0x00080000;
/** EVFILT_PROC: masks the low bits: in the kernel, an exit status or a signal's number. */
export const NOTE_PDATAMASK = 0x000fffff;
/** EVFILT_PROC: masks the happenings. Bit 31: `(fflags & NOTE_PCTRLMASK) >>> 0`. */
export const NOTE_PCTRLMASK = 0xfff00000;
/** EVFILT_PROC: follow children too. Unsupported on macOS: kevent refuses with ENOTSUP. */
export const NOTE_TRACK = 0x00000001;
/** EVFILT_PROC: a child got away. Unsupported on macOS: kevent refuses with ENOTSUP. */
export const NOTE_TRACKERR = 0x00000002;
/** EVFILT_PROC: about a followed child. Unsupported on macOS: kevent refuses with ENOTSUP. */
export const NOTE_CHILD = 0x00000004;

// fflags of EVFILT_TIMER. They go in. At most one unit; none means milliseconds.

/** EVFILT_TIMER, in: `data` is in seconds. */
export const NOTE_SECONDS = 0x00000001;
/** EVFILT_TIMER, in: `data` is in microseconds. */
export const NOTE_USECONDS = 0x00000002;
/** EVFILT_TIMER, in: `data` is in nanoseconds. */
export const NOTE_NSECONDS = 0x00000004;
/** EVFILT_TIMER, in: `data` is in ticks of `mach_absolute_time`: a unit as well. Linux: ENOTSUP. */
export const NOTE_MACHTIME = 0x00000100;
/**
 * EVFILT_TIMER, in: `data` is a time since 1970, in the unit chosen (with `NOTE_MACHTIME` a time of
 * that clock), unsigned. Fires once: sets `EV_ONESHOT` itself. A live timer cannot be changed to it
 * or from it: EINVAL.
 */
export const NOTE_ABSOLUTE = 0x00000008;
/**
 * EVFILT_TIMER, in, a hint: it may be late by `ext[1]` of `kevent64`, in the unit of `data`, unsigned;
 * 2^64 ns or more are ERANGE. With `kevent` it is 0. No effect on Linux.
 */
export const NOTE_LEEWAY = 0x00000010;
/** EVFILT_TIMER, in, a hint: put the timer off to save power as little as can be. No effect on Linux. */
export const NOTE_CRITICAL = 0x00000020;
/** EVFILT_TIMER, in, a hint: background work, which may be put off further to save power. No effect on Linux. */
export const NOTE_BACKGROUND = 0x00000040;
/**
 * EVFILT_TIMER, in: the time runs on while the machine sleeps; with `NOTE_MACHTIME` and
 * `NOTE_ABSOLUTE` `data` is a time of `mach_continuous_time`. On Linux CLOCK_BOOTTIME, without effect
 * on an absolute time.
 */
export const NOTE_MACH_CONTINUOUS_TIME = 0x00000080;

// fflags of EVFILT_VM, which macOS refuses.

/**
 * EVFILT_VM, in and out: memory is short. Bit 31: combined with another bit it is negative in
 * JavaScript; an event's `fflags` is unsigned: test `!== 0`, or compare after `>>> 0`.
 */
export const NOTE_VM_PRESSURE = 0x80000000;
/** EVFILT_VM, in: when memory is short this process saves what it must, then ends. */
export const NOTE_VM_PRESSURE_TERMINATE = 0x40000000;
/** EVFILT_VM, in: when memory is short this process ends at once. */
export const NOTE_VM_PRESSURE_SUDDEN_TERMINATE = 0x20000000;
/** EVFILT_VM, out: watching for pressure failed. */
export const NOTE_VM_ERROR = 0x10000000;

// The flags argument of kevent64.

/** `kevent64`: nothing special: wait as the timeout says. */
export const KEVENT_FLAG_NONE = 0x000000;
/**
 * `kevent64`: never wait; the timeout is not looked at, so it cannot be EINVAL. Cheaper on macOS than
 * a timeout of zero.
 */
export const KEVENT_FLAG_IMMEDIATE = 0x000001;
/**
 * `kevent64`: apply the changes, return only their `EV_ERROR` answers (failures and receipts), collect
 * no events and never wait.
 */
export const KEVENT_FLAG_ERROR_EVENTS = 0x000002;
