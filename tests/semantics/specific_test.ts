import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_DISPATCH2,
  EV_ENABLE,
  EV_ERROR,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EVFILT_USER,
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
  only,
  openQueue,
  PATIENT,
  RAW_CALLS,
} from "./calls.ts";
import { Descriptors, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { EBADF } = constants.errno;

const SPECIFIC = EV_ADD | EV_UDATA_SPECIFIC;
const DELETING = EV_DELETE | EV_UDATA_SPECIFIC;
/** What a call reports of a watcher that was deleted while it was disabled. */
const LAST = EV_DISPATCH2 | EV_ONESHOT | EV_DELETE;

/** A user event that was reported, and so is disabled. */
const dispatched = (udata: number) =>
  kevUser(1, { flags: EV_ADD | EV_DISPATCH2, fflags: NOTE_TRIGGER, udata });

describeKernels("EV_UDATA_SPECIFIC and EV_VANISHED", (kernel) => {
  for (const calls of ALL_CALLS) {
    describe(`by ${calls.name}`, () => {
      for (
        const [name, flags] of Object.entries({
          "alone": EV_VANISHED,
          "with EV_ADD": EV_VANISHED | EV_ADD,
          "with EV_ADD|EV_DISPATCH": EV_VANISHED | EV_ADD | EV_DISPATCH,
          "with EV_ADD|EV_UDATA_SPECIFIC": EV_VANISHED | SPECIFIC,
          "with EV_DISPATCH2": EV_VANISHED | EV_DISPATCH2,
          "with EV_DELETE": EV_VANISHED | EV_DELETE,
        })
      ) {
        it(`R20 EV_VANISHED ${name} is EINVAL`, () => {
          using fds = new Descriptors();
          using kq = calls.open();
          const [a] = fds.socketpair();
          assertCode(() => kq.apply(kevRead(a, { flags })), "EINVAL");
          assertCode(() => kq.apply(kevUser(1, { flags })), "EINVAL");
        });
      }
    });
  }

  if (!kernel.hasUdataSpecific) { // R20
    it("R20 EV_UDATA_SPECIFIC is ENOTSUP (*Linux*)", () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [a] = fds.socketpair();
      for (const flags of [SPECIFIC, EV_ADD | EV_DISPATCH2]) {
        assertCode(() => kq.apply(kevUser(1, { flags })), "ENOTSUP");
        assertCode(() => kq.apply(kevWrite(a, { flags })), "ENOTSUP");
      }
      assertEquals(kq.poll(), []);
    });
    return;
  }

  it("R20 EV_UDATA_SPECIFIC makes udata part of the identity", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a] = fds.socketpair();
    kq.apply(
      kevWrite(a, { flags: SPECIFIC, udata: 1 }),
      kevWrite(a, { flags: SPECIFIC, udata: 2 }),
    );
    assertEquals(kq.poll().map(({ udata }) => udata).sort(), [1n, 2n]);
    kq.apply(kevWrite(a, { flags: DELETING, udata: 1 }));
    assertEquals(only(kq.poll()).udata, 2n);
    assertCode(
      () => kq.apply(kevWrite(a, { flags: DELETING, udata: 1 })),
      "ENOENT",
    );
  });

  it("R20 one without it is another watcher, which it never finds", () => {
    using kq = openQueue();
    const fflags = NOTE_TRIGGER;
    kq.apply(
      kevUser(1, { flags: EV_ADD, fflags, udata: 1 }),
      kevUser(1, { flags: SPECIFIC, fflags, udata: 1 }),
    );
    assertEquals(kq.poll().length, 2);
    for (const [flags, left] of [[EV_DELETE, SPECIFIC], [DELETING, 0]]) {
      const change = kevUser(1, { flags, udata: 1 });
      kq.apply(change);
      const rest = left === 0 ? [] : [left];
      assertEquals(kq.poll().map(({ flags }) => flags & SPECIFIC), rest);
      assertCode(() => kq.apply(change), "ENOENT");
    }
  });

  it("R20 every change of it needs the flag and the same udata", () => {
    using kq = openQueue();
    kq.apply(kevUser(1, { flags: SPECIFIC | EV_CLEAR, udata: 1 }));
    const fflags = NOTE_TRIGGER;
    for (const [flags, udata] of [[0, 1], [EV_UDATA_SPECIFIC, 2]]) {
      const change = kevUser(1, { flags, fflags, udata });
      assertCode(() => kq.apply(change), "ENOENT");
    }
    kq.apply(kevUser(1, { flags: EV_UDATA_SPECIFIC, fflags, udata: 1 }));
    assertEquals(only(kq.poll()).udata, 1n);
  });

  it("R20 a disabled EV_DISPATCH2 watcher is deleted when it is enabled", () => {
    using kq = openQueue();
    kq.apply(dispatched(1));
    assertEquals(kq.poll().length, 1);
    const deleting = kevUser(1, { flags: DELETING, udata: 1 });
    for (let times = 0; times < 2; times++) {
      assertCode(() => kq.apply(deleting), "EINPROGRESS");
      assertEquals(kq.poll(), []);
    }
    const flags = EV_ENABLE | EV_UDATA_SPECIFIC;
    kq.apply(kevUser(1, { flags, fflags: NOTE_TRIGGER, data: 5, udata: 1 }));
    const { ident, filter, flags: last, fflags, data, udata } = only(kq.poll());
    assertEquals([ident, filter, udata], [1n, EVFILT_USER, 1n]);
    assertEquals([last & LAST, fflags, data], [LAST, 0, 0n]);
    assertEquals(kq.poll(), []);
    assertCode(() => kq.apply(deleting), "ENOENT");
  });

  it("R20 EV_DELETE|EV_ENABLE deletes it at once", () => {
    using kq = openQueue();
    kq.apply(dispatched(1));
    assertEquals(kq.poll().length, 1);
    kq.apply(kevUser(1, { flags: DELETING | EV_ENABLE, udata: 1 }));
    assertEquals(kq.poll(), []);
    const deleting = kevUser(1, { flags: DELETING, udata: 1 });
    assertCode(() => kq.apply(deleting), "ENOENT");
  });

  it("R20 an enabled EV_DISPATCH2 watcher is deleted at once", () => {
    using kq = openQueue();
    kq.apply(dispatched(1));
    kq.apply(kevUser(1, { flags: DELETING, udata: 1 }));
    assertEquals(kq.poll(), []);
  });

  it("R20 a watcher that EV_DISABLE disabled is told of its end as well", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [, writer] = fds.pipe();
    const flags = EV_ADD | EV_DISPATCH2 | EV_DISABLE;
    kq.apply(kevWrite(writer, { flags, udata: 1 }));
    const deleting = kevWrite(writer, { flags: DELETING, udata: 1 });
    assertCode(() => kq.apply(deleting), "EINPROGRESS");
    const enabling = EV_ENABLE | EV_UDATA_SPECIFIC;
    kq.apply(kevWrite(writer, { flags: enabling, udata: 1 }));
    const event = only(kq.wait());
    assertEquals([event.filter, event.flags & LAST], [EVFILT_WRITE, LAST]);
    assertCode(() => kq.apply(deleting), "ENOENT");
  });

  it("R20, R12 EV_ONESHOT with EV_DISPATCH2 is reported, and then its end", () => {
    using kq = openQueue();
    const flags = EV_ADD | EV_DISPATCH2 | EV_ONESHOT;
    kq.apply(kevTimer(1, 0, { flags, udata: 1 }));
    assertEquals(only(kq.poll()).flags & EV_DELETE, 0);
    assertEquals(kq.poll(), []);
    const enabling = EV_ENABLE | EV_UDATA_SPECIFIC;
    kq.apply(kevTimer(1, 0, { flags: enabling, udata: 1 }));
    assertEquals(only(kq.poll()).flags & LAST, LAST);
    assertEquals(kq.poll(), []);
    const deleting = kevTimer(1, 0, { flags: DELETING, udata: 1 });
    assertCode(() => kq.apply(deleting), "ENOENT");
  });

  it("R20 EV_VANISHED is taken with EV_ADD and EV_DISPATCH2", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a] = fds.socketpair();
    const flags = EV_ADD | EV_DISPATCH2 | EV_VANISHED;
    kq.apply(kevWrite(a, { flags }));
    assertEquals(only(kq.poll()).flags & (EV_CLEAR | EV_VANISHED), 0);
  });

  for (const calls of RAW_CALLS) {
    it(`R20, R7 ${calls.name} takes EV_VANISHED out of the flags once the descriptor is found`, () => {
      using fds = new Descriptors();
      using kq = calls.open();
      const [reader] = fds.pipe();
      const flags = EV_ADD | EV_DISPATCH2 | EV_VANISHED | EV_RECEIPT;
      const list = calls.changes(kevRead(reader, { flags }));
      assertEquals(calls.call(kq.fd, list, list, PATIENT), 1);
      assertEquals(list.dataNumber(0), 0);
      assertEquals(list.flags(0), (flags & ~EV_VANISHED) | EV_ERROR);

      list.set(0, kevRead(999_999, { flags }));
      assertEquals(calls.call(kq.fd, list, list, PATIENT), 1);
      assertEquals(list.dataNumber(0), EBADF);
      assertEquals(list.flags(0), flags | EV_ERROR);
    });
  }

  it("R20 EV_VANISHED tells of a descriptor that was closed", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    const flags = EV_ADD | EV_DISPATCH2 | EV_VANISHED;
    kq.apply(kevRead(reader, { flags, udata: 1 }));
    write(writer, 1);
    fds.close(reader);
    const vanished = EV_DISPATCH2 | EV_ONESHOT | EV_VANISHED;
    const { ident, udata, flags: last } = only(kq.wait());
    assertEquals([ident, udata], [BigInt(reader), 1n]);
    assertEquals(last & vanished, vanished);
    assertEquals(kq.poll(), []);
    const deleting = kevRead(reader, { flags: DELETING, udata: 1 });
    assertCode(() => kq.apply(deleting), "EINPROGRESS");
    kq.apply(kevRead(reader, { flags: DELETING | EV_ENABLE, udata: 1 }));
    assertCode(() => kq.apply(deleting), "ENOENT");
  });
});
