/**
 * The kernel queue for Deno: `kqueue(2)` and `kevent(2)` of macOS, raw and whole, through Deno's FFI; on Linux the same
 * calls over epoll.
 *
 * One queue watches any number of descriptors, timers, processes, files and signals; an idle watcher costs nothing; and
 * the word that a watcher was given comes back with each of its events.
 *
 * ```ts
 * import { kevTimer, Kqueue } from "@kqueue/kqueue";
 *
 * using kq = new Kqueue();
 * kq.apply(kevTimer(1, 10));
 * for (const event of kq.wait()) console.log("timer", event.ident, "fired", event.data, "times");
 * ```
 *
 * Importing it opens nothing. The first call that needs the C library opens it, which takes `--allow-ffi`.
 *
 * @module
 */
export * from "./constants.ts";
export * from "./kevent.ts";
export * from "./ffi.ts";
export * from "./kqueue.ts";
export * from "./loop.ts";
