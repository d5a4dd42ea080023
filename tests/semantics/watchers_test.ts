import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
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
  EVFILT_WRITE,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  NOTE_LOWAT,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { ALL_CALLS, assertCode, idents, only } from "./calls.ts";
import { Descriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

/** A level, fired at once. */
const firedUser = (ident: number) =>
  kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER });

describeKernels("watchers and their changes", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R1 adding a pair again makes no second watcher", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        kq.apply(kevRead(a), kevRead(a), firedUser(1), firedUser(1));
        kq.apply(kevRead(a), firedUser(1));
        assertEquals(kq.poll().length, 2);
        kq.apply(kevRead(a, { flags: EV_DELETE }));
        kq.apply(kevUser(1, { flags: EV_DELETE }));
        assertEquals(kq.poll(), []);
      });

      it("R1 one ident makes a watcher in each filter", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        kq.apply(
          kevRead(a, { udata: 1 }),
          kevWrite(a, { udata: 2 }),
          { ...firedUser(a), udata: 3 },
          kevTimer(a, 0, { udata: 4 }),
        );
        const events = kq.poll();
        assertEquals(idents(events), [a, a, a, a]);
        assertEquals(
          events.map(({ filter, udata }) => `${filter} ${udata}`).sort(),
          [
            `${EVFILT_READ} 1`,
            `${EVFILT_WRITE} 2`,
            `${EVFILT_USER} 3`,
            `${EVFILT_TIMER} 4`,
          ].sort(),
        );
      });

      it("R1 one pair makes a watcher in each queue", () => {
        using fds = new Descriptors();
        using first = calls.open();
        using second = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        first.apply(kevRead(a, { udata: 1, flags: EV_ADD | EV_ONESHOT }));
        second.apply(kevRead(a, { udata: 2 }));
        assertEquals(only(first.poll()).udata, 1n);
        assertEquals(first.poll(), []);
        assertEquals(only(second.poll()).udata, 2n);
        assertEquals(only(second.poll()).udata, 2n);
      });

      for (
        const [name, flags] of [
          ["EV_ADD", EV_ADD],
          ["EV_ENABLE", EV_ENABLE],
          ["EV_ADD|EV_ENABLE", EV_ADD | EV_ENABLE],
          ["no flag", 0],
        ] as const
      ) {
        it(`R1 a change with ${name} gives the watcher its udata`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a, b] = fds.socketpair();
          send(b, 1);
          kq.apply(kevRead(a, { udata: 1 }), { ...firedUser(1), udata: 2 });
          kq.apply(
            kevRead(a, { flags, udata: 2n ** 63n }),
            kevUser(1, { flags, udata: 2n ** 64n - 1n }),
          );
          const udata = new Map(kq.poll().map((e) => [e.filter, e.udata]));
          assertEquals(udata.get(EVFILT_READ), 2n ** 63n);
          assertEquals(udata.get(EVFILT_USER), 2n ** 64n - 1n);
        });
      }

      it("R1 a change without udata sets it to 0", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a] = fds.socketpair();
        kq.apply(kevWrite(a, { udata: 7, flags: EV_ADD | EV_DISABLE }));
        kq.apply(kevWrite(a, { flags: EV_ENABLE }));
        assertEquals(only(kq.poll()).udata, 0n);
      });

      it("R1 EV_DISABLE replaces udata and data as well", () => {
        using kq = calls.open();
        kq.apply({ ...firedUser(1), udata: 1, data: 1 });
        kq.apply(kevUser(1, { flags: EV_DISABLE, udata: 2, data: 2 }));
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(1, { flags: EV_ENABLE, udata: 3, data: 3 }));
        const { udata, data } = only(kq.poll());
        assertEquals([udata, data], [3n, 3n]);
      });

      for (
        const [name, flags] of [
          ["EV_ADD", EV_ADD],
          ["EV_ENABLE", EV_ENABLE],
          ["no flag", 0],
        ] as const
      ) {
        it(`R1 a change with ${name} gives READ its low-water mark`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a, b] = fds.socketpair();
          send(b, 5);
          kq.apply(kevRead(a));
          assertEquals(only(kq.poll()).data, 5n);
          kq.apply(kevRead(a, { flags, fflags: NOTE_LOWAT, data: 10 }));
          assertEquals(kq.poll(), []);
          send(b, 5);
          assertEquals(only(kq.poll()).data, 10n);
          kq.apply(kevRead(a, { flags, fflags: NOTE_LOWAT, data: 11 }));
          assertEquals(kq.poll(), []);
          kq.apply(kevRead(a, { flags }));
          assertEquals(only(kq.poll()).data, 10n);
        });

        it(`R1 a change with ${name} gives a timer its period`, () => {
          using kq = calls.open();
          kq.apply(kevTimer(1, 3_600_000));
          assertEquals(kq.poll(), []);
          kq.apply(kevTimer(1, 5, { flags, udata: 9 }));
          const { ident, udata } = only(kq.wait());
          assertEquals([ident, udata], [1n, 9n]);
        });
      }

      for (
        const [name, added, changed, reports] of [
          ["a level stays one when EV_CLEAR is asked", 0, EV_CLEAR, 2],
          ["a level stays one when EV_ONESHOT is asked", 0, EV_ONESHOT, 2],
          ["a level stays one when EV_DISPATCH is asked", 0, EV_DISPATCH, 2],
          ["EV_CLEAR stays without being asked again", EV_CLEAR, 0, 1],
          ["EV_ONESHOT stays without being asked again", EV_ONESHOT, 0, 1],
          ["EV_DISPATCH stays without being asked again", EV_DISPATCH, 0, 1],
          ["EV_CLEAR stays when EV_ONESHOT is asked", EV_CLEAR, EV_ONESHOT, 1],
        ] as const
      ) {
        it(`R1 the mode is fixed: ${name}`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a, b] = fds.socketpair();
          send(b, 1);
          for (const flags of [EV_ADD | added, EV_ADD | changed]) {
            const user = kevUser(1, { flags, fflags: NOTE_TRIGGER });
            kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }), user);
          }
          assertEquals(kq.poll().length, 3);
          assertEquals(kq.poll().length, reports === 2 ? 3 : 0);
        });
      }

      it("R1 deleted and added again, a watcher has another mode", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        kq.apply(kevRead(a));
        assertEquals([kq.poll().length, kq.poll().length], [1, 1]);
        kq.apply(kevRead(a, { flags: EV_DELETE }));
        kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR }));
        assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
        kq.apply(kevRead(a, { flags: EV_DELETE }));
        kq.apply(kevRead(a));
        assertEquals([kq.poll().length, kq.poll().length], [1, 1]);
      });

      it("R1 a new watcher is enabled unless EV_DISABLE", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a] = fds.socketpair();
        const [b] = fds.socketpair();
        kq.apply(kevWrite(a), kevWrite(b, { flags: EV_ADD | EV_DISABLE }));
        assertEquals(idents(kq.poll()), [a]);
        kq.apply(kevWrite(b, { flags: EV_ENABLE }));
        assertEquals(idents(kq.poll()), [a, b].sort((x, y) => x - y));
      });

      it("R1 EV_ADD alone does not enable a disabled watcher", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 1);
        const disabled = EV_ADD | EV_DISABLE;
        kq.apply(kevRead(a, { flags: disabled }));
        kq.apply(kevWrite(a, { flags: disabled }));
        kq.apply(kevUser(1, { flags: disabled, fflags: NOTE_TRIGGER }));
        kq.apply(kevRead(a), kevWrite(a), firedUser(1));
        assertEquals(kq.poll(), []);
        const flags = EV_ADD | EV_ENABLE;
        kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
        kq.apply(kevUser(1, { flags }));
        assertEquals(kq.poll().length, 3);
      });

      it("R1 a failed change leaves the watcher as it was", () => {
        using kq = calls.open();
        kq.apply({ ...firedUser(1), udata: 5 });
        assertCode(
          () => kq.apply({ ident: 1, filter: -100, flags: EV_ADD, udata: 6 }),
          "EINVAL",
        );
        assertEquals(only(kq.poll()).udata, 5n);
      });
    });
  }
});
