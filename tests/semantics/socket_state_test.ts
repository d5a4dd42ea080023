import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kevent,
  kevRead,
  kevWrite,
  NOTE_LOWAT,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, only, openQueue } from "./calls.ts";
import {
  awaitReadable,
  Descriptors,
  listenOn,
  openSystem,
  openTcp,
  receive,
  send,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

openSystem();

const isEnd = ({ flags }: Kevent) => (flags & EV_EOF) !== 0;

/** A UDP socket that is connected to a port which nobody has: what it sends is refused. */
function connectToNobody(fds: Descriptors): number {
  const nobody = posix.bind({ address: "127.0.0.1" });
  posix.close(nobody.fd);
  const { address, port } = nobody;
  return fds.keep(posix.connect({ address, port, type: "datagram" }));
}

describeKernels("sockets that change their state", () => {
  for (
    const [mode, flags] of Object.entries({
      "a level": 0,
      EV_CLEAR,
      EV_ONESHOT,
      EV_DISPATCH,
    })
  ) {
    for (const isSeen of [true, false]) {
      const seen = isSeen ? "and was looked at" : "and was not looked at";
      it(`R30 listen comes after the watcher, ${mode}, ${seen}`, () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const fd = fds.keep(openTcp());
        kq.apply(kevRead(fd, { flags: EV_ADD | flags }), kevWrite(fd));
        if (isSeen) assertEquals(kq.poll(), []);
        const port = listenOn(fd);
        if (isSeen) assertEquals(kq.poll(), []);
        fds.connect(port);
        const event = only(kq.wait());
        assertEquals([event.filter, event.data], [EVFILT_READ, 1n]);
        fds.accept(fd);
        assertEquals(kq.poll(), []);
        if (flags === EV_ONESHOT) return;
        if (flags === EV_DISPATCH) kq.apply(kevRead(fd, { flags: EV_ENABLE }));
        fds.connect(port);
        assertEquals(only(kq.wait()).filter, EVFILT_READ);
      });
    }

    it(`R31 a datagram socket shut for reading is at its end, ${mode}`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [a, b] = fds.socketpair("datagram");
      kq.apply(kevRead(a, { flags: EV_ADD | flags }));
      assertEquals(kq.poll(), []);
      posix.shutdown(a, "read");
      const event = only(kq.wait());
      assertEquals([event.filter, isEnd(event)], [EVFILT_READ, true]);
      assertEquals(kq.poll().length, flags === 0 ? 1 : 0);
      kq.apply(kevWrite(b));
      assertEquals(kq.poll().some((other) => other.ident === BigInt(b)), true);
    });
  }

  it("R30 a listener's mark of 1 is no more than that some wait", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const fd = fds.keep(openTcp());
    kq.apply(kevRead(fd, { fflags: NOTE_LOWAT, data: 1 }));
    assertEquals(kq.poll(), []);
    const port = listenOn(fd);
    for (let client = 0; client < 3; client++) fds.connect(port);
    assert(only(kq.wait()).data >= 1n);
    for (let client = 0; client < 3; client++) fds.accept(fd);
    assertEquals(kq.poll(), []);
  });

  for (const flags of [EV_ADD, EV_ADD | EV_CLEAR]) {
    it(`R31 a datagram socket shut for writing is at its end, flags ${flags}`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [a, b] = fds.socketpair("datagram");
      kq.apply(kevWrite(a, { flags }), kevRead(b));
      const event = only(kq.poll());
      assertEquals([event.filter, isEnd(event)], [EVFILT_WRITE, false]);
      posix.shutdown(a, "write");
      // What is shut on this side alone tells nobody, unless it is looked at again.
      if ((flags & EV_CLEAR) !== 0) kq.apply(kevWrite(a, { flags: EV_ENABLE }));
      assertEquals(isEnd(only(kq.poll())), true);
      assertEquals(kq.poll().length, flags === EV_ADD ? 1 : 0);
    });
  }

  it("R31 looking at a datagram socket sends nothing and takes no error", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair("datagram");
    kq.apply(kevWrite(a), kevRead(b));
    for (let call = 0; call < 3; call++) {
      assertEquals(only(kq.poll()).filter, EVFILT_WRITE);
    }
    send(a, 3);
    receive(b, 3);
    assertEquals(only(kq.poll()).filter, EVFILT_WRITE);
  });

  for (const isEarly of [true, false]) {
    const when = isEarly ? "before the watcher" : "after it";
    it(`R31 an error of a datagram socket, ${when}, is reported by READ and WRITE until it is taken`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const fd = connectToNobody(fds);
      const watch = () => kq.apply(kevRead(fd), kevWrite(fd));
      if (!isEarly) watch();
      send(fd, 4);
      awaitReadable(fd);
      if (isEarly) watch();
      for (let call = 0; call < 3; call++) {
        const events = kq.poll();
        assertEquals(events.map(({ filter }) => filter).sort(), [
          EVFILT_READ,
          EVFILT_WRITE,
        ]);
        assertEquals(events.some(isEnd), false);
        assertEquals(events.map(({ fflags }) => fflags), [0, 0]);
      }
      assertCode(() => posix.recv(fd, new Uint8Array(4)), "ECONNREFUSED");
      assertEquals(only(kq.poll()).filter, EVFILT_WRITE);
    });
  }

  it("R31 bytes behind an urgent one are there to be read", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevRead(server));
    posix.send(client, new Uint8Array(1), { outOfBand: true });
    send(client, 3);
    assertEquals(only(kq.wait()).filter, EVFILT_READ);
    receive(server, 3);
  });
});
