import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  errno,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ERROR,
  EV_POLL,
  EV_RECEIPT,
  EVFILT_READ,
  EVFILT_USER,
  type Kevent,
  kevRead,
  kevUser,
  Kqueue,
  NOTE_TRIGGER,
} from "../../mod.ts";
import {
  assertCode,
  idents,
  only,
  PATIENCE,
  PATIENT,
  RAW_CALLS,
} from "./calls.ts";
import { Descriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { EBADF, EINVAL, ENOENT } = constants.errno;

const fired = (ident: number) =>
  kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER });
const absent = (ident: number) =>
  kevUser(ident, {
    flags: EV_DELETE,
    fflags: 5,
    data: 7,
    udata: 2n ** 64n - 1n,
  });
const receipt = (ident: number) =>
  kevUser(ident, {
    flags: EV_ADD | EV_RECEIPT,
    fflags: NOTE_TRIGGER | 3,
    data: 9,
    udata: 11,
  });

/** What a call wrote, as [ident, errno] of each record, all of which are failures or receipts. */
function results(events: Iterable<Kevent>): [bigint, bigint][] {
  return Array.from(events, ({ ident, flags, data }) => {
    assert((flags & EV_ERROR) !== 0, `${ident} has no EV_ERROR`);
    return [ident, data];
  });
}

