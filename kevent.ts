/**
 * `struct kevent`, `struct kevent64_s` and `struct timespec` as bytes: records, lists of them, and builders of changes.
 *
 * Nothing here opens a library or needs a permission: it packs and unpacks on any system.
 *
 * ```ts
 * import { KeventList, kevRead, kevTimer } from "@kqueue/kqueue/kevent";
 *
 * const changes = KeventList.from([kevRead(0, { udata: 7 }), kevTimer(1, 500)]);
 * for (const change of changes) console.log(change.ident, change.filter, change.data);
 * ```
 *
 * Layouts are those of Apple's `<sys/event.h>` (xnu-11417), the same on Apple silicon and Intel.
 *
 * @module
 */
export {
  KEVENT,
  KEVENT64,
  type Layout,
  layoutOf,
  type Struct,
  TIMESPEC,
} from "./kevent/struct.ts";
export type {
  Kevent,
  Kevent64,
  Kevent64Init,
  KeventInit,
} from "./kevent/record.ts";
export { describe } from "./kevent/describe.ts";
export { EventList, Kevent64List, KeventList } from "./kevent/list.ts";
export { Timespec } from "./kevent/timespec.ts";
export {
  type ChangeOptions,
  kevChange,
  kevProc,
  kevRead,
  kevSignal,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
} from "./kevent/builders.ts";
