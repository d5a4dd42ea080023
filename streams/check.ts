/** What both kinds of streams check. */
import { Loop } from "../loop.ts";
import { wrongType } from "../posix/check.ts";

/** Throws unless the value is a loop. */
export function checkLoop(loop: unknown): void {
  if (!(loop instanceof Loop)) throw wrongType("loop", loop, "a Loop");
}
