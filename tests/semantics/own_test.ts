import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { openSystemLibrary } from "../../library.ts";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  kevProc,
  kevRead,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  NOTE_TRIGGER,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import {
  assertCode,
  idents,
  only,
  openQueue,
  type TestQueue,
} from "./calls.ts";
import {
  Descriptors,
  isOpen,
  lowestFree,
  openSystem,
  outOfDescriptors,
  temporaryPath,
  write,
} from "./descriptors.ts";
import { IS_LINUX } from "../system.ts";

// Opened before the tests, whose sanitizers would take the libraries for leaks.
openSystem();
posix.close(posix.dup(1));
openQueue()[Symbol.dispose]();
const { clock } = openSystemLibrary({
  // clock_t clock(void); counts in microseconds.
  clock: { parameters: [], result: "i64" },
}).symbols;

/** The numbers that are open now. */
function openNumbers(): Set<number> {
  const numbers = Array.from({ length: 8192 }, (_, number) => number);
  return new Set(numbers.filter((number) => isOpen(number)));
}

/** The numbers that something opens and leaves open. */
function opened(open: () => void): number[] {
  const before = openNumbers();
  open();
  return [...openNumbers()].filter((number) => !before.has(number));
}

/** What the engine opens descriptors of its own for: how it is begun, and how it is made to report. */
class Subjects extends Descriptors {
  readonly kq: TestQueue = openQueue();
  readonly #path = temporaryPath();
  readonly #file: number;
  readonly #writer: number;
  readonly #reader: number;
  readonly #pid = posix.spawn(["sleep", "60"]);

  constructor() {
    super();
    this.keep(posix.creat(this.#path));
    this.#file = this.keep(posix.open(this.#path, { write: true }));
    [this.#reader, this.#writer] = this.pipe();
    this.kq.apply(
      kevUser(1),
      kevTimer(2, 3_600_000),
      kevVnode(this.#file),
      kevWrite(this.#writer, { flags: EV_ADD | EV_CLEAR }),
      kevProc(this.#pid),
      kevRead(this.#reader),
    );
    assertEquals(idents(this.kq.poll()), [this.#writer]);
  }

  /** Asserts that all of them report. */
  assertReports(): void {
    this.kq.apply(kevUser(1, { flags: 0, fflags: NOTE_TRIGGER }));
    this.kq.apply(kevTimer(2, 1));
    write(this.#file, 1);
    this.kq.apply(kevWrite(this.#writer, { flags: EV_DELETE }));
    this.kq.apply(kevWrite(this.#writer, { flags: EV_ADD | EV_CLEAR }));
    posix.kill(this.#pid, "SIGKILL");
    write(this.#writer, 1);
    const wanted = [1, 2, this.#file, this.#writer, this.#pid, this.#reader];
    const seen = new Set<number>();
    while (!wanted.every((ident) => seen.has(ident))) {
      const events = this.kq.wait();
      assert(events.length > 0, `${[...seen]} of ${wanted} came`);
      for (const ident of idents(events)) seen.add(ident);
    }
  }

  override [Symbol.dispose](): void {
    posix.kill(this.#pid, "SIGKILL");
    posix.waitpid(this.#pid);
    this.kq[Symbol.dispose]();
    super[Symbol.dispose]();
    posix.unlink(this.#path);
  }
}

// R9: macOS's kernel has none in the program.
describe("the engine's own descriptors", { ignore: !IS_LINUX }, () => {
  it("R9 their numbers are out of the program's way", () => {
    const lowest = lowestFree();
    using fds = new Descriptors();
    const numbers = opened(() => {
      using kq = openQueue();
      kq.apply(kevUser(1));
    });
    assertEquals(numbers, []);
    using kq = openQueue();
    const [, writer] = fds.pipe();
    const own = opened(() =>
      kq.apply(kevTimer(1, 3_600_000), kevWrite(writer))
    );
    assertEquals(own.length, 2);
    for (const number of own) assert(number > lowest + 100, `${number}`);
  });

  it("R5 they are not open to the program", () => {
    using kq = openQueue();
    const [timer] = opened(() => kq.apply(kevTimer(1, 3_600_000)));
    assertCode(() => posix.close(timer), "EBADF");
    for (const change of [kevRead(timer), kevWrite(timer), kevVnode(timer)]) {
      assertCode(() => kq.apply(change), "EBADF");
    }
  });

  it("R9 dup2 onto each of their numbers takes nothing away", () => {
    let subjects: Subjects | undefined;
    const numbers = opened(() => {
      subjects = new Subjects();
    });
    assert(subjects !== undefined);
    using under = subjects;
    using fds = new Descriptors();
    const [reader, writer] = fds.pipe();
    const own = numbers.filter((number) => number > lowestFree() + 100);
    assertEquals(own.length, 5, "eventfd, timerfd, inotify, WRITE's, pidfd");
    for (const number of own) {
      assertEquals(fds.dup2(reader, number), number);
    }
    under.assertReports();
    // And they are the program's now.
    under.kq.apply(kevRead(own[0]));
    write(writer, 3);
    assertEquals(under.kq.wait().some((e) => e.ident === BigInt(own[0])), true);
    for (const number of own) fds.close(number);
    assertCode(() => under.kq.apply(kevRead(own[0])), "EBADF");
  });

  it("R102 a dup2 onto one of them that fails takes nothing away", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [reader] = fds.pipe();
    const [timer] = opened(() => kq.apply(kevTimer(1, 20)));
    outOfDescriptors(() => {
      // Beyond the limit.
      assertCode(() => fds.dup2(reader, timer), "EBADF");
    });
    assertEquals(idents(kq.wait()), [1]);
  });

  it("R9 one that was closed is not waited for any more", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const pid = posix.spawn(["sleep", "60"]);
    const [pidfd] = opened(() => kq.apply(kevProc(pid)));
    kq.apply(kevProc(pid, { flags: EV_DELETE }));
    posix.kill(pid, "SIGKILL");
    posix.waitpid(pid);
    // Its number is a pipe's with something to read, and then the queue gets a new epoll set.
    const [reader, writer] = fds.pipe();
    write(writer, 1);
    fds.dup2Behind(reader, pidfd);
    const [closed, other] = fds.pipe();
    kq.apply(kevRead(closed));
    fds.dup(closed);
    fds.closeBehind(closed);
    write(other, 1);
    assertEquals(kq.poll(), []);
    const spent = [1, 2, 3].map(() => {
      const before = clock();
      assertEquals(kq.wait(50), []);
      return Number(clock() - before);
    });
    assertLess(Math.min(...spent), 20_000, "µs of 50,000");
  });
});

describe("dup2 without a free descriptor", () => {
  it("R9 it ends the watchers of the number all the same", () => {
    using fds = new Descriptors();
    using kq = openQueue();
    const [number, writer] = fds.pipe();
    const [other, otherWriter] = fds.pipe();
    fds.dup(number);
    kq.apply(kevRead(number));
    outOfDescriptors(() => fds.dup2(other, number));
    write(writer, 3);
    write(otherWriter, 7);
    assertEquals(kq.poll(), []);
    kq.apply(kevRead(number, { udata: 2 }));
    assertEquals(only(kq.poll()).udata, 2n);
  });
});
