import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { KEVENT_FLAG_NONE, NOTE_TRIGGER } from "../../constants.ts";
import {
  close,
  errno,
  kevent,
  kevent64,
  kqueue,
  SystemError,
  useLibc,
} from "../../ffi.ts";
import { Kevent64List, KeventList, kevUser } from "../../kevent.ts";
import { kqApply, Kqueue, kqWait } from "../../kqueue.ts";
import { openSystemLibrary } from "../../library.ts";
import { describeOverDarwin } from "./darwin_hooks.ts";

const { EACCES, EBADF, EINVAL, EMFILE, ENFILE, ENOMEM, ENOTTY } =
  constants.errno;
const NOT_OPEN = 999_999;
const F_GETFD = 1;

const { fcntl } = openSystemLibrary({
  // int fcntl(int fildes, int cmd, ...); F_GETFD takes no third argument.
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
}).symbols;

// Opened before the tests, whose sanitizers would take the library for a leak.
errno();

describeOverDarwin("Failures of Darwin's calls", (darwin) => {
  const { hooks, libc } = darwin;

  describe("a failure", () => {
    for (const [code, number] of Object.entries({ EMFILE, ENFILE, ENOMEM })) {
      it(`of kqueue by ${code} is -1 with errno`, () => {
        hooks.failNext(number);
        assertEquals(kqueue(), -1);
        assertEquals(errno(), number);
      });

      it(`of kqueue by ${code} is a Kqueue's SystemError`, () => {
        hooks.failNext(number);
        const error = assertThrows(() => new Kqueue(), SystemError);
        assertEquals([error.code, error.errno], [code, number]);
        assertEquals([error.syscall, error.failures], ["kqueue", []]);
      });
    }

    it("of ioctl is -1 with its errno, the queue closed again", () => {
      // Descriptors have the lowest number that is free.
      const number = kqueue();
      assertEquals(close(number), 0);
      close(NOT_OPEN);
      hooks.failNext(0);
      hooks.failNext(ENOTTY);
      assertEquals(kqueue(), -1);
      assertEquals(errno(), ENOTTY);
      assertEquals(fcntl(number, F_GETFD), -1);
      const again = kqueue();
      assertEquals(again, number);
      close(again);
    });

    for (
      const [code, number] of Object.entries({
        EACCES,
        EBADF,
        EINVAL,
        ENOMEM,
      })
    ) {
      it(`of kevent by ${code} is -1 with errno, the list emptied`, () => {
        const list = KeventList.from([kevUser(1)]);
        hooks.failNext(number);
        assertEquals(kevent(darwin.kq32, list, list, null), -1);
        assertEquals(errno(), number);
        assertEquals(list.length, 0);
      });

      it(`of kevent64 by ${code} is -1 with errno, the list emptied`, () => {
        const list = Kevent64List.from([kevUser(1)]);
        hooks.failNext(number);
        const flags = KEVENT_FLAG_NONE;
        assertEquals(kevent64(darwin.kq.fd, list, list, flags, null), -1);
        assertEquals(errno(), number);
        assertEquals(list.length, 0);
      });

      it(`of kevent by ${code} makes kqApply() false and kqWait() -1`, () => {
        hooks.failNext(number);
        assertEquals(kqApply(darwin.kq32, kevUser(1)), false);
        assertEquals(errno(), number);
        for (const timeoutMs of [0, 1000, Infinity]) {
          for (const List of [KeventList, Kevent64List]) {
            const kq = List === KeventList ? darwin.kq32 : darwin.kq.fd;
            close(-1);
            hooks.failNext(number);
            assertEquals(kqWait(kq, new List(1), timeoutMs), -1);
            assertEquals(errno(), number);
          }
        }
      });

      it(`of kevent64 by ${code} is a SystemError of every method`, () => {
        const uses = [
          () => darwin.kq.apply(kevUser(1)),
          () => darwin.kq.trigger(1),
          () => darwin.kq.poll(),
          () => darwin.kq.wait(),
          () => darwin.kq.wait(1000),
          () => darwin.kq.wait(0),
          () => Kqueue.fromFd(darwin.kq.fd),
        ];
        // R10a: EINVAL is what fromFd is told of a queue of kevent, too.
        if (number === EINVAL) uses.pop();
        for (const use of uses) {
          hooks.failNext(number);
          const error = assertThrows(use, SystemError);
          assertEquals([error.code, error.errno], [code, number]);
          assertEquals([error.syscall, error.failures], ["kevent64", []]);
        }
      });
    }

    it("of close is -1 with errno", () => {
      assertEquals(close(NOT_OPEN), -1);
      assertEquals(errno(), EBADF);
    });

    it("leaves the queue and its watchers as they were", () => {
      darwin.kq.apply(kevUser(1, { fflags: NOTE_TRIGGER, udata: 7 }));
      hooks.failNext(ENOMEM);
      assertThrows(() => darwin.kq.poll(), SystemError);
      assertEquals(darwin.kq.poll().udataNumber(0), 7);
    });
  });

  describe("errno()", () => {
    it("is kept before anything else can change the thread's", () => {
      hooks.failNext(EINVAL);
      assertEquals(kevent(darwin.kq32, null, null, null), -1);
      // Past the module: the library's errno is EBADF from here on.
      assertEquals(hooks.close(NOT_OPEN), -1);
      assertEquals(errno(), EINVAL);
      assertEquals(kevent(darwin.kq32, null, null, null), 0);
      assertEquals(errno(), EINVAL);
    });

    it("is told for each call that fails", () => {
      for (const number of [EINVAL, ENOMEM, EBADF, EACCES]) {
        hooks.failNext(number);
        assertEquals(kevent(darwin.kq32, null, null, null), -1);
        assertEquals(errno(), number);
      }
    });

    it("is the library's own, whichever was used meanwhile", () => {
      hooks.failNext(EINVAL);
      assertEquals(kevent(darwin.kq32, null, null, null), -1);
      assertEquals(useLibc(null), libc);
      assertEquals(close(NOT_OPEN), -1);
      assertEquals(errno(), EBADF);
      assertEquals(useLibc(libc), null);
      assertEquals(errno(), EINVAL);
    });
  });
});
