import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { openSystemLibrary } from "../../library.ts";
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  kevRead,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  Kqueue,
  NOTE_TRIGGER,
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
  awaitReadable,
  Descriptors,
  openSystem,
  send,
  temporaryPath,
  write,
} from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

// Opened before the tests, whose sanitizers would take the libraries for leaks.
openSystem();
const libc = openSystemLibrary({
  // clock_t clock(void); counts in microseconds on both systems.
  clock: { parameters: [], result: "i64" },
  // int dup2(int fildes, int fildes2);
  dup2: { parameters: ["i32", "i32"], result: "i32" },
}).symbols;

/** The ways in which a descriptor is closed. */
const WAYS: Record<string, (fds: Descriptors, fd: number) => void> = {
  "by the module": (fds, fd) => fds.close(fd),
  "behind its back": (fds, fd) => fds.closeBehind(fd),
};

/** A file of each kind, with something to read. */
const KINDS: Record<string, (fds: Descriptors) => number> = {
  pipe(fds) {
    const [reader, writer] = fds.pipe();
    write(writer, 1);
    return reader;
  },
  socket(fds) {
    const [a, b] = fds.socketpair();
    send(b, 2);
    return a;
  },
  "listening socket"(fds) {
    const { fd, port } = fds.listen();
    fds.connect(port);
    awaitReadable(fd);
    return fd;
  },
  "regular file": (fds) => openFile(fds),
};

/** A file of 8 bytes without a name, open to read and write. */
function openFile(fds: Descriptors): number {
  const path = temporaryPath();
  const writer = posix.creat(path);
  write(writer, 8);
  posix.close(writer);
  const fd = fds.keep(posix.open(path, { read: true, write: true }));
  posix.unlink(path);
  return fd;
}

/** Watchers that have nothing to do with the reuse: those that report in every call, and those that have nothing new. */
class Bystanders {
  readonly #kq: TestQueue;
  readonly #idents: number[];

  constructor(kq: TestQueue, fds: Descriptors) {
    const [level, edge, dispatched] = [0, 1, 2].map(() => KINDS.pipe(fds));
    const [idle, writer] = fds.pipe();
    kq.apply(
      kevRead(edge, { flags: EV_ADD | EV_CLEAR }),
      kevRead(dispatched, { flags: EV_ADD | EV_DISPATCH }),
      kevWrite(writer, { flags: EV_ADD | EV_CLEAR }),
    );
    assertEquals(kq.wait().length, 3);
    kq.apply(kevRead(level), kevRead(idle), kevUser(7), kevTimer(8, 3_600_000));
    this.#kq = kq;
    this.#idents = [7, level];
  }

