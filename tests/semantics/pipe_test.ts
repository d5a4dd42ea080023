import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  type Kevent,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import { only, openQueue } from "./calls.ts";
import {
  Descriptors,
  drain,
  fillPipe,
  leastRoom,
  openSystem,
  read,
  send,
  write,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

openSystem();

const LEAST = leastRoom();

const isEnd = (event: Kevent) => (event.flags & EV_EOF) !== 0;

describeKernels("pipes", () => {
  it("R36 READ's data is the bytes in the pipe", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader));
    assertEquals(kq.poll(), []);
    write(writer, 10);
    assertEquals(only(kq.poll()).data, 10n);
    write(writer, 1);
    read(reader, 5);
    const event = only(kq.poll());
    assertEquals(event.data, 6n);
    assert(!isEnd(event));
    read(reader, 6);
    assertEquals(kq.poll(), []);
  });

  it("R36 EV_EOF of READ when the last writer is gone", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    const second = fds.dup(writer);
    kq.apply(kevRead(reader));
    write(writer, 3);
    fds.close(writer);
    assert(!isEnd(only(kq.poll())));
    fds.close(second);
    for (let left = 3n; left >= 0n; left--) {
      for (let call = 0; call < 2; call++) {
        const event = only(kq.poll());
        assert(isEnd(event));
        assertEquals([event.data, event.fflags], [left, 0]);
      }
      if (left > 0n) read(reader, 1);
    }
  });

  it("R36 the end of an empty pipe ends a wait", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader, { flags: EV_ADD | EV_CLEAR }));
    fds.close(writer);
    assert(isEnd(only(kq.wait())));
    assertEquals(kq.poll(), []);
  });

  it("R36 WRITE's data is the room in the pipe", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevWrite(writer));
    const room = only(kq.poll()).data;
    assert(room >= BigInt(LEAST));
    write(writer, LEAST);
    assertEquals(only(kq.poll()).data, room - BigInt(LEAST));
    read(reader, LEAST);
    assertEquals(only(kq.poll()).data, room);
  });

  it("R36 WRITE needs room for PIPE_BUF bytes", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevWrite(writer));
    fillPipe(writer);
    assertEquals(kq.poll(), []);
    read(reader, 1);
    assertEquals(kq.poll(), []);
    read(reader, LEAST - 1);
    assert(only(kq.poll()).data >= BigInt(LEAST));
  });

  it("R36 a pipe that filled up is writable again, with EV_CLEAR", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevWrite(writer, { flags: EV_ADD | EV_CLEAR }));
    assertEquals(kq.poll().length, 1);
    const total = fillPipe(writer);
    assertEquals(kq.poll(), []);
    read(reader, total);
    assertEquals(only(kq.poll()).data > 0n, true);
    assertEquals(kq.poll(), []);
  });

  it("R36 EV_EOF of WRITE when the last reader is gone", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    const second = fds.dup(reader);
    kq.apply(kevWrite(writer));
    fds.close(reader);
    assert(!isEnd(only(kq.poll())));
    fds.close(second);
    assert(isEnd(only(kq.poll())));
    assert(isEnd(only(kq.poll())));
  });

  it("R36 EV_EOF of WRITE comes to a full pipe, too", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevWrite(writer));
    fillPipe(writer);
    assertEquals(kq.poll(), []);
    fds.close(reader);
    assert(isEnd(only(kq.poll())));
  });

  it("R36 READ on a write end fires only at the end", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(writer, { udata: 4 }));
    assertEquals(kq.poll(), []);
    write(writer, 5);
    assertEquals(kq.poll(), []);
    read(reader, 5);
    assertEquals(kq.wait(1), []);
    fds.close(reader);
    const event = only(kq.poll());
    assert(isEnd(event));
    assertEquals(event.udata, 4n);
  });

  it("R36 WRITE on a read end fires only at the end", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevWrite(reader, { udata: 4 }));
    assertEquals(kq.poll(), []);
    write(writer, 5);
    assertEquals(kq.poll(), []);
    read(reader, 5);
    assertEquals(kq.wait(1), []);
    fds.close(writer);
    const event = only(kq.poll());
    assert(isEnd(event));
    assertEquals(event.udata, 4n);
  });

  it("R36 both filters on each end, all at the end", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader), kevWrite(reader));
    fds.close(writer);
    assertEquals(kq.poll().filter(isEnd).length, 2);
    const [other, otherWriter] = fds.pipe();
    using second = openQueue();
    second.apply(kevRead(otherWriter), kevWrite(otherWriter));
    assertEquals(second.poll().filter(isEnd).length, 0);
    fds.close(other);
    assertEquals(second.poll().filter(isEnd).length, 2);
  });

  it("R36 draining by turns delivers every byte", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair();
    kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR }));
    let received = 0;
    for (let sent = 0; sent < 20_000; sent += 1_000) {
      send(b, 1_000);
      assertEquals(kq.poll().length, 1);
      received += drain(a);
    }
    assertEquals(received, 20_000);
    assertEquals(kq.poll(), []);
  });
});
