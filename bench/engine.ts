/**
 * The Linux engine beside bare epoll_wait + ioctl(FIONREAD) over the same FFI, and beside libkqueue in C.
 *
 * `deno task bench engine`
 */
import {
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  type KeventInit,
  kevRead,
  Kqueue,
  NOTE_LOWAT,
} from "../mod.ts";
import { close, pipe, socketpair, write } from "../posix.ts";
import { full, publish } from "./frame/bench.ts";
import { inTurn, timed, type Turn } from "./frame/in_turn.ts";
import { buildC, Peer, pkgConfig } from "./frame/peers.ts";
import type { Comparison, Goal } from "./frame/result.ts";

const EPOLLIN = 0x001;
const EPOLLRDHUP = 0x2000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const FIONREAD = 0x541b;
/** 32-bit words of a struct epoll_event, which is packed on x86-64 alone. */
const EVENT_WORDS = Deno.build.arch === "x86_64" ? 3 : 4;
const DATA_WORD = EVENT_WORDS - 2;

const ROUNDS = full(41, 11);
const BARE = "bare epoll over the FFI";
const ENGINE = "Kqueue";
const LOWAT = "Kqueue, data not wanted";
const LIBKQUEUE = "libkqueue, C";

const libc = Deno.dlopen("libc.so.6", {
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "pointer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "pointer"], result: "i32" },
}).symbols;

const words = new Int32Array(new ArrayBuffer(4 * EVENT_WORDS * 1024));
const wordsPointer = Deno.UnsafePointer.of(words);
const one = new Int32Array(new ArrayBuffer(16));
const onePointer = Deno.UnsafePointer.of(one);
let sum = 0;

const flags = pkgConfig("libkqueue");
const libkqueue = flags &&
  buildC(`${import.meta.dirname}/engine/libkqueue.c`, flags);

const comparisons: Comparison[] = [];
for (const ready of [1, 64, 512]) comparisons.push(await compareReady(ready));
comparisons.push(await compareChanges(), await compareIdle());
publish({
  ours: [ENGINE, LOWAT],
  comparisons,
  missing: libkqueue === undefined ? ["libkqueue"] : [],
});
void sum;

/** The CPU time to collect one event, all of `ready` sockets being ready. */
async function compareReady(ready: number): Promise<Comparison> {
  const pairs = Array.from({ length: ready }, () => socketpair());
  const epfd = libc.epoll_create1(0);
  using kq = new Kqueue({ capacity: 1024 });
  using lowat = new Kqueue({ capacity: 1024 });
  for (const [reader, writer] of pairs) {
    write(writer, new Uint8Array(10));
    bareAdd(epfd, reader);
    kq.apply(kevRead(reader));
    lowat.apply(kevRead(reader, { fflags: NOTE_LOWAT, data: 1 }));
  }
  const calls = Math.ceil(40_000 / ready);
  const perEvent = (turn: Turn): Turn => async () => await turn() / ready;
  const figures = await besideLibkqueue(
    ["ready", `${ready}`],
    calls,
    (others) =>
      inTurn({
        [BARE]: perEvent(timed(bareLoop(epfd), calls)),
        [ENGINE]: perEvent(timed(engineLoop(kq), calls)),
        [LOWAT]: perEvent(timed(engineLoop(lowat), calls)),
        ...Object.fromEntries(others.map(([n, turn]) => [n, perEvent(turn)])),
      }, ROUNDS),
  );
  close(epfd);
  for (const pair of pairs) pair.forEach((fd) => close(fd));
  const goals: Goal[] = [
    { name: ENGINE, of: BARE, atMost: 1.15 },
    { name: ENGINE, of: LIBKQUEUE, atMost: 1 },
    { name: LOWAT, of: BARE, atMost: 0.5 },
  ];
  return {
    title: `${ready} ready: CPU time per event`,
    unit: "ns",
    better: "less",
    isShown: true,
    figures,
    goals: ready === 1 ? [] : goals,
  };
}

function bareAdd(epfd: number, fd: number): void {
  one[0] = EPOLLIN | EPOLLRDHUP;
  one[DATA_WORD] = fd;
  libc.epoll_ctl(epfd, EPOLL_CTL_ADD, fd, onePointer);
}

