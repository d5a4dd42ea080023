/**
 * What this module adds to a bare call, and what records cost.
 *
 * `deno bench --allow-all bench/call.ts` (it builds a C library whose kevent does nothing, with `cc`)
 */
import {
  EV_ADD,
  EVFILT_READ,
  type Kevent,
  Kevent64List,
  KEVENT_FLAG_IMMEDIATE,
  KeventList,
  Kqueue,
  kqWait,
  openLibc,
  useLibc,
} from "../mod.ts";
import { buildNoopLibrary } from "../tests/darwin/build.ts";

const path = buildNoopLibrary();
const { kevent, kevent64 } = Deno.dlopen(path, {
  kevent: {
    parameters: ["i32", "pointer", "i32", "pointer", "i32", "pointer"],
    result: "i32",
  },
  kevent64: {
    parameters: ["i32", "pointer", "i32", "pointer", "i32", "u32", "pointer"],
    result: "i32",
  },
}).symbols;
useLibc(openLibc(path));

const bytes = new Uint8Array(new ArrayBuffer(256 * 48));
const pointer = Deno.UnsafePointer.of(bytes);
const kq = new Kqueue({ capacity: 256 });
const { fd } = kq;
const list = new KeventList(256);
const list64 = new Kevent64List(256);

Deno.bench({
  name: "kevent64, the bare symbol",
  group: "poll",
  baseline: true,
  fn: () => {
    kevent64(fd, null, 0, pointer, 256, KEVENT_FLAG_IMMEDIATE, null);
  },
});
Deno.bench({
  name: "Kqueue.poll()",
  group: "poll",
  fn: () => {
    kq.poll();
  },
});
Deno.bench({
  name: "kqWait(kq, Kevent64List, 0)",
  group: "poll",
  fn: () => {
    kqWait(fd, list64, 0);
  },
});
Deno.bench({
  name: "kevent, the bare symbol",
  group: "kqWait",
  baseline: true,
  fn: () => {
    kevent(fd, null, 0, pointer, 256, pointer);
  },
});
Deno.bench({
  name: "kqWait(kq, KeventList, 0)",
  group: "kqWait",
  fn: () => {
    kqWait(fd, list, 0);
  },
});

const filled = Kevent64List.from(
  Array.from({ length: 256 }, (_, ident) => ({
    ident,
    filter: EVFILT_READ,
    flags: EV_ADD,
    data: 1234,
    udata: ident,
  })),
);
const change = { ident: 7, filter: EVFILT_READ, flags: EV_ADD, udata: 42 };
let index = 0;
let sum = 0;
let kept: Kevent | undefined;

Deno.bench({
  name: "pack one change",
  group: "record",
  fn: () => {
    index = (index + 1) & 255;
    filled.set(index, change);
  },
});
Deno.bench({
  name: "read one event by number accessors",
  group: "record",
  fn: () => {
    index = (index + 1) & 255;
    sum += filled.identNumber(index) + filled.filter(index) +
      filled.flags(index) + filled.fflags(index) + filled.dataNumber(index) +
      filled.udataNumber(index);
  },
});
Deno.bench({
  name: "read one event as a Kevent record",
  group: "record",
  fn: () => {
    index = (index + 1) & 255;
    kept = filled.at(index);
  },
});
Deno.bench({
  name: "memory allocated by poll() and number accessors, 1,000,000 times",
  group: "memory",
  n: 1,
  fn: () => {
    for (let warm = 0; warm < 100_000; warm++) touch();
    const before = Deno.memoryUsage().heapUsed;
    for (let call = 0; call < 1_000_000; call++) touch();
    const grown = Deno.memoryUsage().heapUsed - before;
    console.log(`heap grown by ${grown} bytes in 1,000,000 calls`);
  },
});

function touch(): void {
  kq.poll();
  index = (index + 1) & 255;
  sum += filled.identNumber(index) + filled.dataNumber(index);
}

void [sum, kept];
