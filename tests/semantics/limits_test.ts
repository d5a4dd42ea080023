import { assert, assertEquals, assertThrows } from "@std/assert";
import { it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  errno,
  kevRead,
  kevTimer,
  kevUser,
  kevWrite,
  Kqueue,
  kqueue,
  NOTE_TRIGGER,
  SystemError,
} from "../../mod.ts";
import { idents, only, openQueue } from "./calls.ts";
import { Descriptors, outOfDescriptors, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const OUT_OF = ["EMFILE", "ENFILE", "ENOMEM"];

describeKernels("limits", () => {
  it("R102 a queue that cannot be made is EMFILE", () => {
    outOfDescriptors(() => {
      assertEquals(kqueue(), -1);
      assertEquals(errno(), constants.errno.EMFILE);
      const error = assertThrows(() => new Kqueue(), SystemError);
      assertEquals([error.code, error.syscall], ["EMFILE", "kqueue"]);
    });
    using kq = openQueue();
    kq.apply(kevUser(1, { fflags: NOTE_TRIGGER }));
    assertEquals(idents(kq.poll()), [1]);
  });

  it("R102 what was registered before still works", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair();
    const [c, d] = fds.socketpair();
    kq.apply(kevRead(a), kevUser(1), kevTimer(2, 1));
    assertEquals(idents(kq.wait()), [2]);
    outOfDescriptors(() => {
      // Each is added, or refused for want of a descriptor.
      for (
        const change of [kevWrite(c), kevRead(c), kevTimer(3, 1), kevUser(4)]
      ) {
        try {
          kq.apply(change);
        } catch (error) {
          assert(error instanceof SystemError && OUT_OF.includes(error.code));
        }
      }
      send(b, 1);
      send(d, 1);
      kq.apply(kevUser(1, { fflags: NOTE_TRIGGER }));
      const got = new Set<number>();
      const wanted = [1, 2, a];
      while (!wanted.every((ident) => got.has(ident))) {
        const events = kq.wait();
        assert(events.length > 0, `got only ${[...got]}`);
        for (const ident of idents(events)) got.add(ident);
      }
    });
    // With descriptors to be had again, so is what was refused.
    kq.apply(kevWrite(c), kevRead(c), kevTimer(3, 1), kevUser(4));
    const got = new Set<number>();
    while (!got.has(3) || !got.has(c)) {
      for (const ident of idents(kq.wait())) got.add(ident);
    }
  });

  it("R102 the first watcher of a kind, when out of descriptors", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair();
    kq.apply(kevRead(a));
    for (const change of [kevWrite(a), kevTimer(1, 1)]) {
      outOfDescriptors(() => {
        try {
          kq.apply(change);
        } catch (error) {
          assert(error instanceof SystemError && OUT_OF.includes(error.code));
        }
        assertEquals(kq.poll().filter(({ filter }) => filter === -1), []);
      });
      kq.apply(change);
      assertEquals(only(kq.wait()).filter, change.filter);
      kq.apply({ ...change, flags: 2 });
    }
    send(b, 1);
    assertEquals(idents(kq.poll()), [a]);
  });

  it("R102 a failed batch applies what it can", () => {
    using fds = new Descriptors();
    using kq = new Kqueue();
    const [a, b] = fds.socketpair();
    outOfDescriptors(() => {
      const batch = [kevRead(a), kevTimer(1, 1), kevUser(2)];
      try {
        kq.apply(batch);
      } catch (error) {
        assert(error instanceof SystemError);
        for (const { index, code } of error.failures) {
          assert(batch[index] !== undefined && OUT_OF.includes(code));
        }
      }
    });
    send(b, 1);
    assert(idents(kq.poll()).includes(a));
    kq.trigger(2);
    assert(idents(kq.poll()).includes(2));
  });

  it("R101 queues made, used and closed leave nothing behind", () => {
    using fds = new Descriptors();
    const [a, b] = fds.socketpair();
    send(b, 1);
    for (let round = 0; round < 300; round++) {
      using kq = openQueue(4);
      kq.apply(kevRead(a), kevWrite(a), kevUser(1), kevTimer(1, 0));
      assertEquals(kq.poll().length, 3);
    }
  });
});
