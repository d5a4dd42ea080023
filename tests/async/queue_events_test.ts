import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { EV_ADD, EV_CLEAR, type Kevent64, kevUser, Kqueue } from "../../mod.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { isPending, it, pause, soon, triggered, turn } from "./support.ts";

const DONE = { done: true as const, value: undefined };

/** What a step is rejected with. */
function rejection(next: Promise<unknown>): Promise<unknown> {
  return soon(next.then(() => "not rejected", (error) => error));
}

async function leave(iterator: AsyncIterator<Kevent64>): Promise<unknown> {
  return await iterator.return?.();
}

describeKernels("Kqueue.events()", () => {
  it("is what `for await` over the queue calls", async () => {
    using kq = new Kqueue();
    kq.apply(triggered(1, 7));
    let calls = 0;
    const { events } = kq;
    kq.events = (...args) => {
      calls++;
      return events.apply(kq, args);
    };
    for await (const { udata } of kq) {
      assertEquals(udata, 7n);
      break;
    }
    assertEquals(calls, 1);
  });

  it("gives the events one by one", async () => {
    using kq = new Kqueue();
    kq.apply([triggered(1), triggered(2), triggered(3)]);
    const seen: bigint[] = [];
    const { signal } = new AbortController();
    for await (const { ident } of kq.events({ signal })) {
      seen.push(ident);
      if (seen.length === 3) break;
    }
    assertEquals(seen.sort(), [1n, 2n, 3n]);
  });

  it("does not begin with a signal that is aborted", () => {
    using kq = new Kqueue();
    const signal = AbortSignal.abort(new Error("never"));
    assertThrows(() => kq.events({ signal }), Error, "never");
  });

  for (const moment of [() => {}, turn, pause]) {
    const when = moment.name === "" ? "at once" : `after a ${moment.name}`;
    it(`rejects the pending step when the signal is aborted ${when}, and then is done`, async () => {
      using kq = new Kqueue();
      const controller = new AbortController();
      const { signal } = controller;
      const iterator = kq.events({ signal });
      const next = iterator.next();
      const reason = rejection(next);
      await moment();
      controller.abort("enough");
      assertStrictEquals(await reason, "enough");
      assertEquals(await soon(iterator.next()), DONE);
      // The queue is as it was.
      kq.apply(triggered(1));
      assertEquals((await soon(kq.waitAsync())).length, 1);
    });
  }

  it("rejects the next step when the signal is aborted between two", async () => {
    using kq = new Kqueue();
    kq.apply(triggered(1, 0, EV_ADD));
    const controller = new AbortController();
    const { signal } = controller;
    const body = async (): Promise<void> => {
      for await (const _ of kq.events({ signal })) controller.abort(null);
    };
    assertStrictEquals(await rejection(body()), null);
    assertEquals(kq.poll().length, 1); // the level is still there
  });

  it("loses no event with an abort", async () => {
    using kq = new Kqueue();
    kq.apply([1, 2, 3].map((ident) => kevUser(ident)));
    for (let round = 0; round < 60; round++) {
      for (const ident of [1, 2, 3]) kq.trigger(ident);
      const controller = new AbortController();
      const { signal } = controller;
      const iterator = kq.events({ signal });
      const next = iterator.next().catch(() => undefined);
      for (let i = 0; i < round % 9; i++) await Promise.resolve();
      if (round % 2 === 0) await turn();
      controller.abort();
      const seen = (await soon(next))?.value === undefined ? 0 : 1;
      assertEquals(seen + kq.poll().length, 3);
    }
  });

  it("is done when the queue is closed, and listens to the signal no more", async () => {
    const kq = new Kqueue();
    const controller = new AbortController();
    const { signal } = controller;
    const iterator = kq.events({ signal });
    const next = iterator.next();
    await turn();
    kq.close();
    assertEquals(await soon(next), DONE);
    controller.abort("too late");
    assertEquals(await soon(iterator.next()), DONE);
  });

  it("is done after return(), also where the signal is aborted later", async () => {
    using kq = new Kqueue();
    const controller = new AbortController();
    const { signal } = controller;
    const iterator = kq.events({ signal });
    const next = iterator.next();
    await turn();
    assertEquals(await leave(iterator), DONE);
    assertEquals(await soon(next), DONE);
    controller.abort("too late");
    assertEquals(await soon(iterator.next()), DONE);
  });

  it("is not disturbed by what a caller puts in a signal's place", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1, { flags: EV_ADD | EV_CLEAR }));
    const controller = new AbortController();
    const { signal } = controller;
    const refuse = (): never => {
      throw new Error("of the caller's");
    };
    for (const key of ["addEventListener", "removeEventListener"]) {
      Object.defineProperty(signal, key, { value: refuse });
    }
    const waiting = kq.waitAsync({ signal });
    assert(await isPending(waiting));
    controller.abort("the engine's own");
    assertStrictEquals(await rejection(waiting), "the engine's own");
    const next = kq.waitAsync();
    kq.trigger(1);
    assertEquals((await soon(next)).length, 1);
  });
});
