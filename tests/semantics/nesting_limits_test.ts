import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import {
  EV_ADD,
  EV_DELETE,
  kevRead,
  kevUser,
  kevWrite,
  NOTE_TRIGGER,
} from "../../mod.ts";
import { assertCode, idents, openQueue, type TestQueue } from "./calls.ts";
import { Descriptors } from "./descriptors.ts";
import { describeKernels } from "./kernels.ts";

/** Of macOS; *Linux*: fewer. */
const MOST_LEVELS = 10;
const MOST_LEVELS_OF_EPOLL = 5;

/** So many queues, each to be watched by the next. They are closed with the stack. */
function openQueues(stack: DisposableStack, count: number): TestQueue[] {
  return Array.from({ length: count }, () => stack.use(openQueue()));
}

function nest(outer: TestQueue, inner: TestQueue): void {
  outer.apply(kevRead(inner.fd));
}

describeKernels("how deep queues are in each other", (kernel) => {
  // R22
  const most = kernel.isEngine ? MOST_LEVELS_OF_EPOLL : MOST_LEVELS;

  it(`R22 ${most} levels are taken, one more is EINVAL`, () => {
    using stack = new DisposableStack();
    const queues = openQueues(stack, most + 1);
    for (let level = 1; level < most; level++) {
      nest(queues[level], queues[level - 1]);
    }
    const [outermost, next] = queues.slice(most - 1);
    assertCode(() => nest(next, outermost), "EINVAL");
    assertCode(
      () => next.apply(kevRead(outermost.fd, { flags: EV_DELETE })),
      "ENOENT",
    );
    queues[0].apply(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER }));
    assertEquals(idents(outermost.wait()), [queues[most - 2].fd]);
  });

  it("R22 a longer chain that is begun at its outer end is EINVAL", () => {
    using stack = new DisposableStack();
    const queues = openQueues(stack, MOST_LEVELS + 2);
    const codes = new Set<string>();
    for (let level = queues.length - 1; level > 0; level--) {
      try {
        nest(queues[level], queues[level - 1]);
      } catch (error) {
        codes.add((error as { code: string }).code);
      }
    }
    // macOS's levels do not tell in this order.
    if (kernel.isEngine) assertEquals([...codes], ["EINVAL"]);
    else assert(!codes.has("ELOOP"));
  });

  it("R22 rings of two and of three queues are EINVAL", () => {
    using stack = new DisposableStack();
    const [a, b, c] = openQueues(stack, 3);
    assertCode(() => nest(a, a), "EINVAL");
    nest(b, a);
    assertCode(() => nest(a, b), "EINVAL");
    nest(c, b);
    assertCode(() => nest(a, c), "EINVAL");
    a.apply(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER }));
    assertEquals(idents(c.wait()), [b.fd]);
  });

  it("R22 the watchers of a queue that is deep in others are taken or EINVAL", () => {
    using fds = new Descriptors();
    using stack = new DisposableStack();
    const queues = openQueues(stack, most);
    const [, writer] = fds.pipe();
    for (let level = 1; level < most; level++) {
      nest(queues[level], queues[level - 1]);
    }
    const [innermost] = queues;
    if (kernel.isEngine) {
      // WRITE has an epoll set of its own, which is a level more.
      assertCode(() => innermost.apply(kevWrite(writer)), "EINVAL");
    } else {
      innermost.apply(kevWrite(writer));
      innermost.apply(kevWrite(writer, { flags: EV_DELETE }));
    }
    queues[1].apply(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER }));
    assertEquals(idents(queues[most - 1].wait()), [queues[most - 2].fd]);
  });
});
