import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_AIO,
  EVFILT_FS,
  EVFILT_MACHPORT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VM,
  EVFILT_WRITE,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_TRIGGER,
} from "../../mod.ts";
import {
  ALL_CALLS,
  assertCode,
  idents,
  only,
  PATIENCE,
  PATIENT,
  RAW_CALLS,
} from "./calls.ts";
import { Descriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

/** Filters of the header that cannot be used. */
const UNUSABLE = {
  EVFILT_AIO,
  EVFILT_VM,
  ...(Deno.build.os === "linux" ? { EVFILT_MACHPORT, EVFILT_FS } : {}),
};

const level = (ident: number) => kevUser(ident, { flags: EV_ADD });
const trigger = (ident: number) =>
  kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER });

describeKernels("changes", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      for (const filter of [0, 1, 7, 32767, -64, -100, -32768]) {
        it(`R2 filter ${filter} is EINVAL`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [ident] = fds.pipe();
          for (const flags of [EV_ADD, EV_DELETE, EV_ENABLE, 0]) {
            assertCode(() => kq.apply({ ident, filter, flags }), "EINVAL");
          }
        });
      }

      for (const [name, filter] of Object.entries(UNUSABLE)) {
        it(`R2 ${name} is ENOTSUP`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [ident] = fds.pipe();
          assertCode(
            () => kq.apply({ ident, filter, flags: EV_ADD }),
            "ENOTSUP",
          );
        });
      }

      it("R3 EV_DELETE overrules EV_ADD", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        const both = EV_ADD | EV_DELETE;
        kq.apply(kevRead(a), level(1), kevTimer(2, 0));
        kq.apply(
          kevRead(a, { flags: both }),
          kevUser(1, { flags: both, fflags: NOTE_TRIGGER }),
          kevTimer(2, 0, { flags: both }),
        );
        assertEquals(kq.poll(), []);
        for (
          const change of [
            kevRead(a, { flags: both }),
            kevUser(1, { flags: both, fflags: NOTE_TRIGGER }),
            kevTimer(2, 0, { flags: both }),
            kevUser(1, { flags: both | EV_ENABLE }),
            kevUser(1, { flags: both | EV_DISABLE }),
          ]
        ) {
          assertCode(() => kq.apply(change), "ENOENT");
        }
        assertEquals(kq.poll(), []);
      });

      it("R3 EV_DELETE overrules EV_ENABLE and EV_DISABLE", () => {
        using kq = calls.open();
        for (const flags of [EV_ENABLE, EV_DISABLE, EV_ENABLE | EV_DISABLE]) {
          kq.apply(level(1), trigger(1));
          kq.apply(kevUser(1, { flags: EV_DELETE | flags }));
          assertCode(() => kq.apply(trigger(1)), "ENOENT");
        }
      });

      it("R3 EV_DISABLE overrules EV_ENABLE", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        const both = EV_ENABLE | EV_DISABLE;
        // An enabled one is disabled, a disabled one stays so, a new one begins so.
        kq.apply(kevRead(a), kevWrite(a, { flags: EV_ADD | EV_DISABLE }));
        kq.apply(
          kevRead(a, { flags: both }),
          kevWrite(a, { flags: both }),
          kevUser(1, { flags: EV_ADD | both, fflags: NOTE_TRIGGER }),
        );
        assertEquals(kq.poll(), []);
        const flags = EV_ENABLE;
        kq.apply(
          kevRead(a, { flags }),
          kevWrite(a, { flags }),
          kevUser(1, { flags }),
        );
        assertEquals(kq.poll().length, 3);
      });

      it("R3 EV_DISABLE overrules EV_ENABLE with EV_ADD", () => {
        using kq = calls.open();
        kq.apply(level(1), trigger(1));
        kq.apply(kevUser(1, { flags: EV_ADD | EV_ENABLE | EV_DISABLE }));
        assertEquals(kq.poll(), []);
      });

      for (
        const [name, filter] of Object.entries({
          EVFILT_READ,
          EVFILT_WRITE,
          EVFILT_TIMER,
          EVFILT_USER,
        })
      ) {
        it(`R4 ${name} that is not there is ENOENT without EV_ADD`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [, ident] = fds.pipe();
          for (
            const flags of [
              0,
              EV_DELETE,
              EV_ENABLE,
              EV_DISABLE,
              EV_ENABLE | EV_DISABLE,
              EV_DELETE | EV_ENABLE,
              EV_ONESHOT,
              EV_CLEAR | EV_DISPATCH,
            ]
          ) {
            for (const fflags of [0, NOTE_TRIGGER]) {
              const change = { ident, filter, flags, fflags, data: 1 };
              assertCode(() => kq.apply(change), "ENOENT");
            }
          }
          assertEquals(kq.poll(), []);
        });

        it(`R4 ${name} is ENOENT once it is deleted`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [, ident] = fds.pipe();
          const data = 3_600_000;
          kq.apply({ ident, filter, flags: EV_ADD, data });
          kq.apply({ ident, filter, flags: EV_DELETE });
          for (const flags of [EV_DELETE, EV_ENABLE, 0]) {
            assertCode(() => kq.apply({ ident, filter, flags }), "ENOENT");
          }
        });
      }

      it("R4 ENOENT goes before the descriptor is looked at", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [reader] = fds.pipe();
        fds.close(reader);
        assertCode(
          () => kq.apply(kevRead(reader, { flags: EV_DELETE })),
          "ENOENT",
        );
      });

      it("R5 adding a descriptor that is not open is EBADF", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [reader] = fds.pipe();
        fds.close(reader);
        for (
          const ident of [
            reader,
            999_999,
            0x7fff_ffff,
            0xffff_ffff, // C's (unsigned)-1
            2n ** 64n - 1n, // C's (uintptr_t)-1
          ]
        ) {
          assertCode(() => kq.apply(kevRead(ident)), "EBADF");
          assertCode(() => kq.apply(kevWrite(ident)), "EBADF");
          assertCode(
            () => kq.apply(kevRead(ident, { flags: EV_DELETE })),
            "ENOENT",
          );
        }
      });

      it("R6 changes are applied in order", () => {
        using kq = calls.open();
        const [del, add] = [EV_DELETE, EV_ADD];
        kq.apply(
          level(1),
          trigger(1),
          kevUser(1, { flags: del }), // gone
          level(2),
          trigger(2),
          kevUser(2, { flags: del }),
          kevUser(2, { flags: add, udata: 5 }), // a new one, not fired
          level(3),
          trigger(3),
          kevUser(3, { flags: EV_DISABLE }),
          kevUser(3, { flags: EV_ENABLE, udata: 6 }), // fired, enabled
        );
        const { ident, udata } = only(kq.poll());
        assertEquals([ident, udata], [3n, 6n]);
        kq.apply(trigger(2));
        assertEquals(idents(kq.poll()), [2, 3]);
      });
    });
  }

  for (const calls of RAW_CALLS) {
    describe(`by ${calls.name} alone`, () => {
      it("R6 changes are applied before events are collected", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 2);
        const events = calls.room(8);
        const adding = calls.changes(
          kevRead(a),
          kevWrite(a),
          level(1),
          trigger(1),
          kevTimer(1, 0),
        );
        assertEquals(calls.call(kq.fd, adding, events, PATIENT), 4);
        const removing = calls.changes(
          kevRead(a, { flags: EV_DELETE }),
          kevWrite(a, { flags: EV_DISABLE }),
          kevUser(1, { flags: EV_DELETE }),
          level(2),
          trigger(2),
        );
        assertEquals(calls.call(kq.fd, removing, events, PATIENT), 1);
        assertEquals(idents(events), [2]);
      });

      it("R6 a change in one call is in force for the next call's wait", () => {
        using kq = calls.open();
        const events = calls.room(8);
        const changes = calls.changes(kevTimer(1, 3_600_000), kevTimer(2, 1));
        assertEquals(calls.call(kq.fd, changes, null, null), 0);
        const before = performance.now();
        assertEquals(calls.call(kq.fd, null, events, PATIENT), 1);
        assertLess(performance.now() - before, PATIENCE);
        assertEquals(idents(events), [2]);
      });
    });
  }
});
