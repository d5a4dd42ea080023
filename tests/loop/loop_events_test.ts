import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EVFILT_USER,
  type Kevent64,
  kevRead,
  kevTimer,
  kevUser,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { Descriptors, read, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  delivered,
  isPending,
  it,
  pause,
  soon,
  triggered,
  turn,
} from "../async/support.ts";

const DONE = { done: true as const, value: undefined };

async function leave(
  iterator: AsyncIterator<Kevent64>,
): Promise<IteratorResult<Kevent64>> {
  assert(iterator.return !== undefined);
  return await soon(iterator.return());
}

describeKernels("Loop.events()", () => {
  it("gives the events one by one", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    write(writer, 1);
    let count = 0;
    for await (const { ident, data } of loop.events(kevRead(reader))) {
      assertEquals([ident, data], [BigInt(reader), 1n]);
      read(reader, 1);
      if (++count === 20) break;
      write(writer, 1);
    }
    assertEquals(count, 20);
  });

  it("R17 gives what happens between two steps as one event", async () => {
    await using loop = new Loop();
    const iterator = loop.events(kevTimer(1, 2));
    assertEquals((await soon(iterator.next())).done, false);
    const others: bigint[] = [];
    loop.on(kevTimer(2, 2), ({ data }) => others.push(data));
    while (others.length < 10) await pause(2);
    await delivered(loop);
    const { value } = await soon(iterator.next());
    const periods = others.reduce((sum, data) => sum + data, 0n);
    assertGreaterOrEqual(value?.data ?? 0n, periods - 1n);
    await leave(iterator);
  });

  it("R11 gives a level anew only when it is asked for", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    write(writer, 1);
    const iterator = loop.events(kevRead(reader));
    assertEquals((await soon(iterator.next())).value?.data, 1n);
    write(writer, 2);
    await delivered(loop);
    assertEquals((await soon(iterator.next())).value?.data, 3n);
    read(reader, 3);
    const next = iterator.next();
    await delivered(loop);
    assert(await isPending(next));
    write(writer, 1);
    assertEquals((await soon(next)).value?.data, 1n);
    await leave(iterator);
  });

  it("gives several that wait for the next event one each, in order", async () => {
    await using loop = new Loop();
    const iterator = loop.events(kevTimer(1, 3));
    const order: number[] = [];
    await soon(Promise.all([0, 1, 2].map(async (place) => {
      assertEquals((await iterator.next()).done, false);
      order.push(place);
    })));
    assertEquals(order, [0, 1, 2]);
    await leave(iterator);
  });

  it("is done after a one-shot's event", async () => {
    await using loop = new Loop();
    const change = triggered(1, 5, EV_ADD | EV_ONESHOT);
    const words: bigint[] = [];
    for await (const { udata } of loop.events(change)) words.push(udata);
    assertEquals(words, [5n]);
  });

  it("R32 is done after the last of what a descriptor has to give", async () => {
    for (const flags of [EV_ADD, EV_ADD | EV_CLEAR]) {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      let bytes = 0;
      for (const count of [3, 4]) write(writer, count);
      fds.close(writer);
      for await (const { data } of loop.events(kevRead(reader, { flags }))) {
        if (data > 0n) read(reader, Number(data));
        bytes += Number(data);
      }
      assertEquals(bytes, 7);
    }
  });

  describe("ends its watch, and leaves the ident to the next,", () => {
    const ways: [string, (loop: Loop) => Promise<void>][] = [
      ["by `break`", async (loop) => {
        for await (const _ of loop.events(triggered(1))) break;
      }],
      ["by an error", async (loop) => {
        const body = async (): Promise<void> => {
          for await (const _ of loop.events(triggered(1))) {
            throw new Error("of the loop's body");
          }
        };
        await assertRejects(body, Error, "of the loop's body");
      }],
      ["by return() before anything was asked for", async (loop) => {
        const iterator = loop.events(triggered(1));
        assertEquals(await leave(iterator), DONE);
        assertEquals(await soon(iterator.next()), DONE);
      }],
    ];
    for (const [name, way] of ways) {
      it(name, async () => {
        await using loop = new Loop();
        for (let i = 0; i < 10; i++) await way(loop);
        assertEquals((await soon(loop.once(triggered(1, 4)))).udata, 4n);
      });
    }

    for (const moment of [turn, pause]) {
      it(`by return() while a next() is pending, after a ${moment.name}`, async () => {
        await using loop = new Loop();
        const iterator = loop.events(kevUser(1));
        const next = iterator.next();
        await moment();
        assertEquals(await leave(iterator), DONE);
        assertEquals(await soon(next), DONE);
        await soon(loop.once(triggered(1)));
      });
    }
  });

  it("is refused at once, where on() is", async () => {
    await using loop = new Loop();
    const iterator = loop.events(kevUser(1));
    assertThrows(() => loop.events(kevUser(1)), Deno.errors.AlreadyExists);
    await leave(iterator);
  });

  describe("with a signal", () => {
    it("that is aborted does not begin", async () => {
      await using loop = new Loop();
      const signal = AbortSignal.abort("never");
      try {
        loop.events(kevUser(1), { signal });
        throw new Error("it began");
      } catch (error) {
        assertStrictEquals(error, "never");
      }
      await soon(loop.once(triggered(1)));
    });

    for (const moment of [() => {}, turn, pause]) {
      const when = moment.name === "" ? "at once" : `after a ${moment.name}`;
      it(`that is aborted ${when} rejects the pending next(), and then is done`, async () => {
        await using loop = new Loop();
        const controller = new AbortController();
        const { signal } = controller;
        const iterator = loop.events(kevUser(1), { signal });
        const next = iterator.next().catch((error) => error);
        await moment();
        controller.abort("enough");
        assertStrictEquals(await soon(next), "enough");
        assertEquals(await soon(iterator.next()), DONE);
        await soon(loop.once(triggered(1)));
      });
    }

    it("that is aborted between two steps rejects the next one", async () => {
      await using loop = new Loop();
      const controller = new AbortController();
      const { signal } = controller;
      const body = async (): Promise<void> => {
        for await (const _ of loop.events(kevTimer(1, 2), { signal })) {
          controller.abort("in the body");
        }
      };
      const reason = await soon(body().catch((error) => error));
      assertStrictEquals(reason, "in the body");
      await soon(loop.once(kevTimer(1, 1)));
    });

    it("R32 that is aborted after the last event changes nothing", async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const controller = new AbortController();
      const { signal } = controller;
      const [reader, writer] = fds.pipe();
      fds.close(writer);
      const iterator = loop.events(kevRead(reader), { signal });
      assertEquals((await soon(iterator.next())).done, false);
      controller.abort("too late");
      assertEquals(await soon(iterator.next()), DONE);
    });

    it("that is aborted by a getter of the change does not begin", async () => {
      await using loop = new Loop();
      const controller = new AbortController();
      const { signal } = controller;
      const change = {
        get ident() {
          controller.abort("meanwhile");
          return 1;
        },
        filter: EVFILT_USER,
      };
      const reason = await loop.once(change, { signal }).catch((error) =>
        error
      );
      assertStrictEquals(reason, "meanwhile");
      await soon(loop.once(triggered(1)));
    });

    it("that is aborted after it was left changes nothing", async () => {
      await using loop = new Loop();
      const controller = new AbortController();
      const { signal } = controller;
      for await (const _ of loop.events(triggered(1), { signal })) break;
      const next = loop.once(kevUser(1));
      controller.abort();
      assert(await isPending(next));
      loop.on({ ident: 2, filter: EVFILT_USER, fflags: NOTE_TRIGGER }, () => {
        loop.close();
      });
      await assertRejects(() => soon(next), Deno.errors.BadResource);
    });
  });

  it("is its own iterator", async () => {
    await using loop = new Loop();
    const iterator = loop.events(kevUser(1));
    assertStrictEquals(iterator[Symbol.asyncIterator](), iterator);
    await leave(iterator);
  });
});
