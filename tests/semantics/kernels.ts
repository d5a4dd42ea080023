/**
 * Registers a suite for each kernel that this machine has: the system's own (macOS's, or the engine on Linux), and on
 * Linux a second time the C library that has the ABI of Darwin's, over which the code runs that a Mac runs.
 */
import { assertEquals } from "@std/assert";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
} from "@std/testing/bdd";
import { kevUser, Kqueue, type Libc, openLibc, useLibc } from "../../mod.ts";
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
    beforeAll(async () => {
      before = useLibc(libc);
      await openWaiter();
    });
    afterAll(() => {
      useLibc(before);
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

/** The first wait of an isolate on another thread opens what all others share. */
async function openWaiter(): Promise<void> {
  // An event that comes before that thread is asked, as on a busy machine, ends the wait without it.
  for (let delay = 5; delay < 1000; delay *= 2) {
    const [, before] = lowestTwo();
    await waitOnce(delay);
    const [, after] = lowestTwo();
    if (after !== before) return;
  }
}

/** Waits for an event that comes after so many milliseconds. */
async function waitOnce(delay: number): Promise<void> {
  using kq = new Kqueue();
  kq.apply(kevUser(1));
  await kq.waitAsync({ timeoutMs: 0.1 });
  // That one may have ended before the call on the other thread, which sanitizers look for; an event ends both.
  setTimeout(() => kq.trigger(1), delay);
  await kq.waitAsync();
}

/** The two lowest numbers that are free: the one for a queue, and the one for what its wait opens. */
function lowestTwo(): [number, number] {
  const [first, second] = [dup(1), dup(1)];
  close(first);
  close(second);
  return [first, second];
}
