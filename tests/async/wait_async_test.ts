import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { describe } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  kevUser,
  Kqueue,
} from "../../mod.ts";
import { dup } from "../../posix.ts";
import { idents, only, PATIENCE } from "../semantics/calls.ts";
import { bytes, Descriptors, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  block,
  isPending,
  it,
  pause,
  soon,
  triggered,
  turn,
} from "./support.ts";

describeKernels("waitAsync", () => {
  describe("what it promises", () => {
    it("takes what is ready, and yet never starves Deno's event loop", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1, 0, EV_ADD)); // a level, for ever ready
      let ticks = 0;
      let waits = 0;
      const interval = setInterval(() => ticks++, 1);
      try {
        const end = performance.now() + PATIENCE;
        for (; ticks <= 40 && performance.now() < end; waits++) {
          assertEquals((await kq.waitAsync()).length, 1);
        }
      } finally {
        clearInterval(interval);
      }
      assertGreater(ticks, 40);
      assertGreater(waits, ticks);
    });

    it("waits on another thread, while this one goes on", async () => {
      using kq = new Kqueue();
      kq.apply(kevTimer(1, 100));
      let ticks = 0;
      const interval = setInterval(() => ticks++, 1);
      const events = await soon(kq.waitAsync()).finally(() => {
        clearInterval(interval);
      });
      assertEquals(only(events.toArray()).ident, 1n);
      assertGreater(ticks, 2);
    });

    it("loses no event to an abort, a timeout or a close of another wait", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      kq.apply([kevUser(1), kevRead(reader, { flags: EV_ADD | EV_CLEAR })]);
      const controller = new AbortController();
      const waiting = kq.waitAsync({ signal: controller.signal });
      await pause();
      kq.trigger(1);
      write(writer, 5);
      block();
      controller.abort();
      await assertRejects(() => soon(waiting), DOMException);
      assertEquals(
        (await kq.waitAsync({ timeoutMs: 0 })).toArray()
          .map(({ filter, data }) => [filter, data])
          .sort(),
        [[-1, 5n], [-10, 0n]],
      );
      assertEquals(kq.poll().length, 0);

      const brief = kq.waitAsync({ timeoutMs: 12 });
      await pause();
      block(3);
      kq.trigger(1);
      const inTime = (await brief).length;
      assertEquals(inTime + kq.poll().length, 1);
    });

    it("is one at a time, and a second one says so, while poll and apply go on", async () => {
      using kq = new Kqueue();
      const first = kq.waitAsync();
      await assertRejects(
        () => kq.waitAsync(),
        Deno.errors.Busy,
        "another waitAsync of this queue is pending",
      );
      assertEquals(kq.poll().length, 0);
      kq.apply(triggered(7));
      assertEquals(only((await soon(first)).toArray()).ident, 7n);
    });

    it("is ended by close(), which frees the descriptor's number", async () => {
      using fds = new Descriptors();
      const kq = new Kqueue();
      const { fd } = kq;
      const waiting = kq.waitAsync();
      await pause(); // now it is on the other thread
      kq.close();
      assertEquals(fds.keep(dup(1)), fd); // numbers are given lowest first
      await assertRejects(() => soon(waiting), Deno.errors.BadResource);
    });

    // A program that has let go exits by itself: exit_test.ts.
  });

  describe("what is ready", () => {
    it("comes at once, all of it", async () => {
      using kq = new Kqueue();
      kq.apply([triggered(1, 11), triggered(2, 22)]);
      const events = (await kq.waitAsync()).toArray();
      assertEquals(idents(events), [1, 2]);
      assertEquals(events.map(({ udata }) => udata).sort(), [11n, 22n]);
    });

    it("comes with a timeout of 0, too", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1));
      assertEquals((await kq.waitAsync({ timeoutMs: 0 })).length, 1);
    });

    it("comes in the queue's own list", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1));
      const events = await kq.waitAsync();
      assertEquals([events.capacity, events.length], [256, 1]);
      assertStrictEquals(kq.poll(), events);
      assertEquals(events.length, 0);
    });

    it("R18 comes in as many waits as it takes, and each watcher once", async () => {
      using kq = new Kqueue({ capacity: 2 });
      for (let ident = 1; ident <= 5; ident++) kq.apply(triggered(ident));
      const seen: number[] = [];
      for (const count of [2, 2, 1, 0]) {
        const events = await kq.waitAsync({ timeoutMs: 0 });
        assertEquals(events.length, count);
        seen.push(...idents(events));
      }
      assertEquals(seen.sort(), [1, 2, 3, 4, 5]);
    });

    it("R11 comes in each wait for as long as it lasts", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      kq.apply(kevRead(reader));
      for (let count = 1; count <= 5; count++) {
        write(writer, 1);
        assertEquals((await kq.waitAsync()).at(0).data, BigInt(count));
      }
    });

    for (const [rule, flags] of [["R12", EV_ONESHOT], ["R13", EV_CLEAR]]) {
      it(`${rule} comes once where it is reported once`, async () => {
        using kq = new Kqueue();
        kq.apply(triggered(1, 0, EV_ADD | Number(flags)));
        assertEquals((await kq.waitAsync()).length, 1);
        assertEquals((await kq.waitAsync({ timeoutMs: 5 })).length, 0);
      });
    }
  });

  describe("its timeout", () => {
    it("of 0 does not wait", async () => {
      using kq = new Kqueue();
      kq.apply(kevTimer(1, PATIENCE));
      for (let i = 0; i < 100; i++) {
        assertEquals((await kq.waitAsync({ timeoutMs: 0 })).length, 0);
      }
    });

    for (const timeoutMs of [0.05, 0.3, 1, 3.7, 12, 40]) {
      it(`R19 of ${timeoutMs} ms is never shorter than that`, async () => {
        using kq = new Kqueue();
        for (let i = 0; i < 5; i++) {
          const start = performance.now();
          const events = await soon(kq.waitAsync({ timeoutMs }));
          assertGreaterOrEqual(performance.now() - start, timeoutMs);
          assertEquals(events.length, 0);
        }
      });
    }

    for (const timeoutMs of [Infinity, -1, -0.5, -Infinity, 1e12]) {
      it(`of ${timeoutMs} ms lasts until an event comes`, async () => {
        using kq = new Kqueue();
        kq.apply(kevTimer(1, 60));
        const waiting = kq.waitAsync({ timeoutMs });
        assert(await isPending(waiting));
        assertEquals(only((await soon(waiting)).toArray()).ident, 1n);
      });
    }

    it("that is not given, or undefined, lasts until an event comes", async () => {
      using kq = new Kqueue();
      for (const options of [undefined, {}]) {
        kq.apply(kevTimer(1, 20, { flags: EV_ADD | EV_ONESHOT }));
        assertEquals((await soon(kq.waitAsync(options))).length, 1);
      }
    });

    it("is over when it is over, though the queue was busy until then", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1, 0, EV_ADD | EV_ONESHOT));
      const start = performance.now();
      assertEquals((await kq.waitAsync({ timeoutMs: 20 })).length, 1);
      assertEquals((await kq.waitAsync({ timeoutMs: 20 })).length, 0);
      assertGreaterOrEqual(performance.now() - start, 20);
    });

    for (const timeoutMs of [NaN, "5", null, {}]) {
      const ErrorClass = typeof timeoutMs === "number" ? RangeError : TypeError;
      const shown = Deno.inspect(timeoutMs);
      it(`of ${shown} is a ${ErrorClass.name} and no wait`, async () => {
        using kq = new Kqueue();
        const options = { timeoutMs: timeoutMs as number };
        await assertRejects(
          () => kq.waitAsync(options),
          ErrorClass,
          "timeoutMs",
        );
        assertEquals((await kq.waitAsync({ timeoutMs: 0 })).length, 0);
      });
    }
  });

  it("goes on for as many waits as there are, one after the other", async () => {
    using kq = new Kqueue();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader, { flags: EV_ADD | EV_CLEAR }));
    let total = 0;
    for (let i = 1; i <= 200; i++) {
      const waiting = kq.waitAsync();
      if (i % 2 === 0) await turn();
      write(writer, bytes(i % 7 + 1).length);
      total += i % 7 + 1;
      assertEquals(only((await soon(waiting)).toArray()).data, BigInt(total));
    }
  });
});
