import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import { close, kevTimer, kevUser } from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { SystemError } from "../../posix.ts";
import { PATIENCE } from "../semantics/calls.ts";
import { Descriptors } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  Inbox,
  isPending,
  it,
  pause,
  reported,
  soon,
  triggered,
  turn,
} from "../async/support.ts";

const { BadResource } = Deno.errors;
const DONE = { done: true as const, value: undefined };

const MOMENTS: readonly [string, () => unknown][] = [
  ["at once", () => {}],
  ["after a turn", turn],
  ["while the other thread is asleep", pause],
];

describeKernels("closing a Loop", () => {
  for (const [when, moment] of MOMENTS) {
    it(`rejects once() with BadResource, ${when}`, async () => {
      await using loop = new Loop();
      const events = [1, 2, 3].map((ident) => loop.once(kevUser(ident)));
      const ends = events.map((event) =>
        assertRejects(() => soon(event), BadResource, "The loop is closed")
      );
      await moment();
      loop.close();
      await Promise.all(ends);
    });

    it(`makes events() done, ${when}`, async () => {
      await using loop = new Loop();
      const iterators = [1, 2].map((ident) => loop.events(kevUser(ident)));
      const next = iterators[0].next();
      await moment();
      loop.close();
      assertEquals(await soon(next), DONE);
      for (const iterator of iterators) {
        assertEquals(await soon(iterator.next()), DONE);
      }
    });

    it(`ends its watches, and no handler is called any more, ${when}`, async () => {
      await using loop = new Loop();
      const inbox = new Inbox<unknown>();
      const watches = [1, 2].map((ident) => loop.on(kevUser(ident), inbox.put));
      await moment();
      for (const watch of watches) watch.trigger();
      loop.close();
      assertEquals(watches.map(({ active }) => active), [false, false]);
      for (const watch of watches) {
        watch.enable();
        watch.disable();
        watch.trigger();
        watch.cancel();
      }
      await pause(2);
      assertEquals(inbox.items, []);
    });

    it(`with \`await using\` waits until the descriptor is closed, ${when}`, async () => {
      using fds = new Descriptors();
      let fd: number;
      {
        await using loop = new Loop();
        ({ fd } = loop);
        loop.on(kevUser(1), () => {});
        await moment();
      }
      assertEquals(fds.dup(1), fd);
    });
  }

  it("may come twice, and on a loop without watches", async () => {
    const loop = new Loop();
    loop.close();
    loop.close();
    await loop[Symbol.asyncDispose]();
    await loop[Symbol.asyncDispose]();
    assertEquals(loop.closed, true);
  });

  it("comes at the end of the block of a `using`", async () => {
    let event: Promise<unknown>;
    {
      using loop = new Loop();
      event = loop.once(kevUser(1));
      await turn();
    }
    await assertRejects(() => soon(event), BadResource);
  });

  it("frees the descriptor's number at once, though the other thread is still away", async () => {
    using fds = new Descriptors();
    const loop = new Loop();
    const { fd } = loop;
    loop.on(kevUser(1), () => {});
    await pause();
    loop.close();
    assertEquals(fds.dup(1), fd);
    await loop[Symbol.asyncDispose]();
  });

  it("works in a handler, and drops the rest of the batch", async () => {
    const loop = new Loop();
    let calls = 0;
    for (const ident of [1, 2, 3]) {
      loop.on(triggered(ident), () => {
        calls++;
        loop.close();
      });
    }
    while (!loop.closed) await turn();
    await loop[Symbol.asyncDispose]();
    assertEquals(calls, 1);
  });

  it("works in an async handler, which goes on", async () => {
    const loop = new Loop();
    const done = Promise.withResolvers<string>();
    loop.on(triggered(1), async () => {
      await turn();
      loop.close();
      await turn();
      done.resolve("to its end");
    });
    assertEquals(await soon(done.promise), "to its end");
    await loop[Symbol.asyncDispose]();
  });

  it("works when a promise of once() resolves", async () => {
    const loop = new Loop();
    await soon(loop.once(triggered(1)).then(() => loop.close()));
    assertEquals(loop.closed, true);
    await loop[Symbol.asyncDispose]();
  });
});

describeKernels("a Loop whose queue is closed behind its back", () => {
  const ways: [string, (fds: Descriptors, fd: number) => void][] = [
    ["by the module's close()", (_, fd) => assertEquals(close(fd), 0)],
    ["past the module", (fds, fd) => fds.closeBehind(fd)],
  ];
  for (const [how, closeBehind] of ways) {
    it(`${how} closes, and tells whoever waits`, async () => {
      using fds = new Descriptors();
      const loop = new Loop();
      const outcomes: Promise<unknown>[] = [];
      const told = (error: unknown): unknown => error;
      const errors = await reported(async () => {
        const once = loop.once(kevTimer(1, 100 * PATIENCE));
        const next = loop.events(kevUser(1)).next();
        outcomes.push(once.catch(told), next.catch(told));
        const watch = loop.on(kevUser(2), () => {});
        loop.on(kevUser(3), () => {});
        await pause();
        assert(await isPending(outcomes[0]));
        closeBehind(fds, loop.fd);
        for (const error of await soon(Promise.all(outcomes))) {
          assertInstanceOf(error, SystemError);
          assertEquals(error.code, "EBADF");
        }
        assertEquals([loop.closed, watch.active], [true, false]);
        await loop[Symbol.asyncDispose]();
      });
      // Handlers have no promise that would tell them: it is reported, once.
      assertEquals(errors.length, 1);
      assertInstanceOf(errors[0], SystemError);
    });
  }
});
