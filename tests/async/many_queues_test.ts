import { assertEquals, assertLess, assertRejects } from "@std/assert";
import {
  EVFILT_USER,
  kevRead,
  kevUser,
  kqApply,
  Kqueue,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { only } from "../semantics/calls.ts";
import { Descriptors, read, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { isPending, it, itUnless, lacks, pause, soon } from "./support.ts";

const COUNT = 1000;
const HERE = new URL(import.meta.url);
const mayNotRead = lacks({ name: "read", path: HERE });

/** Many queues, all of which wait. */
class Crowd implements Disposable {
  readonly queues = Array.from({ length: COUNT }, () => new Kqueue());
  readonly waits: Promise<number>[];
  #ended = 0;

  constructor() {
    this.waits = this.queues.map((kq, index) => {
      kq.apply(kevUser(index));
      return kq.waitAsync().then((events) => {
        this.#ended++;
        return events.identNumber(0);
      });
    });
  }

  /** How many waits have ended. */
  get ended(): number {
    return this.#ended;
  }

  [Symbol.dispose](): void {
    for (const kq of this.queues) kq.close();
  }
}

describeKernels(`${COUNT} queues that wait`, () => {
  it("R104 are woken one after the other, each once, and none is lost", async () => {
    using crowd = new Crowd();
    await pause();
    for (let index = 0; index < COUNT; index++) {
      crowd.queues[index].trigger(index);
      if (index % 10 === 0) await soon(crowd.waits[index]);
    }
    const seen = await soon(Promise.all(crowd.waits));
    assertEquals(seen, Array.from({ length: COUNT }, (_, index) => index));
  });

  it("R104 are woken all at once", async () => {
    using crowd = new Crowd();
    await pause();
    for (const [index, kq] of crowd.queues.entries()) kq.trigger(index);
    const seen = await soon(Promise.all(crowd.waits));
    assertEquals(seen, Array.from({ length: COUNT }, (_, index) => index));
  });

  it("R104 keep nothing else waiting: timers, timeouts, aborts, close()", async () => {
    using crowd = new Crowd();
    await pause();
    await soon(pause(1));
    using kq = new Kqueue();
    assertEquals((await soon(kq.waitAsync({ timeoutMs: 1.5 }))).length, 0);
    const controller = new AbortController();
    const aborted = kq.waitAsync({ signal: controller.signal });
    await pause(1);
    controller.abort();
    await assertRejects(() => soon(aborted), DOMException);
    const closed = kq.waitAsync();
    await pause(1);
    kq.close();
    await assertRejects(() => soon(closed), Deno.errors.BadResource);
    assertEquals(crowd.ended, 0);
    const ending = Promise.allSettled(crowd.waits);
    crowd[Symbol.dispose]();
    await soon(ending);
  });

  itUnless(mayNotRead, "R104 keep no file from being read", async () => {
    using crowd = new Crowd();
    await pause();
    const texts = Array.from({ length: 64 }, () => Deno.readTextFile(HERE));
    await soon(Promise.all(texts));
    assertEquals(crowd.ended, 0);
    const ending = Promise.allSettled(crowd.waits);
    crowd[Symbol.dispose]();
    await soon(ending);
  });

  it("R104 leave the event of another to it", async () => {
    using crowd = new Crowd();
    using fds = new Descriptors();
    using kq = new Kqueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader));
    for (let size = 1; size <= 20; size++) {
      const waiting = kq.waitAsync();
      if (size % 2 === 0) await pause(1);
      write(writer, size);
      assertEquals(only((await soon(waiting)).toArray()).data, BigInt(size));
      read(reader, size);
    }
    assertEquals(crowd.ended, 0);
    const ending = Promise.allSettled(crowd.waits);
    crowd[Symbol.dispose]();
    await soon(ending);
  });
});

describeKernels("two loops of one isolate", () => {
  it("R104 can play ping-pong with each other", async () => {
    using fds = new Descriptors();
    await using ours = new Loop();
    await using theirs = new Loop();
    const [fromThem, toUs] = fds.pipe();
    const [fromUs, toThem] = fds.pipe();
    const ROUNDS = 500;
    let rounds = 0;
    const done = Promise.withResolvers<void>();
    theirs.on(kevRead(fromUs), () => {
      read(fromUs, 1);
      write(toUs, 1);
    });
    ours.on(kevRead(fromThem), () => {
      read(fromThem, 1);
      if (++rounds === ROUNDS) done.resolve();
      else write(toThem, 1);
    });
    write(toThem, 1);
    await soon(done.promise);
    assertEquals(rounds, ROUNDS);
  });
});

describeKernels(
  "a queue whose number names another file while it waits",
  () => {
    it("R10 is told so, though that file is never readable", async () => {
      using fds = new Descriptors();
      const kq = new Kqueue();
      using other = new Kqueue();
      const others = other.waitAsync({ timeoutMs: 60_000 });
      const waiting = kq.waitAsync();
      await pause();
      const [reader] = fds.pipe();
      fds.dup2Behind(reader, kq.fd);
      await assertRejects(() => soon(waiting), Error, "EBADF");
      assertEquals(await isPending(others), true);
      other.close();
      await assertRejects(() => others, Deno.errors.BadResource);
    });
  },
);

/** The ident of the watcher by which a wait is ended that others join. */
const BELL = 0x6265_6c6c_2e6b_7175n;
/** More descriptors than tests have open. */
const NUMBERS = 4096;

/**
 * The descriptor that all waits of this isolate share. On macOS those of isolates that have ended are still there, for
 * queues are the process's; but nobody answers there any more.
 */
async function sharedDescriptor(): Promise<number> {
  using kq = new Kqueue();
  const waiting = kq.waitAsync().catch(() => {});
  const ring = { ident: BELL, filter: EVFILT_USER, fflags: NOTE_TRIGGER };
  const numbers = Array.from({ length: NUMBERS }, (_, number) => number);
  let answered: number | undefined;
  for (let time = 10; answered === undefined; time *= 2) {
    await pause(time);
    const bells = numbers.filter((number) => kqApply(number, ring));
    await pause(time);
    answered = bells.find((bell) => !hasEvents(bell));
  }
  kq.close();
  await waiting;
  return answered;
}

function hasEvents(queue: number): boolean {
  using kq = new Kqueue();
  kq.apply(kevRead(queue));
  return kq.poll().length > 0;
}

describeKernels("a descriptor that all waits share, closed by somebody", () => {
  it("R104 keeps no queue from waking while another waits", async () => {
    using fds = new Descriptors();
    using idle = new Kqueue();
    using kq = new Kqueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader));
    fds.closeBehind(await sharedDescriptor());
    await soon(kq.waitAsync({ timeoutMs: 5 }));
    const controller = new AbortController();
    const waiting = idle.waitAsync({ signal: controller.signal });
    const start = performance.now();
    for (let round = 0; round < 10; round++) {
      await pause();
      const others = kq.waitAsync();
      await pause();
      write(writer, 1);
      assertEquals((await soon(others)).length, 1);
      read(reader, 1);
    }
    // The thread comes back by itself each second; here it is woken.
    assertLess(performance.now() - start, 5000);
    controller.abort();
    await assertRejects(() => waiting, DOMException);
  });
});
