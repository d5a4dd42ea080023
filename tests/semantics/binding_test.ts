import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  close,
  errno,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_USER,
  kevent,
  kevent64,
  Kevent64List,
  KEVENT_FLAG_IMMEDIATE,
  KeventList,
  kevRead,
  kevTimer,
  kevUser,
  kqApply,
  Kqueue,
  kqueue,
  kqWait,
  NOTE_TRIGGER,
  SystemError,
  Timespec,
} from "../../mod.ts";
import { assertCode, idents, only, RAW_CALLS, type RawCalls } from "./calls.ts";
import { Descriptors, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { EBADF, EINVAL, ENOENT } = constants.errno;
const MAX_U64 = 2n ** 64n - 1n;
const WORD = 2n ** 63n + 1n;

const fired = (ident: number) =>
  kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER });

/** A queue that belongs to one of the calls, closed after the test. */
function bound(fds: Descriptors, calls: RawCalls): number {
  const fd = fds.keep(kqueue());
  assertEquals(calls.call(fd, null, null, null), 0);
  return fd;
}

describeKernels("a queue of kevent, and one of kevent64", () => {
  for (const [calls, other] of [RAW_CALLS, [...RAW_CALLS].reverse()]) {
    describe(`a queue of ${calls.name}`, () => {
      it(`R10a ${other.name} is EINVAL, and applies nothing`, () => {
        using fds = new Descriptors();
        const kq = bound(fds, calls);
        for (const events of [null, other.room(2)]) {
          const changes = other.changes(fired(1));
          assertEquals(other.call(kq, changes, events, new Timespec()), -1);
          assertEquals(errno(), EINVAL);
        }
        assertEquals(other.call(kq, null, other.room(1), new Timespec()), -1);
        assertEquals(errno(), EINVAL);
        assertEquals(other.call(kq, null, null, null), -1);
        const events = calls.room(2);
        assertEquals(calls.call(kq, null, events, new Timespec()), 0);
      });

      it("R10a belongs to it from the first call, one that fails too", () => {
        using fds = new Descriptors();
        const kq = fds.keep(kqueue());
        const wrong = calls.changes(kevUser(1, { flags: EV_DELETE }));
        assertEquals(calls.call(kq, wrong, null, null), -1);
        assertEquals(errno(), ENOENT);
        assertEquals(other.call(kq, null, null, null), -1);
        assertEquals(errno(), EINVAL);
      });

      it("R10a does not by a call that never got as far", () => {
        using fds = new Descriptors();
        const kq = fds.keep(kqueue());
        const timeout = new Timespec(-1);
        assertEquals(other.call(kq, null, null, timeout), -1);
        assertEquals(errno(), EINVAL);
        assertEquals(calls.call(kq, calls.changes(fired(1)), null, null), 0);
      });

      for (const List of [KeventList, Kevent64List]) {
        it(`R10a kqApply and kqWait, with a ${List.name}`, () => {
          using fds = new Descriptors();
          const kq = bound(fds, calls);
          const change = { ...fired(1), data: -5, udata: MAX_U64 };
          assert(kqApply(kq, change));
          const events = new List(4);
          assertEquals(kqWait(kq, events, 0), 1);
          const { ident, filter, data, udata } = events.at(0);
          assertEquals(
            [ident, filter, data, udata],
            [1n, EVFILT_USER, -5n, MAX_U64],
          );
          assert(kqApply(kq, kevUser(1, { flags: EV_DELETE })));
          assertEquals(kqApply(kq, kevUser(1, { flags: EV_DELETE })), false);
          assertEquals(errno(), ENOENT);
          assertEquals(kqApply(kq, { ident: 1, filter: 100 }), false);
          assertEquals(errno(), EINVAL);
          assertEquals([kqWait(kq, events, 0), events.length], [0, 0]);
          const before = performance.now();
          assertEquals(kqWait(kq, events, 5), 0);
          assert(performance.now() - before >= 5);
          assert(kqApply(kq, kevTimer(2, 5)));
          assertEquals(kqWait(kq, events, -1), 1);
          assertEquals(events.identNumber(0), 2);
        });
      }

      it("R18 kqWait takes no more than its list has room for", () => {
        using fds = new Descriptors();
        const kq = bound(fds, calls);
        for (let ident = 0; ident < 5; ident++) {
          assert(kqApply(kq, fired(ident)));
        }
        for (const List of [KeventList, Kevent64List]) {
          const events = new List(2);
          assertEquals(kqWait(kq, events, -1), 2);
          assertEquals(events.length, 2);
        }
      });

      it("R10a Kqueue.fromFd takes it, for each of its methods", async () => {
        using fds = new Descriptors();
        const [reader, writer] = fds.pipe();
        using kq = Kqueue.fromFd(bound(fds, calls), { capacity: 4 });
        kq.apply([
          kevUser(1, { flags: EV_ADD | EV_CLEAR, udata: 7 }),
          kevRead(reader, { udata: WORD }),
        ]);
        assertEquals(kq.poll().length, 0);
        kq.trigger(1, { udata: 8, data: -1 });
        const { udata, data } = only(kq.poll().toArray());
        assertEquals([udata, data], [8n, -1n]);
        write(writer, 3);
        assertEquals(only(kq.wait().toArray()).udata, WORD);
        assertEquals(idents(await kq.waitAsync()), [reader]);
        for await (const event of kq) {
          assertEquals(event.data, 3n);
          break;
        }
        kq.apply(kevRead(reader, { flags: EV_DELETE }));
        assertEquals((await kq.waitAsync({ timeoutMs: 5 })).length, 0);
      });

      it("R7 Kqueue.fromFd tells of each change that fails", () => {
        using fds = new Descriptors();
        using kq = Kqueue.fromFd(bound(fds, calls));
        const changes = [1, 2, 3].map((ident) =>
          ident === 2
            ? kevUser(2, { flags: EV_DELETE, udata: 6 })
            : fired(ident)
        );
        try {
          kq.apply(changes);
          assert(false, "nothing was thrown");
        } catch (error) {
          assert(error instanceof SystemError);
          assertEquals(
            error.failures.map(({ index, code }) => [index, code]),
            [[1, "ENOENT"]],
          );
          assertEquals(error.change, changes[1]);
        }
        assertEquals(idents(kq.poll()), [1, 3]);
        assertCode(() => kq.apply({ ident: 1, filter: 100 }), "EINVAL");
      });

      it("R10 is no queue once it is closed", () => {
        using fds = new Descriptors();
        const fd = bound(fds, calls);
        using kq = Kqueue.fromFd(fd);
        fds.close(fd);
        assertCode(() => kq.poll(), "EBADF");
        assertCode(() => Kqueue.fromFd(fd), "EBADF");
        assertEquals(kqApply(fd, fired(1)), false);
        assertEquals(errno(), EBADF);
        assertEquals(kqWait(fd, new KeventList(1), 0), -1);
        assertEquals(errno(), EBADF);
      });
    });
  }

  it("R10a a Kqueue is one of kevent64 from the beginning", () => {
    using kq = new Kqueue();
    const change = KeventList.from([fired(1)]);
    assertEquals(kevent(kq.fd, change, null, null), -1);
    assertEquals(errno(), EINVAL);
    assert(kqApply(kq.fd, fired(2)));
    const list = Kevent64List.from([{ ...fired(3), ext: [1, 2] }]);
    assertEquals(
      kevent64(kq.fd, list, null, KEVENT_FLAG_IMMEDIATE, null),
      0,
    );
    assertEquals(idents(kq.poll()), [2, 3]);
  });

  it("R10a a new queue with the number of one that was closed is free again", () => {
    for (const calls of RAW_CALLS) {
      const kq = kqueue();
      assertEquals(calls.call(kq, null, null, null), 0);
      close(kq);
    }
  });
});
