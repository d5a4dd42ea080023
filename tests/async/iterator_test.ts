import { assertEquals, assertRejects } from "@std/assert";
import { kevUser, Kqueue } from "../../mod.ts";
import { idents } from "../semantics/calls.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { ALL, leave, ready, rest } from "./iterators.ts";
import { block, it, pause, soon, triggered, turn } from "./support.ts";

const DONE = { done: true as const, value: undefined };

describeKernels("a queue's iterator", () => {
  it("return() ends a next() that is pending", async () => {
    for (const moment of [() => {}, turn, pause]) {
      using kq = new Kqueue();
      const iterator = kq[Symbol.asyncIterator]();
      const next = iterator.next();
      await moment();
      assertEquals(await leave(iterator), DONE);
      assertEquals(await soon(next), DONE);
      assertEquals(await soon(iterator.next()), DONE);
      kq.apply(triggered(1));
      assertEquals((await soon(kq.waitAsync())).length, 1);
    }
  });

  it("return() in the same turn as next() loses nothing", async () => {
    using kq = new Kqueue({ capacity: 2 });
    kq.apply(ALL.map((ident) => kevUser(ident)));
    for (let round = 0; round < 50; round++) {
      for (const ident of ALL) kq.trigger(ident);
      // Right after a turn of the event loop the next events are taken at once.
      const seen = idents(await kq.waitAsync());
      const iterator = kq[Symbol.asyncIterator]();
      const next = iterator.next();
      for (let i = 0; i < round % 7; i++) await Promise.resolve();
      const left = leave(iterator);
      const { value } = await soon(next);
      assertEquals(await left, DONE);
      if (value !== undefined) seen.push(Number(value.ident));
      assertEquals([...seen, ...rest(kq)].sort(), ALL);
    }
  });

  it("return() when the other thread has brought events loses nothing", async () => {
    using kq = ready();
    kq.poll();
    for (let round = 0; round < 10; round++) {
      const iterator = kq[Symbol.asyncIterator]();
      const next = iterator.next();
      await pause();
      for (const ident of ALL) kq.trigger(ident);
      if (round % 2 === 0) block();
      const left = leave(iterator);
      const { value } = await soon(next);
      await left;
      const seen = value === undefined ? [] : [Number(value.ident)];
      assertEquals([...seen, ...rest(kq)].sort(), ALL);
    }
  });

  it("a second next() while one is pending is Busy, and the first goes on", async () => {
    using kq = new Kqueue();
    const iterator = kq[Symbol.asyncIterator]();
    const first = iterator.next();
    await assertRejects(() => iterator.next(), Deno.errors.Busy);
    await pause();
    await assertRejects(() => iterator.next(), Deno.errors.Busy);
    kq.apply(triggered(1));
    assertEquals((await soon(first)).value?.ident, 1n);
    await leave(iterator);
  });

  it("a second iterator is Busy while the first waits", async () => {
    using kq = new Kqueue();
    const first = kq[Symbol.asyncIterator]().next();
    await assertRejects(
      () => kq[Symbol.asyncIterator]().next(),
      Deno.errors.Busy,
    );
    await assertRejects(() => kq.waitAsync(), Deno.errors.Busy);
    kq.apply(triggered(1));
    assertEquals((await soon(first)).done, false);
  });

  it("it is its own iterator", () => {
    using kq = new Kqueue();
    const iterator = kq[Symbol.asyncIterator]();
    assertEquals(iterator[Symbol.asyncIterator]() === iterator, true);
  });
});
