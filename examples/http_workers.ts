/**
 * The server of `http.ts` on all cores: a queue a Worker, all of them listening on one port (SO_REUSEPORT).
 *
 * ```sh
 * deno run --allow-ffi --allow-read=. examples/http_workers.ts [PORT] [WORKERS]
 * ```
 *
 * It listens on 127.0.0.1, port 8080 unless given, with a Worker for each core. Starting one takes `--allow-read`, as
 * Deno reads its module then. Linux deals the connections out to the Workers by their addresses; macOS lets them all
 * listen as well, but one of them may get all connections.
 *
 * A queue is its thread's own, so the Workers share nothing. SIGINT is watched for by the main thread, which tells them.
 *
 * @module
 */
import { kevSignal, Loop } from "../mod.ts";
import { serve } from "./http/server.ts";
import { hello } from "./http.ts";

/** What a Worker is told: to start on a port, or to end. */
type Order = { port: number } | "end";

const isWorker = self.name === "http";
if (isWorker) work();
else if (import.meta.main) await main();

function work(): void {
  const answer = self as unknown as Pick<Worker, "postMessage">;
  let end = (): void => {};
  self.addEventListener("message", async (event) => {
    const order = (event as MessageEvent<Order>).data;
    if (order === "end") return end();
    const server = serve({
      port: order.port,
      reusePort: true,
      handler: hello,
      blockMs: 20,
    });
    end = () => server.shutdown();
    answer.postMessage("listening");
    await server.finished;
    answer.postMessage("ended");
    self.close();
  });
}

async function main(): Promise<void> {
  const [port = "8080", count = `${navigator.hardwareConcurrency}`] = Deno.args;
  const workers = Array.from(
    { length: Number(count) },
    () => new Worker(import.meta.url, { type: "module", name: "http" }),
  );
  await Promise.all(workers.map((worker) => {
    worker.postMessage({ port: Number(port) });
    return reply(worker);
  }));
  console.log(
    `${workers.length} Workers listen on http://127.0.0.1:${port}/`,
  );
  await interrupted();
  await Promise.all(workers.map((worker) => {
    worker.postMessage("end");
    return reply(worker);
  }));
}

/** Waits for what a Worker says next. */
function reply(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.addEventListener("message", () => resolve(), { once: true });
  });
}

async function interrupted(): Promise<void> {
  // To a queue on macOS a signal is only known, and still ends a process that has no listener.
  Deno.addSignalListener("SIGINT", () => {});
  await using loop = new Loop();
  await loop.once(kevSignal("SIGINT"));
}
