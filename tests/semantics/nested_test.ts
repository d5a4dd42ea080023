import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  type Kevent,
  kevRead,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  Kqueue,
  NOTE_DELETE,
  NOTE_TRIGGER,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import {
  assertCode,
  elapse,
  idents,
  only,
  openQueue,
  PATIENCE,
  type TestQueue,
} from "./calls.ts";
import {
  Descriptors,
  fillPipe,
  read,
  temporaryPath,
  write,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const trigger = (ident: number) =>
  kevUser(ident, { flags: 0, fflags: NOTE_TRIGGER });

/** A file without a name, open to read and write. */
function openFile(fds: Descriptors): number {
  const path = temporaryPath();
  posix.close(posix.creat(path));
  const fd = fds.keep(posix.open(path, { read: true, write: true }));
  posix.unlink(path);
  return fd;
}

/** Asserts that there is the inner queue's event alone. */
function assertReady(events: Kevent[], inner: TestQueue): void {
  const { ident, filter } = only(events);
  assertEquals([ident, filter], [BigInt(inner.fd), EVFILT_READ]);
}

/** A watcher in a queue: what makes it ready, and what ends that but for taking its event. */
interface Source {
  fire(): void;
  clear?(): void;
}

type Sources = Record<string, (fds: Descriptors, kq: TestQueue) => Source>;

/** Of every filter that all kernels have. */
const SOURCES: Sources = {
  "a pipe to read"(fds, kq) {
    const [reader, writer] = fds.pipe();
    kq.apply(kevRead(reader));
    return { fire: () => write(writer, 3), clear: () => read(reader, 3) };
  },
  "a pipe to write"(fds, kq) {
    const [reader, writer] = fds.pipe();
    let held = fillPipe(writer);
    kq.apply(kevWrite(writer));
    return {
      fire: () => read(reader, held),
      clear() {
        held = fillPipe(writer);
      },
    };
  },
  "a regular file"(fds, kq) {
    const fd = openFile(fds);
    kq.apply(kevRead(fd));
    return {
      fire() {
        write(fd, 8);
        posix.lseek(fd, -8, "current");
      },
      clear: () => read(fd, 8),
    };
  },
  "a timer"(_, kq) {
    return {
      fire: () => kq.apply(kevTimer(1, 2, { flags: EV_ADD | EV_ONESHOT })),
    };
  },
  "a user event"(_, kq) {
    kq.apply(kevUser(1));
    return { fire: () => kq.apply(trigger(1)) };
  },
  "a user event that is a level"(_, kq) {
    return {
      fire: () => kq.apply(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER })),
      clear: () => kq.apply(kevUser(1, { flags: EV_DELETE })),
    };
  },
};

const SYSTEM_SOURCES: Sources = {
  "a vnode"(fds, kq) {
    const fd = openFile(fds);
    kq.apply(kevVnode(fd));
    return { fire: () => write(fd, 8) };
  },
};

