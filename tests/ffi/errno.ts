/** Errors' numbers as messages tell them. */
import { constants } from "node:os";
import { errnoText } from "../../errno.ts";

/** An errno's name, with the platform's words for it where this Deno has them (from 2.8.1 on). */
export function told(name: keyof typeof constants.errno): string {
  const text = errnoText(constants.errno[name]);
  return text === undefined ? name : `${name}, ${text}`;
}
