import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { describe } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISPATCH,
  EV_EOF,
  type Kevent64,
  kevRead,
  kevTimer,
  kevUser,
  NOTE_FFCOPY,
  NOTE_FFOR,
} from "../../mod.ts";
import { Loop, type Watch } from "../../loop.ts";
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

/** A handler that is busy until it is released, and remembers what it was called with. */
class Busy {
  readonly inbox = new Inbox<Kevent64>();
  running = 0;
  #release = Promise.withResolvers<void>();

  readonly handle = async (event: Kevent64): Promise<void> => {
    this.running++;
    assertEquals(this.running, 1, "it was called while it was busy");
    this.inbox.put(event);
    await this.#release.promise;
    this.running--;
  };

  /** Ends the call that is going on, and lets all later ones be short. */
  release(): void {
    this.#release.resolve();
  }
}

describeKernels("a Loop's handler that awaits for long", () => {
  it("lets the others go on", async () => {
    await using loop = new Loop();
    const busy = new Busy();
    const others = new Inbox<Kevent64>();
    loop.on(triggered(1), busy.handle);
    loop.on(kevTimer(1, 2), others.put);
    await busy.inbox.reach(1);
    await others.reach(others.items.length + 10);
    assertEquals(busy.running, 1);
    busy.release();
  });

  it("R17 is not called meanwhile; what was triggered is one event afterwards", async () => {
    await using loop = new Loop();
    const busy = new Busy();
    const watch = loop.on(kevUser(1, { udata: 6 }), busy.handle);
    watch.trigger({ data: 1 });
    await busy.inbox.reach(1);
    watch.trigger({ data: 2, fflags: NOTE_FFCOPY | 1 });
    await delivered(loop);
    watch.trigger({ data: 3, fflags: NOTE_FFOR | 4 });
    watch.trigger({ data: 4, fflags: NOTE_FFOR | 8 });
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 1);
    busy.release();
    const [, { data, fflags, udata }] = await busy.inbox.reach(2);
    assertEquals([data, fflags, udata], [4n, 13, 6n]);
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 2);
  });

  it("R51 gets a timer's counts added", async () => {
    await using loop = new Loop();
    const busy = new Busy();
    const others: bigint[] = [];
    loop.on(kevTimer(1, 3), busy.handle);
    loop.on(kevTimer(2, 3), ({ data }) => others.push(data));
    await busy.inbox.reach(1);
    while (others.length < 10) await pause(3);
    await delivered(loop);
    const periods = others.reduce((sum, data) => sum + data, 0n);
    busy.release();
    await busy.inbox.reach(2);
    const [first, second] = busy.inbox.items;
    // Both timers began at the same time, but for the moment between the two changes.
    assertGreaterOrEqual(first.data + second.data, periods - 1n);
  });

  it("R11 gets a level once more, with all that is there by then", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const busy = new Busy();
    const watch = loop.on(kevRead(reader, { udata: 6 }), busy.handle);
    write(writer, 1);
    await busy.inbox.reach(1);
    for (let i = 0; i < 3; i++) {
      write(writer, 1);
      await delivered(loop);
    }
    assertEquals(busy.inbox.items.length, 1);
    busy.release();
    const [, { data, udata }] = await busy.inbox.reach(2);
    assertEquals([data, udata], [4n, 6n]);
    watch.cancel();
  });

  it("R11 gets no level that is over by then", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const busy = new Busy();
    loop.on(kevRead(reader), busy.handle);
    write(writer, 1);
    await busy.inbox.reach(1);
    write(writer, 1);
    await delivered(loop);
    read(reader, 2);
    busy.release();
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 1);
    write(writer, 1);
    assertEquals((await busy.inbox.reach(2))[1].data, 1n);
    read(reader, 1);
  });

  it("R13 gets an edge's event once it is free", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const busy = new Busy();
    loop.on(kevRead(reader, { flags: EV_ADD | EV_CLEAR }), busy.handle);
    write(writer, 1);
    await busy.inbox.reach(1);
    write(writer, 2);
    await delivered(loop);
    write(writer, 3);
    await delivered(loop);
    busy.release();
    assertEquals((await busy.inbox.reach(2))[1].data, 6n);
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 2);
  });

  it("R14 gets an EV_DISPATCH watch's event that it has enabled", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const busy = new Busy();
    const watch = loop.on(
      kevRead(reader, { flags: EV_ADD | EV_DISPATCH }),
      busy.handle,
    );
    write(writer, 1);
    await busy.inbox.reach(1);
    watch.enable();
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 1);
    busy.release();
    await busy.inbox.reach(2);
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 2);
  });

  it("R32 gets the end that came meanwhile, and the watch ends", async () => {
    for (const flags of [EV_ADD, EV_ADD | EV_CLEAR]) {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      const busy = new Busy();
      const watch = loop.on(kevRead(reader, { flags }), busy.handle);
      write(writer, 1);
      await busy.inbox.reach(1);
      read(reader, 1);
      fds.close(writer);
      await delivered(loop);
      assertEquals(watch.active, true);
      busy.release();
      const last = (await busy.inbox.reach(2))[1];
      assertEquals([last.data, last.flags & EV_EOF], [0n, EV_EOF]);
      assertEquals(watch.active, false);
    }
  });

  it("is not called any more when its watch is cancelled meanwhile", async () => {
    await using loop = new Loop();
    const busy = new Busy();
    const watch = loop.on(triggered(1), busy.handle);
    await busy.inbox.reach(1);
    watch.trigger();
    await delivered(loop);
    watch.cancel();
    busy.release();
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 1);
  });

  it("R15 is not called while its watch is disabled, but afterwards", async () => {
    await using loop = new Loop();
    const busy = new Busy();
    const watch = loop.on(triggered(1), busy.handle);
    await busy.inbox.reach(1);
    watch.trigger();
    await delivered(loop);
    watch.disable();
    busy.release();
    await delivered(loop);
    assertEquals(busy.inbox.items.length, 1);
    watch.enable();
    await busy.inbox.reach(2);
  });

  it("keeps its watch's place, and not the loop: close() does not wait for it", async () => {
    const loop = new Loop();
    const busy = new Busy();
    loop.on(triggered(1), busy.handle);
    await busy.inbox.reach(1);
    await soon(loop[Symbol.asyncDispose]());
    busy.release();
  });

  it("may return any thenable", async () => {
    await using loop = new Loop();
    const inbox = new Inbox<Kevent64>();
    let resolve: (value?: unknown) => void = () => {};
    const watch = loop.on(triggered(1), (event) => {
      inbox.put(event);
      return {
        then: (done: (value?: unknown) => void) => {
          resolve = done;
        },
      };
    });
    await inbox.reach(1);
    await turn();
    watch.trigger();
    await delivered(loop);
    assertEquals(inbox.items.length, 1);
    resolve();
    await inbox.reach(2);
  });

  describe("and closes its descriptor without cancelling", () => {
    const ways: [string, (fds: Descriptors, fd: number) => void][] = [
      ["by the module's close()", (fds, fd) => fds.close(fd)],
      ["past the module", (fds, fd) => fds.closeBehind(fd)],
    ];
    for (const [how, close] of ways) {
      it(`${how}: the watch ends when it is done`, async () => {
        await using loop = new Loop();
        using fds = new Descriptors();
        const [reader, writer] = fds.pipe();
        const watches: Watch[] = [];
        watches.push(loop.on(kevRead(reader), async () => {
          await delivered(loop); // the level has come again by now, and is held back
          close(fds, reader);
        }));
        write(writer, 1);
        const deadline = performance.now() + 5000;
        while (watches[0].active && performance.now() < deadline) {
          await delivered(loop);
        }
        assert(!watches[0].active, "the watch goes on");
      });
    }
  });
});
