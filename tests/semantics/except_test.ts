import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kevent,
  type KeventInit,
  kevRead,
  kevWrite,
  NOTE_LOWAT,
  NOTE_OOB,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, only, openQueue, waitFor } from "./calls.ts";
import { awaitReadable, Descriptors, receive, send } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

function kevExcept(ident: number, flags = EV_ADD, udata = 0): KeventInit {
  return { ident, filter: EVFILT_EXCEPT, flags, fflags: NOTE_OOB, udata };
}

function sendOutOfBand(fd: number): void {
  assertEquals(posix.send(fd, new Uint8Array(1), { outOfBand: true }), 1);
}

function receiveOutOfBand(fd: number): void {
  assertEquals(posix.recv(fd, new Uint8Array(1), { outOfBand: true }), 1);
}

/** Receives so many bytes from behind the mark, once they have come: to FIONREAD they are not there. */
function receiveAll(fd: number, count: number): void {
  for (let left = count; left > 0;) {
    left -= posix.recv(fd, new Uint8Array(left)) ?? 0;
  }
}

describeKernels("EVFILT_EXCEPT", (kernel) => {
  it("R39 out-of-band data is reported", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server, EV_ADD, 8));
    assertEquals(kq.poll(), []);
    sendOutOfBand(client);
    const { ident, filter, fflags, udata } = only(kq.wait());
    assertEquals([ident, filter, udata], [BigInt(server), EVFILT_EXCEPT, 8n]);
    assert((fflags & NOTE_OOB) !== 0);
  });

  it("R39 other data is reported as READ reports it, without NOTE_OOB", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server));
    send(client, 5);
    const { filter, fflags, data } = only(kq.wait());
    assertEquals([filter, fflags, data], [EVFILT_EXCEPT, 0, 5n]);
    receive(server, 5);
    assertEquals(kq.poll(), []);
  });

  it("R39 the end is reported", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server));
    fds.close(client);
    const { filter, flags, fflags } = only(kq.wait());
    assertEquals([filter, fflags], [EVFILT_EXCEPT, 0]);
    assert((flags & EV_EOF) !== 0);
  });

  it("R39 EXCEPT and READ have the error of a connect that was refused", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const { fd, port } = fds.listen();
    fds.close(fd);
    const client = fds.keep(
      posix.connect({ address: "127.0.0.1", port, wait: false }),
    );
    kq.apply(kevExcept(client));
    for (let call = 0; call < 2; call++) {
      const { flags, fflags } = only(kq.wait());
      assert((flags & EV_EOF) !== 0);
      assertEquals(fflags, constants.errno.ECONNREFUSED);
    }
  });

  it("R39 READ with NOTE_OOB reports out-of-band data too", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevRead(server, { fflags: NOTE_OOB }));
    assertEquals(kq.poll(), []);
    sendOutOfBand(client);
    const { filter, fflags } = only(kq.wait());
    assertEquals([filter, fflags], [EVFILT_READ, NOTE_OOB]);
  });

  for (const flags of [EV_ADD, EV_ADD | EV_CLEAR]) {
    const stays = flags === EV_ADD;
    it(`R39 NOTE_OOB ${stays ? "stays" : "does not stay"} in fflags, flags ${flags}`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const [client, server] = fds.tcp();
      kq.apply(kevRead(server, { flags, fflags: NOTE_OOB }));
      sendOutOfBand(client);
      assertEquals(only(kq.wait()).fflags, NOTE_OOB);
      receiveOutOfBand(server);
      send(client, 3);
      receiveAll(server, 3);
      while (kq.poll().length > 0); // what an edge has left behind
      send(client, 4);
      const { fflags, data } = only(kq.wait());
      assertEquals([fflags, data], [stays ? NOTE_OOB : 0, 4n]);
    });
  }

  it("R35 a mark holds back plain data, and not what is out of band", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    const fflags = NOTE_OOB | NOTE_LOWAT;
    kq.apply(kevRead(server, { fflags, data: 10 }));
    send(client, 5);
    awaitReadable(server);
    assertEquals(kq.poll(), []);
    sendOutOfBand(client);
    assertEquals(only(kq.wait()).fflags, NOTE_OOB);
  });

  it("R39 data is what follows out-of-band data, which is not counted itself", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server));
    const isOutOfBand = ({ fflags }: Kevent) => (fflags & NOTE_OOB) !== 0;
    send(client, 3);
    sendOutOfBand(client);
    const { data } = waitFor(kq, isOutOfBand);
    if (kernel.isEngine) return; // *Linux*: data is what can be read, up to the mark
    assertEquals(data, 0n);
    send(client, 2);
    assertEquals(waitFor(kq, ({ data }) => data === 2n).filter, EVFILT_EXCEPT);
    // It was there, whether or not somebody has taken it.
    receiveOutOfBand(server);
    assertEquals(only(kq.poll()).data, 2n);
    kq.apply(kevExcept(server, EV_DELETE), kevRead(server));
    assertEquals(only(kq.wait()).data, 5n);
    receive(server, 3);
    assertEquals(only(kq.poll()).data, 2n);
  });

  it("R39 what has come before the watcher is reported", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    sendOutOfBand(client);
    kq.apply(kevExcept(server));
    assertEquals(only(kq.wait()).filter, EVFILT_EXCEPT);
  });

  it("R11 it is a level until the data is read", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server));
    for (let i = 0; i < 3; i++) {
      sendOutOfBand(client);
      for (let j = 0; j < 3; j++) {
        assertEquals(only(kq.wait()).filter, EVFILT_EXCEPT);
      }
      // What follows the mark has to be read as well before macOS forgets it.
      send(client, 2);
      receiveOutOfBand(server);
      receiveAll(server, 2);
      assertEquals(kq.poll(), []);
    }
  });

  it("R13 EV_CLEAR reports each arrival, and then is quiet", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server, EV_ADD | EV_CLEAR));
    for (let i = 0; i < 3; i++) {
      sendOutOfBand(client);
      assertEquals(kq.wait().length, 1);
      receiveOutOfBand(server);
      // macOS tells of the data and of the segment that brought it: the second may come after the report.
      kq.poll();
      assertEquals(kq.wait(5), []);
    }
  });

  it("R12 EV_ONESHOT delivers once and is gone", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server, EV_ADD | EV_ONESHOT));
    sendOutOfBand(client);
    assertEquals(kq.wait().length, 1);
    assertEquals(kq.poll(), []);
    assertCode(() => kq.apply(kevExcept(server, EV_DELETE)), "ENOENT");
  });

  it("R14 EV_DISPATCH delivers once and is disabled", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server, EV_ADD | EV_DISPATCH));
    sendOutOfBand(client);
    assertEquals(kq.wait().length, 1);
    assertEquals(kq.poll(), []);
    kq.apply(kevExcept(server, EV_ENABLE, 4));
    assertEquals(only(kq.wait()).udata, 4n);
    assertEquals(kq.poll(), []);
  });

  it("R15 what arrives while it is disabled is reported when it is enabled", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    using other = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server, EV_ADD | EV_DISABLE));
    other.apply(kevExcept(server));
    sendOutOfBand(client);
    assertEquals(other.wait().length, 1);
    assertEquals(kq.poll(), []);
    kq.apply(kevExcept(server, EV_ENABLE));
    assertEquals(only(kq.wait()).filter, EVFILT_EXCEPT);
  });

  it("R38 READ, WRITE and EXCEPT of a descriptor are three watchers", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(
      kevRead(server, { udata: 1 }),
      // What comes from the client may report WRITE again with EV_CLEAR (R13).
      kevWrite(server, { udata: 2, flags: EV_ADD | EV_DISPATCH }),
      kevExcept(server, EV_ADD | EV_ONESHOT, 3),
    );
    assertEquals(only(kq.wait()).filter, EVFILT_WRITE);
    send(client, 3);
    sendOutOfBand(client);
    const seen = new Map<number, bigint>();
    while (seen.size < 2) {
      for (const { filter, udata } of kq.wait()) seen.set(filter, udata);
    }
    assertEquals(seen, new Map([[EVFILT_READ, 1n], [EVFILT_EXCEPT, 3n]]));
    assertEquals(only(kq.poll()).filter, EVFILT_READ);
    kq.apply(kevExcept(server, EV_ADD, 5));
    kq.apply(kevRead(server, { flags: EV_DELETE }));
    assertEquals(only(kq.wait()).udata, 5n);
  });

  it("R9 closing the socket removes it", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [client, server] = fds.tcp();
    kq.apply(kevExcept(server));
    sendOutOfBand(client);
    assertEquals(kq.wait().length, 1);
    fds.close(server);
    assertEquals(kq.poll(), []);
    assertCode(() => kq.apply(kevExcept(server, EV_DELETE)), "ENOENT");
  });

  it("R5 a descriptor that is not open is EBADF", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader] = fds.pipe();
    fds.close(reader);
    assertCode(() => kq.apply(kevExcept(reader)), "EBADF");
  });
});
