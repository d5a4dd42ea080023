import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  type Kevent64,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
} from "../../mod.ts";
import { Loop, type Watch } from "../../loop.ts";
import { idents, PATIENCE } from "../semantics/calls.ts";
import { Descriptors, read, write } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import {
  delivered,
  Inbox,
  it,
  pause,
  soon,
  triggered,
  turn,
} from "../async/support.ts";

const LARGEST = 2n ** 64n - 1n;

describeKernels("Loop", () => {
  it("calls the handler with each event, and with its watch", async () => {
    await using loop = new Loop();
    const inbox = new Inbox<[Kevent64, Watch]>();
    const watch = loop.on(kevUser(5), (...args) => inbox.put(args));
    for (let count = 1; count <= 3; count++) {
      watch.trigger({ data: count });
      const [event, given] = (await inbox.reach(count))[count - 1];
      assertEquals([event.ident, event.data], [5n, BigInt(count)]);
      assertStrictEquals(given, watch);
    }
  });

  it("gives each handler its own events, and no other's", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const seen: string[] = [];
    const note = (name: string) => (event: Kevent64): void => {
      seen.push(`${name} ${event.ident === BigInt(reader)}`);
    };
    loop.on(kevRead(reader, { flags: EV_ADD | EV_CLEAR }), note("read"));
    loop.on(kevWrite(writer, { flags: EV_ADD | EV_CLEAR }), note("write"));
    loop.on(triggered(reader), note("user"));
    await delivered(loop);
    write(writer, 1);
    await delivered(loop);
    // R13: a pipe's write may report the watcher of its other end again.
    const names = [...new Set(seen)].sort();
    assertEquals(names, ["read true", "user true", "write false"]);
  });

  for (const udata of [0, 1, 42n, 2 ** 40, LARGEST, LARGEST - 2n ** 32n]) {
    it(`gives events the word of the change, ${udata}`, async () => {
      await using loop = new Loop();
      const inbox = new Inbox<bigint>();
      const put = ({ udata }: Kevent64): void => inbox.put(udata);
      loop.on(triggered(1, udata), put);
      loop.on(triggered(2, udata, EV_ADD), (event, watch) => {
        put(event);
        watch.cancel();
      });
      put(await soon(loop.once(triggered(3, udata))));
      for await (const event of loop.events(triggered(4, udata))) {
        put(event);
        break;
      }
      const word = BigInt(udata);
      assertEquals(await inbox.reach(4), [word, word, word, word]);
    });
  }

  it("adds EV_ADD by itself, and keeps the other flags", async () => {
    await using loop = new Loop();
    const inbox = new Inbox<Kevent64>();
    loop.on({ ...triggered(1), flags: EV_CLEAR }, inbox.put);
    const [{ flags }] = await inbox.reach(1);
    assertEquals(flags & EV_CLEAR, EV_CLEAR);
    await delivered(loop);
    assertEquals(inbox.items.length, 1);
  });

  it("waits for timers", async () => {
    await using loop = new Loop();
    const inbox = new Inbox<Kevent64>();
    loop.on(kevTimer(1, 3), inbox.put);
    await inbox.reach(5);
  });

  it("goes on when watches are added during its wait", async () => {
    await using loop = new Loop();
    const inbox = new Inbox<number>();
    for (let ident = 1; ident <= 10; ident++) {
      loop.on(triggered(ident), (event) => inbox.put(Number(event.ident)));
      if (ident % 2 === 0) await pause(2);
      await inbox.reach(ident);
    }
    assertEquals(inbox.items.sort((a, b) => a - b).length, 10);
  });

  it("goes on when it had nothing to wait for", async () => {
    await using loop = new Loop();
    for (const moment of [turn, pause, turn]) {
      const watch = loop.on(kevUser(1), () => {});
      await moment();
      watch.cancel();
      await moment();
      assertEquals((await soon(loop.once(triggered(1, 3)))).udata, 3n);
    }
  });

  it("never starves Deno's event loop, though a handler keeps it busy", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    let events = 0;
    loop.on(kevRead(reader), () => {
      read(reader, 1);
      write(writer, 1);
      events++;
    });
    write(writer, 1);
    let ticks = 0;
    const interval = setInterval(() => ticks++, 1);
    const end = performance.now() + PATIENCE;
    while (ticks <= 30 && performance.now() < end) await pause();
    clearInterval(interval);
    assert(ticks > 30, `${ticks} ticks`);
    assert(events > ticks, `${events} events`);
  });

  it("serves many watches, and each once", async () => {
    const COUNT = 1000;
    await using loop = new Loop();
    using fds = new Descriptors();
    const inbox = new Inbox<bigint>();
    const pipes = Array.from({ length: COUNT }, () => fds.pipe());
    for (const [index, [reader]] of pipes.entries()) {
      loop.on(kevRead(reader, { udata: index }), (event) => {
        assertEquals(event.data, 1n);
        read(Number(event.ident), 1);
        inbox.put(event.udata);
      });
    }
    for (const [, writer] of pipes) write(writer, 1);
    await inbox.reach(COUNT);
    await delivered(loop);
    assertEquals(
      inbox.items.map(Number).sort((a, b) => a - b),
      Array.from({ length: COUNT }, (_, index) => index),
    );
  });

  it("takes the same ident with another filter, and the same filter with another ident", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    const inbox = new Inbox<bigint>();
    const put = ({ udata }: Kevent64): void => inbox.put(udata);
    const flags = EV_ADD | EV_CLEAR;
    loop.on(kevRead(a, { flags, udata: 1 }), put);
    loop.on(kevWrite(a, { flags, udata: 2 }), put);
    loop.on(kevWrite(b, { flags, udata: 3 }), put);
    loop.on(triggered(a, 4), put);
    assertEquals((await inbox.reach(3)).sort(), [2n, 3n, 4n]);
  });

  describe("gives a cancelled watch's slot to the next, and", () => {
    for (const ident of [2, 3]) {
      const which = ident === 2 ? "the same ident" : "another ident";
      it(`drops an event fetched for the first, for ${which}`, async () => {
        for (let round = 0; round < 10; round++) {
          await using loop = new Loop();
          const first = new Inbox<string>();
          const successor = new Inbox<Kevent64>();
          // Both are fetched in one batch; whichever comes first replaces the other.
          const watches: Watch[] = [];
          for (const own of [1, 2]) {
            watches.push(loop.on(triggered(own), () => {
              first.put(`${own}`);
              const other = watches[2 - own];
              other.cancel();
              const next = loop.on(
                kevUser(ident === 2 ? 3 - own : 3),
                successor.put,
              );
              // The lower half of the word is the slot.
              assertEquals(BigInt.asUintN(32, next.word ^ other.word), 0n);
              assertNotEquals(next.word, other.word);
            }));
          }
          await delivered(loop);
          assertEquals(first.items.length, 1);
          assertEquals(successor.items, []);
        }
      });
    }

    it("gives the successor its own events", async () => {
      await using loop = new Loop();
      for (let round = 0; round < 20; round++) {
        const watch = loop.on(triggered(1), () => {});
        if (round % 2 === 0) await turn();
        watch.cancel();
        assertEquals(
          (await soon(loop.once(triggered(1, round)))).udata,
          BigInt(round),
        );
      }
    });
  });

  it("tells its descriptor, and -1 once it is closed", async () => {
    using fds = new Descriptors();
    const loop = new Loop();
    const { fd } = loop;
    assert(fd >= 0);
    assertEquals(loop.closed, false);
    await loop[Symbol.asyncDispose]();
    assertEquals([loop.fd, loop.closed], [-1, true]);
    assertEquals(fds.dup(1), fd);
  });

  it("takes a capacity, as a queue does", async () => {
    await using loop = new Loop({ capacity: 1 });
    const inbox = new Inbox<Kevent64>();
    for (const ident of [1, 2, 3]) loop.on(triggered(ident), inbox.put);
    assertEquals(idents(await inbox.reach(3)), [1, 2, 3]);
    assertThrows(() => new Loop({ capacity: 0 }), RangeError);
  });
});