function bareLoop(epfd: number): (count: number) => void {
  return (count) => {
    for (let call = 0; call < count; call++) {
      const ready = libc.epoll_wait(epfd, wordsPointer, 1024, 0);
      for (let at = 0; at < ready * EVENT_WORDS; at += EVENT_WORDS) {
        libc.ioctl(words[at + DATA_WORD], FIONREAD, onePointer);
        sum += one[0];
      }
    }
  };
}

function engineLoop(kq: Kqueue): (count: number) => void {
  return (count) => {
    for (let call = 0; call < count; call++) {
      const events = kq.poll();
      for (let index = 0; index < events.length; index++) {
        sum += events.dataNumber(index);
      }
    }
  };
}

async function besideLibkqueue<T>(
  args: readonly string[],
  count: number,
  compare: (others: [string, Turn][]) => Promise<T>,
): Promise<T> {
  if (libkqueue === undefined) return await compare([]);
  const peer = new Peer([libkqueue, ...args]);
  try {
    return await compare([[LIBKQUEUE, peer.turn(count)]]);
  } finally {
    await peer.end();
  }
}

/** The CPU time to add a watcher and to delete it. */
async function compareChanges(): Promise<Comparison> {
  const [reader, writer] = pipe();
  const epfd = libc.epoll_create1(0);
  using kq = new Kqueue();
  const add = { ident: reader, filter: EVFILT_READ, flags: EV_ADD };
  const remove = { ident: reader, filter: EVFILT_READ, flags: EV_DELETE };
  const count = 20_000;
  const figures = await besideLibkqueue(
    ["change"],
    count,
    (others) =>
      inTurn({
        [BARE]: timed(bareChanges(epfd, reader), count),
        [ENGINE]: timed(engineChanges(kq, add, remove), count),
        ...Object.fromEntries(others),
      }, ROUNDS),
  );
  [reader, writer, epfd].forEach((fd) => close(fd));
  return {
    title: "a watcher added and deleted: CPU time",
    unit: "ns",
    better: "less",
    isShown: true,
    figures,
    goals: [
      { name: ENGINE, of: BARE, atMost: 1.4 },
      { name: ENGINE, of: LIBKQUEUE, atMost: 0.6 },
    ],
  };
}

function bareChanges(epfd: number, fd: number): (count: number) => void {
  return (count) => {
    for (let call = 0; call < count; call++) {
      bareAdd(epfd, fd);
      libc.epoll_ctl(epfd, EPOLL_CTL_DEL, fd, onePointer);
    }
  };
}

function engineChanges(
  kq: Kqueue,
  add: KeventInit,
  remove: KeventInit,
): (count: number) => void {
  return (count) => {
    for (let call = 0; call < count; call++) {
      kq.apply(add);
      kq.apply(remove);
    }
  };
}

/** The CPU time to collect one event, beside few watchers and many that have nothing to report. */
async function compareIdle(): Promise<Comparison> {
  const [reader, writer] = socketpair();
  write(writer, new Uint8Array(10));
  const queues = [10, 9000].map((idle) => {
    const kq = new Kqueue();
    const fds = Array.from({ length: idle / 2 }, () => socketpair()).flat();
    kq.apply([reader, ...fds].map((fd) => kevRead(fd)));
    return { kq, fds };
  });
  const [few, many] = queues.map(({ kq }) => timed(engineLoop(kq), 20_000));
  const [beside10, beside9000] = ["10 idle", "9,000 idle"];
  const figures = await inTurn(
    { [beside10]: few, [beside9000]: many },
    ROUNDS,
  );
  for (const { kq, fds } of queues) {
    kq.close();
    fds.forEach((fd) => close(fd));
  }
  [reader, writer].forEach((fd) => close(fd));
  return {
    title: "1 ready beside idle ones: CPU time per event",
    unit: "ns",
    better: "less",
    isShown: false,
    figures,
    goals: [{ name: beside9000, of: beside10, atMost: 1.1 }],
  };
}
