/**
 * Bytes through streams: those of `/streams`, those of `Deno.connect`, and `node:net`, each against the same other
 * process, over a Unix socket and over TCP.
 *
 * `deno task bench streams`
 *
 * CPU time is that of this process with all its threads. The other process has a core of its own.
 */
import * as net from "node:net";
import process from "node:process";
import { kevRead, Kqueue } from "../mod.ts";
import {
  accept,
  close,
  connect,
  listen,
  read,
  SystemError,
  write,
} from "../posix.ts";
import { Loop, readableStream, writableStream } from "../streams.ts";
import { full, isQuick, publish, rest } from "./frame/bench.ts";
import { figuresOf } from "./frame/in_turn.ts";
import { succeeds } from "./frame/peers.ts";
import type { Comparison } from "./frame/result.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const ROUNDS = full(7, 1);
/** By the size of the chunks that are written, here or over there, how many bytes go in one round. */
const TOTALS = new Map([
  [65536, full(256, 64) * MIB],
  [1024, full(64, 16) * MIB],
]);
const OURS = "streams";
const CAN_PIN = rest[0] !== "peer" &&
  succeeds(["taskset", "-c", "1", "true"]);

type Transport = "unix" | "tcp";
type Direction = "read" | "write";

/** Where the other process listens. */
interface Peer {
  readonly path: string;
  readonly port: number;
}

/** One way to move bytes: gives how many it has moved. */
type Mover = (
  peer: Peer,
  transport: Transport,
  direction: Direction,
  chunk: Uint8Array,
  total: number,
) => Promise<number>;

async function moveByStreams(
  readable: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  direction: Direction,
  chunk: Uint8Array,
  total: number,
): Promise<number> {
  let count = 0;
  if (direction === "read") {
    for await (const { length } of readable) count += length;
    return count;
  }
  const writer = writable.getWriter();
  for (; count < total; count += chunk.length) {
    await writer.ready;
    writer.write(chunk).catch(() => {}); // close() is rejected as well
  }
  await writer.close();
  return count;
}

const MOVERS: Record<string, Mover> = {
  "Deno.connect": async ({ path, port }, transport, ...work) => {
    using connection = transport === "unix"
      ? await Deno.connect({ transport, path })
      : await Deno.connect({ port });
    const { readable, writable } = connection;
    return await moveByStreams(readable, writable, ...work);
  },
  [OURS]: async ({ path, port }, transport, ...work) => {
    using loop = new Loop();
    const fd = connect(transport === "unix" ? { path } : { port });
    const readable = readableStream(loop, fd);
    const writable = writableStream(loop, fd);
    const count = await moveByStreams(readable, writable, ...work);
    close(fd);
    return count;
  },
  "node:net": async ({ path, port }, transport, direction, chunk, total) => {
    const socket = transport === "unix" ? net.connect(path) : net.connect(port);
    let count = 0;
    const done = new Promise((resolve) => socket.once("close", resolve));
    if (direction === "read") {
      socket.on("data", ({ length }) => count += length);
    } else {
      for (; count < total; count += chunk.length) {
        if (socket.write(chunk)) continue;
        await new Promise((resolve) => socket.once("drain", resolve));
      }
      socket.resume();
      socket.end();
    }
    await done;
    return count;
  },
};

/** What one mover took in one round. */
interface Figure {
  /** CPU time, ms per GiB. */
  readonly cpu: number;
  /** GiB per second. */
  readonly rate: number;
}

async function measure(
  work: () => Promise<number>,
  total: number,
): Promise<Figure> {
  const before = process.cpuUsage();
  const start = performance.now();
  const count = await work();
  const seconds = (performance.now() - start) / 1e3;
  const { user, system } = process.cpuUsage(before);
  if (count !== total) throw new Error(`${count} bytes instead of ${total}`);
  return {
    cpu: (user + system) / 1e3 / (total / GIB),
    rate: total / GIB / seconds,
  };
}

async function compare(
  peer: Peer,
  transport: Transport,
  direction: Direction,
  size: number,
  total: number,
): Promise<Comparison[]> {
  const chunk = new Uint8Array(size);
  const names = Object.keys(MOVERS);
  const cpu = new Map(names.map((name) => [name, [] as number[]]));
  const rate = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const figure = await measure(
        () => MOVERS[name](peer, transport, direction, chunk, total),
        total,
      );
      if (round < 0) continue;
      cpu.get(name)?.push(figure.cpu);
      rate.get(name)?.push(figure.rate);
    }
  }
  const title = `${transport}, ${direction} ${size / 1024} KiB at a time`;
  return [
    {
      title: `${title}: CPU time`,
      unit: "ms/GiB",
      better: "less",
      isShown: true,
      figures: figuresOf(cpu),
    },
    {
      title: `${title}: rate`,
      unit: "GiB/s",
      better: "more",
      isShown: false,
      figures: figuresOf(rate),
    },
  ];
}

/** The other process: to who connects, it gives all bytes there are to give, or takes all that come. */
function servePeer(path: string, mode: Direction, size: number): void {
  const total = TOTALS.get(size) ?? 0;
  const unix = listen({ path });
  const tcp = listen();
  console.log(tcp.port);
  using kq = new Kqueue();
  kq.apply([kevRead(unix.fd), kevRead(tcp.fd)]);
  for (;;) {
    for (const { ident } of kq.wait()) {
      const fd = accept(ident);
      if (fd === null) continue;
      try {
        if (mode === "read") give(fd, new Uint8Array(size), total);
        else take(fd, new Uint8Array(4 * 65536));
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
      }
      close(fd);
    }
  }
}

function give(fd: number, chunk: Uint8Array, total: number): void {
  for (let left = total; left > 0;) {
    left -= write(fd, left < chunk.length ? chunk.subarray(0, left) : chunk) ??
      0;
  }
}

function take(fd: number, buffer: Uint8Array): void {
  while (read(fd, buffer) !== 0);
}

async function withPeer(
  direction: Direction,
  size: number,
  use: (peer: Peer) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kqueue-bench-" });
  const path = `${folder}/socket`;
  const [program, ...args] = [
    ...CAN_PIN ? ["taskset", "-c", "1"] : [],
    ...[Deno.execPath(), "run", "--allow-ffi", import.meta.filename ?? ""],
    ...["peer", path, direction, `${size}`, ...isQuick ? ["--quick"] : []],
  ];
  const child = new Deno.Command(program, { args, stdout: "piped" }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value = "" } = await output.read();
    await use({ path, port: parseInt(value) });
  } finally {
    child.kill();
    await output.cancel();
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
}

if (rest[0] === "peer") {
  const [, path, direction, size] = rest;
  servePeer(path, direction as Direction, Number(size));
} else {
  const comparisons: Comparison[] = [];
  for (const direction of ["read", "write"] as const) {
    for (const [size, total] of TOTALS) {
      await withPeer(direction, size, async (peer) => {
        for (const transport of ["unix", "tcp"] as const) {
          comparisons.push(
            ...await compare(peer, transport, direction, size, total),
          );
        }
      });
    }
  }
  publish({ ours: [OURS], comparisons, missing: [] });
}
