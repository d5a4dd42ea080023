import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  close,
  errno,
  EV_ADD,
  kevent64,
  Kevent64List,
  KEVENT_FLAG_IMMEDIATE,
  kevRead,
  kevUser,
  kqueue,
  NOTE_TRIGGER,
  Timespec,
} from "../../mod.ts";
import { idents, only, openQueue, RAW_CALLS } from "./calls.ts";
import { Descriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { EBADF, EINVAL } = constants.errno;

const fired = (ident: number) =>
  kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER });

describeKernels("queues and timeouts that are none", () => {
  for (const calls of RAW_CALLS) {
    describe(`by ${calls.name}`, () => {
      it("R10 what is no queue is EBADF", () => {
        using fds = new Descriptors();
        const [reader] = fds.pipe();
        const closed = kqueue();
        close(closed);
        for (const fd of [reader, closed, -1, 999_999]) {
          const events = calls.room(1);
          const now = new Timespec();
          assertEquals(calls.call(fd, null, events, now), -1);
          assertEquals(errno(), EBADF);
          assertEquals(calls.call(fd, calls.changes(fired(1)), null, now), -1);
          assertEquals(errno(), EBADF);
          assertEquals(calls.call(fd, null, null, now), -1);
          assertEquals(errno(), EBADF);
        }
      });

      for (
        const [sec, nsec] of [
          [0, -1],
          [0, 1e9 + 1],
          [5, 2e9],
          [0, -(2n ** 63n)],
          [0, 2n ** 63n - 1n],
          [-1, 0],
          [-(2n ** 63n), 0],
          [2 ** 31, 0],
          [2n ** 63n - 1n, 0],
        ] as const
      ) {
        it(`R10 a timeout of ${sec} s and ${nsec} ns is EINVAL`, () => {
          using kq = calls.open();
          kq.apply(fired(1));
          const timeout = new Timespec(sec, nsec);
          assertEquals(calls.call(kq.fd, null, calls.room(1), timeout), -1);
          assertEquals(errno(), EINVAL);
          assertEquals(only(kq.poll()).ident, 1n);
        });
      }

      for (
        const [sec, nsec] of [[0, 999_999_999], [0, 1e9], [2 ** 31 - 1, 0]]
      ) {
        it(`R10 a timeout of ${sec} s and ${nsec} ns is valid`, () => {
          using kq = calls.open();
          kq.apply(fired(1));
          const timeout = new Timespec(sec, nsec);
          assertEquals(calls.call(kq.fd, null, calls.room(1), timeout), 1);
        });
      }

      it("R10 a timeout of a whole second of nanoseconds is waited for", () => {
        using kq = calls.open();
        const before = performance.now();
        const timeout = new Timespec(0, 1e9);
        assertEquals(calls.call(kq.fd, null, calls.room(1), timeout), 0);
        assertGreaterOrEqual(performance.now() - before, 1000);
      });

      it("R10 the timeout is looked at before the descriptor", () => {
        for (const [sec, nsec] of [[-1, 0], [0, -1], [2 ** 31, 0]]) {
          const timeout = new Timespec(sec, nsec);
          assertEquals(calls.call(-1, null, null, timeout), -1);
          assertEquals(errno(), EINVAL);
        }
      });

      it("R10 a timeout that is none keeps changes from being applied", () => {
        using kq = calls.open();
        const changes = calls.changes(fired(1));
        assertEquals(calls.call(kq.fd, changes, null, new Timespec(-1)), -1);
        assertEquals(kq.poll(), []);
      });

      it("R10 a queue closed by somebody else is EBADF", () => {
        using fds = new Descriptors();
        const [a, b] = fds.socketpair();
        const kq = fds.keep(kqueue());
        const changes = calls.changes(kevRead(a));
        assertEquals(calls.call(kq, changes, null, null), 0);
        send(b, 1);
        fds.closeBehind(kq);
        assertEquals(calls.call(kq, null, calls.room(1), new Timespec()), -1);
        assertEquals(errno(), EBADF);
        assertEquals(calls.call(kq, null, null, null), -1);
        assertEquals(errno(), EBADF);
      });

      it("R10 a queue's number that means another file is EBADF", () => {
        using fds = new Descriptors();
        const [reader] = fds.pipe();
        const kq = fds.keep(kqueue());
        fds.dup2(reader, kq);
        assertEquals(calls.call(kq, null, calls.room(1), new Timespec()), -1);
        assertEquals(errno(), EBADF);
      });
    });
  }

  it("R10 with KEVENT_FLAG_IMMEDIATE no timeout is looked at", () => {
    using kq = openQueue();
    kq.apply(fired(1));
    const events = new Kevent64List(1);
    for (const timeout of [new Timespec(-1), new Timespec(0, 2e9)]) {
      const flags = KEVENT_FLAG_IMMEDIATE;
      assertEquals(kevent64(kq.fd, null, events, flags, timeout), 1);
      assertEquals(kevent64(-1, null, events, flags, timeout), -1);
      assertEquals(errno(), EBADF);
    }
  });

  it("R10 a new queue may have the number of a closed one", () => {
    const before = kqueue();
    close(before);
    using kq = openQueue();
    assertEquals(kq.fd, before);
    kq.apply(fired(1));
    assertEquals(idents(kq.poll()), [1]);
  });
});
