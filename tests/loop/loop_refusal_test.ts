import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  EV_ADD,
  EV_UDATA_SPECIFIC,
  EVFILT_READ,
  type KeventInit,
  kevRead,
  kevUser,
} from "../../mod.ts";
import { Loop } from "../../loop.ts";
import { SystemError } from "../../posix.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { delivered, it, soon, triggered } from "../async/support.ts";

const { AlreadyExists, BadResource } = Deno.errors;

describeKernels("Loop refuses", () => {
  /** The ways to add a watch, each of them failing as a promise. */
  const ways: [string, (loop: Loop, change: KeventInit) => unknown][] = [
    ["on()", (loop, change) => loop.on(change, () => {})],
    ["once()", (loop, change) => loop.once(change)],
    ["events()", (loop, change) => loop.events(change)],
  ];
  for (const [name, way] of ways) {
    /** What fails at once and what fails later, alike. */
    const attempt = async (loop: Loop, change: KeventInit): Promise<void> => {
      await soon(Promise.resolve(way(loop, change)), 2000);
    };

    it(`a second watch for the same ident and filter, ${name}`, async () => {
      await using loop = new Loop();
      using watch = loop.on(kevUser(1), () => {});
      for (const ident of [1, 1n]) {
        await assertRejects(
          () => attempt(loop, kevUser(ident)),
          AlreadyExists,
          "ident 1 and EVFILT_USER; cancel it first, also where its descriptor was closed",
        );
      }
      assert(watch.active);
      // The one that is there is none the worse for it.
      await delivered(loop);
      watch.cancel();
      await soon(loop.once(triggered(1)));
    });

    it(`R20 EV_UDATA_SPECIFIC, for its words are its own, ${name}`, async () => {
      await using loop = new Loop();
      const flags = EV_ADD | EV_UDATA_SPECIFIC;
      for (
        const change of [kevUser(1, { flags }), kevUser(1, { flags, udata: 5 })]
      ) {
        await assertRejects(
          () => attempt(loop, change),
          TypeError,
          "Cannot watch with EV_UDATA_SPECIFIC: the words of a loop's watches are the loop's own",
        );
      }
      await soon(loop.once(triggered(1)));
    });

    it(`what the kernel refuses, ${name}, and stays usable`, async () => {
      await using loop = new Loop();
      for (let i = 0; i < 3; i++) {
        const error = await assertRejects(
          () => attempt(loop, kevRead(999_999)),
          SystemError,
        );
        assertEquals([error.code, error.change?.ident], ["EBADF", 999_999]);
      }
      await delivered(loop);
    });

    it(`what does not fit its field, ${name}`, async () => {
      await using loop = new Loop();
      const change = { ident: -1, filter: EVFILT_READ };
      await assertRejects(() => attempt(loop, change), RangeError, "ident");
      await assertRejects(
        () => attempt(loop, { ...kevUser(1), udata: -1 }),
        RangeError,
        "udata",
      );
      await delivered(loop);
    });

    it(`everything once it is closed, ${name}`, async () => {
      await using loop = new Loop();
      loop.close();
      await assertRejects(() => attempt(loop, kevUser(1)), BadResource);
    });
  }

  it("a handler that is no function, and adds nothing", async () => {
    await using loop = new Loop();
    for (const handler of [undefined, null, {}, "f"]) {
      assertThrows(
        () => loop.on(triggered(1), handler as unknown as () => void),
        TypeError,
        "handler must be a function",
      );
    }
    await soon(loop.once(triggered(1)));
  });
});
