/** A descriptor as a stream to read from. */
import { EVFILT_READ } from "../constants.ts";
import { SystemError } from "../errors.ts";
import { checkInteger } from "../kevent/check.ts";
import type { Loop } from "../loop.ts";
import { checkOptions } from "../options.ts";
import { fdOf } from "../posix/check.ts";
import { type Channel, channelOf } from "./channel.ts";
import { checkLoop } from "./check.ts";
import { Side } from "./side.ts";

/** How {@linkcode readableStream} reads. */
export interface ReadableStreamOptions {
  /** How many bytes a chunk has at most for a reader that brings no buffer: 1 to 2^31-1, 65536 unless given. */
  readonly autoAllocateChunkSize?: number;
  /**
   * Whether the descriptor is closed when its last stream has ended: the one that reads and the one that writes share
   * it. It is left open unless given.
   */
  readonly close?: boolean;
}

const OPTIONS: Required<ReadableStreamOptions> = {
  close: true,
  autoAllocateChunkSize: 65536,
};
const CHUNK_SIZE = 65536;
const MAX_CHUNK_SIZE = 0x7fff_ffff;

/**
 * A descriptor as a stream of bytes to read: a stream socket, a pipe, a terminal, a serial line, or a file, which is read
 * to its end.
 *
 * It reads when it is asked to, never ahead: what nobody asks for stays in the kernel, and the other side is made to
 * wait. Bytes come as they are there, up to the size of the reader's buffer or of a chunk. The stream is at its end when
 * the other side has closed, and is errored by what else a read fails with. `cancel` stops at once, and takes nothing
 * with it that was not in the stream's own queue.
 *
 * ```ts
 * import { Loop } from "@kqueue/kqueue/loop";
 * import { close, pipe, write } from "@kqueue/kqueue/posix";
 * import { readableStream } from "@kqueue/kqueue/streams";
 *
 * using loop = new Loop();
 * const [reader, writer] = pipe();
 * write(writer, new TextEncoder().encode("hello"));
 * close(writer);
 * const stream = readableStream(loop, reader, { close: true });
 * console.log(await new Response(stream).text()); // hello
 * ```
 *
 * It is a byte stream, so a reader may bring its buffer, and say how much it wants at least:
 *
 * ```ts
 * import { Loop } from "@kqueue/kqueue/loop";
 * import { close, pipe, write } from "@kqueue/kqueue/posix";
 * import { readableStream } from "@kqueue/kqueue/streams";
 *
 * using loop = new Loop();
 * const [fd, writer] = pipe();
 * const stream = readableStream(loop, fd, { close: true });
 * const reader = stream.getReader({ mode: "byob" });
 * write(writer, new Uint8Array(100));
 * const { value } = await reader.read(new Uint8Array(64), { min: 64 });
 * console.log(value?.length); // 64
 * await reader.cancel(); // closes fd; 36 bytes were never read
 * close(writer);
 * ```
 *
 * The mode of a descriptor is not changed. One in blocking mode that others read from as well can keep the program
 * waiting, when they take what was there; put such a one in non-blocking mode.
 *
 * @param loop What waits. A read that is pending keeps the program going, a stream that nobody reads does not.
 * @param fd What to read from. Close it by `close` of `/posix` or by the option: a stream whose descriptor was closed
 * otherwise may wait for ever.
 * @throws {TypeError} for a socket of datagrams.
 * @throws {RangeError} for what is no descriptor.
 * @throws {SystemError} EBADF.
 */
export function readableStream(
  loop: Loop,
  fd: number | bigint,
  options: ReadableStreamOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  checkLoop(loop);
  const descriptor = fdOf("fd", fd);
  checkOptions("options", options, OPTIONS);
  const { close = false, autoAllocateChunkSize = CHUNK_SIZE } = options;
  checkInteger(
    "autoAllocateChunkSize",
    autoAllocateChunkSize,
    1,
    MAX_CHUNK_SIZE,
  );
  const channel = channelOf(descriptor);
  const side = new Side(loop, descriptor, EVFILT_READ, close);
  return new ReadableStream(new Source(side, channel, autoAllocateChunkSize));
}

/**
 * The stream's own way to allocate chunks makes one for each read, before there is anything to read: thousands of
 * streams that wait would hold as many. Here they share one.
 */
class Source implements UnderlyingByteSource {
  readonly type = "bytes";
  readonly #side: Side;
  readonly #channel: Channel;
  readonly #chunkSize: number;

  constructor(side: Side, channel: Channel, chunkSize: number) {
    this.#side = side;
    this.#channel = channel;
    this.#chunkSize = chunkSize;
  }

  /** Called when somebody reads and the stream's queue is empty. Waits only where it must. */
  pull(controller: ReadableByteStreamController): Promise<void> | undefined {
    try {
      return this.#fill(controller) ? undefined : this.#fillLater(controller);
    } catch (error) {
      this.#side.abandon();
      throw error;
    }
  }

  cancel(): void {
    this.#side.release();
  }

  async #fillLater(controller: ReadableByteStreamController): Promise<void> {
    try {
      do await this.#side.wait(); while (!this.#fill(controller));
    } catch (error) {
      this.#side.abandon();
      throw error;
    }
  }

  /** Passes on what there is, or the end. False where there is nothing yet. */
  #fill(controller: ReadableByteStreamController): boolean {
    this.#side.check();
    const request = controller.byobRequest;
    const wanted = request?.view?.byteLength ?? this.#chunkSize;
    const buffer = bufferFor(Math.min(wanted, this.#chunkSize));
    const count = this.#channel.read(this.#side.fd, buffer);
    if (count === null) return false;
    if (count > 0) {
      // A request may be left over from a reader that let go. What answers that goes into the stream's queue, and a
      // read that is pending by then is not told; `enqueue` serves whoever reads.
      controller.enqueue(takeChunk(count));
    } else {
      this.#end(controller);
      request?.respond(0);
    }
    return true;
  }

  #end(controller: ReadableByteStreamController): void {
    const { errno } = this.#side;
    // Who tells of an error may have taken it from the socket, and then a read calls it an end.
    if (errno !== 0) throw new SystemError("read", errno);
    this.#side.release();
    controller.close();
  }
}

/** Where chunks are read to. */
let shared = new Uint8Array(0);

function bufferFor(size: number): Uint8Array<ArrayBuffer> {
  if (shared.length < size) shared = new Uint8Array(size);
  return shared.length === size ? shared : shared.subarray(0, size);
}

/** What was read, as a chunk of its own: a small one is copied, one that fills half of the memory takes it along. */
function takeChunk(count: number): Uint8Array<ArrayBuffer> {
  if (count < shared.length / 2) return shared.slice(0, count);
  const chunk = shared.subarray(0, count);
  shared = new Uint8Array(0);
  return chunk;
}
