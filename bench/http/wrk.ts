/** wrk, the load generator, and what it says. */

/** What a run of wrk has seen. */
export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Latencies, in ms. */
  readonly p50: number;
  readonly p99: number;
}

const UNITS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3 };

/** Runs wrk on certain cores, in one thread. */
export async function runWrk(
  port: number,
  connections: number,
  seconds: number,
  cores: string,
): Promise<Load> {
  const { stdout, success } = await new Deno.Command("taskset", {
    args: [
      ...["-c", cores, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`],
      ...["--timeout", "10s", "--latency", `http://127.0.0.1:${port}/`],
    ],
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success || /Socket errors|Non-2xx/.test(text)) throw new Error(text);
  return {
    requests: Number(find(text, /(\d+) requests in/)[1]),
    requestsPerSecond: Number(find(text, /Requests\/sec:\s+([\d.]+)/)[1]),
    p50: milliseconds(find(text, /50%\s+([\d.]+)(us|ms|s)/)),
    p99: milliseconds(find(text, /99%\s+([\d.]+)(us|ms|s)/)),
  };
}

function find(text: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`wrk says no ${pattern} in\n${text}`);
  return match;
}

function milliseconds([, value, unit]: RegExpExecArray): number {
  return Number(value) * UNITS[unit];
}
