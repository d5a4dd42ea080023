/** poll(2) of one descriptor. */
import { complete, libc } from "./libc.ts";

/** `struct pollfd`: fd, and events with revents above them. */
const pollfd = new Int32Array(new ArrayBuffer(8));

/** Whether poll(2) has anything to say of a descriptor, errors among it. */
export function isReady(
  fd: number,
  events: number,
  timeoutMs: number,
): boolean {
  pollfd[0] = fd;
  pollfd[1] = events;
  return complete("poll", () => libc().poll(pollfd, timeoutMs)) > 0;
}
