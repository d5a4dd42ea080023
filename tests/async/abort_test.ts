import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { describe } from "@std/testing/bdd";
import { getEventListeners } from "node:events";
import { EV_ADD, kevRead, kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { only, PATIENCE } from "../semantics/calls.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { block, it, pause, soon, triggered, turn } from "./support.ts";

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await soon(promise);
  } catch (error) {
    return error;
  }
  throw new Error("the promise was not rejected");
}

const MOMENTS: readonly [string, () => unknown][] = [
  ["in the same turn", () => {}],
  ["a turn later", turn],
  ["while the other thread is asleep", pause],
];

describeKernels("the signal of a waitAsync", () => {
  describe("that is aborted before", () => {
    it("rejects at once, with its reason", async () => {
      using kq = new Kqueue();
      const reason = new Error("no longer wanted");
      const signal = AbortSignal.abort(reason);
      assertStrictEquals(await rejection(kq.waitAsync({ signal })), reason);
    });

    it("rejects without a look at what is ready, which stays", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1));
      const signal = AbortSignal.abort();
      await rejection(kq.waitAsync({ signal, timeoutMs: 0 }));
      assertEquals(only(kq.poll().toArray()).ident, 1n);
    });

    it("leaves the queue free for the next wait", async () => {
      using kq = new Kqueue();
      kq.apply(triggered(1));
      await rejection(kq.waitAsync({ signal: AbortSignal.abort() }));
      assertEquals((await kq.waitAsync()).length, 1);
    });
  });

  for (const [when, moment] of MOMENTS) {
    describe(`that is aborted ${when}`, () => {
      it("ends the wait", async () => {
        using kq = new Kqueue();
        for (let i = 0; i < 20; i++) {
          const controller = new AbortController();
          const waiting = kq.waitAsync({ signal: controller.signal });
          await moment();
          controller.abort();
          const error = await rejection(waiting);
          assert(error instanceof DOMException);
          assertEquals(error.name, "AbortError");
        }
      });

      for (const reason of [new Error("enough"), "enough", 0, null]) {
        it(`rejects with its reason, ${Deno.inspect(String(reason))}`, async () => {
          using kq = new Kqueue();
          const controller = new AbortController();
          const waiting = kq.waitAsync({ signal: controller.signal });
          await moment();
          controller.abort(reason);
          assertStrictEquals(await rejection(waiting), reason);
        });
      }

      it("leaves nothing behind that a poll would see", async () => {
        using kq = new Kqueue();
        for (let i = 0; i < 20; i++) {
          const controller = new AbortController();
          const waiting = kq.waitAsync({ signal: controller.signal });
          await moment();
          controller.abort();
          await rejection(waiting);
          assertEquals(kq.poll().length, 0);
          assertEquals(kq.wait(1).length, 0);
          assertEquals((await kq.waitAsync({ timeoutMs: 1 })).length, 0);
        }
      });

      it("leaves nothing behind that a queue which watches this one would see", async () => {
        using kq = new Kqueue();
        using outer = new Kqueue();
        outer.apply(kevRead(kq.fd));
        const controller = new AbortController();
        const waiting = kq.waitAsync({ signal: controller.signal });
        await moment();
        controller.abort();
        await rejection(waiting);
        assertEquals(outer.poll().length, 0);
      });

      it("leaves nothing behind that the queue's owner would see", async () => {
        using kq = new Kqueue();
        using other = Kqueue.fromFd(kq.fd);
        const controller = new AbortController();
        const waiting = other.waitAsync({ signal: controller.signal });
        await moment();
        controller.abort();
        await rejection(waiting);
        assertEquals(kq.poll().toArray(), []);
      });
    });
  }

  it("ends a wait with a timeout before that is over", async () => {
    using kq = new Kqueue();
    const controller = new AbortController();
    const waiting = kq.waitAsync({
      signal: controller.signal,
      timeoutMs: 100 * PATIENCE,
    });
    await pause();
    controller.abort();
    await rejection(waiting);
  });

  it("ends the wait even where polls come between the abort and the end", async () => {
    using kq = new Kqueue();
    for (let i = 0; i < 60; i++) {
      const controller = new AbortController();
      const waiting = kq.waitAsync({ signal: controller.signal });
      await pause(2);
      controller.abort();
      // None of them may take away what wakes the other thread.
      for (let poll = 0; poll < 5; poll++) assertEquals(kq.poll().length, 0);
      assertEquals(kq.wait(0).length, 0);
      await rejection(waiting);
    }
  });

  it("ends the wait where another listener polls", async () => {
    using kq = new Kqueue();
    for (let i = 0; i < 60; i++) {
      const controller = new AbortController();
      const { signal } = controller;
      const poll = (): void => assertEquals(kq.poll().length, 0);
      signal.addEventListener("abort", poll);
      const waiting = kq.waitAsync({ signal });
      await pause(2);
      signal.addEventListener("abort", poll);
      controller.abort();
      poll();
      await rejection(waiting);
    }
  });

  it("ends the wait, though another object waits on the same queue", async () => {
    for (let i = 0; i < 30; i++) {
      using kq = new Kqueue();
      using other = Kqueue.fromFd(kq.fd);
      const controllers = [new AbortController(), new AbortController()];
      const [first, second] = controllers.map(({ signal }, index) =>
        rejection([kq, other][index].waitAsync({ signal }))
      );
      await pause(2);
      const order = i % 2 === 0 ? [0, 1] : [1, 0];
      for (const index of order) {
        controllers[index].abort(index);
        assertEquals(await [first, second][index], index);
      }
    }
  });

  it("may be one that AbortSignal.timeout() made", async () => {
    using kq = new Kqueue();
    const error = await rejection(
      kq.waitAsync({ signal: AbortSignal.timeout(20) }),
    );
    assert(error instanceof DOMException);
    assertEquals(error.name, "TimeoutError");
  });

  it("may be one that AbortSignal.any() made", async () => {
    using kq = new Kqueue();
    const controllers = [new AbortController(), new AbortController()];
    const signal = AbortSignal.any(controllers.map(({ signal }) => signal));
    const waiting = kq.waitAsync({ signal });
    await pause();
    controllers[1].abort("the second");
    assertEquals(await rejection(waiting), "the second");
  });

  it("may serve the waits of several queues at once", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const queues = Array.from({ length: 8 }, () => new Kqueue());
    const waits = queues.map((kq) => kq.waitAsync({ signal }));
    const rejections = Promise.all(waits.map((waiting) => rejection(waiting)));
    await pause();
    controller.abort("all");
    assertEquals(await rejections, waits.map(() => "all"));
    for (const kq of queues) kq.close();
  });

  it("does nothing to a wait that has ended", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1));
    const controller = new AbortController();
    const first = kq.waitAsync({ signal: controller.signal });
    await pause();
    kq.trigger(1);
    assertEquals((await soon(first)).length, 1);

    const second = kq.waitAsync();
    await pause();
    controller.abort();
    block();
    assertEquals(kq.poll().length, 0);
    kq.trigger(1);
    assertEquals((await soon(second)).length, 1);
  });

  it("has no listener left after a wait, however it ended", async () => {
    const { signal } = new AbortController();
    using kq = new Kqueue();
    await kq.waitAsync({ signal, timeoutMs: 0 });
    await kq.waitAsync({ signal, timeoutMs: 2 });
    kq.apply(kevTimer(1, 5, { flags: EV_ADD }));
    await soon(kq.waitAsync({ signal }));
    const closing = new Kqueue();
    const closed = closing.waitAsync({ signal });
    await pause();
    assertEquals(getEventListeners(signal, "abort").length, 1);
    closing.close();
    await assertRejects(() => soon(closed), Deno.errors.BadResource);
    assertEquals(getEventListeners(signal, "abort"), []);
  });
});
