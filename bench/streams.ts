/**
 * Bytes through streams: those of `/streams`, those of `Deno.connect`, and `node:net`, each against the same other
 * process, over a Unix socket and over TCP.
 *
 * `deno run --allow-ffi --allow-net --allow-read --allow-run --allow-write bench/streams.ts [ROUNDS]`
 *
 * All take turns in each round. What is printed is the median over the rounds: first the share of `Deno.connect`'s CPU
 * time and throughput, round by round, then the figures themselves. CPU time is that of this process with all its
 * threads.
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
import { median, row } from "./measure.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const ROUNDS = Number(Deno.args[0] ?? 9);
/** By the size of the chunks that are written, here or over there, how many bytes go in one round. */
const TOTALS = new Map([[65536, 256 * MIB], [1024, 64 * MIB]]);

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
  "streams": async ({ path, port }, transport, ...work) => {
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
): Promise<void> {
  const chunk = new Uint8Array(size);
  const names = Object.keys(MOVERS);
  const figures = new Map<string, Figure[]>(names.map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const figure = await measure(
        () => MOVERS[name](peer, transport, direction, chunk, total),
        total,
      );
      if (round >= 0) figures.get(name)?.push(figure);
    }
  }
  const base = figures.get(names[0]) ?? [];
  for (const [name, own] of figures) {
    console.log(row(
      `${transport}, ${direction} ${size / 1024} KiB, ${name}`,
      median(own.map(({ cpu }, i) => cpu / base[i].cpu)).toFixed(2),
      median(own.map(({ rate }, i) => rate / base[i].rate)).toFixed(2),
      median(own.map(({ cpu }) => cpu)).toFixed(0),
      median(own.map(({ rate }) => rate)).toFixed(2),
    ));
  }
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
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-ffi", import.meta.filename ?? ""],
      ...["peer", path, direction, `${size}`],
    ],
    stdout: "piped",
  }).spawn();
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

if (Deno.args[0] === "peer") {
  const [, path, direction, size] = Deno.args;
  servePeer(path, direction as Direction, Number(size));
} else {
  console.log(
    row("", "CPU ratio", "rate ratio", "CPU ms/GiB", "GiB/s"),
  );
  for (const direction of ["read", "write"] as const) {
    for (const [size, total] of TOTALS) {
      await withPeer(direction, size, async (peer) => {
        await compare(peer, "unix", direction, size, total);
        await compare(peer, "tcp", direction, size, total);
      });
    }
  }
}
