import { assertEquals, assertThrows } from "@std/assert";
import { it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  close,
  errno,
  EV_ADD,
  kevent,
  KeventList,
  kevRead,
  kevUser,
  kqApply,
  Kqueue,
  kqueue,
  kqWait,
  NOTE_TRIGGER,
  Timespec,
} from "../../mod.ts";
import { assertCode, idents } from "./calls.ts";
import { Descriptors } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { EBADF } = constants.errno;

const fired = (ident: number) =>
  kevUser(ident, { flags: EV_ADD, fflags: NOTE_TRIGGER });

describeKernels("bad queues", () => {
  it("R10 a negative queue descriptor", () => {
    assertEquals(kevent(-1, null, new KeventList(1), new Timespec()), -1);
    assertEquals(errno(), EBADF);
    assertEquals(kqWait(-1, new KeventList(1), 0), -1);
    assertEquals(errno(), EBADF);
    assertEquals(kqApply(-1, fired(1)), false);
    assertEquals(errno(), EBADF);
    assertThrows(() => Kqueue.fromFd(-1), RangeError, "fd");
    assertThrows(() => Kqueue.fromFd(1.5), RangeError, "fd");
  });

  it("R10 Kqueue.fromFd of what is no queue", () => {
    using fds = new Descriptors();
    const [reader] = fds.pipe();
    assertCode(() => Kqueue.fromFd(reader), "EBADF");
    assertCode(() => Kqueue.fromFd(999_999), "EBADF");
  });

  it("R10 every method after close throws BadResource", () => {
    const kq = new Kqueue();
    kq.apply(fired(1));
    kq.close();
    const calls = [
      () => kq.apply(fired(2)),
      () => kq.apply([]),
      () => kq.poll(),
      () => kq.wait(0),
      () => kq.wait(),
      () => kq.trigger(1),
    ];
    for (const call of calls) assertThrows(call, Deno.errors.BadResource);
    assertEquals([kq.fd, kq.closed], [-1, true]);
    kq.close();
    kq[Symbol.dispose]();
  });

  it("R10 a queue descriptor that someone else closed", () => {
    const kq = new Kqueue();
    kq.apply(fired(1));
    assertEquals(close(kq.fd), 0);
    assertCode(() => kq.poll(), "EBADF");
    assertCode(() => kq.wait(0), "EBADF");
    assertCode(() => kq.wait(1000), "EBADF");
    assertCode(() => kq.apply(fired(2)), "EBADF");
    assertCode(() => kq.trigger(1), "EBADF");
    kq.close();
    assertEquals(kq.closed, true);
  });

  it("R10 a queue descriptor that was closed behind the module's back", () => {
    using fds = new Descriptors();
    const kq = new Kqueue();
    kq.apply(kevRead(fds.pipe()[0]));
    fds.closeBehind(kq.fd);
    assertCode(() => kq.poll(), "EBADF");
    assertCode(() => kq.wait(1000), "EBADF");
    kq.close();
  });

  it("R10 close of what is not open is EBADF", () => {
    const kq = kqueue();
    assertEquals(close(kq), 0);
    assertEquals(close(kq), -1);
    assertEquals(errno(), EBADF);
    assertEquals(close(-1), -1);
    assertEquals(errno(), EBADF);
  });

  it("R10 Kqueue.fromFd leaves the descriptor open", () => {
    using kq = new Kqueue();
    kq.apply(fired(1));
    {
      using borrowed = Kqueue.fromFd(kq.fd, { capacity: 1 });
      assertEquals(idents(borrowed.poll()), [1]);
    }
    assertEquals(idents(kq.poll()), [1]);
  });
});
