import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { openSystemLibrary } from "../../library.ts";
import { kevTimer, kevUser, kqApply, Kqueue, kqWait } from "../../mod.ts";
import { KeventList } from "../../kevent.ts";
import * as posix from "../../posix.ts";
import { turn } from "../async/support.ts";
import { IS_LINUX } from "../system.ts";
import { assertCode, openQueue } from "./calls.ts";
import { Descriptors, openSystem } from "./descriptors.ts";

const SECOND_MS = 1000;

// Opened before the tests, whose sanitizers would take the libraries for leaks.
openSystem();
posix.close(posix.dup(1));
openQueue()[Symbol.dispose]();
const { epoll_create1, epoll_wait } = openSystemLibrary({
  // int epoll_create1(int flags);
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);
  epoll_wait: {
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
}).symbols;

// R10: on Linux a number may name an epoll set that is no queue, such as Deno's own.
describe("an epoll set of somebody else's", { ignore: !IS_LINUX }, () => {
  it("R10 is EBADF, and reports nothing that is not its own", async () => {
    using fds = new Descriptors();
    const set = fds.keep(epoll_create1(0));
    using kq = new Kqueue();
    // Something of the engine's own is readable now.
    kq.apply([kevUser(1), kevTimer(2, 1)]);
    kq.trigger(1);
    const events = new KeventList(1);

    const waiting = epoll_wait(set, new Uint8Array(64), 4, SECOND_MS);
    let isOver = false;
    const reported = waiting.then((count) => {
      isOver = true;
      return count;
    });
    while (!isOver) {
      for (let i = 0; i < 100; i++) {
        assertEquals(kqApply(set, kevUser(3)), false);
        assertEquals(kqWait(set, events, 0), -1);
      }
      assertCode(() => Kqueue.fromFd(set), "EBADF");
      await turn();
    }
    assertEquals(await reported, 0);
  });
});
