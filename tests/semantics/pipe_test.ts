import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  type Kevent,
  kevRead,
  kevWrite,
  NOTE_LOWAT,
} from "../../mod.ts";
import { shutdown } from "../../posix.ts";
import { only, openQueue } from "./calls.ts";
import {
  Descriptors,
  drain,
  fill,
  fillPipe,
  read,
  receive,
  send,
  write,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const PIPE_BUF = Deno.build.os === "darwin" ? 512 : 4096;

const isEnd = (event: Kevent) => (event.flags & EV_EOF) !== 0;

/** One direction of a connection: what is written, read, and how the writer goes. */
interface Channel {
  reader: number;
  put(count: number): void;
  take(count: number): void;
  fill(): number;
  end(): void;
}

/** What NOTE_LOWAT is for. */
const CHANNELS: Record<string, (fds: Descriptors) => Channel> = {
  "a pipe": (fds) => {
    const [reader, writer] = fds.pipe();
    return {
      reader,
      put: (count) => write(writer, count),
      take: (count) => read(reader, count),
      fill: () => fillPipe(writer),
      end: () => fds.close(writer),
    };
  },
  "a Unix stream socket": (fds) => {
    const [reader, writer] = fds.socketpair();
    return {
      reader,
      put: (count) => send(writer, count),
      take: (count) => receive(reader, count),
      fill: () => fill(writer),
      end: () => shutdown(writer, "write"),
    };
  },
};

describeKernels("pipes and low-water marks", () => {
  for (const [name, open] of Object.entries(CHANNELS)) {
    describe(name, () => {
      for (
        const [mode, flags] of [
          ["a level", 0],
          ["EV_CLEAR", EV_CLEAR],
          ["EV_ONESHOT", EV_ONESHOT],
          ["EV_DISPATCH", EV_DISPATCH],
        ] as const
      ) {
        it(`R35 READ only from the low-water mark on, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const channel = open(fds);
          kq.apply(kevRead(channel.reader, {
            flags: EV_ADD | flags,
            fflags: NOTE_LOWAT,
            data: 10,
          }));
          channel.put(4);
          assertEquals(kq.poll(), []);
          channel.put(5);
          assertEquals(kq.poll(), []);
          assertEquals(kq.wait(1), []);
          channel.put(1);
          assertEquals(only(kq.poll()).data, 10n);
          assertEquals(kq.poll().length, flags === 0 ? 1 : 0);
        });

        it(`R35 the end is reported below the mark, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const channel = open(fds);
          kq.apply(kevRead(channel.reader, {
            flags: EV_ADD | flags,
            fflags: NOTE_LOWAT,
            data: 1000,
          }));
          channel.put(3);
          assertEquals(kq.poll(), []);
          channel.end();
          const event = only(kq.poll());
          assert(isEnd(event));
          assertEquals(event.data, 3n);
        });
      }

      it("R35 READ is silent again once less than the mark is left", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const channel = open(fds);
        kq.apply(kevRead(channel.reader, { fflags: NOTE_LOWAT, data: 10 }));
        channel.put(15);
        assertEquals(only(kq.poll()).data, 15n);
        channel.take(5);
        assertEquals(only(kq.poll()).data, 10n);
        channel.take(1);
        assertEquals(kq.poll(), []);
        assertEquals(kq.wait(1), []);
        channel.put(1);
        assertEquals(only(kq.poll()).data, 10n);
      });

      it("R35 the mark is bounded by the buffer's size", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const channel = open(fds);
        kq.apply(
          kevRead(channel.reader, { fflags: NOTE_LOWAT, data: 2n ** 40n }),
        );
        channel.put(1);
        assertEquals(kq.poll(), []);
        channel.fill();
        assert(only(kq.wait()).data > 1n);
      });

      it("R35 a mark of 0 or 1 is as none", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const channel = open(fds);
        for (const data of [0, 1]) {
          kq.apply(kevRead(channel.reader, { fflags: NOTE_LOWAT, data }));
          assertEquals(kq.poll(), []);
          channel.put(1);
          assertEquals(only(kq.poll()).data, 1n);
          channel.take(1);
          kq.apply(kevRead(channel.reader, { flags: EV_DELETE }));
        }
      });

      it("R35 data without NOTE_LOWAT is no mark", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const channel = open(fds);
        kq.apply(kevRead(channel.reader, { data: 100 }));
        channel.put(1);
        assertEquals(only(kq.poll()).data, 1n);
      });

      it("R35 enabled again, it has the mark that the change gives", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const channel = open(fds);
        const { reader } = channel;
        const flags = EV_ADD | EV_DISPATCH;
        kq.apply(kevRead(reader, { flags, fflags: NOTE_LOWAT, data: 2 }));
        channel.put(2);
        assertEquals(only(kq.poll()).data, 2n);
        const change = { flags: EV_ENABLE, fflags: NOTE_LOWAT, data: 5 };
        kq.apply(kevRead(reader, change));
        assertEquals(kq.poll(), []);
        channel.put(3);
        assertEquals(only(kq.poll()).data, 5n);
      });
    });
  }

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
    assert(room >= BigInt(PIPE_BUF));
    write(writer, PIPE_BUF);
    assertEquals(only(kq.poll()).data, room - BigInt(PIPE_BUF));
    read(reader, PIPE_BUF);
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
    read(reader, PIPE_BUF - 1);
    assert(only(kq.poll()).data >= BigInt(PIPE_BUF));
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
