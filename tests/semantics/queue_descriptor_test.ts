import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  close,
  errno,
  EV_ADD,
  EV_ONESHOT,
  EV_RECEIPT,
  type KeventInit,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  Kqueue,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { assertCode, idents, openQueue, PATIENCE, RAW_CALLS } from "./calls.ts";
import { Descriptors, openSystem, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { EBADF } = constants.errno;

openSystem();

const fired = (ident: number) =>
  kevUser(ident, { flags: EV_ADD | EV_ONESHOT, fflags: NOTE_TRIGGER });

/** A change for each kind of watcher, with descriptors of its own. */
function changes(fds: Descriptors): Record<string, KeventInit> {
  const [reader, writer] = fds.pipe();
  return {
    READ: kevRead(reader),
    WRITE: kevWrite(writer),
    TIMER: kevTimer(1, 1),
    USER: fired(1),
  };
}

/** What a queue's number means after the queue was closed behind the module's back. */
const AFTERWARDS: Record<string, (fds: Descriptors, kq: number) => void> = {
  "nothing": () => {},
  "a pipe": (fds, kq) => {
    const [reader] = fds.pipe();
    if (reader !== kq) fds.dup2Behind(reader, kq);
  },
};

describeKernels("the descriptor of a queue", () => {
  for (const calls of RAW_CALLS) {
    describe(`by ${calls.name}`, () => {
      for (const [meaning, reuse] of Object.entries(AFTERWARDS)) {
        for (const filter of ["READ", "WRITE", "TIMER", "USER"]) {
          it(`R10 ${filter} for a closed queue whose number means ${meaning} is EBADF`, () => {
            using fds = new Descriptors();
            const change = changes(fds)[filter];
            const kq = calls.open().fd;
            assertEquals(calls.call(kq, null, null, null), 0);
            fds.closeBehind(kq);
            reuse(fds, kq);
            const receipt = { ...change, flags: EV_ADD | EV_RECEIPT };
            const list = calls.changes(receipt);
            assertEquals(calls.call(kq, list, list, null), -1);
            assertEquals(errno(), EBADF);
            assertEquals(list.length, 0);
            const changing = calls.changes(change);
            assertEquals(calls.call(kq, changing, null, null), -1);
            assertEquals(errno(), EBADF);
          });
        }
      }
    });
  }

  it("R10 a change that fails on a closed queue is the queue's EBADF", () => {
    using fds = new Descriptors();
    using kq = new Kqueue();
    kq.apply(kevUser(1));
    fds.closeBehind(kq.fd);
    assertCode(() => kq.apply(kevUser(9, { flags: 0 })), "EBADF");
    assertCode(() => kq.trigger(1), "EBADF");
  });

  it("R10 a duplicate is the same queue", () => {
    using fds = new Descriptors();
    using kq = new Kqueue();
    const fd = fds.dup(kq.fd);
    using other = Kqueue.fromFd(fd);
    other.apply(fired(1));
    assertEquals(idents(kq.poll()), [1]);
    kq.apply(fired(2));
    assertEquals(idents(other.poll()), [2]);
    const [reader, writer] = fds.pipe();
    other.apply(kevRead(reader));
    write(writer, 1);
    assertEquals(idents(kq.poll()), [reader]);
    assertEquals(idents(other.wait(PATIENCE)), [reader]);
    fds.close(fd);
    assertCode(() => other.poll(), "EBADF");
    assertEquals(idents(kq.poll()), [reader]);
  });

  it("R10 a duplicate's number that means another file is no queue", () => {
    using fds = new Descriptors();
    using kq = new Kqueue();
    const [reader] = fds.pipe();
    const fd = fds.dup(kq.fd);
    using other = Kqueue.fromFd(fd);
    other.apply(fired(1));
    fds.dup2Behind(reader, fd);
    assertCode(() => other.apply(fired(2)), "EBADF");
    assertCode(() => other.poll(), "EBADF");
    assertEquals(idents(kq.poll()), [1]);
  });

  it("R10 each duplicate is of its own queue", () => {
    using fds = new Descriptors();
    const queues = [1, 2, 3].map(() => openQueue());
    for (const [index, kq] of queues.entries()) {
      const other = Kqueue.fromFd(fds.dup(kq.fd));
      other.apply(fired(index));
    }
    for (const [index, kq] of queues.entries()) {
      assertEquals(idents(kq.poll()), [index]);
      close(kq.fd);
    }
  });
});
