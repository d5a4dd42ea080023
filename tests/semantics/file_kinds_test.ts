import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_DELETE,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_LOWAT,
  NOTE_OOB,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, only, openQueue } from "./calls.ts";
import { Descriptors, openSystem, temporaryPath } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const FILTERS = {
  READ: { filter: EVFILT_READ, fflags: 0, data: 0 },
  "READ with NOTE_LOWAT": { filter: EVFILT_READ, fflags: NOTE_LOWAT, data: 1 },
  WRITE: { filter: EVFILT_WRITE, fflags: 0, data: 0 },
  EXCEPT: { filter: EVFILT_EXCEPT, fflags: NOTE_OOB, data: 0 },
  VNODE: { filter: EVFILT_VNODE, fflags: 1, data: 0 },
};

type FilterName = keyof typeof FILTERS;

openSystem();

/** A file of each kind, and the filters that it does not have. */
const KINDS: Record<
  string,
  { open(fds: Descriptors): number; without: FilterName[] }
> = {
  "the read end of a pipe": {
    open: (fds) => fds.pipe()[0],
    without: ["EXCEPT", "VNODE"],
  },
  "the write end of a pipe": {
    open: (fds) => fds.pipe()[1],
    without: ["EXCEPT", "VNODE"],
  },
  "a socket": { open: (fds) => fds.socketpair()[0], without: ["VNODE"] },
  "a datagram socket": {
    open: (fds) => fds.socketpair("datagram")[0],
    without: ["VNODE"],
  },
  "a regular file": { open: openFile, without: ["EXCEPT"] },
  "a directory": {
    open: (fds) => fds.keep(posix.open("/tmp")),
    without: ["READ", "READ with NOTE_LOWAT", "WRITE", "EXCEPT"],
  },
  "/dev/null": {
    open: (fds) =>
      fds.keep(posix.open("/dev/null", { read: true, write: true })),
    without: ["READ", "WRITE", "EXCEPT"],
  },
  "/dev/zero": {
    open: (fds) => fds.keep(posix.open("/dev/zero")),
    without: ["READ", "WRITE", "EXCEPT"],
  },
};

function openFile(fds: Descriptors): number {
  const path = temporaryPath();
  posix.close(posix.creat(path));
  const fd = fds.keep(posix.open(path, { read: true, write: true }));
  posix.unlink(path);
  return fd;
}

describeKernels("filters and kinds of files", (kernel) => {
  for (const [kind, { open, without }] of Object.entries(KINDS)) {
    for (const [name, fields] of Object.entries(FILTERS)) {
      const has = !without.includes(name as FilterName);
      if (kernel.isStandIn && name === "VNODE") continue; // it has none
      it(`R5 ${kind} ${has ? "has" : "does not have"} ${name}`, () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const change = { ident: open(fds), flags: EV_ADD, ...fields };
        if (!has) assertCode(() => kq.apply(change), "EINVAL");
        else kq.apply(change);
        const deleting = () => kq.apply({ ...change, flags: EV_DELETE });
        if (!has) assertCode(deleting, "ENOENT");
        else deleting();
      });
    }
  }

  for (const name of ["WRITE", "EXCEPT", "VNODE"] as const) {
    it(`R5, R22 a queue does not have ${name}`, () => {
      using outer = openQueue();
      using inner = openQueue();
      const change = { ident: inner.fd, flags: EV_ADD, ...FILTERS[name] };
      assertCode(() => outer.apply(change), "EINVAL");
      assertCode(() => inner.apply(change), "EINVAL");
    });
  }

  it("R5 a pipe with the number of a queue that was closed has WRITE", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const closed = openQueue().fd;
    const [, writer] = fds.pipe();
    fds.dup2Behind(writer, closed);
    kq.apply({ ident: closed, filter: EVFILT_WRITE, flags: EV_ADD });
    assertEquals(only(kq.poll()).ident, BigInt(closed));
  });

  it("R5 /dev/null is ready for who asks for no more", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const ident = KINDS["/dev/null"].open(fds);
    const fields = { flags: EV_ADD, fflags: NOTE_LOWAT, data: 1 };
    kq.apply({ ident, filter: EVFILT_WRITE, ...fields });
    for (let call = 0; call < 2; call++) {
      assertEquals(only(kq.poll()).data, 1n);
    }
    for (const refused of [{ data: 2 }, { fflags: 0 }, { data: 0 }]) {
      const change = { ident, filter: EVFILT_READ, ...fields, ...refused };
      assertCode(() => kq.apply(change), "EINVAL");
    }
  });

  it("R5 of an ident above 32 bits the lower half says what is open", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader] = fds.pipe();
    const closed = fds.dup(reader);
    fds.close(closed);
    for (const high of [2n ** 32n, 2n ** 53n, 2n ** 63n]) {
      const change = { filter: EVFILT_READ, flags: EV_ADD };
      const add = (fd: number) => () =>
        kq.apply({ ...change, ident: high + BigInt(fd) });
      assertCode(add(reader), "EINVAL");
      assertCode(add(closed), "EBADF");
      assertCode(add(2 ** 32 - 1), "EBADF");
    }
    kq.apply({ ident: reader, filter: EVFILT_READ, flags: EV_ADD });
  });
});
