import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { describe } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  type Kevent64,
  kevRead,
  kevTimer,
  kevUser,
  NOTE_FFCOPY,
} from "../../mod.ts";
import { Loop, type Watch } from "../../loop.ts";
import { PATIENCE } from "../semantics/calls.ts";
import { Descriptors } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { delivered, Inbox, it, soon, triggered } from "../async/support.ts";

describeKernels("a Loop's watch", () => {
  describe("cancel()", () => {
    it("ends it: no event comes any more, though one was fetched", async () => {
      await using loop = new Loop();
      const inbox = new Inbox<Kevent64>();
      const watch = loop.on(triggered(1), inbox.put);
      assertEquals(watch.active, true);
      watch.cancel();
      assertEquals(watch.active, false);
      await delivered(loop);
      assertEquals(inbox.items, []);
    });

    it("may be called again, and after the loop is closed", async () => {
      await using loop = new Loop();
      const watches = [1, 2].map((ident) => loop.on(kevUser(ident), () => {}));
      watches[0].cancel();
      watches[0].cancel();
      loop.close();
      for (const watch of watches) watch.cancel();
      assertEquals(watches.map(({ active }) => active), [false, false]);
    });

    it("leaves the ident to another watch", async () => {
      await using loop = new Loop();
      const watch = loop.on(kevUser(1), () => {});
      watch.cancel();
      await soon(loop.once(triggered(1)));
      // It does not reach what came after it.
      const inbox = new Inbox<Kevent64>();
      loop.on(triggered(1), inbox.put);
      watch.cancel();
      watch.disable();
      watch.enable();
      await inbox.reach(1);
    });

    it("works in its own handler", async () => {
      await using loop = new Loop();
      let calls = 0;
      const watch = loop.on(triggered(1, 0, EV_ADD), (_, own) => {
        calls++;
        own.cancel();
        assertEquals(own.active, false);
      });
      await delivered(loop);
      assertEquals([calls, watch.active], [1, false]);
    });

    it("works in another's handler, for an event of the same batch", async () => {
      for (const flags of [EV_ADD, EV_ADD | EV_CLEAR, EV_ADD | EV_ONESHOT]) {
        await using loop = new Loop();
        const seen: number[] = [];
        const watches: Watch[] = [];
        for (const own of [0, 1]) {
          watches.push(
            loop.on(triggered(own, 0, flags), () => {
              seen.push(own);
              watches[1 - own].cancel();
              watches[own].cancel();
            }),
          );
        }
        await delivered(loop);
        assertEquals(seen.length, 1);
      }
    });

    it("comes at the end of the block of a `using`", async () => {
      await using loop = new Loop();
      const inbox = new Inbox<Kevent64>();
      {
        using watch = loop.on(kevUser(1), inbox.put);
        watch.trigger();
        await inbox.reach(1);
      }
      await soon(loop.once(triggered(1)));
      assertEquals(inbox.items.length, 1);
    });

    it("works when the descriptor is closed already", async () => {
      await using loop = new Loop();
      using fds = new Descriptors();
      const [reader, writer] = fds.pipe();
      const watches = [
        loop.on(kevRead(reader), () => {}),
        loop.on(kevRead(writer), () => {}),
      ];
      fds.close(reader);
      fds.closeBehind(writer);
      for (const watch of watches) watch.cancel();
      await delivered(loop);
    });
  });

  describe("trigger()", () => {
    it("fires it, with the word that its change was given", async () => {
      await using loop = new Loop();
      const inbox = new Inbox<Kevent64>();
      const watch = loop.on(kevUser(1, { udata: 77 }), inbox.put);
      assertNotEquals(watch.word, 77n);
      watch.trigger({ fflags: NOTE_FFCOPY | 0xabcdef, data: -5 });
      const [{ udata, fflags, data }] = await inbox.reach(1);
      assertEquals([udata, fflags, data], [77n, 0xabcdef, -5n]);
    });

    it("is a TypeError for another filter, and nothing on a watch that has ended", async () => {
      await using loop = new Loop();
      const timer = loop.on(kevTimer(1, PATIENCE), () => {});
      assertThrows(() => timer.trigger(), TypeError, "EVFILT_USER");
      const watch = loop.on(kevUser(1), () => {});
      watch.cancel();
      const inbox = new Inbox<Kevent64>();
      loop.on(kevUser(1), inbox.put);
      watch.trigger();
      await delivered(loop);
      assertEquals(inbox.items, []);
    });
  });
});
