import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  type Kevent,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { only, openQueue } from "./calls.ts";
import { Descriptors, read, temporaryPath, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const isEnd = (event: Kevent) => (event.flags & EV_EOF) !== 0;

/** Both ends of a FIFO whose name is gone. */
function openFifo(fds: Descriptors): [reader: number, writer: number] {
  const path = temporaryPath();
  assertEquals(posix.waitpid(posix.spawn(["mkfifo", path]))?.status, 0);
  const reader = fds.keep(posix.open(path, { nonblocking: true }));
  const writer = fds.keep(posix.open(path, { write: true }));
  posix.unlink(path);
  return [reader, writer];
}

describeKernels("FIFOs", (kernel) => {
  it("R36 READ's data is the bytes in it", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFifo(fds);
    kq.apply(kevRead(reader, { udata: 5 }));
    assertEquals(kq.poll(), []);
    write(writer, 10);
    for (let call = 0; call < 2; call++) {
      const { data, udata } = only(kq.poll());
      assertEquals([data, udata], [10n, 5n]);
    }
    read(reader, 4);
    assertEquals(only(kq.poll()).data, 6n);
    read(reader, 6);
    assertEquals(kq.poll(), []);
  });

  it("R36 READ of it in other modes", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFifo(fds);
    for (const mode of [EV_CLEAR, EV_ONESHOT]) {
      kq.apply(kevRead(reader, { flags: EV_ADD | mode }));
      write(writer, 3);
      assertEquals(only(kq.wait()).data, 3n);
      assertEquals(kq.poll(), []);
      read(reader, 3);
      assertEquals(kq.poll(), []);
      if (mode === EV_CLEAR) kq.apply(kevRead(reader, { flags: EV_DELETE }));
    }
  });

  it("R36 WRITE's data is the room in it", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [, writer] = openFifo(fds);
    kq.apply(kevWrite(writer));
    const room = only(kq.poll()).data;
    assert(room > 0n);
    write(writer, 100);
    assert(only(kq.poll()).data < room);
  });

  it("R36 each end has both filters (*Linux*: as a pipe's)", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFifo(fds);
    kq.apply(kevRead(writer), kevWrite(reader));
    if (kernel.isEngine) {
      assertEquals(kq.poll(), []);
      return;
    }
    assert(only(kq.poll()).data > 0n);
    write(writer, 7);
    const events = kq.poll().sort((a, b) => Number(a.filter - b.filter));
    assertEquals(events.map(({ ident }) => Number(ident)), [reader, writer]);
    assertEquals(events[1].data, 7n);
  });

  it("R36 it has no end (*Linux*: it has)", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFifo(fds);
    kq.apply(kevRead(reader));
    write(writer, 2);
    fds.close(writer);
    const event = only(kq.poll());
    assertEquals([isEnd(event), event.data], [kernel.isEngine, 2n]);
    read(reader, 2);
    assertEquals(kq.poll().map(isEnd), kernel.isEngine ? [true] : []);
  });

  it("R36 WRITE of it has none either (*Linux*: it has)", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = openFifo(fds);
    kq.apply(kevWrite(writer));
    fds.close(reader);
    assertEquals(isEnd(only(kq.poll())), kernel.isEngine);
  });
});
