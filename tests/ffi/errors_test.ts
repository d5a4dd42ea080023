import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { EV_DELETE, EVFILT_READ, EVFILT_USER } from "../../constants.ts";
import { changeFailure } from "../../errors.ts";
import {
  type ChangeFailure,
  SystemError,
  type SystemErrorOptions,
} from "../../ffi.ts";
import { type KeventInit, KeventList, kevProc, kevUser } from "../../kevent.ts";
import { told } from "./errno.ts";

const { EBADF, EDEADLK, ENOENT, ESRCH } = constants.errno;

/** A number that no platform has an errno for. */
const UNKNOWN = 9999;

/** What is told of a change for which the kernel's record has this errno. */
function failure(
  index: number,
  change: KeventInit,
  errno: number,
): ChangeFailure {
  const [result] = KeventList.from([{ ...change, data: errno }]);
  return changeFailure(index, change, result);
}

const NOT_OPEN = failure(2, { ident: 99, filter: EVFILT_READ }, EBADF);
const NOT_THERE = failure(
  4,
  { ident: 2n ** 64n - 1n, filter: EVFILT_USER },
  ENOENT,
);

describe("SystemError", () => {
  it("tells the call and its errno by name, number and text", () => {
    const error = new SystemError("kevent", EBADF);
    assertInstanceOf(error, Error);
    assertEquals(error.name, "SystemError");
    assertEquals(error.code, "EBADF");
    assertEquals(error.errno, EBADF);
    assertEquals(error.syscall, "kevent");
    assertEquals(error.message, `kevent failed: ${told("EBADF")}`);
    assertEquals(error.change, undefined);
    assertEquals(error.failures, []);
  });

  it("says what else is known", () => {
    const error = new SystemError("kevent64", EBADF, { detail: "7 is a file" });
    assertEquals(
      error.message,
      `kevent64 failed: ${told("EBADF")} - 7 is a file`,
    );
  });

  it("tells the change that was refused", () => {
    const error = new SystemError("kevent64", EBADF, { failures: [NOT_OPEN] });
    assertEquals(
      error.message,
      `kevent64 refused change 2 (ident 99, EVFILT_READ): ${told("EBADF")}`,
    );
    assertEquals(error.change, NOT_OPEN.change);
    assertEquals(error.failures, [NOT_OPEN]);
  });

  it("tells every change that was refused, the first first", () => {
    const failures = [NOT_OPEN, NOT_THERE];
    const error = new SystemError("kevent64", EBADF, { failures });
    assertEquals(
      error.message,
      "kevent64 refused 2 changes: 2 (ident 99, EVFILT_READ) EBADF; " +
        "4 (ident 18446744073709551615, EVFILT_USER) ENOENT",
    );
    assertEquals(error.change, NOT_OPEN.change);
    assertEquals(error.failures, failures);
  });

  it("gives a filter without a name as its number", () => {
    const failures = [failure(0, { ident: 1, filter: 5 }, EBADF)];
    const error = new SystemError("kevent64", EBADF, { failures });
    assert(error.message.includes("(ident 1, filter 5)"), error.message);
  });

  const messageOf = (change: KeventInit, errno: number): string =>
    new SystemError("kevent64", errno, {
      failures: [failure(0, change, errno)],
    }).message;

  it("says of a change without EV_ADD that its watcher is missing", () => {
    assertEquals(
      messageOf(kevUser(7, { flags: EV_DELETE }), ENOENT),
      "kevent64 refused change 0 (ident 7, EVFILT_USER): ENOENT, no such watcher; EV_ADD makes one",
    );
    const adding = messageOf(kevUser(7), ENOENT);
    assertEquals(adding.includes("watcher"), false, adding);
  });

  it("says of a process that is missing who has its status", () => {
    assertEquals(
      messageOf(kevProc(7), ESRCH),
      "kevent64 refused change 0 (ident 7, EVFILT_PROC): ESRCH, no such process, or it has exited; " +
        "if it is a child, waitpid has its status",
    );
  });

  it("asks nothing of a change that was given", () => {
    const change = new Proxy<KeventInit>({ ident: 1, filter: -1 }, {
      get(): never {
        throw new Error("asked");
      },
    });
    const { ident, filter } = NOT_OPEN;
    const error = new SystemError("kevent64", EBADF, {
      failures: [{ ...NOT_OPEN, change, ident, filter }],
    });
    assertEquals(error.change === change, true);
  });

  it("refuses options that are none", () => {
    const wrong: [unknown, string][] = [
      ["7 is a file", 'got "7 is a file"'],
      [{ details: "x" }, 'must have no "details"'],
    ];
    for (const [options, message] of wrong) {
      assertThrows(
        () => new SystemError("kevent", EBADF, options as SystemErrorOptions),
        TypeError,
        message,
      );
    }
  });

  it("has a name for every errno of the platform", () => {
    const numbers: Record<string, number | undefined> = { ...constants.errno };
    for (const [name, number] of Object.entries(constants.errno)) {
      // Some numbers have two names.
      const { code } = new SystemError("kevent", number);
      assertEquals(numbers[code], number, `${name} is called ${code}`);
    }
  });

  it("has the name of an errno that the platform gives no text for", () => {
    const error = new SystemError("kevent", EDEADLK);
    assertEquals(error.code, "EDEADLK");
    assert(error.message.startsWith("kevent failed: EDEADLK"), error.message);
  });

  it("makes a name for a number that the platform has none for", () => {
    const error = new SystemError("kevent", UNKNOWN);
    assertEquals(error.code, "E9999");
    assertEquals(error.errno, UNKNOWN);
    assertEquals(error.message, "kevent failed: E9999");
  });
});
