/**
 * The Linux engine beside bare epoll_wait + ioctl(FIONREAD) over the same FFI.
 *
 * `deno run --allow-ffi bench/engine.ts`
 */
import { EV_ADD, EV_DELETE, EVFILT_READ, kevRead, Kqueue } from "../mod.ts";
import { close, pipe, socketpair, write } from "../posix.ts";
import { compare, row, type Work } from "./measure.ts";

const EPOLLIN = 0x001;
const EPOLLRDHUP = 0x2000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const FIONREAD = 0x541b;
/** 32-bit words of a struct epoll_event, which is packed on x86-64 alone. */
const EVENT_WORDS = Deno.build.arch === "x86_64" ? 3 : 4;
const DATA_WORD = EVENT_WORDS - 2;

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

function bareAdd(epfd: number, fd: number): void {
  one[0] = EPOLLIN | EPOLLRDHUP;
  one[DATA_WORD] = fd;
  libc.epoll_ctl(epfd, EPOLL_CTL_ADD, fd, onePointer);
}

function bareLoop(epfd: number): Work {
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

function engineLoop(kq: Kqueue): Work {
  return (count) => {
    for (let call = 0; call < count; call++) {
      const events = kq.poll();
      for (let index = 0; index < events.length; index++) {
        sum += events.dataNumber(index);
      }
    }
  };
}

function printRatio(
  name: string,
  base: { median: number },
  own: { median: number; ratio: number },
  per = 1,
): void {
  console.log(row(
    name,
    (base.median / per).toFixed(0),
    (own.median / per).toFixed(0),
    own.ratio.toFixed(2),
  ));
}

console.log(row("", "bare, ns", "engine, ns", "ratio"));
for (const ready of [1, 64, 512]) {
  const pairs = Array.from({ length: ready }, () => socketpair());
  const epfd = libc.epoll_create1(0);
  const kq = new Kqueue({ capacity: 1024 });
  for (const [reader, writer] of pairs) {
    write(writer, new Uint8Array(10));
    bareAdd(epfd, reader);
    kq.apply(kevRead(reader));
  }
  const figures = compare(
    { bare: bareLoop(epfd), engine: engineLoop(kq) },
    Math.ceil(40_000 / ready),
  );
  printRatio(`${ready} ready, per event`, figures.bare, figures.engine, ready);
  kq.close();
  close(epfd);
  for (const pair of pairs) pair.forEach((fd) => close(fd));
}

{
  const [reader, writer] = pipe();
  const epfd = libc.epoll_create1(0);
  const kq = new Kqueue();
  const add = { ident: reader, filter: EVFILT_READ, flags: EV_ADD };
  const remove = { ident: reader, filter: EVFILT_READ, flags: EV_DELETE };
  const figures = compare({
    bare: (count) => {
      for (let call = 0; call < count; call++) {
        bareAdd(epfd, reader);
        libc.epoll_ctl(epfd, EPOLL_CTL_DEL, reader, onePointer);
      }
    },
    engine: (count) => {
      for (let call = 0; call < count; call++) {
        kq.apply(add);
        kq.apply(remove);
      }
    },
  }, 20_000);
  printRatio("add + delete", figures.bare, figures.engine);
  kq.close();
  [reader, writer, epfd].forEach((fd) => close(fd));
}

{
  const [reader, writer] = socketpair();
  write(writer, new Uint8Array(10));
  const queues = [10, 9000].map((idle) => {
    const kq = new Kqueue();
    const fds = Array.from({ length: idle / 2 }, () => socketpair()).flat();
    kq.apply([reader, ...fds].map((fd) => kevRead(fd)));
    return { kq, fds };
  });
  const [few, many] = queues.map(({ kq }) => engineLoop(kq));
  const figures = compare({ few, many }, 20_000);
  console.log();
  console.log(row("", "10 idle, ns", "9000 idle", "ratio"));
  printRatio("1 ready, per event", figures.few, figures.many);
  for (const { kq, fds } of queues) {
    kq.close();
    fds.forEach((fd) => close(fd));
  }
  [reader, writer].forEach((fd) => close(fd));
}
void sum;
