/**
 * What this module adds to a bare call, and what records cost, over a C library whose kevent does nothing.
 *
 * `deno task bench call`
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
import { full, publish } from "./frame/bench.ts";
import { inTurn, timed } from "./frame/in_turn.ts";
import type { Comparison, Goal } from "./frame/result.ts";

const ROUNDS = full(41, 11);
const CALLS = 1_000_000;
const BARE = "the bare symbol";
const POLL = "Kqueue.poll()";

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

const polls = await inTurn({
  [BARE]: timed((count) => {
    for (let call = 0; call < count; call++) {
      kevent64(fd, null, 0, pointer, 256, KEVENT_FLAG_IMMEDIATE, null);
    }
  }, CALLS),
  [POLL]: timed((count) => {
    for (let call = 0; call < count; call++) kq.poll();
  }, CALLS),
  "kqWait(kq, Kevent64List, 0)": timed((count) => {
    for (let call = 0; call < count; call++) kqWait(fd, list64, 0);
  }, CALLS),
}, ROUNDS);

const waits = await inTurn({
  [BARE]: timed((count) => {
    for (let call = 0; call < count; call++) {
      kevent(fd, null, 0, pointer, 256, pointer);
    }
  }, CALLS),
  "kqWait(kq, KeventList, 0)": timed((count) => {
    for (let call = 0; call < count; call++) kqWait(fd, list, 0);
  }, CALLS),
}, ROUNDS);

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
let sum = 0;
let kept: Kevent | undefined;

const [ACCESSORS, RECORD, PACK] = [
  "read by number accessors",
  "read as a Kevent record",
  "one change packed",
];
const records = await inTurn({
  [ACCESSORS]: timed((count) => {
    for (let call = 0; call < count; call++) {
      const index = call & 255;
      sum += filled.identNumber(index) + filled.filter(index) +
        filled.flags(index) + filled.fflags(index) + filled.dataNumber(index) +
        filled.udataNumber(index);
    }
  }, CALLS),
  [RECORD]: timed((count) => {
    for (let call = 0; call < count; call++) kept = filled.at(call & 255);
  }, CALLS),
  [PACK]: timed((count) => {
    for (let call = 0; call < count; call++) filled.set(call & 255, change);
  }, CALLS),
}, ROUNDS);

const memory = await inTurn({
  [POLL]: () => {
    // So few that most rounds see no collection, whatever is allocated.
    const calls = 50_000;
    const before = Deno.memoryUsage().heapUsed;
    let total = 0; // not `sum`, in which each new number is an allocation
    for (let call = 0; call < calls; call++) {
      kq.poll();
      const index = call & 255;
      total += filled.identNumber(index) + filled.dataNumber(index);
    }
    sum += total;
    return (Deno.memoryUsage().heapUsed - before) / calls;
  },
}, ROUNDS);
void [sum, kept];

publish({
  ours: [POLL],
  comparisons: [
    compared("a poll of nothing: CPU time per call", "ns", polls, [
      { name: POLL, of: BARE, isDifference: true, atMost: 30 },
    ], true),
    compared("the same with kevent: CPU time per call", "ns", waits),
    compared("one record of a list: CPU time", "ns", records, [
      { name: ACCESSORS, atMost: 10 },
      { name: RECORD, atMost: 80 },
      { name: PACK, atMost: 60 },
    ]),
    compared("memory taken by a poll, once warm", "bytes", memory, [
      { name: POLL, atMost: 0.01 },
    ]),
  ],
  missing: [],
});

function compared(
  title: string,
  unit: string,
  figures: Comparison["figures"],
  goals: readonly Goal[] = [],
  isShown = false,
): Comparison {
  return { title, unit, better: "less", isShown, figures, goals };
}
