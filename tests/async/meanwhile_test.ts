import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
} from "@std/assert";
import { describe } from "@std/testing/bdd";
import { kevRead, kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { idents, only, PATIENCE } from "../semantics/calls.ts";
import { Descriptors, read, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { isPending, it, pause, soon, triggered, turn } from "./support.ts";

describeKernels("while a waitAsync is pending", () => {
  describe("poll()", () => {
    it("finds nothing when nothing is ready, and leaves the wait alone", async () => {
      using kq = new Kqueue();
      kq.apply(kevUser(1));
      const waiting = kq.waitAsync();
      for (let i = 0; i < 50; i++) {
        assertEquals(kq.poll().length, 0);
        if (i % 10 === 0) await pause(2);
      }
      kq.trigger(1);
      assertEquals((await soon(waiting)).length, 1);
    });

    it("and the wait share the events: each comes once", async () => {
      using kq = new Kqueue();
      const seen: number[] = [];
      const LAST = 300;
      for (let ident = 1; ident <= LAST; ident += 2) {
        // The list is the queue's own, and so the next poll's: it is read at once.
        const waiting = kq.waitAsync().then(idents);
        await turn();
        kq.apply(triggered(ident));
        if (ident % 3 === 0) await turn();
        seen.push(...idents(kq.poll()));
        kq.apply(triggered(ident + 1));
        if (ident % 5 === 0) seen.push(...idents(kq.poll()));
        if (await isPending(waiting, 1)) kq.apply(triggered(LAST + ident));
        seen.push(...await soon(waiting), ...idents(kq.poll()));
      }
      const wanted = Array.from({ length: LAST }, (_, index) => index + 1);
      assertEquals(
        seen.filter((ident) => ident <= LAST).sort((a, b) => a - b),
        wanted,
      );
    });

    it("takes a level away from the wait by taking its bytes", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      kq.apply([kevRead(reader), kevUser(1)]);
      const waiting = kq.waitAsync();
      await turn();
      write(writer, 4);
      assertEquals(only(kq.poll().toArray()).data, 4n);
      read(reader, 4);
      kq.trigger(1, { udata: 5 });
      // The other thread may have seen the bytes before they were taken.
      const events = (await soon(waiting)).toArray();
      assertGreater(events.length, 0);
      const rest = events.length === 1 ? kq.poll().toArray() : [];
      assert([...events, ...rest].some(({ udata }) => udata === 5n));
    });

    it("keeps the list that it filled from what the other thread brings", async () => {
      using kq = new Kqueue();
      kq.apply([kevUser(1), kevUser(2)]);
      const waiting = kq.waitAsync();
      await pause();
      const list = kq.poll();
      kq.trigger(1);
      const brought = await soon(waiting);
      assertEquals(idents(brought), [1]);
      assertEquals(list.length, 0);
    });
  });

  it("wait() takes what is ready, too", async () => {
    using kq = new Kqueue();
    kq.apply(kevTimer(1, 5));
    const waiting = kq.waitAsync({ timeoutMs: 200 });
    await turn();
    let count = kq.wait(100).length;
    count += (await soon(waiting)).length;
    assertGreater(count, 0);
  });

  describe("a second waitAsync", () => {
    it("is rejected at once, and the first goes on", async () => {
      using kq = new Kqueue();
      kq.apply(kevUser(1));
      const first = kq.waitAsync();
      for (const moment of [turn, pause, turn]) {
        const start = performance.now();
        await assertRejects(
          () => kq.waitAsync({ timeoutMs: PATIENCE }),
          Deno.errors.Busy,
          "another waitAsync",
        );
        assertLess(performance.now() - start, PATIENCE / 2);
        await moment();
      }
      assert(await isPending(first));
      kq.trigger(1);
      assertEquals(only((await soon(first)).toArray()).ident, 1n);
    });

    it("takes no event away from the first", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1));
      const first = kq.waitAsync();
      await assertRejects(
        () => kq.waitAsync({ timeoutMs: 0 }),
        Deno.errors.Busy,
      );
      assertEquals((await soon(first)).length, 1);
    });

    it("may begin as soon as the first has ended", async () => {
      using kq = new Kqueue();
      for (let i = 0; i < 20; i++) {
        assertEquals((await kq.waitAsync({ timeoutMs: 0.1 })).length, 0);
      }
      const controller = new AbortController();
      const first = kq.waitAsync({ signal: controller.signal });
      await turn();
      controller.abort();
      await assertRejects(() => soon(first), DOMException);
      kq.apply(triggered(1));
      assertEquals((await kq.waitAsync()).length, 1);
    });

    it("is still too early while the first, aborted, has not ended", async () => {
      using kq = new Kqueue();
      const controller = new AbortController();
      const first = kq.waitAsync({ signal: controller.signal });
      await turn();
      controller.abort();
      await assertRejects(() => kq.waitAsync(), Deno.errors.Busy);
      await assertRejects(() => soon(first), DOMException);
    });
  });

  it("other queues wait, too, and each gets its own", async () => {
    const queues = Array.from({ length: 10 }, () => new Kqueue());
    const waits = queues.map((kq, index) => {
      kq.apply(kevUser(index));
      return kq.waitAsync();
    });
    await pause();
    for (const [index, kq] of queues.entries()) kq.trigger(index);
    const lists = await soon(Promise.all(waits));
    assertEquals(
      lists.map((list) => idents(list)),
      queues.map((_, index) => [index]),
    );
    for (const kq of queues) kq.close();
  });
});
