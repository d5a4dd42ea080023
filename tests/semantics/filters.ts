/** A use of each filter, for the tests of limits. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { constants } from "node:os";
import { openSystemLibrary } from "../../library.ts";
import {
  EV_ADD,
  EVFILT_EXCEPT,
  type KeventInit,
  kevProc,
  kevRead,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  NOTE_OOB,
  NOTE_TRIGGER,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { openQueue, type TestQueue } from "./calls.ts";
import {
  Descriptors,
  openSystem,
  temporaryPath,
  write,
} from "./descriptors.ts";

export const F_GETFD = 1;
/** More than the tests of this file ever have open at once. */
export const HIGHEST = 2048;
export const QUEUES = 10_000;
export const { SIGURG } = constants.signals;

// Opened before the tests, whose sanitizers would take the libraries for leaks.
openSystem();
posix.close(posix.dup(1));
export const libc = openSystemLibrary({
  // clock_t clock(void); counts in microseconds on both systems.
  clock: { parameters: [], result: "i64" },
  // int fcntl(int fildes, int cmd, ...);
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
}).symbols;

/** How many descriptors this process has open. */
export function countDescriptors(): number {
  let count = 0;
  for (let fd = 0; fd < HIGHEST; fd++) {
    if (libc.fcntl(fd, F_GETFD) !== -1) count++;
  }
  return count;
}

/** What the filters can be given, all of it quiet. */
export class Subjects extends Descriptors {
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
export function openFile(fds: Descriptors): number {
  const path = temporaryPath();
  posix.close(posix.creat(path));
  const fd = fds.keep(posix.open(path, { read: true, write: true }));
  posix.unlink(path);
  return fd;
}

/** A watcher of a filter, and what makes it report if it does not by itself. */
export interface Use {
  readonly change: (subjects: Subjects) => KeventInit;
  readonly fire?: (subjects: Subjects) => void;
}

export const USES: Record<string, Use> = {
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
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Asserts that a queue with nothing to report waits without keeping the processor busy. */
export function assertIdle(kq: TestQueue): void {
  const spent = [1, 2, 3].map(() => {
    const before = libc.clock();
    assertEquals(kq.wait(50), []);
    return Number(libc.clock() - before);
  });
  assertLess(Math.min(...spent), 10_000, "µs of 50,000");
}

/** Applies a change for which there may be no descriptor left. */
export function tryApply(apply: () => void): boolean {
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
