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
  NOTE_LOWAT,
} from "../../mod.ts";
import { shutdown } from "../../posix.ts";
import { only, openQueue } from "./calls.ts";
import {
  Descriptors,
  fill,
  fillPipe,
  read,
  receive,
  send,
  write,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

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

describeKernels("low-water marks", (kernel) => {
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

        it(`R35 a mark that is lowered to what is there, ${mode}`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const { reader, put } = open(fds);
          const fflags = NOTE_LOWAT;
          const added = EV_ADD | flags;
          kq.apply(kevRead(reader, { flags: added, fflags, data: 100 }));
          put(5);
          assertEquals(kq.poll(), []);
          kq.apply(kevRead(reader, { flags: EV_ENABLE, fflags, data: 6 }));
          assertEquals(kq.poll(), []);
          kq.apply(kevRead(reader, { flags: EV_ENABLE, fflags, data: 5 }));
          assertEquals(only(kq.poll()).data, 5n);
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

      it("R35 with a mark of 1 data is the bytes (*Linux*: 1, for some)", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const channel = open(fds);
        const { reader } = channel;
        kq.apply(kevRead(reader, { fflags: NOTE_LOWAT, data: 1 }));
        assertEquals(kq.poll(), []);
        channel.put(7);
        for (let call = 0; call < 3; call++) {
          assertEquals(only(kq.poll()).data, kernel.isEngine ? 1n : 7n);
        }
        channel.take(7);
        assertEquals(kq.poll(), []);
        channel.put(1);
        kq.apply(kevRead(reader)); // without the mark they are counted again
        channel.put(1);
        assertEquals(only(kq.poll()).data, 2n);
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
});
