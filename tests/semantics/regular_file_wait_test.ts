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
  kevWrite,
  Kqueue,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { idents, only, openQueue, PATIENCE } from "./calls.ts";
import { Descriptors, read, temporaryPath, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

const MODES = {
  "a level": 0,
  "EV_CLEAR": EV_CLEAR,
  "EV_ONESHOT": EV_ONESHOT,
  "EV_DISPATCH": EV_DISPATCH,
};

/** A file, removed after the test. */
class File extends Descriptors {
  readonly path = temporaryPath();
  /** Reads and writes it; at its start to begin with. */
  readonly fd: number;
  readonly #appender: number;

  constructor(size = 0) {
    super();
    this.#appender = this.keep(posix.creat(this.path));
    this.fd = this.open();
    if (size > 0) this.append(size);
  }

  /** Opens it once more, with an offset of its own. */
  open(): number {
    return this.keep(posix.open(this.path, { read: true, write: true }));
  }

  /** Lets it grow at its end, through another descriptor. */
  append(count: number): void {
    write(this.#appender, count);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    posix.unlink(this.path);
  }
}

/** Has another process append "hello" to a file, after so many seconds. */
class Appender implements Disposable {
  readonly #pid: number;

  constructor(path: string, seconds: number) {
    const script = `sleep ${seconds}; printf hello >> ${path}`;
    this.#pid = posix.spawn(["sh", "-c", script]);
  }

  [Symbol.dispose](): void {
    posix.waitpid(this.#pid);
  }
}

/** Asserts that there is one event, which says how far it is to the end. */
function assertLeft(events: Kevent[], left: number): void {
  const { filter, data, fflags } = only(events);
  assertEquals([filter, data, fflags], [EVFILT_READ, BigInt(left), 0]);
}

describeKernels("waiting for regular files", () => {
  for (const [mode, flags] of Object.entries(MODES)) {
    it(`R37 another process that appends wakes a wait, ${mode}`, () => {
      using file = new File(10);
      using kq = openQueue();
      posix.lseek(file.fd, 0, "end");
      for (const seconds of [0, 0.05]) {
        kq.apply(kevRead(file.fd, { flags: EV_ADD | EV_ENABLE | flags }));
        assertEquals(kq.poll(), []);
        using _appender = new Appender(file.path, seconds);
        assertLeft(kq.wait(), 5);
        read(file.fd, 5);
        assertEquals(kq.poll(), []);
      }
    });
  }

  it("R37 another process that appends ends a waitAsync", async () => {
    using file = new File();
    using kq = new Kqueue();
    kq.apply(kevRead(file.fd));
    using _appender = new Appender(file.path, 0.05);
    const events = await kq.waitAsync({ timeoutMs: PATIENCE });
    assertLeft(events.toArray(), 5);
  });

  it("R37 it is reported when the file is truncated below the offset", () => {
    using file = new File(10);
    using kq = openQueue();
    posix.lseek(file.fd, 0, "end");
    kq.apply(kevRead(file.fd));
    assertEquals(kq.poll(), []);
    posix.ftruncate(file.fd, 4);
    assertLeft(kq.wait(), -6);
  });

  it("R37 each descriptor has its own offset, and duplicates share one", () => {
    using file = new File(10);
    using kq = openQueue();
    const other = file.open();
    const same = file.dup(file.fd);
    kq.apply(kevRead(file.fd), kevRead(other), kevRead(same));
    read(other, 10);
    assertEquals(idents(kq.poll()), [file.fd, same].sort((a, b) => a - b));
    read(same, 10);
    assertEquals(kq.poll(), []);
    file.append(1);
    assertEquals(kq.wait().length, 3);
    file.close(same);
    assertEquals(idents(kq.poll()), [file.fd, other].sort((a, b) => a - b));
  });

  it("R37 each queue has a watcher of its own", () => {
    using file = new File();
    using first = openQueue();
    using second = openQueue();
    for (const kq of [first, second]) kq.apply(kevRead(file.fd));
    file.append(3);
    assertLeft(first.wait(), 3);
    assertLeft(second.wait(), 3);
    first.apply(kevRead(file.fd, { flags: EV_DELETE }));
    file.append(2);
    assertEquals(first.poll(), []);
    assertLeft(second.wait(), 5);
  });

  it("R13 EV_CLEAR reports it once each time it grows", () => {
    using file = new File(10);
    using kq = openQueue();
    kq.apply(kevRead(file.fd, { flags: EV_ADD | EV_CLEAR }));
    assertLeft(kq.wait(), 10);
    assertEquals(kq.poll(), []);
    file.append(1);
    file.append(1);
    assertLeft(kq.wait(), 12);
    assertEquals(kq.poll(), []);
    read(file.fd, 12);
    assertEquals(kq.poll(), []);
    file.append(3);
    assertLeft(kq.wait(), 3);
    assertEquals(kq.poll(), []);
  });

  it("R14 EV_DISPATCH delivers once and is disabled", () => {
    using file = new File(10);
    using kq = openQueue();
    kq.apply(kevRead(file.fd, { flags: EV_ADD | EV_DISPATCH }));
    assertLeft(kq.wait(), 10);
    file.append(1);
    assertEquals(kq.poll(), []);
    kq.apply(kevRead(file.fd, { flags: EV_ENABLE, udata: 3 }));
    const events = kq.wait();
    assertLeft(events, 11);
    assertEquals(events[0].udata, 3n);
    assertEquals(kq.poll(), []);
  });

  it("R15 a disabled one is quiet, and reported when it is enabled if it still holds", () => {
    using file = new File();
    using kq = openQueue();
    const enable = () => kq.apply(kevRead(file.fd, { flags: EV_ENABLE }));
    const disable = () => kq.apply(kevRead(file.fd, { flags: EV_DISABLE }));
    kq.apply(kevRead(file.fd, { flags: EV_ADD | EV_DISABLE }));
    file.append(4);
    assertEquals(kq.poll(), []);
    enable();
    assertLeft(kq.wait(), 4);
    disable();
    assertEquals(kq.poll(), []);
    read(file.fd, 4);
    enable();
    assertEquals(kq.poll(), []);
    file.append(2);
    assertLeft(kq.wait(), 2);
  });

  it("R37 deleted and added again, it is reported once when the file grows", () => {
    using file = new File();
    using kq = openQueue();
    const flags = EV_ADD | EV_CLEAR;
    kq.apply(kevRead(file.fd, { flags, udata: 1 }));
    kq.apply(kevRead(file.fd, { flags: EV_DELETE }));
    kq.apply(kevRead(file.fd, { flags, udata: 2 }));
    file.append(3);
    assertEquals(only(kq.wait()).udata, 2n);
    assertEquals(kq.poll(), []);
  });

  it("R38 deleting one watcher of a file leaves those of its other descriptors", () => {
    using file = new File();
    using kq = openQueue();
    const other = file.open();
    for (const fd of [file.fd, other]) {
      kq.apply(kevRead(fd, { flags: EV_ADD | EV_CLEAR }));
    }
    kq.apply(kevRead(file.fd, { flags: EV_DELETE }));
    file.append(3);
    assertEquals(idents(kq.wait()), [other]);
  });

  it("R18 files that are always ready starve nobody", () => {
    using file = new File(10);
    using kq = openQueue(1);
    const fds = Array.from({ length: 5 }, () => file.open());
    const [reader, writer] = file.pipe();
    kq.apply(...fds.map((fd) => kevWrite(fd)), kevRead(reader));
    write(writer, 1);
    const seen = new Set(fds.concat(reader).flatMap(() => idents(kq.poll())));
    assertEquals(seen, new Set([...fds, reader]));
  });
});
