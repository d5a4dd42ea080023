/**
 * Registers a suite for each kernel that this machine has: the system's own (macOS's, or the engine on Linux), and on
 * Linux a second time the C library that has the ABI of Darwin's, over which the code runs that a Mac runs.
 */
import { assert, assertEquals } from "@std/assert";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
} from "@std/testing/bdd";
import {
  EVFILT_USER,
  kevUser,
  kqApply,
  Kqueue,
  type Libc,
  openLibc,
  useLibc,
} from "../../mod.ts";
import { close, dup } from "../../posix.ts";
import { darwinLibrary } from "../darwin/library.ts";
import { IS_LINUX, STAND_IN_NAME, SYSTEM_NAME } from "../system.ts";
import { lowestFree, openSystem } from "./descriptors.ts";

/** What answers the calls, as far as a test may have to know. */
export interface Kernel {
  /** What the suite's name calls it. */
  readonly name: string;
  /** The engine over epoll: the rules' *Linux* clauses are about it. */
  readonly isEngine: boolean;
  /** The C library of Darwin's ABI, a stand-in of a few hundred lines. */
  readonly isStandIn: boolean;
  /** R20: whether EV_UDATA_SPECIFIC is there to be tested; *Linux* may refuse it. */
  readonly hasUdataSpecific: boolean;
  /** Why VNODE, PROC and SIGNAL cannot be tried; undefined where they can. */
  readonly noSystemFilters: string | undefined;
}

/** From here on the engine numbers its own descriptors, where the limit allows it. */
const FIRST_OWN = 4096;

/** The ident of the watcher by which a wait is ended that others join. */
const BELL = 0x6265_6c6c_2e6b_7175n;

let ownBell = -1;

const SYSTEM: Kernel = {
  name: SYSTEM_NAME,
  isEngine: IS_LINUX,
  isStandIn: false,
  // R20
  hasUdataSpecific: !IS_LINUX,
  noSystemFilters: undefined,
};

const STAND_IN: Kernel = {
  name: STAND_IN_NAME,
  isEngine: false,
  isStandIn: true,
  hasUdataSpecific: true,
  noSystemFilters: "the C library has no such filter",
};

// Deno's sanitizers take a library that a test opens for a leak: all that tests need are opened before.
openSystem();
close(dup(1));
await openWaiter();

/** Registers `body`'s tests once for each kernel, and sees to it that none of them leaves a descriptor open. */
export function describeKernels(
  title: string,
  body: (kernel: Kernel) => void,
): void {
  describe(`${title}, over ${SYSTEM.name}`, () => {
    checkDescriptors();
    body(SYSTEM);
  });
  // macOS needs no stand-in for itself.
  if (IS_LINUX) describeStandIn(`${title}, over ${STAND_IN.name}`, body);
}

function describeStandIn(
  name: string,
  body: (kernel: Kernel) => void,
): void {
  const library = darwinLibrary();
  if ("skip" in library) {
    describe.skip(`${name} (${library.skip})`, () => body(STAND_IN));
    return;
  }
  const libc = openLibc(library.path);
  describe(name, () => {
    let before: Libc | null = null;
    const bellBefore = ownBell;
    beforeAll(async () => {
      before = useLibc(libc);
      await openWaiter();
    });
    afterAll(() => {
      useLibc(before);
      ownBell = bellBefore;
    });
    checkDescriptors();
    body(STAND_IN);
  });
}

/** Deno's sanitizers do not know the descriptors that FFI opens. */
function checkDescriptors(): void {
  let before: number[] = [];
  const numbers = () => [lowestFree(), lowestFree(FIRST_OWN)];
  beforeEach(() => {
    before = numbers();
  });
  afterEach(() => {
    assertEquals(numbers(), before, "the test left a descriptor open");
  });
}

/** The descriptor that all waits of this isolate share, over the kernel in use. */
export function sharedDescriptor(): number {
  assert(isBell(ownBell), `${ownBell} is not it`);
  return ownBell;
}

/** On macOS also those of isolates that have ended are: queues are the process's. */
function isBell(fd: number): boolean {
  return kqApply(fd, { ident: BELL, filter: EVFILT_USER });
}

/** The first wait of an isolate on another thread opens what all others share. */
async function openWaiter(): Promise<void> {
  for (let delay = 5; delay < 10_000; delay *= 2) {
    const bell = (await openedByWait(delay)).find(isBell);
    if (bell === undefined) continue; // its event came before another thread was asked
    ownBell = bell;
    return;
  }
  throw new Error("No wait was on another thread");
}

/** Waits for an event after so many milliseconds, and gives numbers of which one is what the wait opened, if it did. */
async function openedByWait(delay: number): Promise<number[]> {
  using kq = new Kqueue();
  kq.apply(kevUser(1));
  const free = lowestFew();
  await kq.waitAsync({ timeoutMs: 0.1 });
  // That one may have ended before the call on the other thread, which sanitizers look for; an event ends both.
  setTimeout(() => kq.trigger(1), delay);
  await kq.waitAsync();
  return free;
}

/** The lowest numbers that are free: more than Deno's other threads may take meanwhile. */
function lowestFew(): number[] {
  const few = Array.from({ length: 16 }, () => dup(1));
  few.forEach(close);
  return few;
}
