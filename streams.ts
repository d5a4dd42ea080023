/**
 * Descriptors as streams: what comes in as a `ReadableStream`, what goes out as a `WritableStream`, with all that Deno
 * has for those, such as `pipeTo`, `TextDecoderStream` and `Response`.
 *
 * ```ts
 * import { Loop } from "@kqueue/kqueue/loop";
 * import { pipe } from "@kqueue/kqueue/posix";
 * import { readableStream, writableStream } from "@kqueue/kqueue/streams";
 *
 * using loop = new Loop();
 * const [reader, writer] = pipe({ nonblocking: true });
 * const lines = ReadableStream.from(["one\n", "two\n"]);
 * lines.pipeThrough(new TextEncoderStream())
 *   .pipeTo(writableStream(loop, writer, { close: true }));
 * const text = readableStream(loop, reader, { close: true })
 *   .pipeThrough(new TextDecoderStream());
 * for await (const part of text) console.log(part);
 * ```
 *
 * @module
 */
export { Loop } from "./loop.ts";
export {
  readableStream,
  type ReadableStreamOptions,
} from "./streams/readable.ts";
export {
  writableStream,
  type WritableStreamOptions,
} from "./streams/writable.ts";
