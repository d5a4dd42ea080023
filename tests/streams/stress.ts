/**
 * Much traffic through streams, disturbed at random points, to be run by hand:
 *
 *     deno run --allow-ffi tests/streams/stress.ts [MIB [STOPS]]
 *
 * MIB go through each of four pairs of lines, 256 unless given, with STOPS interruptions of the pipe between them and a
 * slow reader; then STOPS lines are cancelled or aborted anywhere, 10,000 unless given. Each byte is checked. At the end
 * no descriptor more may be open than after the first round, and memory is told.
 */
import { assertEquals } from "@std/assert";
import { Loop } from "../../loop.ts";
import { close, dup } from "../../posix.ts";
import { openSystem } from "../semantics/descriptors.ts";
import { LINES, Random } from "./support.ts";
import { sendInParts, stopAnywhere } from "./traffic.ts";

const [mebibytes = 256, stops = 10_000] = Deno.args.map(Number);
const MIB = 1 << 20;

function lowestFree(): number {
  const fd = dup(1);
  close(fd);
  return fd;
}

function report(what: string, start: number): void {
  const seconds = ((performance.now() - start) / 1e3).toFixed(1);
  const { rss } = Deno.memoryUsage();
  console.log(
    `${what}: ${seconds} s, ${
      (rss / MIB).toFixed(0)
    } MiB resident, lowest free descriptor ${lowestFree()}`,
  );
}

openSystem();
await using loop = new Loop();
await sendInParts(loop, [LINES[0], LINES[1]], MIB, 10, new Random(0));
const before = lowestFree();
report("warm", performance.now());

for (const [index, line] of LINES.entries()) {
  const other = LINES[(index + 1) % LINES.length];
  const start = performance.now();
  const lines = [line, other] as const;
  const interrupted = await sendInParts(
    loop,
    lines,
    mebibytes * MIB,
    stops,
    new Random(index),
  );
  report(
    `${mebibytes} MiB through ${line.name} and ${other.name}, ${interrupted} interruptions`,
    start,
  );
}

for (const line of LINES) {
  const start = performance.now();
  const count = Math.ceil(stops / LINES.length);
  const random = new Random(count);
  for (let round = 0; round < count; round++) {
    await stopAnywhere(loop, line, random);
    if (round === count >> 1) report(`${round} stops of ${line.name}`, start);
  }
  report(`${count} stops of ${line.name}`, start);
}
assertEquals(lowestFree(), before, "a descriptor was left open");
console.log("all bytes accounted for");
