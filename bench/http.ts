/**
 * `examples/http.ts` beside `Deno.serve`, `node:http` and a C program over epoll, on Linux.
 *
 * `deno task bench http`
 *
 * Each answers 13 bytes of text. wrk asks, over connections that stay open; server and wrk have a core each. The servers
 * take turns in each round. Those that are not installed are named and left out; wrk must be there.
 */
import { full, publish } from "./frame/bench.ts";
import { buildC } from "./frame/peers.ts";
import { compareServers } from "./http/compare.ts";
import type { ServerProgram } from "./http/server.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const OURS = "examples/http.ts";
const DENO = "Deno.serve";
const FLOOR = "bare epoll, C";
const floor = buildC(`${ROOT}bench/http/epoll.c`) ?? "";

const PROGRAMS: readonly ServerProgram[] = [
  {
    name: DENO,
    test: ["true"],
    command: (port) => [
      ...[Deno.execPath(), "eval"],
      `Deno.serve({ hostname: "127.0.0.1", port: ${port}, onListen() {} }, () => new Response("Hello, World!"))`,
    ],
  },
  {
    name: OURS,
    test: ["true"],
    command: (port) => [
      ...[Deno.execPath(), "run", "--allow-ffi"],
      ...[`${ROOT}examples/http.ts`, `${port}`],
    ],
  },
  {
    name: "node:http of Node",
    test: ["node", "--version"],
    command: (port) => [
      ...["node", "-e"],
      `require("node:http").createServer((_, response) => {
        response.setHeader("Content-Type", "text/plain");
        response.end("Hello, World!");
      }).listen(${port}, "127.0.0.1")`,
    ],
  },
  {
    name: FLOOR,
    test: ["test", "-x", floor],
    command: (port) => [floor, `${port}`],
  },
];

const { comparisons, missing } = await compareServers(PROGRAMS, [
  { active: 1, idle: 0 },
  { active: 64, idle: 0 },
  { active: 512, idle: 0 },
  { active: 64, idle: 1000 },
], {
  rounds: full(5, 1),
  seconds: full(3, 1),
  serverCores: "0",
  wrkCores: "1",
  goals: {
    perCpuSecond: [
      { name: OURS, of: DENO, atLeast: 1.25 },
      { name: OURS, of: FLOOR, atLeast: 0.85 },
    ],
    requestsPerSecond: [{ name: OURS, of: DENO, atLeast: 1 }],
    p99: [{ name: OURS, of: DENO, atMost: 1 }],
  },
});
publish({ ours: [OURS], comparisons, missing });
