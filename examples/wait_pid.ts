/**
 * Waits for a process to exit, a child of this one or not.
 *
 *     deno run --allow-ffi examples/wait_pid.ts PID [SECONDS]
 *
 * With SECONDS it gives up after that time, and exits with 1.
 */
import { kevProc, Loop, SystemError } from "../mod.ts";

const [pid, seconds = Infinity] = Deno.args.map(Number);
if (!Number.isInteger(pid) || Number.isNaN(seconds)) {
  console.error("Usage: wait_pid.ts PID [SECONDS]");
  Deno.exit(2);
}

const signal = seconds === Infinity ? null : AbortSignal.timeout(seconds * 1e3);
await using loop = new Loop();
const start = performance.now();
try {
  const exited = loop.once(kevProc(pid), signal === null ? {} : { signal });
  console.log(`Waiting for process ${pid}.`);
  await exited;
  const took = ((performance.now() - start) / 1e3).toFixed(1);
  console.log(`Process ${pid} has exited, after ${took} s of waiting.`);
} catch (error) {
  if (error instanceof SystemError && error.code === "ESRCH") {
    console.log(`There is no process ${pid}.`);
  } else if (signal?.aborted) {
    console.log(`Process ${pid} is still there after ${seconds} s.`);
  } else {
    throw error;
  }
  Deno.exitCode = 1;
}
