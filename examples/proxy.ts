/**
 * A TCP proxy: what comes in goes to another port, and what that answers comes back.
 *
 * ```sh
 * deno run --allow-ffi examples/proxy.ts PORT TARGET_PORT [TARGET_ADDRESS]
 * ```
 *
 * Each connection is two streams in and two out, and two pipes between them. A side that takes nothing makes the other
 * one wait. A side that has sent all it has to (half-closes) may go on receiving: `pipeTo` closes the stream that it
 * writes to, and so the other side reads the end, no sooner.
 *
 * @module
 */
import { EV_EOF, kevRead, kevWrite, Loop } from "../mod.ts";
import {
  accept,
  close,
  connect,
  type InetAddress,
  listen,
  takeError,
} from "../posix.ts";
import { readableStream, writableStream } from "../streams.ts";

/** Passes each connection that is accepted on to the target, for as long as the loop is open. */
export async function proxy(
  loop: Loop,
  listener: number,
  target: InetAddress,
): Promise<void> {
  for await (const _ of loop.events(kevRead(listener))) {
    for (let fd; (fd = accept(listener)) !== null;) {
      passOn(loop, fd, target).catch((error) => console.error(String(error)));
    }
  }
}

/** One connection, from its beginning to its end. */
async function passOn(
  loop: Loop,
  fd: number,
  target: InetAddress,
): Promise<void> {
  const client = streamsOf(loop, fd);
  try {
    const server = streamsOf(loop, await connected(loop, target));
    await join(client, server);
  } finally {
    await end(client);
  }
}

/** A connection's two directions. Its descriptor is closed when both have ended. */
interface Streams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

function streamsOf(loop: Loop, fd: number): Streams {
  return {
    readable: readableStream(loop, fd, { close: true }),
    writable: writableStream(loop, fd, { close: true }),
  };
}

/** Both ways at once. When one fails, such as for a connection that was reset, the other is stopped. */
async function join(client: Streams, server: Streams): Promise<void> {
  const failure = new AbortController();
  const { signal } = failure;
  const ways = [
    client.readable.pipeTo(server.writable, { signal }),
    server.readable.pipeTo(client.writable, { signal }),
  ];
  for (const way of ways) way.catch((error) => failure.abort(error));
  await Promise.allSettled(ways);
  signal.throwIfAborted();
}

/** Ends what has not ended yet: a target that refused left the client's streams as they were. */
async function end({ readable, writable }: Streams): Promise<void> {
  await Promise.allSettled([readable.cancel(), writable.abort()]);
}

async function connected(loop: Loop, target: InetAddress): Promise<number> {
  const fd = connect({ ...target, wait: false });
  const { flags } = await loop.once(kevWrite(fd));
  if ((flags & EV_EOF) === 0) return fd;
  const error = takeError(fd);
  close(fd);
  throw error ?? new Error("The target has closed the connection");
}

if (import.meta.main) {
  const [port, targetPort] = Deno.args.map(Number);
  const address = Deno.args[2] ?? "127.0.0.1";
  if (!(port >= 0) || !(targetPort > 0)) {
    console.error("Usage: proxy.ts PORT TARGET_PORT [TARGET_ADDRESS]");
    Deno.exit(2);
  }
  const listener = listen({ port });
  console.log(`Port ${listener.port} goes to ${address}, port ${targetPort}`);
  await proxy(new Loop(), listener.fd, { address, port: targetPort });
}
