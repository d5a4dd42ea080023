/**
 * The echo server of `examples/echo.ts` with 200 clients and 50,000 messages against it, every byte checked.
 *
 * ```sh
 * deno task demo
 * deno run --allow-ffi examples/demo.ts [--clients N] [--messages N] [--seconds S]
 * ```
 *
 * The server runs here, on one queue in one thread. The clients are `examples/clients.ts`, which takes the arguments, in
 * a process of their own. With `--seconds 60`, the server's memory and descriptors are shown every 10 seconds. The exit
 * code is 0, or 1 if anything was wrong.
 *
 * The process is started by posix_spawn(2), a foreign function like any other: that takes no more than `--allow-ffi`.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { lseek, spawn, SystemError, waitpid } from "../posix.ts";
import { row } from "./clients.ts";
import { EchoServer } from "./echo.ts";

const SAMPLE_MS = 10_000;

using server = new EchoServer(0);
const clients = spawn([
  Deno.execPath(),
  "run",
  "--allow-ffi",
  fileURLToPath(new URL("clients.ts", import.meta.url)),
  String(server.port),
  ...Deno.args,
]);
const { status } = serveUntilEnded(clients);

const { counts } = server;
if (counts.connections > 0) {
  console.log(row("server: failures", counts.failures));
  console.log(row("server: partial writes", counts.partialWrites));
  console.log(row("server: events per wait", counts.events / counts.waits, 1));
}
const isGood = status === 0 && counts.failures === 0;
if (isGood) {
  console.log(`
One thread and one queue served ${counts.connections} connections, and every byte
came back as it was sent.`);
}
Deno.exitCode = isGood ? 0 : 1;

function serveUntilEnded(pid: number) {
  const start = performance.now();
  let nextSample = SAMPLE_MS;
  for (;;) {
    server.step(100);
    if (server.size === 0) {
      const ended = waitpid(pid, { noHang: true });
      if (ended !== null) return ended;
    }
    const elapsed = performance.now() - start;
    if (elapsed < nextSample) continue;
    nextSample += SAMPLE_MS;
    printSample(elapsed);
  }
}

function printSample(elapsed: number): void {
  const seconds = Math.round(elapsed / 1000);
  const { rss, heapTotal } = Deno.memoryUsage();
  const memory = `${mebibytes(rss)} MiB, ${mebibytes(heapTotal)} of it heap`;
  const descriptors =
    `${countDescriptors()} descriptors, ${server.size} of them connections`;
  // The clients' progress may be in this line.
  const clear = Deno.stdout.isTerminal() ? "\r\x1b[K" : "";
  console.log(`${clear}server at ${seconds} s: ${memory}; ${descriptors}`);
}

function mebibytes(bytes: number): string {
  return (bytes / (1024 * 1024)).toFixed(1);
}

/** How many descriptors this process has. */
function countDescriptors(): number {
  let count = 0;
  // The kernel gives away the lowest number that is free, so a long gap is the end.
  for (let fd = 0, gap = 0; gap < 256; fd++) {
    if (isOpen(fd)) {
      count++;
      gap = 0;
    } else {
      gap++;
    }
  }
  return count;
}

function isOpen(fd: number): boolean {
  try {
    lseek(fd, 0, "current");
    return true;
  } catch (error) {
    // ESPIPE for all that is no file, EBADF for what is not open.
    return error instanceof SystemError && error.code !== "EBADF";
  }
}
