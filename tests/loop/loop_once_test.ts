import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { getEventListeners } from "node:events";
import {
  EV_CLEAR,
  EV_EOF,
  EV_ONESHOT,
  kevProc,
  kevRead,
  kevTimer,
  kevUser,
} from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { spawn, SystemError, waitpid } from "../../posix.ts";
import { PATIENCE } from "../semantics/calls.ts";
import { Descriptors, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  delivered,
  isPending,
  it,
  itUnless,
  pause,
  soon,
  triggered,
  turn,
} from "../async/support.ts";

const { AlreadyExists, BadResource } = Deno.errors;

describeKernels("Loop.once()", ({ noSystemFilters }) => {
  it("R12 resolves to one event, and its watch is gone", async () => {
    await using loop = new Loop();
    const { ident, udata, flags } = await soon(loop.once(triggered(1, 7)));
    assertEquals([ident, udata, flags & EV_ONESHOT], [1n, 7n, EV_ONESHOT]);
    assertEquals((await soon(loop.once(triggered(1, 8)))).udata, 8n);
  });

  it("keeps the other flags", async () => {
    await using loop = new Loop();
    const event = loop.once({ ...triggered(1), flags: EV_CLEAR });
    assertEquals((await soon(event)).flags & EV_CLEAR, EV_CLEAR);
  });

  it("waits for descriptors and timers", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const event = loop.once(kevRead(reader));
    await soon(loop.once(kevTimer(1, 3)));
    assert(await isPending(event));
    write(writer, 4);
    assertEquals((await soon(event)).data, 4n);
  });

  itUnless(noSystemFilters, "R81 waits for a process to exit", async () => {
    await using loop = new Loop();
    for (let i = 0; i < 5; i++) {
      const pid = spawn(["sleep", "0.02"]);
      const { ident, flags } = await soon(loop.once(kevProc(pid)));
      assertEquals([ident, flags & EV_EOF], [BigInt(pid), EV_EOF]);
      waitpid(pid);
    }
  });

  it("waits for many at once, and resolves each with its own", async () => {
    await using loop = new Loop();
    const events = Array.from(
      { length: 200 },
      (_, ident) => loop.once(kevTimer(ident, 5 + ident % 7, { udata: ident })),
    );
    const words = (await soon(Promise.all(events))).map(({ udata }) => udata);
    assertEquals(words, events.map((_, index) => BigInt(index)));
  });

  it("is refused for what is watched already, until that has ended", async () => {
    await using loop = new Loop();
    const first = loop.once(kevUser(1));
    await assertRejects(() => loop.once(kevUser(1)), AlreadyExists);
    assert(await isPending(first));
    const loser = assertRejects(() => first, BadResource);
    loop.close();
    await loser;
  });

  it("may be asked for again as soon as it has resolved", async () => {
    await using loop = new Loop();
    let count = 0;
    const again = (): Promise<unknown> =>
      loop.once(triggered(1)).then(() => ++count < 50 ? again() : undefined);
    await soon(again());
    assertEquals(count, 50);
  });

  it("rejects with what on() throws", async () => {
    await using loop = new Loop();
    await assertRejects(() => loop.once(kevRead(999_999)), SystemError);
    await assertRejects(
      () => loop.once({ ident: 1, filter: 40_000 }),
      RangeError,
      "filter",
    );
  });

  it("does not begin with a signal that is aborted", async () => {
    await using loop = new Loop();
    const reason = new Error("not at all");
    const signal = AbortSignal.abort(reason);
    const error = await assertRejects(() => loop.once(kevUser(1), { signal }));
    assertStrictEquals(error, reason);
    // Nothing is watched.
    await soon(loop.once(triggered(1)));
  });

  for (const moment of [() => {}, turn, pause]) {
    const when = moment.name === "" ? "at once" : `after a ${moment.name}`;
    it(`is rejected with the reason of its signal, ${when}`, async () => {
      await using loop = new Loop();
      const controller = new AbortController();
      const { signal } = controller;
      const event = loop.once(kevUser(1), { signal });
      await moment();
      controller.abort("enough");
      const reason = await soon(event.catch((error) => error));
      assertStrictEquals(reason, "enough");
      await soon(loop.once(triggered(1)));
    });
  }

  it("is rejected though its event was ready, where the abort comes first", async () => {
    await using loop = new Loop();
    const controller = new AbortController();
    const { signal } = controller;
    const event = loop.once(triggered(1), { signal });
    controller.abort();
    await assertRejects(() => soon(event), DOMException);
    // The event is for nobody else.
    const next = loop.once(kevUser(1));
    await delivered(loop);
    assert(await isPending(next));
    const loser = assertRejects(() => next, BadResource);
    loop.close();
    await loser;
  });

  it("is left alone by an abort that comes after the event", async () => {
    await using loop = new Loop();
    const controller = new AbortController();
    const { signal } = controller;
    const event = await soon(loop.once(triggered(1, 3), { signal }));
    const next = loop.once(kevUser(1));
    controller.abort();
    assert(await isPending(next));
    assertEquals(event.udata, 3n);
    const loser = assertRejects(() => next, BadResource);
    loop.close();
    await loser;
  });

  it("may have AbortSignal.timeout() for a timeout", async () => {
    await using loop = new Loop();
    const signal = AbortSignal.timeout(20);
    const error = await assertRejects(
      () => soon(loop.once(kevTimer(1, 100 * PATIENCE), { signal })),
      DOMException,
    );
    assertEquals(error.name, "TimeoutError");
  });

  it("has no listener left when it is over, however it ended", async () => {
    const { signal } = new AbortController();
    const loop = new Loop();
    await soon(loop.once(triggered(1), { signal }));
    assertEquals(getEventListeners(signal, "abort"), []);
    const closed = loop.once(kevUser(1), { signal });
    assertEquals(getEventListeners(signal, "abort").length, 1);
    const loser = assertRejects(() => closed, BadResource);
    await loop[Symbol.asyncDispose]();
    await loser;
    assertEquals(getEventListeners(signal, "abort"), []);
  });
});
