import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ONESHOT,
  type Kevent64,
  kevRead,
  kevTimer,
  kevUser,
  kevVnode,
  NOTE_ATTRIB,
  NOTE_FFCOPY,
  NOTE_FFOR,
  NOTE_LOWAT,
  NOTE_WRITE,
} from "../../mod.ts";
import { Loop, type Watch } from "../../loop.ts";
import * as posix from "../../posix.ts";
import {
  Descriptors,
  read,
  temporaryPath,
  write,
} from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { delivered, Inbox, it, itUnless } from "../async/support.ts";

const MODES = { level: 0, EV_CLEAR, EV_ONESHOT, EV_DISPATCH };

describeKernels(
  "disable() and enable() of a Loop's watch",
  ({ noSystemFilters }) => {
    it("R15 keep an event back, until it is enabled", async () => {
      await using loop = new Loop();
      const inbox = new Inbox<Kevent64>();
      const watch = loop.on(kevUser(1, { udata: 9 }), inbox.put);
      watch.disable();
      watch.trigger({ data: 4, fflags: NOTE_FFCOPY | 3 });
      await delivered(loop);
      assertEquals([inbox.items.length, watch.active], [0, true]);
      watch.enable();
      const [{ udata, data, fflags }] = await inbox.reach(1);
      assertEquals([udata, data, fflags], [9n, 4n, 3]);
      await delivered(loop);
      assertEquals(inbox.items.length, 1);
    });

    for (const [name, mode] of Object.entries(MODES)) {
      it(`R15 keep an event back that was fetched in the same batch, ${name}`, async () => {
        await using loop = new Loop();
        using fds = new Descriptors();
        const seen = new Inbox<bigint>();
        const watches: Watch[] = [];
        for (const own of [0, 1]) {
          const [reader, writer] = fds.pipe();
          write(writer, 3);
          watches.push(
            loop.on(kevRead(reader, { flags: EV_ADD | mode }), ({ data }) => {
              read(reader, 3);
              if (seen.items.length === 0) watches[1 - own].disable();
              seen.put(data);
            }),
          );
        }
        await delivered(loop);
        assertEquals(seen.items, [3n]);
        for (const watch of watches) watch.enable();
        assertEquals(await seen.reach(2), [3n, 3n]);
        await delivered(loop);
        assertEquals(seen.items.length, 2);
      });
    }

    it("R1 send the whole record again: a low-water mark stays", async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      const inbox = new Inbox<Kevent64>();
      const change = { fflags: NOTE_LOWAT, data: 5, udata: 8 };
      const watch = loop.on(
        kevRead(reader, { ...change, flags: EV_ADD | EV_CLEAR }),
        inbox.put,
      );
      watch.disable();
      watch.enable();
      write(writer, 4);
      await delivered(loop);
      assertEquals(inbox.items.length, 0);
      write(writer, 1);
      const [{ data, udata }] = await inbox.reach(1);
      assertEquals([data, udata], [5n, 8n]);
    });

    itUnless(
      noSystemFilters,
      "R1 send the whole record again: notes stay",
      async () => {
        await using loop = new Loop();
        using fds = new Descriptors();
        const path = temporaryPath();
        const fd = fds.keep(posix.creat(path));
        posix.unlink(path);
        const inbox = new Inbox<Kevent64>();
        const watch = loop.on(
          kevVnode(fd, { fflags: NOTE_WRITE }),
          inbox.put,
        );
        watch.disable();
        watch.enable();
        posix.fchmod(fd, 0o600);
        write(fd, 1);
        const [{ fflags }] = await inbox.reach(1);
        assertEquals(fflags & (NOTE_WRITE | NOTE_ATTRIB), NOTE_WRITE);
      },
    );

    it("R1 leave the caller's bits of a user event alone", async () => {
      await using loop = new Loop();
      const inbox = new Inbox<Kevent64>();
      const watch = loop.on(
        kevUser(1, { fflags: NOTE_FFOR | 8 }),
        inbox.put,
      );
      watch.disable();
      watch.trigger({ fflags: NOTE_FFCOPY | 3 });
      watch.enable();
      assertEquals((await inbox.reach(1))[0].fflags, 3);
      watch.disable();
      watch.enable();
      await delivered(loop);
      assertEquals(inbox.items.length, 1);
    });

    it("R54 start a timer afresh", async () => {
      await using loop = new Loop();
      const inbox = new Inbox<Kevent64>();
      const watch = loop.on(kevTimer(1, 40, { udata: 2 }), inbox.put);
      watch.disable();
      watch.enable();
      const start = performance.now();
      const [{ udata, data }] = await inbox.reach(1);
      assertEquals(udata, 2n);
      assert(data >= 1n);
      assert(performance.now() - start >= 39);
    });

    it("work on a watch that was added with EV_DISABLE", async () => {
      await using loop = new Loop();
      const inbox = new Inbox<Kevent64>();
      const watch = loop.on(
        kevUser(1, { flags: EV_ADD | EV_CLEAR | EV_DISABLE }),
        inbox.put,
      );
      watch.trigger();
      await delivered(loop);
      assertEquals(inbox.items.length, 0);
      watch.enable();
      await inbox.reach(1);
    });

    it("R14 enable() lets an EV_DISPATCH watch go on", async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      const inbox = new Inbox<bigint>();
      const watch = loop.on(
        kevRead(reader, { flags: EV_ADD | EV_DISPATCH }),
        ({ data }) => inbox.put(data),
      );
      for (let count = 1; count <= 3; count++) {
        write(writer, 1);
        await inbox.reach(count);
        await delivered(loop);
        assertEquals(inbox.items.length, count);
        watch.enable();
        if (count < 3) watch.disable(), read(reader, 1), watch.enable();
      }
      assertEquals((await inbox.reach(4)).at(-1), 1n);
    });

    it("R5 throw for a descriptor that is closed, and the loop goes on", async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader] = fds.pipe();
      const watch = loop.on(kevRead(reader), () => {});
      fds.close(reader);
      for (const change of [() => watch.disable(), () => watch.enable()]) {
        const error = assertThrows(change, posix.SystemError);
        assertEquals(error.code, "ENOENT");
      }
      watch.cancel();
      await delivered(loop);
    });
  },
);
