import { assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISPATCH,
  EV_EOF,
  EV_ERROR,
  EV_ONESHOT,
  EV_OOBAND,
  EV_POLL,
  EV_RECEIPT,
  EV_SYSFLAGS,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  kevent64,
  Kevent64List,
  KEVENT_FLAG_NONE,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_ABSOLUTE,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { ALL_CALLS, only, openQueue, PATIENT, RAW_CALLS } from "./calls.ts";
import { Descriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

/** Words that a conversion on the way could harm. */
const WORDS = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 32n + 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 2n ** 32n,
  2n ** 64n - 1n,
  0x0123_4567_89ab_cdefn,
  0xfedc_ba98_7654_3210n,
];

describeKernels("fields of an event", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R16 udata comes back to the bit, from every filter", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        for (const udata of WORDS) {
          kq.apply(
            kevRead(a, { udata }),
            kevWrite(a, { udata }),
            kevTimer(1, 0, { udata }),
            kevUser(1, { fflags: NOTE_TRIGGER, udata }),
          );
          const events = kq.poll();
          assertEquals(events.length, 4);
          for (const event of events) assertEquals(event.udata, udata);
        }
      });

      it("R16 idents come back to the bit, each its own watcher", () => {
        using kq = calls.open(2 * WORDS.length);
        WORDS.forEach((ident, index) => {
          kq.apply(
            kevUser(ident, { fflags: NOTE_TRIGGER, udata: index }),
            kevTimer(ident, 0, { udata: index }),
          );
        });
        const events = kq.poll();
        assertEquals(events.length, 2 * WORDS.length);
        const seen = new Set<string>();
        for (const { ident, udata, filter } of events) {
          assertEquals(ident, WORDS[Number(udata)]);
          seen.add(`${filter} ${ident}`);
        }
        assertEquals(seen.size, 2 * WORDS.length);
      });

      it("R16 an ident is found again by every change", () => {
        using kq = calls.open();
        for (const ident of WORDS) {
          kq.apply(kevUser(ident));
          kq.apply(kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER }));
          assertEquals(only(kq.poll()).ident, ident);
          kq.apply({ ident, filter: EVFILT_USER, flags: 2 });
        }
        kq.apply(...WORDS.map((ident) => kevUser(ident)));
        kq.apply(kevUser(2n ** 63n, { fflags: NOTE_TRIGGER, udata: 1 }));
        const { ident, udata } = only(kq.poll());
        assertEquals([ident, udata], [2n ** 63n, 1n]);
      });

      it("R16 the system's own bits of a change are ignored", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        for (const bits of [EV_SYSFLAGS, EV_POLL, EV_OOBAND, EV_EOF]) {
          const flags = EV_ADD | bits;
          kq.apply(
            kevRead(a, { flags }),
            kevWrite(a, { flags }),
            kevUser(1, { flags, fflags: NOTE_TRIGGER }),
            kevTimer(1, 0, { flags }),
          );
          const events = kq.poll();
          assertEquals(events.length, 4);
          for (const event of events) {
            assertEquals(event.flags & EV_SYSFLAGS, 0);
          }
          // Still levels, which the bits must not have changed.
          assertEquals(kq.poll().length, 3);
        }
      });

      it("R16 EV_EOF comes with the event, not from the change", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { flags: EV_ADD | EV_SYSFLAGS }));
        fds.close(b);
        assertEquals(only(kq.poll()).flags & EV_SYSFLAGS, EV_EOF);
      });
    });
  }

  for (const calls of RAW_CALLS) {
    describe(`by ${calls.name} alone`, () => {
      for (
        const [name, flags] of Object.entries({
          "EV_ADD": EV_ADD,
          "EV_ADD|EV_CLEAR": EV_ADD | EV_CLEAR,
          "EV_ADD|EV_ONESHOT": EV_ADD | EV_ONESHOT,
          "EV_ADD|EV_DISPATCH": EV_ADD | EV_DISPATCH,
          "EV_ADD|EV_CLEAR|EV_ONESHOT": EV_ADD | EV_CLEAR | EV_ONESHOT,
        })
      ) {
        it(`R16 flags of the registration come back: ${name}`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a, b] = fds.socketpair();
          send(b, 1);
          kq.apply(
            kevRead(a, { flags }),
            kevWrite(a, { flags }),
            kevUser(1, { flags, fflags: NOTE_TRIGGER }),
            kevTimer(1, 0, { flags }),
          );
          const events = kq.poll();
          const got = new Map(events.map((e) => [e.filter, e.flags]));
          assertEquals(got.get(EVFILT_READ), flags);
          assertEquals(got.get(EVFILT_WRITE), flags);
          assertEquals(got.get(EVFILT_USER), flags);
          assertEquals(got.get(EVFILT_TIMER), flags | EV_CLEAR);
        });
      }

      it("R16 an absolute timer's flags have EV_ONESHOT", () => {
        using kq = calls.open();
        kq.apply(kevTimer(1, 1, { fflags: NOTE_ABSOLUTE }));
        assertEquals(
          only(kq.poll()).flags,
          EV_ADD | EV_CLEAR | EV_ONESHOT,
        );
      });

      it("R16 a receipt has EV_ERROR and none of the other system bits", () => {
        using kq = calls.open();
        const flags = EV_ADD | EV_RECEIPT | EV_SYSFLAGS;
        const list = calls.changes(kevUser(1, { flags }));
        assertEquals(calls.call(kq.fd, list, list, PATIENT), 1);
        assertEquals(list.flags(0), EV_ADD | EV_RECEIPT | EV_ERROR);
        assertEquals(list.dataNumber(0), 0);
      });
    });
  }

  it("R16 records of 48 bytes lie one after the other", () => {
    using kq = openQueue();
    const changes = Kevent64List.from(
      WORDS.map((ident) =>
        kevUser(ident, { fflags: NOTE_TRIGGER, udata: ident })
      ),
    );
    const events = new Kevent64List(WORDS.length);
    const count = kevent64(kq.fd, changes, events, KEVENT_FLAG_NONE, PATIENT);
    assertEquals(count, WORDS.length);
    for (const { ident, udata, filter } of events) {
      assertEquals([udata, filter], [ident, EVFILT_USER]);
    }
    assertNotEquals(events.at(0).ident, events.at(1).ident);
  });
});
