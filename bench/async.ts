/**
 * Waiting without blocking: what waitAsync and Loop cost, beside Deno's own and Node's sockets.
 *
 * `deno run --allow-ffi --allow-net --allow-read --allow-write bench/async.ts`
 */
import * as net from "node:net";
import { kevRead, kevUser, Kqueue, Loop } from "../mod.ts";
import { close, pipe, read, recv, send, socketpair, write } from "../posix.ts";
import { median, percentile, row } from "./measure.ts";

const ROUNDS = 5;
const WARM_UP = 500;
const TIMES = 1000;
const PING = new TextEncoder().encode("ping");

/** One repetition, in microseconds. */
type Once = () => Promise<number>;

async function measure(names: Record<string, Once>): Promise<void> {
  const times = new Map(Object.keys(names).map((n) => [n, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, once] of Object.entries(names)) {
      for (let i = 0; i < WARM_UP; i++) await once();
      for (let i = 0; i < TIMES; i++) times.get(name)?.push(await once());
    }
  }
  for (const [name, all] of times) {
    const [middle, late] = [median(all), percentile(all, 0.99)];
    console.log(row(name, middle.toFixed(1), late.toFixed(1)));
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1e3;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 0));

console.log(row("", "median, us", "p99, us"));

await measureWaits("");
{
  const crowd = Array.from({ length: 100 }, () => new Kqueue());
  const waits = crowd.map((kq) => kq.waitAsync());
  await measureWaits(", 100 others wait");
  for (const kq of crowd) kq.close();
  await Promise.allSettled(waits);
}
await measurePingPong();

async function measureWaits(beside: string): Promise<void> {
  using kq = new Kqueue();
  kq.apply([kevUser(1, { flags: 1 }), kevUser(2)]);
  kq.trigger(1);
  await measure({
    [`waitAsync, something ready${beside}`]: () => timed(() => kq.waitAsync()),
  });
  kq.apply({ ident: 1, filter: -10, flags: 2 });
  const library = Deno.build.os === "darwin"
    ? "/usr/lib/libSystem.B.dylib"
    : "libc.so.6";
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  const { symbols: { poll } } = Deno.dlopen(library, {
    poll: {
      parameters: ["buffer", "u32", "i32"],
      result: "i32",
      nonblocking: true,
    },
  });
  const [reader, writer] = pipe();
  const byte = new Uint8Array(1);
  await measure({
    [`a bare poll(2), woken by a byte${beside}`]: async () => {
      const woken = poll(new Int32Array([reader, 1]), 1, -1);
      await turn(); // the other thread waits by now
      const time = await timed(() => {
        write(writer, byte);
        return woken;
      });
      read(reader, byte);
      return time;
    },
    [`waitAsync, woken by a trigger${beside}`]: async () => {
      const woken = kq.waitAsync();
      await turn();
      return timed(() => {
        kq.trigger(2);
        return woken;
      });
    },
  });
}

async function measurePingPong(): Promise<void> {
  const [ours, theirs] = socketpair();
  using loop = new Loop();
  const buffer = new Uint8Array(64);
  let ponged: () => void = () => {};
  loop.on(kevRead(theirs), () => {
    send(theirs, buffer.subarray(0, recv(theirs, buffer) ?? 0));
  });
  loop.on(kevRead(ours), () => {
    recv(ours, buffer);
    ponged();
  });

  const [near, far] = socketpair();
  using one = new Loop();
  using other = new Loop();
  let between: () => void = () => {};
  other.on(kevRead(far), () => {
    send(far, buffer.subarray(0, recv(far, buffer) ?? 0));
  });
  one.on(kevRead(near), () => {
    recv(near, buffer);
    between();
  });

  const path = await Deno.makeTempDir({ prefix: "kqueue-bench-" });
  const server = net.createServer((socket) => socket.pipe(socket));
  await new Promise<void>((up) => server.listen(`${path}/node`, up));
  const client = net.connect(`${path}/node`);
  await new Promise<void>((up) => client.once("connect", () => up()));
  let answered: () => void = () => {};
  client.on("data", () => answered());

  const listener = Deno.listen({ transport: "unix", path: `${path}/deno` });
  (async () => {
    for await (const peer of listener) peer.readable.pipeTo(peer.writable);
  })().catch(() => {});
  const peer = await Deno.connect({ transport: "unix", path: `${path}/deno` });
  const answer = new Uint8Array(64);

  await measure({
    "ping-pong, Loop over a socketpair": () =>
      timed(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        ponged = resolve;
        send(ours, PING);
        return promise;
      }),
    "ping-pong, two Loops of one isolate": () =>
      timed(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        between = resolve;
        send(near, PING);
        return promise;
      }),
    "ping-pong, node:net over a Unix socket": () =>
      timed(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        answered = resolve;
        client.write(PING);
        return promise;
      }),
    "ping-pong, Deno.connect over a Unix socket": () =>
      timed(async () => {
        await peer.write(PING);
        await peer.read(answer);
      }),
  });

  client.destroy();
  server.close();
  peer.close();
  listener.close();
  loop.close();
  for (const fd of [ours, theirs, near, far]) close(fd);
  await Deno.remove(path, { recursive: true });
}
