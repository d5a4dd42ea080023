import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { openSystemLibrary } from "../../library.ts";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EVFILT_EXCEPT,
  type KeventInit,
  kevProc,
  kevRead,
  kevSignal,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  Kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_OOB,
  NOTE_TRACK,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import {
  assertCode,
  idents,
  only,
  openQueue,
  PATIENCE,
  type TestQueue,
} from "./calls.ts";
import {
  Descriptors,
  openSystem,
  outOfDescriptors,
  temporaryPath,
  write,
} from "./descriptors.ts";

const IS_LINUX = Deno.build.os === "linux";
const F_GETFD = 1;
/** More than the tests of this file ever have open at once. */
const HIGHEST = 2048;
const QUEUES = 10_000;
const { SIGURG } = constants.signals;

// Opened before the tests, whose sanitizers would take the libraries for leaks.
openSystem();
posix.close(posix.dup(1));
const libc = openSystemLibrary({
  // clock_t clock(void); counts in microseconds on both systems.
  clock: { parameters: [], result: "i64" },
  // int fcntl(int fildes, int cmd, ...);
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
}).symbols;

/** How many descriptors this process has open. */
function countDescriptors(): number {
  let count = 0;
  for (let fd = 0; fd < HIGHEST; fd++) {
    if (libc.fcntl(fd, F_GETFD) !== -1) count++;
  }
  return count;
}

/** What the filters can be given, all of it quiet. */
class Subjects extends Descriptors {
  readonly file = openFile(this);
  readonly pipeEnds = this.pipe();
  readonly tcpEnds = this.tcp();
  readonly inner = openQueue();
  readonly child = posix.spawn(["sleep", "1000"]);

  constructor() {
    super();
    this.inner.apply(kevUser(1));
  }

  growFile(): void {
    write(this.file, 8);
    posix.lseek(this.file, 0);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.inner[Symbol.dispose]();
    posix.kill(this.child, "SIGKILL");
    posix.waitpid(this.child);
  }
}

/** An empty file without a name, open to read and write. */
function openFile(fds: Descriptors): number {
  const path = temporaryPath();
  posix.close(posix.creat(path));
  const fd = fds.keep(posix.open(path, { read: true, write: true }));
  posix.unlink(path);
  return fd;
}

/** A watcher of a filter, and what makes it report if it does not by itself. */
interface Use {
  readonly change: (subjects: Subjects) => KeventInit;
  readonly fire?: (subjects: Subjects) => void;
}

const USES: Record<string, Use> = {
  "READ of a pipe": {
    change: ({ pipeEnds }) => kevRead(pipeEnds[0]),
    fire: ({ pipeEnds }) => write(pipeEnds[1], 1),
  },
  "WRITE": { change: ({ pipeEnds }) => kevWrite(pipeEnds[1]) },
  "EXCEPT": {
    change({ tcpEnds }) {
      const filter = EVFILT_EXCEPT;
      return { ident: tcpEnds[0], filter, flags: EV_ADD, fflags: NOTE_OOB };
    },
    fire({ tcpEnds }) {
      posix.send(tcpEnds[1], new Uint8Array(1), { outOfBand: true });
    },
  },
  "TIMER": { change: () => kevTimer(1, 1) },
  "USER": {
    change: () => kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER }),
  },
  "VNODE": {
    change: ({ file }) => kevVnode(file, { flags: EV_ADD }),
    fire: (subjects) => subjects.growFile(),
  },
  "READ of a regular file": {
    change: ({ file }) => kevRead(file),
    fire: (subjects) => subjects.growFile(),
  },
  "READ of a queue": {
    change: ({ inner }) => kevRead(inner.fd),
    fire: ({ inner }) => inner.apply(kevUser(1, { fflags: NOTE_TRIGGER })),
  },
  "PROC": {
    change: ({ child }) => kevProc(child),
    fire: ({ child }) => posix.kill(child, "SIGKILL"),
  },
};

