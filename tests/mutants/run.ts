/** Runs of Deno in a copy of the repository, out of the way of everything else. */

import { SANITIZERS, testFlags } from "../run.ts";

/** How a run of tests ended. */
export interface Run {
  readonly ended: "passed" | "failed" | "timed out";
  readonly output: string;
  readonly ms: number;
}

/**
 * As PID 1 of the namespace stands a shell, since the kernel spares PID 1 the signals that it has no handler for. It has the
 * numbers go on from one of its own, as tests name their files by them.
 */
const NAMESPACE = [
  ...["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"],
  ...[
    "sh",
    "-c",
    'echo $1 >/proc/sys/kernel/ns_last_pid; shift; "$@"; exit $?',
  ],
  "sh",
];

const flags = await testFlags();
const hasNamespaces = await mayHaveNamespaces();
/** The first number of a process in the next namespace. */
let nextPid = 1000;

/** Runs tests in a copy of the repository, up to the first that fails. */
export async function runTests(
  copy: string,
  files: string[],
  env: Record<string, string>,
  limitMs: number,
): Promise<Run> {
  const args = ["test", ...flags, "--no-check", "--fail-fast", "--quiet"];
  return await run(copy, [...args, ...files], env, limitMs);
}

/** Runs Deno in a copy of the repository, up to a limit. */
export async function run(
  copy: string,
  args: string[],
  env: Record<string, string>,
  limitMs: number,
): Promise<Run> {
  const [command = "", ...rest] = [...prefix(), Deno.execPath(), ...args];
  const start = performance.now();
  const child = new Deno.Command(command, {
    args: rest,
    cwd: copy,
    env: { ...SANITIZERS, ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, limitMs);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decoder = new TextDecoder();
  return {
    ended: isLate ? "timed out" : success ? "passed" : "failed",
    output: decoder.decode(stdout) + decoder.decode(stderr),
    ms: performance.now() - start,
  };
}

/** What failed first, in a line. */
export function firstFailure({ output }: Run): string {
  return output.match(/^(.+ => \S+)$/m)?.[1] ??
    output.match(/^(?:error|Uncaught).*$/m)?.[0] ?? "it ended";
}

/** What stands before a command: it runs below the priority of everything else, in a namespace where it may. */
function prefix(): string[] {
  const nice = ["nice", "-n", "5"];
  if (!hasNamespaces) return nice;
  nextPid = nextPid > 28_000 ? 1000 : nextPid + 500;
  return [...nice, ...NAMESPACE, `${nextPid}`];
}

async function mayHaveNamespaces(): Promise<boolean> {
  const [command = "", ...args] = [...NAMESPACE, "1000", "true"];
  try {
    return (await new Deno.Command(command, { args }).output()).success;
  } catch {
    return false;
  }
}