describeKernels("failures and receipts", () => {
  for (const calls of RAW_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R7 a failed change comes back as itself with its errno", () => {
        using kq = calls.open();
        const events = calls.room(4);
        assertEquals(
          calls.call(kq.fd, calls.changes(absent(1)), events, PATIENT),
          1,
        );
        const { ident, filter, flags, fflags, data, udata } = events.at(0);
        assertEquals(
          { ident, filter, flags, fflags, data, udata },
          {
            ident: 1n,
            filter: EVFILT_USER,
            flags: EV_DELETE | EV_ERROR,
            fflags: 5,
            data: BigInt(ENOENT),
            udata: 2n ** 64n - 1n,
          },
        );
      });

      it("R7 a receipt comes back as its change with data 0", () => {
        using kq = calls.open();
        const events = calls.room(4);
        assertEquals(
          calls.call(kq.fd, calls.changes(receipt(1)), events, PATIENT),
          1,
        );
        const { ident, filter, flags, fflags, data, udata } = events.at(0);
        assertEquals(
          { ident, filter, flags, fflags, data, udata },
          {
            ident: 1n,
            filter: EVFILT_USER,
            flags: EV_ADD | EV_RECEIPT | EV_ERROR,
            fflags: NOTE_TRIGGER | 3,
            data: 0n,
            udata: 11n,
          },
        );
        assertEquals(only(kq.poll()).data, 9n);
      });

      it("R7, R3 what a flag overrules is missing from the answer, and the system's bits", () => {
        using kq = calls.open();
        const events = calls.room(4);
        const flagsOf = (ident: number, flags: number): number => {
          const change = kevUser(ident, { flags: flags | EV_RECEIPT });
          calls.call(kq.fd, calls.changes(change), events, PATIENT);
          return only(events.toArray()).flags & ~EV_RECEIPT;
        };
        assertEquals(flagsOf(1, EV_ADD | EV_DELETE), EV_DELETE | EV_ERROR);
        const both = EV_ENABLE | EV_DISABLE;
        assertEquals(flagsOf(1, both), EV_DISABLE | EV_ERROR);
        assertEquals(flagsOf(1, EV_ADD | both), EV_ADD | EV_DISABLE | EV_ERROR);
        const polled = EV_ADD | EV_EOF | EV_POLL;
        assertEquals(flagsOf(2, polled), EV_ADD | EV_ERROR);
      });

      it("R7 failures and receipts keep the changes' order", () => {
        using kq = calls.open();
        const events = calls.room(8);
        const changes = calls.changes(
          receipt(1),
          absent(2),
          fired(3),
          kevRead(999_999),
          receipt(4),
          { ident: 5, filter: 100, flags: EV_ADD | EV_RECEIPT },
        );
        assertEquals(calls.call(kq.fd, changes, events, PATIENT), 5);
        assertEquals(results(events), [
          [1n, 0n],
          [2n, BigInt(ENOENT)],
          [999_999n, BigInt(EBADF)],
          [4n, 0n],
          [5n, BigInt(EINVAL)],
        ]);
        assertEquals(idents(kq.poll()), [1, 3, 4]);
      });

      it("R7 a call that reports one collects no events", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a), fired(1));
        send(b, 1);
        for (const change of [absent(2), receipt(1)]) {
          const events = calls.room(8);
          assertEquals(
            calls.call(kq.fd, calls.changes(change), events, PATIENT),
            1,
          );
          assertEquals(results(events).length, 1);
        }
        assertEquals(kq.poll().length, 2);
      });

      it("R7 all receipts and failures: nothing is waited for", () => {
        using kq = calls.open();
        const events = calls.room(2);
        const changes = calls.changes(receipt(1), absent(2));
        const before = performance.now();
        assertEquals(calls.call(kq.fd, changes, events, PATIENT), 2);
        assertLess(performance.now() - before, PATIENCE);
      });

      it("R7 without a list a failure ends the call with errno", () => {
        using kq = calls.open();
        const changes = calls.changes(fired(1), absent(2), fired(3));
        assertEquals(calls.call(kq.fd, changes, null, null), -1);
        assertEquals(errno(), ENOENT);
        assertEquals(idents(kq.poll()), [1]);
      });

      it("R7 where the room ends, the next failure ends the call", () => {
        using kq = calls.open();
        const events = calls.room(1);
        const changes = calls.changes(
          absent(1),
          fired(2),
          kevRead(999_999),
          fired(3),
        );
        assertEquals(calls.call(kq.fd, changes, events, PATIENT), -1);
        assertEquals(errno(), EBADF);
        assertEquals(idents(kq.poll()), [2]);
      });

      it("R7 receipts beyond the room are dropped, not their changes", () => {
        using kq = calls.open();
        const events = calls.room(2);
        const changes = calls.changes(
          receipt(1),
          receipt(2),
          receipt(3),
          fired(4),
        );
        assertEquals(calls.call(kq.fd, changes, events, PATIENT), 2);
        assertEquals(results(events), [[1n, 0n], [2n, 0n]]);
        assertEquals(idents(kq.poll()), [1, 2, 3, 4]);
      });

      it("R7 receipts without a list are no failure", () => {
        using kq = calls.open();
        const changes = calls.changes(receipt(1), receipt(2));
        assertEquals(calls.call(kq.fd, changes, null, null), 0);
        assertEquals(idents(kq.poll()), [1, 2]);
      });

      it("R7 a receipt of EV_DELETE comes back as well", () => {
        using kq = calls.open();
        kq.apply(fired(1));
        const events = calls.room(1);
        const changes = calls.changes(
          kevUser(1, { flags: EV_DELETE | EV_RECEIPT }),
        );
        assertEquals(calls.call(kq.fd, changes, events, PATIENT), 1);
        assertEquals(results(events), [[1n, 0n]]);
        assertEquals(kq.poll(), []);
      });

      it("R8 events may go where the changes are", () => {
        using fds = new Descriptors();
        using kq = calls.open();
        const [a, b] = fds.socketpair();
        send(b, 4);
        const list = calls.changes(
          kevRead(a, { udata: 1 }),
          { ...fired(7), udata: 2 },
          kevUser(8, { flags: EV_ADD }),
        );
        assertEquals(calls.call(kq.fd, list, list, PATIENT), 2);
        const events = list.toArray().sort((x, y) => Number(x.udata - y.udata));
        assertEquals(
          events.map(({ ident, filter, data }) => [ident, filter, data]),
          [[BigInt(a), EVFILT_READ, 4n], [7n, EVFILT_USER, 0n]],
        );
      });

      it("R8 receipts and failures may go where the changes are", () => {
        using kq = calls.open();
        const list = calls.changes(
          fired(1),
          fired(2),
          absent(3),
          receipt(4),
          fired(5),
          absent(6),
        );
        assertEquals(calls.call(kq.fd, list, list, PATIENT), 3);
        assertEquals(results(list), [
          [3n, BigInt(ENOENT)],
          [4n, 0n],
          [6n, BigInt(ENOENT)],
        ]);
        assertEquals(idents(kq.poll()), [1, 2, 4, 5]);
      });
    });
  }

  it("R7 Kqueue.apply applies what it can and names what it cannot", () => {
    using kq = new Kqueue();
    assertCode(() => kq.apply([fired(1), absent(2), fired(3)]), "ENOENT");
    assertEquals(idents(kq.poll()), [1, 3]);
  });

  it("R7 an event after a receipt is no receipt", () => {
    using kq = new Kqueue();
    kq.apply(kevUser(1, { flags: EV_ADD | EV_CLEAR, fflags: NOTE_TRIGGER }));
    assertEquals(only(kq.poll().toArray()).flags & EV_ERROR, 0);
  });
});
