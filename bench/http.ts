/**
 * `examples/http.ts` beside `Deno.serve`, `node:http` and a C program over epoll, on Linux.
 *
 * `deno run -A bench/http.ts [--quick] [--json FILE]`
 *
 * Each answers 13 bytes of text. wrk asks, over connections that stay open; server and wrk have a core each. The servers
 * take turns in each round. Those that are not installed are named and left out; wrk must be there.
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
  },
});

const folder = Deno.makeTempDirSync();
const floor = `${folder}/epoll`;

const PROGRAMS: readonly ServerProgram[] = [
  {
    name: "examples/http.ts",
    test: ["true"],
    command: (port) => [
      ...[Deno.execPath(), "run", "--allow-ffi"],
      ...[`${ROOT}examples/http.ts`, `${port}`],
    ],
  },
  {
    name: "Deno.serve",
    test: ["true"],
    command: (port) => [
      ...[Deno.execPath(), "eval"],
      `Deno.serve({ hostname: "127.0.0.1", port: ${port}, onListen() {} }, () => new Response("Hello, World!"))`,
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
    name: "C over epoll",
    test: ["cc", "-O2", "-o", floor, `${ROOT}bench/http/epoll.c`],
    command: (port) => [floor, `${port}`],
  },
];

try {
  const series = await compareServers(PROGRAMS, [
    { active: 1, idle: 0 },
    { active: 64, idle: 0 },
    { active: 512, idle: 0 },
    { active: 64, idle: 1000 },
  ], {
    rounds: options.quick ? 3 : 9,
    seconds: options.quick ? 1 : 4,
    serverCores: "0",
    wrkCores: "1",
  });
  if (options.json !== undefined) {
    Deno.writeTextFileSync(options.json, JSON.stringify(series, null, 2));
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}
