import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { EVFILT_READ, EVFILT_USER } from "../constants.ts";
import { type ChangeFailure, SystemError } from "../ffi.ts";

const { EBADF, ENOENT, EDEADLK } = constants.errno;

/** A number that no platform has an errno for. */
const UNKNOWN = 9999;

const NOT_OPEN: ChangeFailure = {
  index: 2,
  change: { ident: 99, filter: EVFILT_READ },
  code: "EBADF",
  errno: EBADF,
};
const NOT_THERE: ChangeFailure = {
  index: 4,
  change: { ident: 2n ** 64n - 1n, filter: EVFILT_USER },
  code: "ENOENT",
  errno: ENOENT,
};

describe("SystemError", () => {
  it("tells the call and its errno by name, number and text", () => {
    const error = new SystemError("kevent", EBADF);
    assertInstanceOf(error, Error);
    assertEquals(error.name, "SystemError");
    assertEquals(error.code, "EBADF");
    assertEquals(error.errno, EBADF);
    assertEquals(error.syscall, "kevent");
    assertEquals(error.message, "kevent failed: EBADF, bad file descriptor");
    assertEquals(error.change, undefined);
    assertEquals(error.failures, []);
  });

  it("says what else is known", () => {
    const error = new SystemError("kevent64", EBADF, { detail: "7 is a file" });
    assertEquals(
      error.message,
      "kevent64 failed: EBADF, bad file descriptor - 7 is a file",
    );
  });

  it("tells the change that was refused", () => {
    const error = new SystemError("kevent64", EBADF, { failures: [NOT_OPEN] });
    assertEquals(
      error.message,
      "kevent64 refused change 2 (ident 99, EVFILT_READ): EBADF, bad file descriptor",
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
    const change = { ident: 1, filter: 5 };
    const error = new SystemError("kevent64", EBADF, {
      failures: [{ ...NOT_OPEN, change }],
    });
    assert(error.message.includes("(ident 1, filter 5)"), error.message);
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
