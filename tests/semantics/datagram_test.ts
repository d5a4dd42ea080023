import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_WRITE,
  type Kevent,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import { only, openQueue } from "./calls.ts";
import { Descriptors, receive, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const isEnd = (event: Kevent) => (event.flags & EV_EOF) !== 0;

describeKernels("datagram sockets", () => {
  it("R31 a datagram's data is its bytes", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair("datagram");
    kq.apply(kevRead(a));
    assertEquals(kq.poll(), []);
    send(b, 12);
    assertEquals(only(kq.poll()).data, 12n);
    send(b, 5);
    assert(only(kq.poll()).data >= 12n);
    receive(a, 12);
    assertEquals(only(kq.poll()).data, 5n);
    receive(a, 5);
    assertEquals(kq.poll(), []);
  });

  it("R31 an empty datagram counts", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair("datagram");
    for (const flags of [EV_ADD, EV_ADD | EV_CLEAR, EV_ADD | EV_ONESHOT]) {
      kq.apply(kevRead(a, { flags }));
      send(b, 0);
      const event = only(kq.poll());
      assertEquals(event.data, 0n);
      assert(!isEnd(event));
      assertEquals(kq.poll().length, flags === EV_ADD ? 1 : 0);
      receive(a, 0);
      assertEquals(kq.poll(), []);
      if (flags !== (EV_ADD | EV_ONESHOT)) {
        kq.apply(kevRead(a, { flags: EV_DELETE }));
      }
    }
  });

  it("R31 EV_CLEAR reports each datagram that comes", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a, b] = fds.socketpair("datagram");
    kq.apply(kevRead(a, { flags: EV_ADD | EV_CLEAR }));
    for (let sent = 0; sent < 3; sent++) {
      send(b, 4);
      assert(only(kq.poll()).data >= 4n);
      assertEquals(kq.poll(), []);
    }
  });

  it("R33 WRITE on a datagram socket", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [a] = fds.socketpair("datagram");
    kq.apply(kevWrite(a), kevRead(a));
    const { filter, data } = only(kq.poll());
    assertEquals(filter, EVFILT_WRITE);
    assert(data > 0n);
  });
});
