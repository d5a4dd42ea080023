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
  assert(bells().includes(ownBell), `${ownBell} is not it`);
  return ownBell;
}

/** On macOS those of isolates that have ended are still there: queues are the process's. */
function bells(): number[] {
  const length = lowestFree() + 256;
  const numbers = Array.from({ length }, (_, number) => number);
  const touch = { ident: BELL, filter: EVFILT_USER };
  return numbers.filter((number) => kqApply(number, touch));
}

/** The first wait of an isolate opens what all others share. */
async function openWaiter(): Promise<void> {
  const others = new Set(bells());
  let bell: number | undefined;
  for (let delay = 5; bell === undefined; delay *= 2) {
    await waitOnce(delay);
    bell = bells().find((number) => !others.has(number));
  }
  ownBell = bell;
}

/** On another thread, unless the event, after so many milliseconds, comes before that is asked. */
async function waitOnce(delay: number): Promise<void> {
  using kq = new Kqueue();
  kq.apply(kevUser(1));
  await kq.waitAsync({ timeoutMs: 0.1 });
  // That one may have ended before the call on the other thread, which sanitizers look for; an event ends both.
  setTimeout(() => kq.trigger(1), delay);
  await kq.waitAsync();
}
