/**
 * `examples/http_workers.ts` beside `Deno.serve` in `deno serve --parallel`, on Linux: each with a thread for each of
 * the cores, which wrk shares with them.
 *
 * `deno task bench http_workers`
 */
import { full, publish } from "./frame/bench.ts";
import { compareServers } from "./http/compare.ts";
import type { ServerProgram } from "./http/server.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const threads = `${navigator.hardwareConcurrency}`;
const cores = `0-${navigator.hardwareConcurrency - 1}`;

const OURS = `http_workers.ts, ${threads} Workers`;

const PROGRAMS: readonly ServerProgram[] = [
  {
    name: `deno serve --parallel, ${threads} threads`,
    test: ["true"],
    command: (port) => [
      ...["env", `DENO_JOBS=${threads}`, Deno.execPath(), "serve", "-q"],
      ...["--parallel", "--host", "127.0.0.1", "--port", `${port}`],
      `${ROOT}bench/http/hello.ts`,
    ],
  },
  {
    name: OURS,
    test: ["true"],
    command: (port) => [
      ...[Deno.execPath(), "run", "--allow-ffi", "--allow-read"],
      ...[`${ROOT}examples/http_workers.ts`, `${port}`, threads],
    ],
  },
];

const { comparisons, missing } = await compareServers(PROGRAMS, [
  { active: 64, idle: 0 },
  { active: 512, idle: 0 },
], {
  rounds: full(5, 1),
  seconds: full(3, 1),
  serverCores: cores,
  wrkCores: cores,
  goals: {},
});
publish({ ours: [OURS], comparisons, missing });
