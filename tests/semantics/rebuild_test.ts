import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import {
  assertCode,
  idents,
  only,
  openQueue,
  type TestQueue,
} from "./calls.ts";
import { Descriptors, openSystem, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

openSystem();

/**
 * Closes a watched pipe behind the module's back that lives on in a duplicate and has something to read: the engine
 * can be rid of that only by a new epoll set.
 */
function haveRebuilt(kq: TestQueue, fds: Descriptors): void {
  const [reader, writer] = fds.pipe();
  kq.apply(kevRead(reader));
  fds.dup(reader);
  fds.closeBehind(reader);
  write(writer, 1);
  for (let call = 0; call < 3; call++) assertEquals(kq.poll(), []);
}

describeKernels("a queue that is rid of what was closed", () => {
  for (
    const [mode, flags] of Object.entries({
      "a level": EV_ADD,
      EV_CLEAR: EV_ADD | EV_CLEAR,
      EV_ONESHOT: EV_ADD | EV_ONESHOT,
      "a disabled one": EV_ADD | EV_DISABLE,
    })
  ) {
    it(`R9 the watcher of a number that names another file by now ends, ${mode}`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [reader, writer] = fds.pipe();
      kq.apply(kevRead(reader, { flags }));
      fds.dup(reader);
      const [other, otherWriter] = fds.pipe();
      fds.dup2Behind(other, reader);
      haveRebuilt(kq, fds);
      write(otherWriter, 5);
      write(writer, 9);
      for (let call = 0; call < 200; call++) assertEquals(kq.poll(), []);
      for (const flags of [EV_ENABLE, EV_DELETE]) {
        assertCode(() => kq.apply(kevRead(reader, { flags })), "ENOENT");
      }
    });

    it(`R9 the others go on, ${mode}`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [reader, writer] = fds.pipe();
      kq.apply(kevRead(reader, { flags, udata: 7 }));
      haveRebuilt(kq, fds);
      write(writer, 5);
      if ((flags & EV_DISABLE) !== 0) {
        assertEquals(kq.poll(), []);
        kq.apply(kevRead(reader, { flags: EV_ENABLE, udata: 7 }));
      }
      const { data, udata } = only(kq.poll());
      assertEquals([data, udata], [5n, 7n]);
    });
  }

  it("R9 a datagram socket that was writable is not reported any more", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a] = fds.socketpair("datagram");
    kq.apply(kevWrite(a));
    assertEquals(idents(kq.poll()), [a]);
    fds.dup(a);
    fds.closeBehind(a);
    for (let call = 0; call < 3; call++) assertEquals(kq.poll(), []);
  });

  it("R13 an edge that was reported is not reported again", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader, { flags: EV_ADD | EV_CLEAR }));
    write(writer, 1);
    assertEquals(only(kq.wait()).data, 1n);
    haveRebuilt(kq, fds);
    write(writer, 1);
    assertEquals(only(kq.wait()).data, 2n);
  });

  it("R9 WRITE goes on after one of its own was closed", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [, before] = fds.pipe();
    const [, writer] = fds.pipe();
    kq.apply(kevWrite(before), kevWrite(writer));
    fds.dup(writer);
    fds.closeBehind(writer);
    for (let call = 0; call < 3; call++) {
      assertEquals(idents(kq.wait()), [before]);
    }
    const [, after] = fds.pipe();
    kq.apply(kevWrite(after));
    assertEquals(idents(kq.wait()), [before, after].sort((a, b) => a - b));
  });

  it("R9 a change that finds another file by the number ends every filter's watcher of it", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [fd] = fds.socketpair();
    fds.dup(fd);
    kq.apply(kevRead(fd), kevWrite(fd));
    const [other] = fds.socketpair();
    fds.dup2Behind(other, fd);
    const change = kevRead(fd, { flags: EV_DISABLE });
    assertCode(() => kq.apply(change), "ENOENT");
    assertEquals(kq.poll(), []);
  });

  it("R9 a queue that watches the queue goes on", () => {
    using fds = new Descriptors();
    using outer = openQueue();
    using kq = openQueue();
    outer.apply(kevRead(kq.fd));
    haveRebuilt(kq, fds);
    assertEquals(outer.poll(), []);
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader));
    write(writer, 1);
    assertEquals(idents(outer.wait()), [kq.fd]);
  });
});
