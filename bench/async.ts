/**
 * Waiting without blocking: what waitAsync and Loop cost, beside Deno's own and Node's sockets.
 *
 * `deno run --allow-ffi --allow-net --allow-read --allow-write bench/async.ts`
 */
import * as net from "node:net";
import { kevRead, kevUser, Kqueue, Loop } from "../mod.ts";
import { close, recv, send, socketpair } from "../posix.ts";
import { median, percentile, row } from "./measure.ts";

const ROUNDS = 5;
const WARM_UP = 500;
const TIMES = 3000;
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

{
  using kq = new Kqueue();
  kq.apply([kevUser(1, { flags: 1 }), kevUser(2)]);
  kq.trigger(1);
  await measure({
    "waitAsync, something ready": () => timed(() => kq.waitAsync()),
  });
  kq.apply({ ident: 1, filter: -10, flags: 2 });
  await measure({
    "waitAsync, woken by a trigger": async () => {
      const woken = kq.waitAsync();
      await turn(); // the other thread waits by now
      return timed(() => {
        kq.trigger(2);
        return woken;
      });
    },
  });
}

{
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
  [ours, theirs].forEach((fd) => close(fd));
  await Deno.remove(path, { recursive: true });
}
