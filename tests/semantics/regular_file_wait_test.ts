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
  EVFILT_WRITE,
  type Kevent,
  kevRead,
  kevWrite,
  Kqueue,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertCode, idents, only, openQueue, PATIENCE } from "./calls.ts";
import { Descriptors, read, temporaryPath, write } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

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

describeKernels("regular files", () => {
  it("R37 READ is a level until the offset is at the end", () => {
    using file = new File(10);
    using kq = openQueue();
    kq.apply(kevRead(file.fd, { udata: 5 }));
    const events = kq.poll();
    assertLeft(events, 10);
    assertEquals([events[0].ident, events[0].udata], [BigInt(file.fd), 5n]);
    assertLeft(kq.wait(), 10);
    read(file.fd, 4);
    assertLeft(kq.poll(), 6);
    read(file.fd, 6);
    assertEquals(kq.poll(), []);
    assertEquals(kq.wait(1), []);
  });

  it("R37 an empty file is not ready", () => {
    using file = new File();
    using kq = openQueue();
    kq.apply(kevRead(file.fd));
    assertEquals(kq.poll(), []);
  });

  it("R37 it is reported again when the file grows", () => {
    using file = new File(10);
    using kq = openQueue();
    kq.apply(kevRead(file.fd));
    for (let i = 1; i <= 3; i++) {
      posix.lseek(file.fd, 0, "end");
      assertEquals(kq.poll(), []);
      file.append(i);
      assertLeft(kq.wait(), i);
      assertLeft(kq.poll(), i);
    }
  });

  it("R37 another process that appends wakes a wait", () => {
    using file = new File(10);
    using kq = openQueue();
    posix.lseek(file.fd, 0, "end");
    kq.apply(kevRead(file.fd));
    assertEquals(kq.poll(), []);
    for (const seconds of [0, 0.1]) {
      using _appender = new Appender(file.path, seconds);
      assertLeft(kq.wait(), 5);
      read(file.fd, 5);
      assertEquals(kq.poll(), []);
    }
  });

  it("R37 another process that appends ends a waitAsync", async () => {
    using file = new File();
    using kq = new Kqueue();
    kq.apply(kevRead(file.fd));
    using _appender = new Appender(file.path, 0.05);
    const events = await kq.waitAsync({ timeoutMs: PATIENCE });
    assertLeft(events.toArray(), 5);
  });

  it("R37 data is negative when the file ends before the offset", () => {
    using file = new File(10);
    using kq = openQueue();
    kq.apply(kevRead(file.fd));
    posix.lseek(file.fd, 25);
    assertLeft(kq.poll(), -15);
    posix.ftruncate(file.fd, 3);
    assertLeft(kq.poll(), -22);
    posix.lseek(file.fd, 2);
    assertLeft(kq.poll(), 1);
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

  it("R37 it is reported again when the offset moves back", () => {
    using file = new File(10);
    using kq = openQueue();
    posix.lseek(file.fd, 0, "end");
    kq.apply(kevRead(file.fd));
    assertEquals(kq.poll(), []);
    posix.lseek(file.fd, 7);
    assertLeft(kq.poll(), 3);
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

  it("R12 EV_ONESHOT delivers once and is gone", () => {
    using file = new File(10);
    using kq = openQueue();
    kq.apply(kevRead(file.fd, { flags: EV_ADD | EV_ONESHOT }));
    assertLeft(kq.wait(), 10);
    file.append(1);
    assertEquals(kq.poll(), []);
    const deleting = kevRead(file.fd, { flags: EV_DELETE });
    assertCode(() => kq.apply(deleting), "ENOENT");
  });

  it("R12 EV_ONESHOT waits for the file to grow", () => {
    using file = new File();
    using kq = openQueue();
    kq.apply(kevRead(file.fd, { flags: EV_ADD | EV_ONESHOT }));
    assertEquals(kq.poll(), []);
    file.append(2);
    assertLeft(kq.wait(), 2);
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

  it("R33 WRITE always reports a regular file, data 1", () => {
    using file = new File();
    using kq = openQueue();
    kq.apply(kevWrite(file.fd, { udata: 2 }));
    for (let i = 0; i < 3; i++) {
      const { ident, filter, data, udata } = only(kq.wait());
      assertEquals([ident, filter], [BigInt(file.fd), EVFILT_WRITE]);
      assertEquals([data, udata], [1n, 2n]);
      write(file.fd, 100);
    }
    kq.apply(kevWrite(file.fd, { flags: EV_DISABLE }));
    assertEquals(kq.poll(), []);
    kq.apply(kevWrite(file.fd, { flags: EV_DELETE }));
    kq.apply(kevWrite(file.fd, { flags: EV_ADD | EV_ONESHOT }));
    assertEquals(only(kq.wait()).data, 1n);
    assertEquals(kq.poll(), []);
  });

  it("R38 READ and WRITE of a file are two watchers", () => {
    using file = new File();
    using kq = openQueue();
    kq.apply(kevRead(file.fd, { udata: 1 }), kevWrite(file.fd, { udata: 2 }));
    assertEquals(only(kq.poll()).filter, EVFILT_WRITE);
    kq.apply(kevWrite(file.fd, { flags: EV_DELETE }));
    assertEquals(kq.poll(), []);
    file.append(1);
    assertLeft(kq.wait(), 1);
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