/** Lets Deno's event loop turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Asserts that a queue with nothing to report waits without keeping the processor busy. */
function assertIdle(kq: TestQueue): void {
  const spent = [1, 2, 3].map(() => {
    const before = libc.clock();
    assertEquals(kq.wait(50), []);
    return Number(libc.clock() - before);
  });
  assertLess(Math.min(...spent), 10_000, "µs of 50,000");
}

/** Applies a change for which there may be no descriptor left. */
function tryApply(apply: () => void): boolean {
  try {
    apply();
    return true;
  } catch (error) {
    assert(error instanceof posix.SystemError, String(error));
    const { code } = error;
    assert(["EMFILE", "ENFILE", "ENOMEM"].includes(code), error.message);
    return false;
  }
}

describe("limits of every filter", () => {
  for (const [title, use] of Object.entries(USES)) {
    it(`R102 ${title} when there are no descriptors left`, () => {
      using subjects = new Subjects();
      using kq = openQueue();
      const [reader, writer] = subjects.pipe();
      kq.apply(kevRead(reader), kevUser(7, { flags: EV_ADD | EV_CLEAR }));
      const change = use.change(subjects);
      let isAdded = false;
      outOfDescriptors(() => {
        for (let i = 0; i < 3; i++) isAdded = tryApply(() => kq.apply(change));
        write(writer, 1);
        kq.apply(kevUser(7, { fflags: NOTE_TRIGGER }));
        const others = kq.poll().filter(({ ident, filter }) =>
          ident !== BigInt(change.ident) || filter !== change.filter
        );
        assertEquals(idents(others), [7, reader]);
      });
      posix.read(reader, new Uint8Array(1));
      if (!isAdded) {
        const deleting = { ...change, flags: EV_DELETE };
        assertCode(() => kq.apply(deleting), "ENOENT");
        assertEquals(kq.poll(), []);
        kq.apply(change);
      }
      use.fire?.(subjects);
      const { ident, filter } = only(kq.wait());
      assertEquals([ident, filter], [BigInt(change.ident), change.filter]);
    });
  }

  it("R102 a file that lives on when there are no descriptors left", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader, writer] = fds.pipe();
    const [idle] = fds.pipe();
    kq.apply(kevRead(reader), kevUser(7));
    fds.dup(reader);
    write(writer, 1);
    assertEquals(idents(kq.wait()), [reader]);
    outOfDescriptors(() => {
      fds.closeBehind(reader);
      assertEquals(fds.dup(idle), reader);
      for (let i = 0; i < 3; i++) {
        assertEquals(kq.poll(), []);
        kq.apply(kevUser(7, { fflags: NOTE_TRIGGER }));
        assertEquals(idents(kq.wait()), [7]);
      }
    });
    assertEquals(kq.wait(5), []);
  });

  it("R102 a waitAsync when there are no descriptors left", async () => {
    using kq = new Kqueue();
    kq.apply(kevUser(7));
    let waiting: Promise<unknown> = Promise.resolve();
    outOfDescriptors(() => {
      waiting = kq.waitAsync({ timeoutMs: 50 }).catch((error) => error);
    });
    const result = await waiting;
    if (result instanceof Error) {
      tryApply(() => {
        throw result;
      });
    }
    const next = kq.waitAsync({ timeoutMs: PATIENCE });
    kq.trigger(7);
    assertEquals(idents(await next), [7]);
  });

  for (const [title, use] of Object.entries(USES)) {
    it(`R101 ${title} that is disabled keeps nobody busy`, () => {
      using subjects = new Subjects();
      using kq = openQueue();
      const flags = EV_ADD | EV_DISABLE;
      kq.apply({ ...use.change(subjects), flags });
      use.fire?.(subjects);
      assertEquals(kq.wait(20), []);
      assertIdle(kq);
    });
  }

  it("R101 an inner queue that was drained keeps nobody busy", () => {
    using subjects = new Subjects();
    using kq = openQueue();
    const { inner } = subjects;
    kq.apply(kevRead(inner.fd));
    inner.apply(kevUser(1, { fflags: NOTE_TRIGGER }));
    assertEquals(idents(kq.wait()), [inner.fd]);
    assertEquals(inner.poll().length, 1);
    assertIdle(kq);
    inner.apply(kevUser(2, { fflags: NOTE_TRIGGER }));
    assertEquals(idents(kq.wait()), [inner.fd]);
    inner.apply(kevUser(2, { flags: EV_DELETE }));
    assertIdle(kq);
  });

  it("R101 watchers that come and go leave nothing behind", () => {
    using subjects = new Subjects();
    using kq = openQueue();
    const changes = Object.values(USES).map(({ change }) => change(subjects));
    const { child } = subjects;
    const turnOver = () => {
      kq.apply(...changes);
      assert(kq.poll().length > 0);
      kq.apply(...changes.map((change) => ({ ...change, flags: EV_DELETE })));
      const refused = kevProc(child, { fflags: NOTE_TRACK });
      assertCode(() => kq.apply(refused), "ENOTSUP");
    };
    turnOver();
    const descriptors = countDescriptors();
    for (let i = 0; i < 200; i++) turnOver();
    assertEquals(countDescriptors(), descriptors);
    assertEquals(kq.poll(), []);
  });

  it(`R101 ${QUEUES} queues of all filters leave nothing behind`, async () => {
    using subjects = new Subjects();
    const changes = Object.values(USES).map(({ change }) => change(subjects));
    const simple = changes.filter(({ ident }) => ident !== subjects.file);
    const use = (number: number) => {
      using kq = new Kqueue({ capacity: 16 });
      // Linux takes milliseconds to close an inotify descriptor.
      kq.apply(number % 20 === 0 ? changes : simple);
      kq.apply(kevSignal(SIGURG));
      using outer = new Kqueue({ capacity: 1 });
      outer.apply(kevRead(kq.fd));
      assert(kq.poll().length > 0);
    };
    const useMany = async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        use(i);
        // Deno's own part of a signal's listener ends when its event loop turns.
        if (i % 100 === 99) await turn();
      }
    };
    await useMany(0, QUEUES / 10);
    const descriptors = countDescriptors();
    const { rss } = Deno.memoryUsage();
    await useMany(QUEUES / 10, QUEUES);
    assertEquals(countDescriptors(), descriptors);
    const grown = Deno.memoryUsage().rss - rss;
    // What V8 has not collected yet counts as well; a queue that stayed would take more.
    assertLess(grown, 256 * 2 ** 20, "bytes of memory");
  });

  it("R100 an overflow of inotify's queue loses no watcher", {
    ignore: !IS_LINUX,
  }, () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [first, second, third, untouched] = [1, 2, 3, 4].map(() =>
      openFile(fds)
    );
    const wanted = NOTE_WRITE | NOTE_ATTRIB | NOTE_DELETE;
    const watched = [first, second, untouched];
    kq.apply(...watched.map((fd) => kevVnode(fd, { fflags: wanted })));
    kq.apply(kevRead(third));
    // One after the other: the same thing twice would be kept as one.
    for (let i = 0; i <= maxQueuedEvents(); i += 2) {
      write(first, 1);
      write(second, 1);
    }
    write(third, 5);
    posix.lseek(third, 0);

    const happened = new Map<number, number>();
    for (let events = kq.wait(); events.length > 1; events = kq.poll()) {
      for (const { ident, fflags } of events) {
        const fd = Number(ident);
        happened.set(fd, (happened.get(fd) ?? 0) | fflags);
      }
    }
    assertEquals(watched.map((fd) => happened.get(fd)), [
      wanted,
      wanted,
      wanted,
    ]);
    assertEquals(idents(kq.poll()), [third]);

    posix.read(third, new Uint8Array(5));
    assertEquals(kq.poll(), []);
    write(second, 1);
    const { ident, fflags } = only(kq.wait());
    assertEquals([ident, fflags], [BigInt(second), NOTE_WRITE]);
  });
});

/** How many happenings inotify keeps before it drops them. */
function maxQueuedEvents(): number {
  const fd = posix.open("/proc/sys/fs/inotify/max_queued_events");
  const text = new Uint8Array(32);
  const length = posix.read(fd, text) ?? 0;
  posix.close(fd);
  return Number(new TextDecoder().decode(text.subarray(0, length)));
}
