import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_USER,
  kevTimer,
  kevUser,
  Kqueue,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_FFLAGSMASK,
  NOTE_FFNOP,
  NOTE_FFOR,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { ALL_CALLS, assertCode, idents, only, openQueue } from "./calls.ts";
import { describeKernels } from "./kernels.ts";

describeKernels("user events", () => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R60 fires when a change carries NOTE_TRIGGER", () => {
        using kq = calls.open();
        kq.apply(kevUser(1, { flags: EV_ADD }));
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(1, { flags: 0, udata: 3 }));
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER, udata: 4 }));
        const { ident, filter, udata } = only(kq.poll());
        assertEquals([ident, filter, udata], [1n, EVFILT_USER, 4n]);
      });

      it("R60 fires at registration, too", () => {
        using kq = calls.open();
        for (const flags of [EV_ADD, EV_ADD | EV_CLEAR, EV_ADD | EV_ONESHOT]) {
          kq.apply(kevUser(flags, { flags, fflags: NOTE_TRIGGER }));
        }
        assertEquals(kq.poll().length, 3);
        assertEquals(idents(kq.poll()), [EV_ADD]);
      });

      it("R60 fires by EV_ADD and by EV_ENABLE", () => {
        using kq = calls.open();
        kq.apply(kevUser(1));
        for (const flags of [EV_ADD, EV_ENABLE, EV_ADD | EV_ENABLE]) {
          kq.apply(kevUser(1, { flags, fflags: NOTE_TRIGGER }));
          assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
        }
      });

      it("R60 is a level until it is deleted", () => {
        using kq = calls.open();
        kq.apply(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER }));
        for (let call = 0; call < 5; call++) {
          assertEquals(idents(kq.poll()), [1]);
        }
        kq.apply(kevUser(1, { flags: 0 })); // a change does not take it back
        assertEquals(idents(kq.poll()), [1]);
        kq.apply(kevUser(1, { flags: EV_DELETE }));
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(1, { flags: EV_ADD }));
        assertEquals(kq.poll(), []);
      });

      it("R60 with EV_CLEAR it fires once, with EV_DISPATCH until enabled", () => {
        using kq = calls.open();
        kq.apply(kevUser(1, { fflags: NOTE_TRIGGER }));
        kq.apply(
          kevUser(2, { flags: EV_ADD | EV_DISPATCH, fflags: NOTE_TRIGGER }),
        );
        assertEquals(idents(kq.poll()), [1, 2]);
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(2, { flags: EV_ENABLE }));
        assertEquals(idents(kq.poll()), [2]);
        assertEquals(kq.poll(), []);
      });

      it("R60 EV_DELETE with NOTE_TRIGGER deletes", () => {
        using kq = calls.open();
        kq.apply(kevUser(1));
        kq.apply(kevUser(1, { flags: EV_DELETE, fflags: NOTE_TRIGGER }));
        assertEquals(kq.poll(), []);
        assertCode(
          () => kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER })),
          "ENOENT",
        );
      });

      it("R60 thousands, each for itself", () => {
        using kq = calls.open(600);
        const numbers = Array.from({ length: 500 }, (_, index) => index);
        kq.apply(...numbers.map((n) => kevUser(n, { udata: n * 2 })));
        const odd = numbers.filter((n) => n % 2 === 1);
        kq.apply(
          ...odd.map((n) => kevUser(n, { flags: 0, fflags: NOTE_TRIGGER })),
        );
        assertEquals(idents(kq.poll()), odd);
        assertEquals(kq.poll(), []);
      });

      it("R61 the registration's fflags come back as they were", () => {
        using kq = calls.open();
        const wanted = [NOTE_TRIGGER | 0xabcdef, 0xff000005, 0xc1000000];
        for (const [ident, fflags] of wanted.entries()) {
          kq.apply(kevUser(ident, { flags: EV_ADD, fflags }));
        }
        for (let call = 0; call < 2; call++) {
          const events = kq.poll().sort((a, b) => Number(a.ident - b.ident));
          assertEquals(events.map(({ fflags }) => fflags), wanted);
        }
      });

      for (
        const [name, how, result] of [
          ["NOTE_FFNOP keeps", NOTE_FFNOP, 0xc1000003],
          ["NOTE_FFOR keeps", NOTE_FFOR, 0xc1000007],
          ["NOTE_FFAND takes", NOTE_FFAND, 0x000001],
          ["NOTE_FFCOPY takes", NOTE_FFCOPY, 0x000005],
        ] as const
      ) {
        it(`R61 ${name} the registration's top byte`, () => {
          using kq = calls.open();
          kq.apply(kevUser(1, { flags: EV_ADD, fflags: 0xc1000003 }));
          kq.apply(kevUser(1, { flags: 0, fflags: (how | 5) >>> 0 }));
          assertEquals(only(kq.poll()).fflags, result);
        });
      }

      for (
        const [name, how, result] of [
          ["NOTE_FFNOP keeps", NOTE_FFNOP, 0b1100],
          ["NOTE_FFAND intersects", NOTE_FFAND, 0b1000],
          ["NOTE_FFOR unites", NOTE_FFOR, 0b1110],
          ["NOTE_FFCOPY replaces", NOTE_FFCOPY, 0b1010],
        ] as const
      ) {
        it(`R61 ${name} the fflags, with the trigger`, () => {
          using kq = calls.open();
          kq.apply(kevUser(1, { fflags: 0b1100 }));
          const fflags = (how | NOTE_TRIGGER | 0b1010) >>> 0;
          kq.apply(kevUser(1, { flags: 0, fflags }));
          const event = only(kq.poll());
          assertEquals(event.fflags, result);
          assertEquals(event.fflags & ~NOTE_FFLAGSMASK, 0);
        });

        it(`R61 ${name} the fflags, without the trigger`, () => {
          using kq = calls.open();
          kq.apply(kevUser(1, { fflags: 0b1100 }));
          for (const flags of [0, EV_ADD, EV_ENABLE]) {
            kq.apply(kevUser(1, { flags, fflags: (how | 0b1010) >>> 0 }));
            assertEquals(kq.poll(), []);
          }
          kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER }));
          assertEquals(only(kq.poll()).fflags, result);
        });
      }

      it("R61 the fflags go on from report to report", () => {
        using kq = calls.open();
        kq.apply(kevUser(1));
        let expected = 0;
        for (const bit of [1, 2, 4, 0x800000]) {
          const fflags = (NOTE_FFOR | NOTE_TRIGGER | bit) >>> 0;
          kq.apply(kevUser(1, { flags: 0, fflags }));
          expected |= bit;
          assertEquals(only(kq.poll()).fflags, expected);
        }
        kq.apply(
          kevUser(1, {
            flags: 0,
            fflags: (NOTE_FFCOPY | NOTE_TRIGGER | NOTE_FFLAGSMASK) >>> 0,
          }),
        );
        assertEquals(only(kq.poll()).fflags, NOTE_FFLAGSMASK);
        kq.apply(
          kevUser(1, {
            flags: 0,
            fflags: (NOTE_FFCOPY | NOTE_TRIGGER) >>> 0,
          }),
        );
        assertEquals(only(kq.poll()).fflags, 0);
        assertEquals(NOTE_FFCTRLMASK, 0xc0000000);
      });

      it("R61 data of the last change comes back", () => {
        using kq = calls.open();
        kq.apply(kevUser(1, { data: 1 }));
        for (const data of [5n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 0n]) {
          kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER, data }));
          assertEquals(only(kq.poll()).data, data);
        }
        kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER, data: 8 }));
        kq.apply(kevUser(1, { flags: 0, data: 9 }));
        assertEquals(only(kq.poll()).data, 9n);
      });

      it("R62 a trigger before a wait ends it at once", () => {
        using kq = calls.open();
        kq.apply(kevUser(1), kevTimer(2, 3_600_000));
        const before = performance.now();
        kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER }));
        assertEquals(idents(kq.wait()), [1]);
        assertEquals(performance.now() - before < 5_000, true);
      });
    });
  }

  it("R60 Kqueue.trigger fires, with what it is given", () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1, { udata: 5 }));
    kq.trigger(1, { udata: 2n ** 63n, fflags: NOTE_FFCOPY | 6, data: -7 });
    const { udata, fflags, data } = only(kq.poll().toArray());
    assertEquals([udata, fflags, data], [2n ** 63n, 6, -7n]);
    kq.trigger(1);
    const second = only(kq.poll().toArray());
    assertEquals([second.udata, second.data], [0n, 0n]);
    assertCode(() => kq.trigger(2), "ENOENT");
    assertThrows(() => kq.trigger(-1), RangeError, "ident");
    assertThrows(() => kq.trigger(1, { udata: -1 }), RangeError, "udata");
  });

  it("R60 a disabled one fires when it is enabled", () => {
    using kq = openQueue();
    kq.apply(
      kevUser(1, { flags: EV_ADD | EV_DISABLE, fflags: NOTE_TRIGGER }),
    );
    assertEquals(kq.poll(), []);
    kq.apply(kevUser(1, { flags: EV_ENABLE }));
    assertEquals(idents(kq.poll()), [1]);
  });
});
