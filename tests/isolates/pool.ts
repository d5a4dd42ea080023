/**
 * A pool of two threads that wait, restarted over and over: `pool.ts terminate|close|throw RESTARTS [LIBRARY]`. Prints what
 * came of it as JSON, if it lives to.
 */
import type { Order } from "./waiting_worker.ts";

/** What the program prints. */
export interface Outcome {
  readonly restarts: number;
  /** Bytes of this isolate's buffers that are not what was put there. */
  readonly wrongBytes: number;
  /** Threads of the process before and after; 0 where the system does not tell. */
  readonly threads: [before: number, after: number];
}

async function run(order: Order, restarts: number): Promise<Outcome> {
  const url = new URL("./waiting_worker.ts", import.meta.url);
  const buffers = new Buffers();
  const pool = [await start(url, order), await start(url, order)];
  const before = countThreads();
  for (let count = 0; count < restarts; count++) {
    const place = count % pool.length;
    if (order.end === "terminate") pool[place].worker.terminate();
    else await pool[place].ended;
    pool[place] = await start(url, order);
    buffers.replaceSome();
  }
  const wrongBytes = buffers.countWrong();
  return {
    restarts,
    wrongBytes,
    threads: [before, await threadsAtMost(before)],
  };
}

interface Started {
  readonly worker: Worker;
  /** Resolves when the thread has said that it ended, or some time later: not every end is told. */
  readonly ended: Promise<void>;
}

async function start(url: URL, order: Order): Promise<Started> {
  const worker = new Worker(url, { type: "module" });
  const up = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  worker.onmessage = () => up.resolve();
  worker.onerror = (event) => {
    event.preventDefault();
    ended.resolve();
  };
  worker.postMessage(order);
  await up.promise;
  setTimeout(ended.resolve, 40);
  return { worker, ended: ended.promise };
}

/** Memory of this isolate, of all the sizes that a list or a timespec may have left free in another. */
class Buffers {
  readonly #all = Array.from({ length: 400 }, (_, index) => filled(index));
  #next = 0;

  replaceSome(): void {
    for (let count = 0; count < 40; count++) {
      const index = this.#next++ % this.#all.length;
      this.#wrong += wrongBytes(this.#all[index], index);
      this.#all[index] = filled(index);
    }
  }

  #wrong = 0;

  countWrong(): number {
    return this.#all.reduce(
      (sum, bytes, index) => sum + wrongBytes(bytes, index),
      this.#wrong,
    );
  }
}

const SIZES = [8, 16, 24, 48, 256, 4096, 48 * 256, 65536];

function filled(index: number): Uint8Array {
  return new Uint8Array(SIZES[index % SIZES.length]).fill(index);
}

function wrongBytes(bytes: Uint8Array, index: number): number {
  return bytes.reduce(
    (sum, byte) => byte === (index & 0xff) ? sum : sum + 1,
    0,
  );
}

/** How many threads there are once they are no more than so many, or after the time that ended isolates may take. */
async function threadsAtMost(limit: number): Promise<number> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const threads = countThreads();
    if (threads <= limit || performance.now() >= deadline) return threads;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Of /proc, which Linux alone has. */
function countThreads(): number {
  if (Deno.build.os !== "linux") return 0;
  return [...Deno.readDirSync("/proc/self/task")].length;
}

if (import.meta.main) {
  const [end, restarts, library] = Deno.args;
  const order = { end, library } as Order;
  console.log(JSON.stringify(await run(order, Number(restarts))));
  Deno.exit(0);
}