  /** Asserts that the former are reported, and besides them just these. */
  assertEvents(...others: number[]): void {
    this.#kq.apply(kevUser(7, { flags: 0, fflags: NOTE_TRIGGER }));
    const expected = [...this.#idents, ...others].sort((a, b) => a - b);
    assertEquals(idents(this.#kq.wait()), expected);
  }
}

/**
 * Lets a queue notice that a number has come to name another file. The engine needs some reports for that where the
 * first file was closed behind the module's back, lives on in a duplicate, and both are ready: no more than these.
 */
function letNotice(kq: TestQueue): void {
  for (let report = 0; report < 64; report++) kq.poll();
}

/** Opens a file again under a number that is free, as open(2) would; the module does not hear of it. */
function reopen(fds: Descriptors, fd: number, number: number): void {
  assertEquals(fds.keep(libc.dup2(fd, number)), number);
}

/** Asserts that a queue with nothing to report waits without keeping the processor busy. */
function assertIdle(kq: TestQueue): void {
  const spent = [1, 2, 3].map(() => {
    const before = libc.clock();
    assertEquals(kq.wait(50), []);
    return Number(libc.clock() - before);
  });
  assertLess(Math.min(...spent), 25_000, "µs of 50,000");
}

describeKernels("numbers that are used again", (kernel) => {
  for (const [way, close] of Object.entries(WAYS)) {
    // R9 *Linux*: noticed only when somebody looks.
    const isLate = kernel.isEngine && close === WAYS["behind its back"];
    describe(`closed ${way}`, () => {
      it("R9 thousands of times, with other watchers active", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const bystanders = new Bystanders(kq, fds);
        const numbers = new Set<number>();
        const modes = [EV_ADD, EV_ADD | EV_CLEAR, EV_ADD | EV_ONESHOT];
        for (let i = 0; i < 3000; i++) {
          const [reader, writer] = fds.pipe();
          numbers.add(reader);
          kq.apply(
            kevRead(reader, { flags: modes[i % 3], udata: i }),
            kevWrite(writer, { flags: modes[i % 2] }),
          );
          bystanders.assertEvents(writer);
          write(writer, 1);
          const events = kq.poll();
          const { udata } = only(
            events.filter(({ ident }) => Number(ident) === reader),
          );
          assertEquals(udata, BigInt(i));
          close(fds, reader);
          close(fds, writer);
          if (i % 2 === 0) bystanders.assertEvents();
        }
        // The lowest that is free, unless some other thread was in need of one.
        assertLess(numbers.size, 100);
      });

      it("R9 thousands of files that nobody watches, by a number that was watched", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const bystanders = new Bystanders(kq, fds);
        const number = KINDS.pipe(fds);
        const others = Object.values(KINDS).map((open) => open(fds));
        kq.apply(kevRead(number));
        bystanders.assertEvents(number);
        for (let i = 0; i < 4000; i++) {
          close(fds, number);
          reopen(fds, others[i % others.length], number);
          bystanders.assertEvents();
        }
        for (const flags of [EV_DELETE, EV_ENABLE]) {
          assertCode(() => kq.apply(kevRead(number, { flags })), "ENOENT");
        }
      });

      for (const lives of [false, true]) {
        const file = lives ? "a file that lives on" : "a file";
        for (const [kind, open] of Object.entries(KINDS)) {
          for (const [otherKind, openOther] of Object.entries(KINDS)) {
            it(`R9 ${file}, a ${kind}, then a ${otherKind}`, () => {
              using fds = new Descriptors();
              using kq = openQueue();
              const bystanders = new Bystanders(kq, fds);
              const number = open(fds);
              const other = openOther(fds);
              kq.apply(kevRead(number, { udata: 1 }), kevWrite(number));
              kq.wait();
              if (lives) fds.dup(number);
              close(fds, number);
              reopen(fds, other, number);
              if (lives && isLate) letNotice(kq);
              bystanders.assertEvents();
              bystanders.assertEvents();
              kq.apply(kevRead(number, { udata: 2 }));
              bystanders.assertEvents(number);
              const event = kq.poll().find(({ ident }) =>
                ident === BigInt(number)
              );
              assertEquals(event?.udata, 2n);
              const deleting = kevWrite(number, { flags: EV_DELETE });
              assertCode(() => kq.apply(deleting), "ENOENT");
              close(fds, number);
              bystanders.assertEvents();
            });

            it(`R9 no change without EV_ADD, ${file}, a ${kind}, then a ${otherKind}`, () => {
              using fds = new Descriptors();
              using kq = openQueue();
              const number = open(fds);
              const other = openOther(fds);
              kq.apply(kevRead(number), kevWrite(number));
              if (lives) fds.dup(number);
              close(fds, number);
              reopen(fds, other, number);
              for (
                const change of [
                  kevRead(number, { flags: EV_ENABLE }),
                  kevWrite(number, { flags: EV_DELETE }),
                  kevRead(number, { flags: EV_DELETE }),
                  kevWrite(number, { flags: 0 }),
                ]
              ) {
                assertCode(() => kq.apply(change), "ENOENT");
              }
              assertEquals(kq.poll(), []);
            });
          }
        }
      }

      it("R9 files that live on by hundreds neither report nor spin", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        using idle = openQueue();
        using outer = openQueue();
        const bystanders = new Bystanders(kq, fds);
        const [quiet, quietEnd] = fds.pipe();
        outer.apply(kevRead(idle.fd));
        idle.apply(kevTimer(1, 3_600_000));
        const [reader, writer] = fds.pipe();
        for (let i = 0; i < 300; i++) {
          const [a, b] = i === 0 ? [reader, writer] : fds.pipe();
          write(b, 1);
          for (const queue of [kq, idle]) {
            queue.apply(kevRead(a), kevWrite(b));
          }
          for (const fd of [a, b]) fds.dup(fd);
          for (const fd of [a, b]) close(fds, fd);
          if (i % 3 === 0) bystanders.assertEvents();
        }
        bystanders.assertEvents();

        // Their numbers are those of files now that have nothing to report.
        reopen(fds, quiet, reader);
        idle.apply(kevRead(reader));
        assertIdle(idle);
        assertEquals(outer.poll(), []);

        // And all that was there before goes on.
        write(quietEnd, 1);
        assertEquals(idents(outer.wait()), [idle.fd]);
        assertEquals(idents(idle.wait()), [reader]);
        idle.apply(kevRead(reader, { flags: EV_DELETE }), kevWrite(quietEnd));
        assertEquals(idents(idle.wait()), [quietEnd]);
        idle.apply(kevWrite(quietEnd, { flags: EV_DELETE }), kevTimer(1, 1));
        assertEquals(idents(idle.wait()), [1]);
      });

      it("R9 the other duplicate goes on, whatever gets the number", () => {
        using fds = new Descriptors();
        using kq = openQueue();
        const [reader, writer] = fds.pipe();
        const duplicate = fds.dup(reader);
        const other = KINDS.socket(fds);
        kq.apply(kevRead(reader, { udata: 1 }), kevRead(duplicate));
        close(fds, reader);
        reopen(fds, other, reader);
        assertEquals(kq.poll(), []);
        write(writer, 3);
        if (isLate) letNotice(kq);
        const { ident, data } = only(kq.wait());
        assertEquals([ident, data], [BigInt(duplicate), 3n]);
        kq.apply(kevRead(reader, { udata: 2 }));
        const events = kq.wait();
        assertEquals(
          events.map(({ ident, data, udata }) => [ident, data, udata]).sort(),
          [[BigInt(reader), 2n, 2n], [BigInt(duplicate), 3n, 0n]].sort(),
        );
        posix.read(duplicate, new Uint8Array(3));
        assertEquals(idents(kq.poll()), [reader]);
      });

      it("R9 during a waitAsync", async () => {
        using fds = new Descriptors();
        using kq = new Kqueue();
        const other = KINDS.pipe(fds);
        kq.apply(kevUser(7));
        for (let i = 0; i < 200; i++) {
          const [reader, writer] = fds.pipe();
          kq.apply(kevRead(reader, { udata: 1 }));
          const waiting = kq.waitAsync({ timeoutMs: PATIENCE });
          if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve));
          close(fds, reader);
          close(fds, writer);
          reopen(fds, other, reader);
          kq.trigger(7);
          assertEquals(idents(await waiting), [7]);
          assertEquals(kq.poll().length, 0);
          close(fds, reader);
        }
      });

      it(
        "R9 a watched file, then another",
        { ignore: kernel.isStandIn },
        () => {
          using fds = new Descriptors();
          using kq = openQueue();
          const number = openFile(fds);
          const same = fds.dup(number);
          const other = openFile(fds);
          kq.apply(kevVnode(number, { udata: 1 }));
          close(fds, number);
          reopen(fds, other, number);
          write(same, 1);
          write(other, 1);
          assertEquals(kq.poll(), []);
          const deleting = kevVnode(number, { flags: EV_DELETE });
          assertCode(() => kq.apply(deleting), "ENOENT");
          kq.apply(kevVnode(number, { udata: 2 }));
          write(same, 1);
          assertEquals(kq.poll(), []);
          write(other, 1);
          assertEquals(only(kq.wait()).udata, 2n);
        },
      );
    });
  }
});
