/** What time it is, by the clocks of clock_gettime(2). */
import { libc, scratch } from "./libc.ts";

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

const SECOND = 1e9;
const TWO_32 = 2 ** 32;

/** A clock's time in nanoseconds since `baseSeconds` of it: exact for 104 days, and then to a few nanoseconds. */
export function clockTime(clock: number, baseSeconds: number): number {
  const { words, pointer } = scratch;
  libc.clock_gettime(clock, pointer);
  const seconds = words[1] * TWO_32 + (words[0] >>> 0);
  return (seconds - baseSeconds) * SECOND + words[2];
}
