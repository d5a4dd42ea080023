/**
 * `examples/http_workers.ts` beside `Deno.serve` in `deno serve --parallel`, on Linux: each with a thread for each of
 * the cores, which wrk shares with them.
 *
 * `deno run -A bench/http_workers.ts [--quick] [--json FILE] [--threads N]`
 */
import { parseArgs } from "node:util";
import { compareServers } from "./http/compare.ts";
import type { ServerProgram } from "./http/server.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    threads: { type: "string", default: `${navigator.hardwareConcurrency}` },
  },
});
const { threads } = options;
const cores = `0-${navigator.hardwareConcurrency - 1}`;

const PROGRAMS: readonly ServerProgram[] = [
  {
    name: `http_workers.ts, ${threads} Workers`,
    test: ["true"],
    command: (port) => [
      ...[Deno.execPath(), "run", "--allow-ffi", "--allow-read"],
      ...[`${ROOT}examples/http_workers.ts`, `${port}`, threads],
    ],
  },
  {
    name: `deno serve --parallel, ${threads} threads`,
    test: ["true"],
    command: (port) => [
      ...["env", `DENO_JOBS=${threads}`, Deno.execPath(), "serve", "-q"],
      ...["--parallel", "--host", "127.0.0.1", "--port", `${port}`],
      `${ROOT}bench/http/hello.ts`,
    ],
  },
];

const series = await compareServers(PROGRAMS, [
  { active: 64, idle: 0 },
  { active: 512, idle: 0 },
], {
  rounds: options.quick ? 3 : 9,
  seconds: options.quick ? 1 : 4,
  serverCores: cores,
  wrkCores: cores,
});
if (options.json !== undefined) {
  Deno.writeTextFileSync(options.json, JSON.stringify(series, null, 2));
}
