import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { describe } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  type Kevent,
  type KeventInit,
  kevRead,
  kevTimer,
  kevUser,
  Kqueue,
} from "../../mod.ts";
import { idents, only, PATIENCE } from "../semantics/calls.ts";
import { Descriptors, read, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { block, it, pause, soon, turn } from "./support.ts";

/** The ways to take what a wait that was aborted left. */
const TAKERS: readonly [string, (kq: Kqueue) => Promise<Kevent[]>][] = [
  ["poll()", (kq) => Promise.resolve(kq.poll().toArray())],
  ["wait()", (kq) => Promise.resolve(kq.wait(PATIENCE).toArray())],
  ["waitAsync()", async (kq) => (await soon(kq.waitAsync())).toArray()],
  [
    "waitAsync() without time",
    async (kq) => (await kq.waitAsync({ timeoutMs: 0 })).toArray(),
  ],
  ["for await", async (kq) => {
    for await (const event of kq) return [event];
    return [];
  }],
];

/** Waits, has something happen, and aborts when the other thread may have seen it, before this one has. */
async function abortAfter(kq: Kqueue, happen: () => void): Promise<void> {
  const controller = new AbortController();
  const waiting = kq.waitAsync({ signal: controller.signal });
  await pause();
  happen();
  block();
  controller.abort();
  await assertRejects(() => soon(waiting), DOMException);
}

/** Adds a timer and blocks until it has fired, which it is left to the queue to report. */
function fire(kq: Kqueue, timer: KeventInit): void {
  kq.apply(timer);
  using outer = new Kqueue();
  outer.apply(kevRead(kq.fd));
  assertEquals(outer.wait(PATIENCE).length, 1);
}

function fireOne(kq: Kqueue): void {
  fire(kq, kevTimer(1, 1));
}

const EDGE = EV_ADD | EV_CLEAR;
const ONCE = EV_ADD | EV_ONESHOT;
const DISPATCH = EV_ADD | EV_DISPATCH;

describeKernels("an event that came as a waitAsync was aborted", () => {
  for (const [taker, take] of TAKERS) {
    describe(`comes with the next ${taker}, once`, () => {
      const changes: [string, number][] = [
        ["R13 EV_CLEAR", EDGE],
        ["R12 EV_ONESHOT", ONCE],
        ["R14 EV_DISPATCH", DISPATCH],
      ];
      for (const [name, flags] of changes) {
        it(`${name} on a user event`, async () => {
          using kq = new Kqueue();
          kq.apply(kevUser(1, { flags }));
          await abortAfter(kq, () => kq.trigger(1, { udata: 8, data: 3 }));
          const { ident, udata, data } = only(await take(kq));
          assertEquals([ident, udata, data], [1n, 8n, 3n]);
          assertEquals(kq.poll().length, 0);
        });

        it(`${name} on a pipe`, async () => {
          using kq = new Kqueue();
          using fds = new Descriptors();
          const [reader, writer] = fds.pipe();
          kq.apply(kevRead(reader, { flags, udata: 8 }));
          await abortAfter(kq, () => write(writer, 6));
          const { ident, udata, data } = only(await take(kq));
          assertEquals([ident, udata, data], [BigInt(reader), 8n, 6n]);
          assertEquals(kq.poll().length, 0);
        });
      }

      it("R51 a timer's", async () => {
        using kq = new Kqueue();
        await abortAfter(kq, () => fire(kq, kevTimer(1, 1, { udata: 8 })));
        const { udata, data } = only(await take(kq));
        assertEquals(udata, 8n);
        assertGreater(data, 0n);
      });

      it("a one-shot timer's", async () => {
        using kq = new Kqueue();
        await abortAfter(kq, () => fire(kq, kevTimer(1, 1, { flags: ONCE })));
        assertGreater(only(await take(kq)).data, 0n);
        assertEquals(kq.poll().length, 0);
      });

      it("R11 a level's", async () => {
        using kq = new Kqueue();
        using fds = new Descriptors();
        const [reader, writer] = fds.pipe();
        kq.apply(kevRead(reader));
        await abortAfter(kq, () => write(writer, 6));
        write(writer, 1);
        assertEquals(only(await take(kq)).data, 7n);
      });
    });
  }

  it("R11 does not come when it was a level's that is over", async () => {
    using kq = new Kqueue();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader));
    await abortAfter(kq, () => write(writer, 6));
    read(reader, 6);
    assertEquals(kq.poll().length, 0);
    assertEquals((await kq.waitAsync({ timeoutMs: 5 })).length, 0);
  });

  it("comes with all the others, though there is room for one at a time", async () => {
    using kq = new Kqueue({ capacity: 1 });
    kq.apply([kevUser(1), kevUser(2), kevUser(3)]);
    for (let round = 0; round < 20; round++) {
      await abortAfter(kq, () => {
        for (const ident of [1, 2, 3]) kq.trigger(ident);
      });
      // Each poll has something to give as long as something is ready.
      const seen = [1, 2, 3].flatMap(() => idents(kq.poll()));
      assertEquals(seen.sort(), [1, 2, 3]);
      assertEquals(kq.poll().length, 0);
    }
  });

  it("comes after any number of aborts", async () => {
    using kq = new Kqueue();
    kq.apply([kevUser(1), kevUser(2), kevUser(3)]);
    await abortAfter(kq, () => {
      for (const ident of [1, 2, 3]) kq.trigger(ident);
    });
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = kq.waitAsync({ signal }).then(idents, () => []);
      controller.abort();
      seen.push(...await soon(waiting));
      await assertRejects(() => kq.waitAsync({ signal }), DOMException);
    }
    seen.push(...idents(kq.poll()));
    assertEquals(seen.sort(), [1, 2, 3]);
    assertEquals(kq.poll().length, 0);
  });

  it("none of many is lost or doubled, whenever the abort comes", async () => {
    using kq = new Kqueue({ capacity: 3 });
    const seen: number[] = [];
    const COUNT = 10_000;
    for (let ident = 1; ident <= COUNT; ident++) {
      kq.apply(kevUser(ident, { flags: ident % 2 === 0 ? EDGE : ONCE }));
      const controller = new AbortController();
      const waiting = kq.waitAsync({ signal: controller.signal })
        .then(idents, () => []);
      if (ident % 3 !== 0) await turn();
      kq.trigger(ident);
      if (ident % 50 === 0) block(0.2);
      if (ident % 7 === 0) await turn();
      controller.abort();
      seen.push(...await soon(waiting));
      if (ident % 4 === 0) seen.push(...idents(kq.poll()));
    }
    for (;;) {
      const events = await kq.waitAsync({ timeoutMs: 0 });
      if (events.length === 0) break;
      seen.push(...idents(events));
    }
    assertEquals(
      seen.sort((a, b) => a - b),
      Array.from({ length: COUNT }, (_, index) => index + 1),
    );
  });

  describe("does not come any more", () => {
    /** A change after the abort, and what is left of the event. */
    async function left(
      watcher: KeventInit,
      happen: (kq: Kqueue) => void,
      change: KeventInit,
    ): Promise<Kevent[]> {
      using kq = new Kqueue();
      kq.apply(watcher);
      await abortAfter(kq, () => happen(kq));
      kq.apply(change);
      return kq.poll().toArray();
    }

    it("when its watcher is deleted meanwhile", async () => {
      const events = await left(
        kevUser(1),
        (kq) => kq.trigger(1),
        { ident: 1, filter: EVFILT_USER, flags: EV_DELETE },
      );
      assertEquals(events, []);
    });

    it("when its watcher is deleted and added again meanwhile", async () => {
      using kq = new Kqueue();
      kq.apply(kevUser(1));
      await abortAfter(kq, () => kq.trigger(1));
      kq.apply([
        { ident: 1, filter: EVFILT_USER, flags: EV_DELETE },
        kevUser(1),
        kevUser(2),
      ]);
      assertEquals(kq.poll().toArray(), []);
      kq.trigger(1);
      assertEquals(idents(kq.poll()), [1]);
    });

    it("R54 when its timer is added again meanwhile", async () => {
      const later = kevTimer(1, PATIENCE);
      assertEquals(await left(kevUser(1), fireOne, later), []);
    });

    it("when its timer is deleted meanwhile", async () => {
      const gone = { ident: 1, filter: EVFILT_TIMER, flags: EV_DELETE };
      assertEquals(await left(kevUser(1), fireOne, gone), []);
    });

    it("R9 when its descriptor is closed meanwhile", async () => {
      for (const flags of [EDGE, ONCE]) {
        using kq = new Kqueue();
        using fds = new Descriptors();
        const [reader, writer] = fds.pipe();
        kq.apply(kevRead(reader, { flags }));
        await abortAfter(kq, () => write(writer, 1));
        fds.close(reader);
        assertEquals(kq.poll().toArray(), []);
      }
    });

    it("R15 when its watcher is disabled meanwhile, until it is enabled", async () => {
      using kq = new Kqueue();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      kq.apply(kevRead(reader, { flags: EDGE }));
      await abortAfter(kq, () => write(writer, 1));
      const change = { ident: reader, filter: EVFILT_READ };
      kq.apply({ ...change, flags: EV_DISABLE });
      assertEquals(kq.poll().toArray(), []);
      kq.apply({ ...change, flags: EV_ENABLE });
      assertEquals(only(kq.poll().toArray()).data, 1n);
      assertEquals(kq.poll().length, 0);
    });
  });
});
