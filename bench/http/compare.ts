/** Servers beside each other under the same loads, in turn, and the table of it. */
import { close, connect } from "../../posix.ts";
import { median, row } from "../measure.ts";
import { RunningServer, type ServerProgram, succeeds } from "./server.ts";
import { runWrk } from "./wrk.ts";

/** A load: connections that ask without end, and others that only are there. */
export interface Scenario {
  readonly active: number;
  readonly idle: number;
}

/** Where and for how long. */
export interface Plan {
  readonly rounds: number;
  /** Of each run of wrk. */
  readonly seconds: number;
  readonly serverCores: string;
  readonly wrkCores: string;
}

/** What one server did under one load in one round. */
interface Sample {
  readonly requestsPerSecond: number;
  readonly perCpuSecond: number;
  readonly cpuMicroseconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly memory: number;
}

/** The samples of one server under one load. */
export interface Series {
  readonly server: string;
  readonly scenario: Scenario;
  readonly samples: Sample[];
}

/** Runs all rounds, and prints the tables. The first program is the one that the others are compared with. */
export async function compareServers(
  programs: readonly ServerProgram[],
  scenarios: readonly Scenario[],
  plan: Plan,
): Promise<Series[]> {
  for (const tool of ["wrk", "taskset"]) {
    if (!succeeds(["sh", "-c", `command -v ${tool}`])) {
      throw new Error(`This needs ${tool}`);
    }
  }
  console.log(machine());
  const servers: RunningServer[] = [];
  try {
    for (const program of programs) {
      if (succeeds(program.test)) {
        const port = freePort();
        servers.push(
          await RunningServer.start(program, port, plan.serverCores),
        );
      } else {
        console.log(`skipped, as it is not installed: ${program.name}`);
      }
    }
    const all: Series[] = [];
    for (const scenario of scenarios) {
      const series = await runScenario(servers, scenario, plan);
      print(scenario, series);
      all.push(...series);
    }
    return all;
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
    scenario,
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

function print({ active, idle }: Scenario, series: readonly Series[]): void {
  const [own] = series;
  const title = idle === 0 ? `${active}` : `${active}, and ${idle} idle`;
  console.log(`\n${
    row(
      `connections: ${title}`,
      "req/CPU-s ×",
      "req/s ×",
      "p99 ×",
      "req/s",
      "CPU µs/req",
      "p50 ms",
      "p99 ms",
      "MiB",
    )
  }`);
  for (const { server, samples } of series) {
    const ratio = (key: keyof Sample): string =>
      median(
        samples.map((other, round) => own.samples[round][key] / other[key]),
      )
        .toFixed(2);
    const value = (key: keyof Sample, digits: number): string =>
      median(samples.map((sample) => sample[key])).toFixed(digits);
    console.log(row(
      server,
      ratio("perCpuSecond"),
      ratio("requestsPerSecond"),
      ratio("p99"),
      value("requestsPerSecond", 0),
      value("cpuMicroseconds", 2),
      value("p50", 3),
      value("p99", 3),
      value("memory", 0),
    ));
  }
}

function machine(): string {
  const model = /^model name\s*:\s*(.+)$/m
    .exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  return `${model}, ${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}
× is the first server's figure over the other's, the median of the rounds' ratios.`;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
