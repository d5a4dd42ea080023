import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kevent,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import {
  recv,
  send as sendBytes,
  setLinger,
  setReceiveLowWater,
  setSendBufferSize,
  shutdown,
} from "../../posix.ts";
import { only, openQueue, waitFor } from "./calls.ts";
import {
  awaitReadable,
  bytes,
  Descriptors,
  drain,
  fill,
  receive,
  send,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { ECONNRESET } = constants.errno;

const isEnd = (event: Kevent) => (event.flags & EV_EOF) !== 0;

/** Connected stream sockets of both kinds. */
const STREAMS: Record<string, (fds: Descriptors) => [number, number]> = {
  "a Unix stream socket": (fds) => fds.socketpair(),
  "a TCP socket": (fds) => fds.tcp(),
};

describeKernels("sockets", () => {
  it("R30 a listening socket's data is how many connections wait", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const { fd, port } = fds.listen();
    kq.apply(kevRead(fd, { udata: 5 }));
    assertEquals(kq.poll(), []);
    for (let waiting = 1n; waiting <= 3n; waiting++) {
      fds.connect(port);
      const event = waitFor(kq, ({ data }) => data === waiting);
      assertEquals([event.ident, event.udata], [BigInt(fd), 5n]);
      assert(!isEnd(event));
    }
    for (let waiting = 2n; waiting >= 0n; waiting--) {
      fds.accept(fd);
      const left = kq.poll();
      assertEquals(left.map(({ data }) => data), waiting > 0n ? [waiting] : []);
    }
  });

  it("R30 with EV_CLEAR each connection is reported", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const { fd, port } = fds.listen();
    kq.apply(kevRead(fd, { flags: EV_ADD | EV_CLEAR }));
    for (let waiting = 1n; waiting <= 3n; waiting++) {
      fds.connect(port);
      assertEquals(only(kq.wait()).data, waiting);
      assertEquals(kq.poll(), []);
    }
  });

  it("R30 a listening socket is never writable", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const { fd, port } = fds.listen();
    kq.apply(kevWrite(fd), kevRead(fd));
    assertEquals(kq.poll(), []);
    fds.connect(port);
    assertEquals(only(kq.wait()).filter, EVFILT_READ);
  });

  for (const [name, connected] of Object.entries(STREAMS)) {
    describe(name, () => {
      it("R31 READ's data is the bytes to read", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = connected(fds);
        kq.apply(kevRead(a));
        assertEquals(kq.poll(), []);
        send(b, 10);
        waitFor(kq, ({ data }) => data === 10n);
        send(b, 1000);
        waitFor(kq, ({ data }) => data === 1010n);
        receive(a, 4);
        const event = only(kq.poll());
        assertEquals([event.data, event.fflags], [1006n, 0]);
        assert(!isEnd(event));
        receive(a, 1006);
        assertEquals(kq.poll(), []);
      });

      it("R32 the peer's end is EV_EOF with the bytes still to be read", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = connected(fds);
        kq.apply(kevRead(a));
        send(b, 7);
        fds.close(b);
        const event = waitFor(kq, isEnd);
        assertEquals([event.data, event.fflags], [7n, 0]);
        receive(a, 5);
        assertEquals(only(kq.poll()).data, 2n);
        receive(a, 2);
        for (let call = 0; call < 3; call++) {
          const { flags, fflags, data } = only(kq.poll());
          assertEquals([flags & EV_EOF, fflags, data], [EV_EOF, 0, 0n]);
        }
        assertEquals(recv(a, bytes(1)), 0);
      });

      it("R32 a half-closed connection is at its end for READ alone", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = connected(fds);
        kq.apply(kevRead(a), kevWrite(a));
        shutdown(b, "write");
        assertEquals(waitFor(kq, isEnd).filter, EVFILT_READ);
        const writable = kq.poll().filter((event) =>
          event.filter === EVFILT_WRITE
        );
        assert(!isEnd(only(writable)));
        send(a, 3);
        awaitReadable(b);
        receive(b, 3);
      });

      it("R32 the end is reported to a watcher that is added after it", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = connected(fds);
        shutdown(b, "write");
        awaitReadable(a);
        for (const flags of [EV_ADD, EV_ADD | EV_CLEAR, EV_ADD | EV_ONESHOT]) {
          kq.apply(kevRead(a, { flags }));
          assert(isEnd(only(kq.wait())));
          assertEquals(kq.poll().length, flags === EV_ADD ? 1 : 0);
          if (flags !== (EV_ADD | EV_ONESHOT)) {
            kq.apply(kevRead(a, { flags: EV_DELETE }));
          }
        }
      });

      it("R32 with EV_CLEAR data and then the end are two changes", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = connected(fds);
        kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR }));
        send(b, 1);
        assert(!isEnd(only(kq.wait())));
        shutdown(b, "write");
        const { flags, data } = only(kq.wait());
        assertEquals([flags & EV_EOF, data], [EV_EOF, 1n]);
        assertEquals(kq.poll(), []);
      });

      it("R33 WRITE is reported while there is room", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = connected(fds);
        kq.apply(kevWrite(a));
        const { data, flags, fflags } = only(kq.poll());
        assert(data > 0n);
        assertEquals([flags & EV_EOF, fflags], [0, 0]);
        let total = 0;
        // Over TCP, what was sent moves on for a while.
        do total += fill(a); while (kq.wait(30).length > 0);
        drainAll(b, total);
        assert(only(kq.wait()).data > 0n);
      });

      it("R33 WRITE's data can be sent at once", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a, b] = connected(fds);
        setSendBufferSize(a, 65536);
        kq.apply(kevWrite(a));
        for (let round = 0; round < 3; round++) {
          const room = Number(only(kq.wait()).data);
          assertEquals(sendBytes(a, bytes(room)), room);
          drainAll(b, room);
        }
      });

      it("R33 EV_EOF when this side is shut for writing", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [a] = connected(fds);
        kq.apply(kevWrite(a));
        assert(!isEnd(only(kq.poll())));
        shutdown(a, "write");
        assert(isEnd(only(kq.poll())));
        assert(isEnd(only(kq.poll())));
      });
    });
  }

  it("R31 a socket's own low-water mark holds READ back", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.tcp();
    setReceiveLowWater(a, 100);
    kq.apply(kevRead(a));
    send(b, 99);
    awaitBytes(a, 99);
    assertEquals(kq.poll(), []);
    send(b, 1);
    assertEquals(only(kq.wait()).data, 100n);
    receive(a, 1);
    assertEquals(kq.poll(), []);
    fds.close(b);
    const { flags, data } = only(kq.wait());
    assertEquals([flags & EV_EOF, data], [EV_EOF, 99n]);
  });

  it("R32 a reset is EV_EOF with ECONNRESET, for READ and WRITE", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.tcp();
    kq.apply(kevRead(a), kevWrite(a));
    setLinger(b, 0);
    fds.close(b);
    const first = waitFor(
      kq,
      ({ filter, flags }) => filter === EVFILT_READ && (flags & EV_EOF) !== 0,
    );
    assertEquals(first.fflags, ECONNRESET);
    for (let call = 0; call < 3; call++) {
      const events = kq.poll();
      assertEquals(events.length, 2);
      for (const event of events) {
        assert(isEnd(event));
        assertEquals(event.fflags, ECONNRESET);
      }
    }
  });

  it("R33 data shrinks as the buffer fills", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a] = fds.socketpair();
    kq.apply(kevWrite(a));
    const empty = only(kq.poll()).data;
    send(a, 1000);
    assertLess(only(kq.poll()).data, empty);
  });

  it("R33 EV_EOF of WRITE when a Unix socket's peer is gone", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair();
    kq.apply(kevWrite(a));
    fill(a);
    assertEquals(kq.poll(), []);
    fds.close(b);
    assert(isEnd(only(kq.wait())));
    assert(isEnd(only(kq.poll())));
  });
});

/** Receives so many bytes, as they come. */
function drainAll(fd: number, count: number): void {
  let received = 0;
  while (received < count) {
    awaitReadable(fd);
    received += drain(fd);
  }
}

/** Waits until so many bytes have arrived, low-water mark or not. */
function awaitBytes(fd: number, count: number): void {
  const deadline = performance.now() + 10_000;
  while (recv(fd, bytes(count), { peek: true }) !== count) {
    assert(performance.now() < deadline, "the bytes did not come");
  }
}
