import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { constants } from "node:os";
import {
  EV_ADD,
  EV_CLEAR,
  EV_ENABLE,
  EV_EOF,
  EVFILT_WRITE,
  type Kevent,
  kevRead,
  kevWrite,
} from "../../mod.ts";
import { connect } from "../../posix.ts";
import { idents, only, openQueue } from "./calls.ts";
import { Descriptors } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const { ECONNREFUSED } = constants.errno;

const isEnd = (event: Kevent) => (event.flags & EV_EOF) !== 0;

describeKernels("connecting", () => {
  for (const [name, mode] of [["levels", 0], ["EV_CLEAR", EV_CLEAR]] as const) {
    it(`R34 a refused connect is EV_EOF with ECONNREFUSED, ${name}`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const { fd, port } = fds.listen();
      fds.close(fd);
      for (const adding of [[kevWrite, kevRead], [kevRead, kevWrite]]) {
        const socket = fds.keep(connect({ port, wait: false }));
        kq.apply(...adding.map((kev) => kev(socket, { flags: EV_ADD | mode })));
        const events: Kevent[] = [];
        while (events.length < 2) events.push(...kq.wait());
        assertEquals(idents(events), [socket, socket]);
        for (const event of events) {
          assert(isEnd(event));
          assertEquals(event.fflags, ECONNREFUSED);
        }
        assertEquals(kq.poll().length, mode === 0 ? 2 : 0);
        fds.close(socket);
      }
    });
  }

  it("R34 a connect that succeeds is WRITE without EV_EOF", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const { port } = fds.listen();
    const socket = fds.keep(connect({ port, wait: false }));
    kq.apply(kevWrite(socket), kevRead(socket));
    const event = only(kq.wait());
    assertEquals([event.filter, event.fflags], [EVFILT_WRITE, 0]);
    assert(!isEnd(event));
  });

  it("R34 each watcher has the error, whichever asks first", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const { fd, port } = fds.listen();
    fds.close(fd);
    const socket = fds.keep(connect({ port, wait: false }));
    kq.apply(kevRead(socket));
    assertEquals(only(kq.wait()).fflags, ECONNREFUSED);
    kq.apply(kevWrite(socket));
    kq.apply(kevRead(socket, { flags: EV_ENABLE }));
    const events = kq.poll();
    assertEquals(events.map(({ fflags }) => fflags), [
      ECONNREFUSED,
      ECONNREFUSED,
    ]);
  });
});
