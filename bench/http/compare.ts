/** Servers beside each other under the same loads, in turn. */
import { close, connect } from "../../posix.ts";
import { figuresOf } from "../frame/in_turn.ts";
import { succeeds } from "../frame/peers.ts";
import type { Comparison, Goal, Result } from "../frame/result.ts";
import { RunningServer, type ServerProgram } from "./server.ts";
import { runWrk } from "./wrk.ts";

/** A load: connections that ask without end, and others that only are there. */
export interface Scenario {
  readonly active: number;
  readonly idle: number;
}

/** Where and for how long, and what must come of it. */
export interface Plan {
  /** Of requests per CPU-second, of requests per second, and of the 99th percentile. */
  readonly goals: Readonly<Partial<Record<keyof Sample, readonly Goal[]>>>;
  readonly rounds: number;
  /** Of each run of wrk. */
  readonly seconds: number;
  readonly serverCores: string;
  readonly wrkCores: string;
}

/** What one server did under one load in one round. */
export interface Sample {
  readonly requestsPerSecond: number;
  readonly perCpuSecond: number;
  readonly cpuMicroseconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly memory: number;
}

/** The samples of one server under one load. */
interface Series {
  readonly server: string;
  readonly samples: Sample[];
}

/** What of a sample is compared. */
const METRICS: readonly {
  readonly key: keyof Sample;
  readonly name: string;
  readonly unit: string;
  readonly better: "less" | "more";
  readonly isShown: boolean;
}[] = [
  {
    key: "perCpuSecond",
    name: "requests per CPU-second",
    unit: "/s",
    better: "more",
    isShown: true,
  },
  {
    key: "requestsPerSecond",
    name: "requests per second",
    unit: "/s",
    better: "more",
    isShown: false,
  },
  {
    key: "cpuMicroseconds",
    name: "CPU time of a request",
    unit: "µs",
    better: "less",
    isShown: false,
  },
  { key: "p50", name: "median", unit: "ms", better: "less", isShown: false },
  {
    key: "p99",
    name: "99th percentile",
    unit: "ms",
    better: "less",
    isShown: false,
  },
  {
    key: "memory",
    name: "memory",
    unit: "MiB",
    better: "less",
    isShown: false,
  },
];

/** Runs all rounds. The first program is the one that the others are compared with. */
export async function compareServers(
  programs: readonly ServerProgram[],
  scenarios: readonly Scenario[],
  plan: Plan,
): Promise<Omit<Result, "ours">> {
  for (const tool of ["wrk", "taskset"]) {
    if (!succeeds(["sh", "-c", `command -v ${tool}`])) {
      throw new Error(`This needs ${tool}`);
    }
  }
  const servers: RunningServer[] = [];
  const missing: string[] = [];
  try {
    for (const program of programs) {
      if (succeeds(program.test)) {
        const port = freePort();
        servers.push(
          await RunningServer.start(program, port, plan.serverCores),
        );
      } else {
        missing.push(program.name);
      }
    }
    const comparisons: Comparison[] = [];
    for (const scenario of scenarios) {
      const series = await runScenario(servers, scenario, plan);
      comparisons.push(...compare(scenario, series, plan));
    }
    return { comparisons, missing };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function runScenario(
  servers: readonly RunningServer[],
  scenario: Scenario,
  plan: Plan,
): Promise<Series[]> {
  const series = servers.map(({ name }): Series => ({
    server: name,
    samples: [],
  }));
  const idle = servers.map(({ port }) =>
    Array.from({ length: scenario.idle }, () => connect({ port }))
  );
  for (const server of servers) {
    await runWrk(server.port, scenario.active, 1, plan.wrkCores); // to warm up
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (let at = 0; at < servers.length; at++) {
      // Each is first, second and so on in its turn.
      const index = (at + round) % servers.length;
      series[index].samples.push(
        await sample(servers[index], scenario.active, plan),
      );
    }
  }
  idle.flat().forEach((fd) => close(fd));
  return series;
}

async function sample(
  server: RunningServer,
  connections: number,
  { seconds, wrkCores }: Plan,
): Promise<Sample> {
  const before = server.cpuSeconds();
  const load = await runWrk(server.port, connections, seconds, wrkCores);
  const cpu = server.cpuSeconds() - before;
  return {
    requestsPerSecond: load.requestsPerSecond,
    perCpuSecond: load.requests / cpu,
    cpuMicroseconds: cpu / load.requests * 1e6,
    p50: load.p50,
    p99: load.p99,
    memory: server.memory(),
  };
}

function compare(
  { active, idle }: Scenario,
  series: readonly Series[],
  { goals }: Plan,
): Comparison[] {
  const load = `${active} connections${idle === 0 ? "" : `, ${idle} idle`}`;
  return METRICS.map(({ key, name, unit, better, isShown }) => ({
    title: `${load}: ${name}`,
    unit,
    better,
    isShown,
    figures: figuresOf(
      new Map(series.map(({ server, samples }) => [
        server,
        samples.map((sample) => sample[key]),
      ])),
    ),
    goals: goals[key] ?? [],
  }));
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
