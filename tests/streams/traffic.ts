/** Traffic that is disturbed at random points, and checked to the byte. */
import { assert, assertEquals } from "@std/assert";
import type { Loop } from "../../loop.ts";
import { read, setNonblocking } from "../../posix.ts";
import { readableStream, writableStream } from "../../streams.ts";
import { turn } from "../async/support.ts";
import { awaitReadable, Descriptors } from "../semantics/descriptors.ts";
import { type Line, Pattern, type Random } from "./support.ts";

const CLOSE = { close: true };
const MAX_CHUNK = 65521;

/** Some bytes of a random size: mostly small, or mostly large. */
function sizeOf(random: Random): number {
  return 1 + random.below(random.below(3) === 0 ? MAX_CHUNK : 2000);
}

/** Lets a random number of turns go by, often none. */
async function dawdle(random: Random, turns: number): Promise<void> {
  for (let i = random.below(turns + 1); i > 0; i--) await turn();
}

/** Writes so many bytes of the pattern, in chunks of random sizes. */
async function feed(
  writable: WritableStream<Uint8Array>,
  total: number,
  random: Random,
): Promise<void> {
  const pattern = new Pattern();
  const writer = writable.getWriter();
  while (pattern.count < total) {
    const size = Math.min(sizeOf(random), total - pattern.count);
    await writer.ready;
    writer.write(pattern.next(size)).catch(() => {}); // so is close()
  }
  await writer.close();
}

/**
 * Reads all there is, with and without a buffer, at times slowly, and lets go of the stream while a read is pending.
 *
 * Where a reader with a buffer did that, none such follows before another read is done: the standard does not call
 * `pull` for it (ReadableByteStreamControllerPullInto returns where a request is left over).
 */
async function collect(
  readable: ReadableStream<Uint8Array>,
  random: Random,
): Promise<number> {
  const pattern = new Pattern();
  let isLeft = false;
  for (;;) {
    const isByob: boolean = !isLeft && random.below(2) === 0;
    const reader = isByob
      ? readable.getReader({ mode: "byob" })
      : readable.getReader();
    for (let left = random.below(20); left >= 0; left--) {
      const result = reader instanceof ReadableStreamBYOBReader
        ? reader.read(new Uint8Array(sizeOf(random)))
        : reader.read();
      if (left === 0) {
        await dawdle(random, 1);
        reader.releaseLock();
      }
      try {
        const { value, done } = await result;
        isLeft = false;
        if (value !== undefined) pattern.check(value);
        if (done) return pattern.count;
      } catch (error) {
        // Let go before there was anything to read.
        if (!(left === 0 && error instanceof TypeError)) throw error;
        isLeft ||= isByob;
      }
      if (random.below(30) === 0) await dawdle(random, 20);
    }
  }
}

/** Pipes all there is, in as many parts as it is interrupted. Gives how often that was. */
async function pipeInParts(
  readable: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  random: Random,
  interruptions: number,
): Promise<number> {
  const prevent = { preventAbort: true, preventCancel: true };
  for (let count = 0;;) {
    const controller = new AbortController();
    const { signal } = controller;
    const piped = readable.pipeTo(writable, { ...prevent, signal });
    const state = piped.then(() => "ended", () => "interrupted");
    if (count < interruptions) {
      if (random.below(10) === 0) await dawdle(random, 3);
      for (let steps = random.below(80); steps > 0; steps--) await undefined;
      controller.abort();
    }
    if (await state === "ended") return count;
    if (!signal.aborted) await piped;
    count++;
  }
}

/**
 * Sends bytes through two lines, with a pipe between them that is interrupted again and again, and a slow reader.
 *
 * @returns How often it was interrupted.
 */
export async function sendInParts(
  loop: Loop,
  [first, second]: readonly [Line, Line],
  total: number,
  interruptions: number,
  random: Random,
): Promise<number> {
  using fds = new Descriptors();
  const [from, source] = first.open(fds);
  const [sink, to] = second.open(fds);
  fds.forget(from, source, sink, to);
  const fed = feed(writableStream(loop, source, CLOSE), total, random);
  const piped = pipeInParts(
    readableStream(loop, from, CLOSE),
    writableStream(loop, to, CLOSE),
    random,
    interruptions,
  );
  const count = await collect(readableStream(loop, sink, CLOSE), random);
  assertEquals(count, total);
  await fed;
  return await piped;
}

/**
 * Cancels one end of a line, or aborts the other, at a random point. What has been read until then, and what is still
 * in the kernel, are all the bytes that were written, each once and in order.
 */
export async function stopAnywhere(
  loop: Loop,
  line: Line,
  random: Random,
): Promise<void> {
  using fds = new Descriptors();
  const [reader, writer] = line.open(fds);
  const pattern = new Pattern();
  // Outlives the stream's own, for a look at what it has left.
  const rest = fds.dup(reader);
  fds.forget(reader, writer);
  const readable = readableStream(loop, reader, CLOSE).getReader();
  const writable = writableStream(loop, writer, CLOSE).getWriter();

  const given = new Pattern();
  let taken = 0;
  const writing = (async () => {
    for (;;) {
      const chunk = given.next(sizeOf(random));
      await writable.write(chunk);
      taken += chunk.length;
      await dawdle(random, 1);
    }
  })().catch(() => {});
  const reading = (async () => {
    for (;;) {
      const { value, done } = await readable.read();
      if (done) return;
      pattern.check(value);
      await dawdle(random, 2);
    }
  })();

  await dawdle(random, 12);
  const reason = new Error("that is enough");
  const stops = [() => readable.cancel(reason), () => writable.abort(reason)];
  if (random.below(2) === 0) stops.reverse();
  await stops[0]();
  if (random.below(2) === 0) await dawdle(random, 3);
  await stops[1]().catch(() => {}); // the writer may have met EPIPE
  await Promise.all([reading, writing]);
  setNonblocking(rest, true);
  checkRest(rest, pattern);
  assert(taken <= pattern.count, `${taken} taken, ${pattern.count} found`);
  assert(pattern.count <= given.count);
}

/** Reads what is left of a line whose other end is closed; over TCP some of it may still be on its way. */
function checkRest(fd: number, pattern: Pattern): void {
  const buffer = new Uint8Array(MAX_CHUNK);
  for (;;) {
    awaitReadable(fd);
    const count = read(fd, buffer);
    if (count === 0) return;
    assert(count !== null);
    pattern.check(buffer.subarray(0, count));
  }
}
