/** A descriptor as a stream to write to. */
import { EVFILT_WRITE } from "../constants.ts";
import type { Loop } from "../loop.ts";
import { checkOptions } from "../options.ts";
import { byteCount, fdOf, partOf } from "../posix/check.ts";
import { type Channel, channelOf } from "./channel.ts";
import { checkLoop } from "./check.ts";
import { Side } from "./side.ts";

/** How {@linkcode writableStream} writes. */
export interface WritableStreamOptions {
  /**
   * Whether the descriptor is closed when its last stream has ended: the one that reads and the one that writes share
   * it. It is left open unless given.
   */
  readonly close?: boolean;
}

const OPTIONS: Required<WritableStreamOptions> = { close: true };

/**
 * A descriptor as a stream to write bytes to: a stream socket, a pipe, a terminal, a serial line, or a file.
 *
 * A write is done when the kernel has taken all of its chunk; until then the stream has no room (`ready`), and nothing
 * more is written. Chunks are Uint8Arrays, not to be changed meanwhile. `close` ends the connection in this direction
 * where the descriptor is a socket (shutdown(2)), so that the other side reads the end. `abort` stops at once, in the
 * middle of a chunk if need be, and does not: what was written so far is not to pass for all. Without the option
 * `close`, the descriptor is then still to be closed.
 *
 * ```ts
 * import { Loop } from "@kqueue/kqueue/loop";
 * import { pipe } from "@kqueue/kqueue/posix";
 * import { readableStream, writableStream } from "@kqueue/kqueue/streams";
 *
 * using loop = new Loop();
 * const [reader, writer] = pipe({ nonblocking: true });
 * const text = new Response(readableStream(loop, reader, { close: true })).text();
 * const stream = ReadableStream.from(["hello, ", "world"]);
 * await stream.pipeThrough(new TextEncoderStream())
 *   .pipeTo(writableStream(loop, writer, { close: true }));
 * console.log(await text); // hello, world
 * ```
 *
 * Both directions of a connection, which is closed when both have ended:
 *
 * ```ts
 * import { Loop } from "@kqueue/kqueue/loop";
 * import { socketpair } from "@kqueue/kqueue/posix";
 * import { readableStream, writableStream } from "@kqueue/kqueue/streams";
 *
 * using loop = new Loop();
 * const [ours, theirs] = socketpair();
 * const options = { close: true };
 * const echo = readableStream(loop, theirs, options)
 *   .pipeTo(writableStream(loop, theirs, options));
 * const answer = new Response(readableStream(loop, ours, options)).text();
 * const writer = writableStream(loop, ours, options).getWriter();
 * await writer.write(new TextEncoder().encode("hello"));
 * await writer.close();
 * console.log(await answer); // hello
 * await echo;
 * ```
 *
 * `pipeTo` lets a write that is under way end before it heeds its signal. Where the other side takes nothing, that may
 * last: `close` of `/posix` ends both at once.
 *
 * The mode of a descriptor is not changed. To a pipe in blocking mode it writes pieces of PIPE_BUF bytes (512 on macOS,
 * 4096 on Linux), which never wait unless others write to it as well; non-blocking mode costs less. A terminal or serial
 * line in blocking mode keeps the program waiting for as long as it takes such a piece: put it in non-blocking mode.
 *
 * @param loop What waits. A write that is pending keeps the program going.
 * @param fd What to write to. Close it by `close` of `/posix` or by the option: a stream whose descriptor was closed
 * otherwise may wait for ever. A socket must be connected.
 * @throws {TypeError} for a socket of datagrams.
 * @throws {RangeError} for what is no descriptor.
 * @throws {SystemError} EBADF.
 */
export function writableStream(
  loop: Loop,
  fd: number | bigint,
  options: WritableStreamOptions = {},
): WritableStream<Uint8Array> {
  checkLoop(loop);
  const descriptor = fdOf("fd", fd);
  checkOptions("options", options, OPTIONS);
  const { close = false } = options;
  const channel = channelOf(descriptor);
  const side = new Side(loop, descriptor, EVFILT_WRITE, close);
  return new WritableStream(new Sink(side, channel));
}

class Sink implements UnderlyingSink<Uint8Array> {
  readonly #side: Side;
  readonly #channel: Channel;

  constructor(side: Side, channel: Channel) {
    this.#side = side;
    this.#channel = channel;
  }

  /** The standard lets a write that is pending end before `abort` is called: the signal ends it. */
  start({ signal }: WritableStreamDefaultController): void {
    signal.addEventListener("abort", () => this.#side.stop(signal.reason));
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    try {
      const rest = this.#put(chunk);
      return rest === null ? undefined : this.#putLater(rest);
    } catch (error) {
      this.#side.abandon();
      throw error;
    }
  }

  close(): void {
    try {
      this.#side.check();
      this.#channel.finish(this.#side.fd);
    } catch (error) {
      this.#side.abandon();
      throw error;
    }
    this.#side.release();
  }

  abort(): void {
    this.#side.release();
  }

  async #putLater(chunk: Uint8Array): Promise<void> {
    try {
      let rest: Uint8Array | null = chunk;
      do {
        await this.#side.wait();
        rest = this.#put(rest);
      } while (rest !== null);
    } catch (error) {
      this.#side.abandon();
      throw error;
    }
  }

  /** Writes until there is no room. Gives what is left, null for nothing. */
  #put(chunk: Uint8Array): Uint8Array | null {
    this.#side.check();
    const { fd } = this.#side;
    let rest = chunk;
    let left = Number(byteCount("chunk", rest));
    while (left > 0) {
      const count = this.#channel.write(fd, rest);
      if (count === null) return rest;
      left -= count;
      if (left > 0) rest = partOf(rest, count);
    }
    return null;
  }
}
