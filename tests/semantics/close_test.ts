import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  kevWrite,
} from "../../mod.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";
import { Descriptors, drain, send, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const MODES = {
  "a level": EV_ADD,
  "EV_CLEAR": EV_ADD | EV_CLEAR,
  "EV_ONESHOT": EV_ADD | EV_ONESHOT,
  "EV_DISPATCH": EV_ADD | EV_DISPATCH,
};

/** A way in which a descriptor is closed, and its number given to another file. */
interface Way {
  close(fds: Descriptors, fd: number): void;
  dup2(fds: Descriptors, fd: number, number: number): void;
}

const WAYS: Record<string, Way> = {
  "by the module": {
    close: (fds, fd) => fds.close(fd),
    dup2: (fds, fd, number) => fds.dup2(fd, number),
  },
  "behind its back": {
    close: (fds, fd) => fds.closeBehind(fd),
    dup2: (fds, fd, number) => fds.dup2Behind(fd, number),
  },
};

describeKernels("closed descriptors", () => {
  for (const [way, { close, dup2 }] of Object.entries(WAYS)) {
    describe(`closed ${way}`, () => {
      for (const [mode, flags] of Object.entries(MODES)) {
        it(`R9 watchers go with their descriptor, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const [a, b] = fds.socketpair();
          const [other, otherEnd] = fds.socketpair();
          kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
          kq.apply(kevRead(other));
          send(b, 1);
          close(fds, a);
          assertEquals(kq.poll(), []);
          send(otherEnd, 1);
          assertEquals(idents(kq.wait()), [other]);
          for (const flags of [EV_DELETE, EV_ENABLE]) {
            assertCode(() => kq.apply(kevRead(a, { flags })), "ENOENT");
            assertCode(() => kq.apply(kevWrite(a, { flags })), "ENOENT");
          }
          assertCode(() => kq.apply(kevRead(a)), "EBADF");
          assertEquals(idents(kq.poll()), [other]);
        });

        it(`R9 a new descriptor of that number inherits none, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const [a, b] = fds.socketpair();
          kq.apply(kevRead(a, { flags, udata: 1 }));
          kq.apply(kevWrite(a, { flags, udata: 2 }));
          send(b, 1);
          close(fds, a);
          const [x, y] = fds.socketpair();
          dup2(fds, x, a);
          send(y, 1);
          assertEquals(kq.poll(), []);
          kq.apply(kevRead(a, { udata: 3 }));
          // Its own mode, its own word.
          assertEquals(only(kq.poll()).udata, 3n);
          assertEquals(only(kq.poll()).udata, 3n);
          assertCode(
            () => kq.apply(kevWrite(a, { flags: EV_DELETE })),
            "ENOENT",
          );
        });

        it(`R9 a duplicate that lives on reports nothing, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const [a, b] = fds.socketpair();
          kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
          const duplicate = fds.dup(a);
          close(fds, a);
          send(b, 1);
          assertEquals(kq.poll(), []);
          assertEquals(kq.wait(1), []);
          send(b, 1);
          kq.apply(kevTimer(1, 5));
          assertEquals(idents(kq.wait()), [1]);
          // And the duplicate can be watched by its own number.
          kq.apply(kevTimer(1, 5, { flags: EV_DELETE }));
          kq.apply(kevRead(duplicate));
          assertEquals(idents(kq.poll()), [duplicate]);
          assertEquals(idents(kq.poll()), [duplicate]);
        });

        it(`R9 another file at the number ends the watchers, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const [a, b] = fds.socketpair();
          const [x, y] = fds.socketpair();
          kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
          send(b, 1);
          send(y, 1);
          dup2(fds, x, a);
          assertEquals(kq.poll(), []);
          for (const gone of [kevRead, kevWrite]) {
            assertCode(() => kq.apply(gone(a, { flags: EV_DELETE })), "ENOENT");
          }
        });

        it(`R9 EV_ADD after dup2 is for the new file, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const [a] = fds.socketpair();
          const [x, y] = fds.socketpair();
          kq.apply(kevRead(a, { flags, udata: 1 }));
          dup2(fds, x, a);
          kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR, udata: 2 }));
          send(y, 1);
          assertEquals(only(kq.poll()).udata, 2n);
          assertEquals(kq.poll(), []);
          send(y, 1);
          assertEquals(only(kq.poll()).udata, 2n);
        });
      }

      it("R9 an event that was ready is not reported", () => {
        using fds = new Descriptors();
        using kq = openQueue(1);
        const pairs = [fds.socketpair(), fds.socketpair(), fds.socketpair()];
        for (const [a, b] of pairs) {
          kq.apply(kevRead(a));
          send(b, 1);
        }
        const [first] = idents(kq.poll());
        const [second, third] = pairs.map(([a]) => a).filter((a) =>
          a !== first
        );
        close(fds, second);
        assertEquals(idents([...kq.poll(), ...kq.poll()]), [first, third]);
      });

      it("R9 each watched duplicate has its own watchers", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = fds.socketpair();
        const second = fds.dup(a);
        const third = fds.dup(a);
        kq.apply(kevRead(a), kevRead(second, { flags: EV_ADD | EV_CLEAR }));
        send(b, 1);
        assertEquals(idents(kq.poll()), [a, second].sort((x, y) => x - y));
        close(fds, a);
        assertEquals(kq.poll(), []);
        send(b, 1);
        assertEquals(idents(kq.poll()), [second]);
        kq.apply(kevRead(third));
        close(fds, second);
        assertEquals(idents(kq.poll()), [third]);
        assertEquals(drain(third), 2);
        assertEquals(kq.poll(), []);
      });

      it("R9 the watchers of every queue go", () => {
        using fds = new Descriptors();
        using first = openQueue();
        using second = openQueue();
        const [a, b] = fds.socketpair();
        first.apply(kevRead(a));
        second.apply(kevRead(a), kevWrite(a));
        fds.dup(a);
        close(fds, a);
        send(b, 1);
        assertEquals([first.poll(), second.poll()], [[], []]);
        const flags = EV_DELETE;
        assertCode(() => first.apply(kevRead(a, { flags })), "ENOENT");
        assertCode(() => second.apply(kevWrite(a, { flags })), "ENOENT");
      });

      it("R9 a number is used again and again", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = fds.socketpair();
        kq.apply(kevRead(a, { udata: 1 }));
        for (let round = 0; round < 200; round++) {
          const [reader, writer] = fds.pipe();
          const flags = round % 2 === 0 ? EV_ADD : EV_ADD | EV_CLEAR;
          kq.apply(kevRead(reader, { udata: round + 2, flags }));
          write(writer, 1);
          assertEquals(only(kq.poll()).udata, BigInt(round + 2));
          close(fds, reader);
          fds.close(writer);
        }
        send(b, 1);
        assertEquals(only(kq.poll()).udata, 1n);
      });

      it("R9 a watcher of the other side goes on, with EV_EOF", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [reader, writer] = fds.pipe();
        kq.apply(kevRead(reader), kevWrite(writer));
        close(fds, writer);
        assertEquals(idents(kq.wait()), [reader]);
      });
    });
  }

  for (const [mode, flags] of Object.entries(MODES)) {
    it(`R9 dup2 over a duplicated number ends its watchers, ${mode}`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [a, b] = fds.socketpair();
      const [x, y] = fds.socketpair();
      kq.apply(kevRead(a, { flags }), kevWrite(a, { flags }));
      fds.dup(a);
      fds.dup2(x, a);
      send(b, 1);
      send(y, 1);
      assertEquals(kq.poll(), []);
      assertCode(() => kq.apply(kevRead(a, { flags: EV_DELETE })), "ENOENT");
      assertCode(() => kq.apply(kevWrite(a, { flags: EV_DELETE })), "ENOENT");
    });
  }

  it("R9 what was closed in a queue's own call list is EBADF there", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader] = fds.pipe();
    const [other] = fds.socketpair();
    fds.close(reader);
    assertCode(() => kq.apply(kevRead(reader), kevWrite(other)), "EBADF");
    assertEquals(idents(kq.poll()), [other]);
  });

  it("R9 closing a queue leaves its descriptors and other queues alone", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair();
    {
      using other = openQueue();
      other.apply(kevRead(a), kevWrite(a), kevTimer(1, 5));
    }
    kq.apply(kevRead(a));
    send(b, 3);
    assertEquals(only(kq.poll()).data, 3n);
  });
});
