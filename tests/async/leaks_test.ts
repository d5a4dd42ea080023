import {
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import { kevRead, kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { dup, open, read } from "../../posix.ts";
import { idents, PATIENCE } from "../semantics/calls.ts";
import { Descriptors } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { IS_LINUX } from "../system.ts";
import { it, itUnless, pause, soon, triggered, turn } from "./support.ts";

const TIMES = 1000;
/** Why threads cannot be counted; undefined where they can. */
const notLinux = IS_LINUX ? undefined : "needs Linux's /proc";

/** How many threads this process has, as Linux tells. */
function countThreads(): number {
  using fds = new Descriptors();
  const fd = fds.keep(open("/proc/self/stat"));
  const buffer = new Uint8Array(4096);
  const length = read(fd, buffer) ?? 0;
  const text = new TextDecoder().decode(buffer.subarray(0, length));
  // The program's name, in parentheses, is the second field; this is the twentieth.
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[17]);
}

/** The lowest descriptor that is free. */
function lowestFree(): number {
  using fds = new Descriptors();
  return fds.keep(dup(1));
}

/** Begins a wait and aborts it: at once, on its way to the other thread, or when it is there. */
async function abortOne(kq: Kqueue, round: number): Promise<void> {
  const controller = new AbortController();
  const waiting = kq.waitAsync({ signal: controller.signal });
  if (round % 10 === 0) await pause(1);
  else for (let i = 0; i < round % 5; i++) await turn();
  controller.abort();
  await assertRejects(() => soon(waiting), DOMException);
}

describeKernels(`${TIMES} in a row`, () => {
  it("aborts leave no descriptor behind, and a queue that works", async () => {
    using kq = new Kqueue();
    using fds = new Descriptors();
    const [reader] = fds.pipe();
    kq.apply([kevUser(1), kevRead(reader), kevTimer(2, PATIENCE * 100)]);
    const free = lowestFree();
    for (let round = 0; round < TIMES; round++) await abortOne(kq, round);
    // A queue that has waited may keep what it needs for that.
    assertLessOrEqual(lowestFree(), free + 2);
    assertEquals(kq.poll().toArray(), []);
    kq.trigger(1);
    assertEquals(idents(await soon(kq.waitAsync())), [1]);
  });

  itUnless(notLinux, "aborts leave no blocked thread behind", async () => {
    using kq = new Kqueue();
    await abortOne(kq, 0);
    const before = countThreads();
    assertGreater(before, 1);
    for (let round = 0; round < TIMES; round++) await abortOne(kq, round);
    // Deno keeps a few threads for what comes next.
    assertLessOrEqual(countThreads(), before + 5);
  });

  it("aborts leave no memory behind", async () => {
    using kq = new Kqueue();
    for (let round = 0; round < TIMES; round++) await abortOne(kq, round);
    const { rss } = Deno.memoryUsage();
    for (let round = 0; round < TIMES; round++) await abortOne(kq, round);
    assertLess(Deno.memoryUsage().rss - rss, 32e6);
  });

  it("aborts starve no timer", async () => {
    using kq = new Kqueue();
    let ticks = 0;
    const interval = setInterval(() => ticks++, 1);
    try {
      for (let round = 0; round < TIMES; round++) await abortOne(kq, round);
    } finally {
      clearInterval(interval);
    }
    assertGreater(ticks, 5);
  });

  it("queues closed during a wait leave nothing behind", async () => {
    for (let round = 0; round < TIMES; round++) {
      const kq = new Kqueue({ capacity: 4 });
      const waiting = kq.waitAsync();
      for (let i = 0; i < round % 5; i++) await turn();
      kq.close();
      await assertRejects(() => soon(waiting), Deno.errors.BadResource);
    }
  });

  it("timeouts leave nothing behind", async () => {
    using kq = new Kqueue();
    for (let round = 0; round < TIMES; round++) {
      const events = await soon(kq.waitAsync({ timeoutMs: 0.05 }));
      assertEquals(events.length, 0);
    }
  });

  it("iterators left leave nothing behind", async () => {
    using kq = new Kqueue();
    for (let round = 1; round <= TIMES; round++) {
      kq.apply([triggered(1), triggered(2)]);
      for await (const _ of kq) break;
      const rest = kq.poll().length;
      assertEquals(rest, 1);
    }
  });

  it("loops closed leave nothing behind", async () => {
    for (let round = 0; round < TIMES / 4; round++) {
      await using loop = new Loop({ capacity: 4 });
      loop.on(kevUser(1), () => {});
      for (let i = 0; i < round % 5; i++) await turn();
    }
  });

  it("watches of a loop, each cancelled before the next, leave it usable", async () => {
    await using loop = new Loop();
    for (let round = 0; round < TIMES; round++) {
      const watch = loop.on(kevUser(round % 3), () => {});
      if (round % 5 === 0) await turn();
      if (round % 10 === 0) await pause(1);
      watch.cancel();
    }
    const { udata } = await soon(loop.once(triggered(1, 7)));
    assertEquals(udata, 7n);
  });

  it("once() on the same ident, each after the other", async () => {
    await using loop = new Loop();
    for (let round = 0; round < TIMES; round++) {
      const { udata } = await soon(loop.once(triggered(1, round)));
      assertEquals(udata, BigInt(round));
    }
  });
});