describeKernels("a queue in another", (kernel) => {
  /** *Linux*: data may be 1 for "some". */
  function assertCount(data: bigint, count: bigint): void {
    if (kernel.isEngine && data === 1n) return;
    assertEquals(data, count);
  }

  // The C library has no VNODE.
  const sources = kernel.isStandIn
    ? SOURCES
    : { ...SOURCES, ...SYSTEM_SOURCES };

  for (const [name, arrange] of Object.entries(sources)) {
    it(`R22 ${name} makes the inner queue readable until it is drained`, () => {
      using fds = new Descriptors();
      using inner = openQueue();
      using outer = openQueue();
      const source = arrange(fds, inner);
      outer.apply(kevRead(inner.fd, { udata: 9 }));
      for (let i = 0; i < 3; i++) {
        assertEquals(outer.poll(), []);
        source.fire();
        const events = outer.wait();
        assertReady(events, inner);
        assertEquals([events[0].data, events[0].udata], [1n, 9n]);
        assertReady(outer.poll(), inner);
        assertEquals(inner.wait().length, 1);
        source.clear?.();
        assertEquals(inner.poll(), []);
        assertEquals(outer.poll(), []);
      }
    });

    it(`R22 ${name} is seen through three queues`, () => {
      using fds = new Descriptors();
      using inner = openQueue();
      using middle = openQueue();
      using outer = openQueue();
      const source = arrange(fds, inner);
      middle.apply(kevRead(inner.fd));
      outer.apply(kevRead(middle.fd));
      for (let i = 0; i < 2; i++) {
        assertEquals(outer.poll(), []);
        source.fire();
        assertReady(outer.wait(), middle);
        assertReady(middle.wait(), inner);
        assertEquals(inner.wait().length, 1);
        source.clear?.();
        for (const kq of [inner, middle, outer]) assertEquals(kq.poll(), []);
      }
    });

    it(`R22 ${name} that is ready before the outer queue looks`, () => {
      using fds = new Descriptors();
      using inner = openQueue();
      using outer = openQueue();
      arrange(fds, inner).fire();
      elapse(5);
      outer.apply(kevRead(inner.fd));
      assertReady(outer.wait(), inner);
      assertEquals(inner.wait().length, 1);
    });
  }

  it("R22 data is how many are ready", () => {
    using fds = new Descriptors();
    using inner = openQueue();
    using outer = openQueue();
    outer.apply(kevRead(inner.fd));
    const [reader, writer] = fds.pipe();
    inner.apply(kevRead(reader), kevUser(1), kevUser(2), trigger(1));
    assertCount(only(outer.wait()).data, 1n);
    write(writer, 1);
    inner.apply(trigger(2));
    assertCount(only(outer.wait()).data, 3n);
    inner.apply(kevUser(1, { flags: EV_DELETE }));
    assertCount(only(outer.wait()).data, 2n);
  });

  it("R22 it is reported along with descriptors of the outer queue", () => {
    using fds = new Descriptors();
    using inner = openQueue();
    using outer = openQueue();
    const inners = [fds.pipe(), fds.pipe(), fds.pipe()];
    const pipes = [fds.pipe(), fds.pipe(), fds.pipe()];
    const outers = [inner.fd, ...pipes.map(([reader]) => reader)];
    for (const [reader] of inners) inner.apply(kevRead(reader));
    for (const fd of outers) outer.apply(kevRead(fd));
    for (const [, writer] of [...inners, ...pipes]) write(writer, 2);
    for (let call = 0; call < 2; call++) {
      const events = outer.wait();
      assertEquals(
        events.map(({ ident }) => Number(ident)).sort((a, b) => a - b),
        outers.toSorted((a, b) => a - b),
      );
    }
  });

  it("R22 it stays readable while some of its events were not taken", () => {
    using inner = openQueue(1);
    using outer = openQueue();
    outer.apply(kevRead(inner.fd));
    for (let ident = 0; ident < 3; ident++) {
      inner.apply(kevUser(ident), trigger(ident));
    }
    const seen: Kevent[] = [];
    for (let i = 0; i < 3; i++) {
      assertReady(outer.poll(), inner);
      seen.push(only(inner.poll()));
    }
    assertEquals(idents(seen), [0, 1, 2]);
    assertEquals(outer.poll(), []);
  });

  it("R22 a watcher that is disabled or gone makes nothing readable", () => {
    using fds = new Descriptors();
    using inner = openQueue();
    using outer = openQueue();
    outer.apply(kevRead(inner.fd));
    const flags = EV_ADD | EV_DISABLE;
    const [reader, writer] = fds.pipe();
    write(writer, 1);
    const disabled = [
      kevUser(1, { flags, fflags: NOTE_TRIGGER }),
      kevRead(reader, { flags }),
      kevTimer(1, 1, { flags }),
    ];
    inner.apply(...disabled);
    elapse(5);
    assertEquals(inner.poll(), []);
    assertEquals(outer.poll(), []);
    for (const change of disabled) {
      inner.apply({ ...change, flags: EV_ENABLE });
      assertReady(outer.wait(), inner);
      inner.apply({ ...change, flags: EV_DELETE });
      assertEquals(outer.poll(), []);
    }
  });

  it("R22 an expiry of a disabled timer makes nothing readable", () => {
    using inner = openQueue();
    using outer = openQueue();
    outer.apply(kevRead(inner.fd));
    inner.apply(kevTimer(1, 1, { flags: EV_ADD | EV_DISABLE }));
    elapse(5);
    assertEquals(outer.poll(), []);
    inner.apply(kevTimer(2, 20));
    assertEquals(outer.poll(), []);
    assertReady(outer.wait(), inner);
  });

  it("R22 what no watcher wants makes nothing readable", {
    ignore: kernel.isStandIn,
  }, () => {
    using fds = new Descriptors();
    using inner = openQueue();
    using outer = openQueue();
    outer.apply(kevRead(inner.fd));
    const fd = openFile(fds);
    inner.apply(kevVnode(fd, { fflags: NOTE_DELETE }));
    write(fd, 8);
    assertEquals(outer.poll(), []);
  });

  for (const mode of ["EV_CLEAR", "EV_ONESHOT", "EV_DISPATCH"] as const) {
    it(`R22 with ${mode} the outer queue reports it once`, () => {
      using inner = openQueue();
      using outer = openQueue();
      const flags = { EV_CLEAR, EV_ONESHOT, EV_DISPATCH }[mode];
      outer.apply(kevRead(inner.fd, { flags: EV_ADD | flags }));
      inner.apply(kevUser(1), trigger(1));
      assertReady(outer.wait(), inner);
      assertEquals(outer.poll(), []);
      assertEquals(inner.poll().length, 1);
      assertEquals(outer.poll(), []);
      inner.apply(trigger(1));
      if (mode !== "EV_CLEAR") assertEquals(outer.poll(), []);
      if (mode === "EV_ONESHOT") outer.apply(kevRead(inner.fd));
      const enabling = kevRead(inner.fd, { flags: EV_ENABLE });
      if (mode === "EV_DISPATCH") outer.apply(enabling);
      assertReady(outer.wait(), inner);
    });
  }

  it("R22 two queues can watch one", () => {
    using inner = openQueue();
    using first = openQueue();
    {
      using second = openQueue();
      for (const outer of [first, second]) outer.apply(kevRead(inner.fd));
      inner.apply(kevUser(1), trigger(1));
      assertReady(first.wait(), inner);
      assertReady(second.wait(), inner);
      assertEquals(inner.poll().length, 1);
      for (const outer of [first, second]) assertEquals(outer.poll(), []);
    }
    inner.apply(trigger(1));
    assertReady(first.wait(), inner);
    first.apply(kevRead(inner.fd, { flags: EV_DELETE }));
    assertEquals(first.poll(), []);
  });

  it("R22 an event in the inner queue ends the outer one's waitAsync", async () => {
    using inner = openQueue();
    using outer = new Kqueue();
    outer.apply(kevRead(inner.fd));
    inner.apply(kevUser(1));
    const waiting = outer.waitAsync({ timeoutMs: PATIENCE });
    inner.apply(trigger(1));
    assertReady((await waiting).toArray(), inner);
  });

  it("R9 closing the inner queue removes its watcher", () => {
    using fds = new Descriptors();
    using outer = openQueue();
    for (const close of [fds.close, fds.closeBehind]) {
      using inner = openQueue();
      const { fd } = inner;
      outer.apply(kevRead(fd));
      inner.apply(kevUser(1), trigger(1));
      assertReady(outer.wait(), inner);
      close.call(fds, fd);
      assertEquals(outer.poll(), []);
      assertCode(
        () => outer.apply(kevRead(fd, { flags: EV_DELETE })),
        "ENOENT",
      );
    }
  });
});
