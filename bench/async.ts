/**
 * Waiting without blocking: what waitAsync and Loop cost, beside a bare poll(2) and Deno's and Node's sockets.
 *
 * `deno task bench async`
 */
import * as net from "node:net";
import { EV_ADD, kevRead, kevUser, Kqueue, Loop } from "../mod.ts";
import { close, pipe, read, recv, send, socketpair, write } from "../posix.ts";
import { full, publish } from "./frame/bench.ts";
import { figuresOf } from "./frame/in_turn.ts";
import type { Comparison, Goal } from "./frame/result.ts";
import { median, percentile } from "./measure.ts";

const ROUNDS = full(9, 3);
const WARM_UP = full(200, 100);
const TIMES = full(600, 200);
const PING = new TextEncoder().encode("ping");
const BARE = "a bare poll(2), nonblocking";
const WAIT_ASYNC = "waitAsync";
const TRIGGERED = "waitAsync, by a trigger";
const LOOP = "Loop, a socketpair";
const TWO_LOOPS = "two Loops, a socketpair";

/** One repetition, in microseconds. */
type Once = () => Promise<number>;

const comparisons: Comparison[] = [
  ...await compareReady(""),
  ...await compareWoken(""),
];
{
  const crowd = Array.from({ length: 100 }, () => new Kqueue());
  const waits = crowd.map((kq) => kq.waitAsync());
  comparisons.push(
    ...await compareReady(" beside 100 that wait"),
    ...await compareWoken(" beside 100 that wait"),
  );
  for (const kq of crowd) kq.close();
  await Promise.allSettled(waits);
}
comparisons.push(...await comparePingPong());
publish({
  ours: [WAIT_ASYNC, TRIGGERED, LOOP, TWO_LOOPS],
  comparisons,
  missing: [],
});

/** Medians and 99th percentiles of the rounds, in which everybody repeats its work. */
async function compare(
  title: string,
  works: Readonly<Record<string, Once>>,
  goals: readonly Goal[],
): Promise<Comparison[]> {
  const names = Object.keys(works);
  const medians = new Map(names.map((name) => [name, [] as number[]]));
  const late = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const times: number[] = [];
      for (let i = 0; i < WARM_UP; i++) await works[name]();
      for (let i = 0; i < TIMES; i++) times.push(await works[name]());
      medians.get(name)?.push(median(times));
      late.get(name)?.push(percentile(times, 0.99));
    }
  }
  const common = { unit: "µs", better: "less" } as const;
  return [
    { title, ...common, isShown: true, figures: figuresOf(medians), goals },
    {
      title: `${title}, 99th percentile`,
      ...common,
      isShown: false,
      figures: figuresOf(late),
    },
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1e3;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The time until somebody who waits goes on, when there is something already. */
async function compareReady(beside: string): Promise<Comparison[]> {
  using kq = new Kqueue();
  kq.apply(kevUser(1, { flags: EV_ADD }));
  kq.trigger(1);
  return await compare(`something is ready${beside}`, {
    [WAIT_ASYNC]: () => timed(() => kq.waitAsync()),
  }, [{ name: WAIT_ASYNC, atMost: 3 }]);
}

/** The time from a byte in a pipe, or a trigger, until somebody who waits for it goes on. */
async function compareWoken(beside: string): Promise<Comparison[]> {
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
  using bytes = new Kqueue();
  bytes.apply(kevRead(reader));
  using triggers = new Kqueue();
  triggers.apply(kevUser(1));
  const comparison = await compare(`from an event to its waiter${beside}`, {
    [BARE]: async () => {
      const woken = poll(new Int32Array([reader, 1]), 1, -1);
      await turn(); // the other thread waits by now
      const time = await timed(() => {
        write(writer, byte);
        return woken;
      });
      read(reader, byte);
      return time;
    },
    [WAIT_ASYNC]: async () => {
      const woken = bytes.waitAsync();
      await turn();
      const time = await timed(() => {
        write(writer, byte);
        return woken;
      });
      read(reader, byte);
      return time;
    },
    [TRIGGERED]: async () => {
      const woken = triggers.waitAsync();
      await turn();
      return timed(() => {
        triggers.trigger(1);
        return woken;
      });
    },
  }, [{ name: WAIT_ASYNC, of: BARE, atMost: 1.3 }]);
  close(reader);
  close(writer);
  return comparison;
}

/** The time from a message to its answer. */
async function comparePingPong(): Promise<Comparison[]> {
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

  const comparison = await compare("ping-pong in one isolate", {
    "node:net, a Unix socket": () =>
      timed(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        answered = resolve;
        client.write(PING);
        return promise;
      }),
    "Deno.connect, a Unix socket": () =>
      timed(async () => {
        await peer.write(PING);
        await peer.read(answer);
      }),
    [LOOP]: () =>
      timed(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        ponged = resolve;
        send(ours, PING);
        return promise;
      }),
    [TWO_LOOPS]: () =>
      timed(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        between = resolve;
        send(near, PING);
        return promise;
      }),
  }, []);

  client.destroy();
  server.close();
  peer.close();
  listener.close();
  loop.close();
  for (const fd of [ours, theirs, near, far]) close(fd);
  await Deno.remove(path, { recursive: true });
  return comparison;
}
