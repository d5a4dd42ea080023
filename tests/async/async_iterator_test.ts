import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertRejects,
} from "@std/assert";
import { describe } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ONESHOT,
  EVFILT_USER,
  type Kevent64,
  kevRead,
  kevTimer,
  kevUser,
  Kqueue,
} from "../../mod.ts";
import { idents, only, PATIENCE } from "../semantics/calls.ts";
import { Descriptors, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { ALL, leave, ready, rest } from "./iterators.ts";
import {
  block,
  isPending,
  it,
  pause,
  soon,
  triggered,
  turn,
} from "./support.ts";

describeKernels("for await over a queue", () => {
  it("gives the events of a batch one by one", async () => {
    using kq = ready();
    const seen: Kevent64[] = [];
    for await (const event of kq) {
      seen.push(event);
      if (seen.length === ALL.length) break;
    }
    assertEquals(idents(seen), ALL);
    for (const { ident, udata } of seen) assertEquals(udata, 10n * ident);
  });

  it("keeps the order in which they happened", async () => {
    using kq = new Kqueue({ capacity: 1 });
    kq.apply(ALL.map((ident) => kevUser(ident)));
    const iterator = kq[Symbol.asyncIterator]();
    for (const ident of ALL) {
      const next = iterator.next();
      await turn();
      kq.trigger(ident);
      const { value } = await soon(next);
      assertEquals(value?.ident, BigInt(ident));
    }
    await leave(iterator);
  });

  it("gives objects of their own, which later events leave alone", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1));
    const seen: Kevent64[] = [];
    kq.trigger(1, { udata: 0 });
    for await (const event of kq) {
      seen.push(event);
      if (seen.length === 5) break;
      kq.trigger(1, { udata: seen.length });
    }
    assertEquals(seen.map(({ udata }) => udata), [0n, 1n, 2n, 3n, 4n]);
    assertNotStrictEquals(seen[0], seen[1]);
  });

  it("waits for what is to come", async () => {
    using kq = new Kqueue();
    kq.apply(kevTimer(1, 5));
    let periods = 0;
    for await (const { data } of kq) {
      periods += Number(data);
      if (periods >= 5) break;
    }
    assert(periods >= 5);
  });

  it("never starves Deno's event loop", async () => {
    using kq = new Kqueue();
    kq.apply(triggered(1, 0, EV_ADD));
    let ticks = 0;
    const interval = setInterval(() => ticks++, 1);
    const end = performance.now() + PATIENCE;
    for await (const _ of kq) {
      if (ticks > 20 || performance.now() > end) break;
    }
    clearInterval(interval);
    assert(ticks > 20, `${ticks} ticks`);
  });

  describe("is left", () => {
    for (const taken of [1, 3, 5]) {
      it(`by \`break\` after ${taken} of 5, and loses nothing`, async () => {
        for (const flags of [EV_CLEAR, EV_ONESHOT, EV_CLEAR | EV_DISPATCH]) {
          using kq = ready(EV_ADD | flags);
          const seen: number[] = [];
          for await (const { ident } of kq) {
            seen.push(Number(ident));
            if (seen.length === taken) break;
          }
          const left = idents(kq.poll());
          assertEquals(left.length, 5 - taken);
          assertEquals([...seen, ...left].sort(), ALL);
          assertEquals(kq.poll().length, 0);
        }
      });
    }

    it("by an error, and loses nothing", async () => {
      using kq = ready();
      const failure = new Error("of the loop's body");
      const seen: number[] = [];
      const loop = async (): Promise<void> => {
        for await (const { ident } of kq) {
          seen.push(Number(ident));
          throw failure;
        }
      };
      await assertRejects(loop, Error, failure.message);
      assertEquals([...seen, ...rest(kq)].sort(), ALL);
    });

    it("by `return`, and loses nothing", async () => {
      using kq = ready();
      const first = async (): Promise<Kevent64 | undefined> => {
        for await (const event of kq) return event;
        return undefined;
      };
      const seen: number[] = [];
      for (let i = 0; i < 5; i++) seen.push(Number((await first())?.ident));
      assertEquals(seen.sort(), ALL);
      assertEquals(rest(kq), []);
    });

    it("with a level, which comes again once", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const pipes = [fds.pipe(), fds.pipe()];
      for (const [reader, writer] of pipes) {
        kq.apply(kevRead(reader));
        write(writer, 2);
      }
      for await (const _ of kq) break;
      assertEquals(idents(kq.poll()), pipes.map(([reader]) => reader).sort());
    });

    it("and what is deleted after does not come", async () => {
      using kq = ready();
      let first = 0;
      for await (const { ident } of kq) {
        first = Number(ident);
        break;
      }
      const gone = first === 5 ? 4 : 5;
      kq.apply({ ident: gone, filter: EVFILT_USER, flags: EV_DELETE });
      assertEquals(
        rest(kq),
        ALL.filter((ident) => ident !== gone && ident !== first),
      );
    });

    it("and may be begun again, over and over", async () => {
      using kq = new Kqueue();
      kq.apply(kevTimer(1, 1));
      for (let i = 0; i < 20; i++) {
        for await (const { ident } of kq) {
          assertEquals(ident, 1n);
          break;
        }
      }
      assert((await soon(kq.waitAsync())).length > 0);
    });
  });

  describe("just ends when the queue is closed", () => {
    for (const moment of [turn, pause]) {
      it(`during the wait, after a ${moment.name}`, async () => {
        const kq = new Kqueue();
        let count = 0;
        const loop = (async () => {
          for await (const _ of kq) count++;
        })();
        await moment();
        assert(await isPending(loop));
        kq.close();
        await soon(loop);
        assertEquals(count, 0);
      });
    }

    it("in the loop's body, and gives nothing more", async () => {
      const kq = ready();
      let count = 0;
      for await (const _ of kq) {
        count++;
        kq.close();
      }
      assertEquals(count, 1);
    });

    it("before it begins", async () => {
      const kq = ready();
      kq.close();
      for await (const event of kq) assertEquals(event, undefined);
    });
  });

  it("gives what an aborted wait left", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1));
    const controller = new AbortController();
    const waiting = kq.waitAsync({ signal: controller.signal });
    await pause();
    kq.trigger(1, { udata: 5 });
    block();
    controller.abort();
    await assertRejects(() => soon(waiting), DOMException);
    for await (const event of kq) {
      assertEquals(only([event]).udata, 5n);
      break;
    }
  });
});
