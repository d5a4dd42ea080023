import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  kevWrite,
} from "../../mod.ts";
import { creat, ftruncate, lseek, open, unlink } from "../../posix.ts";
import { assertCode, idents, only, openQueue } from "./calls.ts";
import { Descriptors, read, temporaryPath, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

/** A file of so many bytes, open for reading at its start and for writing at its end. */
function openFile(
  fds: Descriptors,
  size: number,
): [reader: number, writer: number] {
  const path = temporaryPath();
  const writer = fds.keep(creat(path));
  try {
    const reader = fds.keep(open(path));
    if (size > 0) write(writer, size);
    return [reader, writer];
  } finally {
    unlink(path);
  }
}

describeKernels("regular files", () => {
  it("R37 READ's data is the bytes from the offset to the end", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader] = openFile(fds, 100);
    kq.apply(kevRead(reader, { udata: 9 }));
    const event = only(kq.poll());
    assertEquals([event.data, event.udata], [100n, 9n]);
    assertEquals(event.flags & EV_EOF, 0);
    read(reader, 30);
    assertEquals(only(kq.poll()).data, 70n);
    lseek(reader, 10);
    assertEquals(only(kq.poll()).data, 90n);
    lseek(reader, 0, "end");
    assertEquals(kq.poll(), []);
    lseek(reader, 0);
    assertEquals(only(kq.poll()).data, 100n);
  });

  it("R37 past the end data is negative", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFile(fds, 100);
    lseek(reader, 150);
    kq.apply(kevRead(reader));
    assertEquals(only(kq.poll()).data, -50n);
    ftruncate(writer, 20);
    assertEquals(only(kq.poll()).data, -130n);
    lseek(reader, 20);
    assertEquals(kq.poll(), []);
  });

  it("R37 an empty file is at its end", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFile(fds, 0);
    kq.apply(kevRead(reader));
    assertEquals(kq.poll(), []);
    write(writer, 5);
    assertEquals(only(kq.wait()).data, 5n);
    read(reader, 5);
    assertEquals(kq.poll(), []);
  });

  it("R37 growing, it is reported again and ends a wait", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFile(fds, 10);
    lseek(reader, 0, "end");
    kq.apply(kevRead(reader));
    assertEquals(kq.poll(), []);
    assertEquals(kq.wait(2), []);
    for (let round = 0; round < 3; round++) {
      write(writer, 7);
      assertEquals(only(kq.wait()).data, 7n);
      lseek(reader, 0, "end");
      assertEquals(kq.poll(), []);
    }
    ftruncate(writer, 1000);
    assertEquals(only(kq.wait()).data, 1000n - 31n);
  });

  it("R37 with EV_CLEAR each growth is reported once", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFile(fds, 10);
    kq.apply(kevRead(reader, { flags: EV_ADD | EV_CLEAR }));
    assertEquals(only(kq.poll()).data, 10n);
    assertEquals(kq.poll(), []);
    write(writer, 5);
    assertEquals(only(kq.wait()).data, 15n);
    assertEquals(kq.poll(), []);
  });

  it("R37 with EV_ONESHOT and EV_DISPATCH", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader] = openFile(fds, 10);
    kq.apply(kevRead(reader, { flags: EV_ADD | EV_ONESHOT }));
    assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
    assertCode(() => kq.apply(kevRead(reader, { flags: EV_DELETE })), "ENOENT");
    kq.apply(kevRead(reader, { flags: EV_ADD | EV_DISPATCH }));
    assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
    kq.apply(kevRead(reader, { flags: EV_ENABLE }));
    assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
  });

  it("R37 disabled, deleted, closed", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFile(fds, 10);
    kq.apply(kevRead(reader, { flags: EV_ADD | EV_DISABLE }));
    write(writer, 1);
    assertEquals(kq.poll(), []);
    kq.apply(kevRead(reader, { flags: EV_ENABLE }));
    assertEquals(only(kq.poll()).data, 11n);
    kq.apply(kevRead(reader, { flags: EV_DELETE }));
    assertEquals(kq.poll(), []);
    kq.apply(kevRead(reader));
    assertEquals(kq.poll().length, 1);
    fds.close(reader);
    write(writer, 1);
    assertEquals(kq.poll(), []);
    assertCode(() => kq.apply(kevRead(reader, { flags: EV_DELETE })), "ENOENT");
  });

  it("R37 duplicates share the offset, other openings have their own", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const path = temporaryPath();
    write(fds.keep(creat(path)), 10);
    const first = fds.keep(open(path));
    const second = fds.keep(open(path));
    unlink(path);
    const duplicate = fds.dup(first);
    kq.apply(kevRead(first), kevRead(second), kevRead(duplicate));
    assertEquals(kq.poll().length, 3);
    read(duplicate, 10);
    assertEquals(idents(kq.poll()), [second]);
  });

  it("R37 beside other watchers in one queue", () => {
    using fds = new Descriptors();
    using kq = openQueue(1);
    const [reader] = openFile(fds, 10);
    const [pipe, writer] = fds.pipe();
    write(writer, 1);
    kq.apply(kevRead(reader), kevRead(pipe), kevTimer(1, 0));
    const got = new Set<bigint>();
    for (let call = 0; call < 3; call++) got.add(only(kq.poll()).ident);
    assertEquals(got, new Set([1n, BigInt(reader), BigInt(pipe)]));
  });

  it("R33 a regular file is always writable, data 1", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [, writer] = openFile(fds, 10);
    kq.apply(kevWrite(writer, { udata: 3 }));
    for (let call = 0; call < 3; call++) {
      const { data, udata, flags } = only(kq.poll());
      assertEquals([data, udata, flags & EV_EOF], [1n, 3n, 0]);
      write(writer, 10);
    }
    kq.apply(kevWrite(writer, { flags: EV_DELETE }));
    assertEquals(kq.poll(), []);
    kq.apply(kevWrite(writer, { flags: EV_ADD | EV_ONESHOT }));
    assertEquals([kq.poll().length, kq.poll().length], [1, 0]);
  });

  it("R38 READ and WRITE on one file are two watchers", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const path = temporaryPath();
    fds.keep(creat(path));
    const fd = fds.keep(open(path, { read: true, write: true }));
    unlink(path);
    kq.apply(kevRead(fd, { udata: 1 }), kevWrite(fd, { udata: 2 }));
    assertEquals(only(kq.poll()).udata, 2n);
    write(fd, 4);
    lseek(fd, 0);
    assertEquals(kq.poll().map(({ udata }) => udata).sort(), [1n, 2n]);
    kq.apply(kevWrite(fd, { flags: EV_DELETE }));
    const event = only(kq.poll());
    assert(event.udata === 1n && event.data === 4n);
  });
});
