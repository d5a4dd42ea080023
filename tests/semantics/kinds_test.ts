import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_DELETE,
  NOTE_LOWAT,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, only, openQueue } from "./calls.ts";
import { Descriptors, temporaryPath } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const FILTERS = { EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT, EVFILT_VNODE };

type Name = keyof typeof FILTERS;

/** Kinds of files, each with the filters that it does not have. */
const KINDS: [string, (fds: Descriptors) => number, Name[]][] = [
  ["a pipe's read end", (fds) => fds.pipe()[0], [
    "EVFILT_EXCEPT",
    "EVFILT_VNODE",
  ]],
  ["a pipe's write end", (fds) => fds.pipe()[1], [
    "EVFILT_EXCEPT",
    "EVFILT_VNODE",
  ]],
  ["a stream socket", (fds) => fds.socketpair()[0], ["EVFILT_VNODE"]],
  ["a datagram socket", (fds) => fds.socketpair("datagram")[0], [
    "EVFILT_VNODE",
  ]],
  ["a listening socket", (fds) => fds.listen().fd, ["EVFILT_VNODE"]],
  ["a regular file", openFile, ["EVFILT_EXCEPT"]],
  ["a directory", (fds) => fds.keep(posix.open("/tmp")), [
    "EVFILT_READ",
    "EVFILT_WRITE",
    "EVFILT_EXCEPT",
  ]],
  ["/dev/null", openDevice("/dev/null"), [
    "EVFILT_READ",
    "EVFILT_WRITE",
    "EVFILT_EXCEPT",
  ]],
  ["/dev/zero", openDevice("/dev/zero"), [
    "EVFILT_READ",
    "EVFILT_WRITE",
    "EVFILT_EXCEPT",
  ]],
];

function openFile(fds: Descriptors): number {
  const path = temporaryPath();
  const fd = fds.keep(posix.creat(path));
  posix.unlink(path);
  return fd;
}

function openDevice(path: string): (fds: Descriptors) => number {
  return (fds) => fds.keep(posix.open(path, { read: true, write: true }));
}

function change(ident: number | bigint, name: Name) {
  const fflags = name === "EVFILT_VNODE" ? NOTE_DELETE : 0;
  return { ident, filter: FILTERS[name], flags: EV_ADD, fflags };
}

describeKernels("kinds of files and their filters", ({ noSystemFilters }) => {
  for (const [kind, open, refused] of KINDS) {
    for (const name of Object.keys(FILTERS) as Name[]) {
      if (refused.includes(name)) {
        it(`R5 ${name} on ${kind} is EINVAL`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const fd = open(fds);
          assertCode(() => kq.apply(change(fd, name)), "EINVAL");
          assertEquals(kq.poll(), []);
        });
      } else if (name !== "EVFILT_VNODE" || noSystemFilters === undefined) {
        it(`R5 ${name} on ${kind} is taken`, () => {
          using fds = new Descriptors();
          using kq = openQueue();
          kq.apply(change(open(fds), name));
        });
      }
    }
  }

  it("R5, R22 a queue is watched with EVFILT_READ alone", () => {
    using outer = openQueue();
    using inner = openQueue();
    for (const name of Object.keys(FILTERS) as Name[]) {
      if (name === "EVFILT_READ") continue;
      assertCode(() => outer.apply(change(inner.fd, name)), "EINVAL");
    }
    outer.apply(change(inner.fd, "EVFILT_READ"));
  });

  for (const path of ["/dev/null", "/dev/zero"]) {
    it(`R5 ${path} takes NOTE_LOWAT with data 1`, () => {
      using fds = new Descriptors();
      const fd = openDevice(path)(fds);
      for (const name of ["EVFILT_READ", "EVFILT_WRITE"] as const) {
        using kq = openQueue();
        const marked = { ...change(fd, name), fflags: NOTE_LOWAT };
        assertCode(() => kq.apply({ ...marked, data: 2 }), "EINVAL");
        kq.apply({ ...marked, data: 1 });
        assertEquals(only(kq.wait()).ident, BigInt(fd));
      }
    });
  }

  for (const name of ["EVFILT_READ", "EVFILT_WRITE", "EVFILT_VNODE"] as const) {
    it(`R5 ${name}: of a number above 2^32 the lower half is looked at first`, () => {
      using fds = new Descriptors();
      using kq = openQueue();
      const fd = BigInt(
        name === "EVFILT_VNODE" ? openFile(fds) : fds.pipe()[1],
      );
      for (const high of [1n, 2n ** 31n, 2n ** 32n - 1n]) {
        const open = fd + (high << 32n);
        assertCode(() => kq.apply(change(open, name)), "EINVAL");
        const closed = 999_999n + (high << 32n);
        assertCode(() => kq.apply(change(closed, name)), "EBADF");
      }
      assertCode(() => kq.apply(change(999_999, name)), "EBADF");
      assertCode(() => kq.apply(change(2n ** 32n - 1n, name)), "EBADF");
    });
  }
});
