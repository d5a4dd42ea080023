/**
 * Runs the tests: `deno task test [FILES] [RULES] [--verbose] [FLAGS OF deno test]`. A rule of docs/rules.md, such as R36,
 * stands for the files that have tests of it. Without files, or a `--reporter`, each file is a line; `--verbose` shows each
 * test. `--ffi-alone` runs what `deno test --allow-ffi` does: what needs another permission skips itself.
 *
 * On Linux the semantics tests run a second time over a C library that has the
 * ABI of Darwin's; it is built here, and its path handed on in the environment.
 */

import { dirname } from "node:path";
import config from "../deno.json" with { type: "json" };
import { buildLibrary } from "./darwin/build.ts";
import { DARWIN_LIBRARY_VARIABLE } from "./darwin/library.ts";
import { testFilesOf } from "./rules.ts";
import { importMapFlags } from "./std/import_map.ts";
import { SummaryStream, TextLineStream } from "./summary.ts";

/** Deno's sanitizers, which from 2.8 on are off unless asked for. Before that they are on, and these mean nothing. */
export const SANITIZERS = {
  DENO_TEST_SANITIZE_OPS: "1",
  DENO_TEST_SANITIZE_RESOURCES: "1",
};

const ROOT = new URL("..", import.meta.url);
const PERMISSIONS = ["env", "ffi", "net", "read", "run", "write"];

if (import.meta.main) {
  const alone = Deno.args.indexOf("--ffi-alone");
  const code = alone === -1
    ? await runOverLibrary(await withRules(Deno.args))
    : await runWithFfiAlone(Deno.args.toSpliced(alone, 1));
  Deno.exit(code);
}

/** What `deno test` is given for any of the tests. */
export async function testFlags(): Promise<string[]> {
  return [
    "--no-prompt",
    ...PERMISSIONS.map((name) => `--allow-${name}`),
    ...await importMapFlags(),
  ];
}

/** The arguments, with the files of a rule in its place. */
async function withRules(args: string[]): Promise<string[]> {
  const parts = args.map((arg, index) => {
    const isRule = /^R\d+a?$/.test(arg) && args[index - 1] !== "--filter";
    return isRule ? filesOf(arg) : [arg];
  });
  return (await Promise.all(parts)).flat();
}

async function filesOf(rule: string): Promise<string[]> {
  const files = await testFilesOf(rule);
  if (files.length > 0) return files;
  console.error(`${rule} has no test.`);
  Deno.exit(1);
}

async function runOverLibrary(args: string[]): Promise<number> {
  const library = darwinLibrary();
  if (library === undefined) return await runTests(args, {});
  try {
    return await runTests(args, { [DARWIN_LIBRARY_VARIABLE]: library });
  } finally {
    await Deno.remove(dirname(library), { recursive: true });
  }
}

async function runWithFfiAlone(args: string[]): Promise<number> {
  const flags = ["--no-prompt", "--allow-ffi", ...await importMapFlags()];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...flags, ...args],
    cwd: ROOT,
    env: SANITIZERS,
  }).spawn();
  return (await child.status).code;
}

async function runTests(
  args: string[],
  env: Record<string, string>,
): Promise<number> {
  const flags = args.filter((arg) => arg !== "--verbose");
  const names = await namesFiles(flags);
  const isWhole = args.length > flags.length || names ||
    flags.some((flag) => flag.startsWith("--reporter"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      ...isWhole ? [] : ["--quiet"],
      ...await testFlags(),
      ...flags,
      ...names ? [] : everything(),
    ],
    cwd: ROOT,
    env: { ...SANITIZERS, ...env },
    stdout: isWhole ? "inherit" : "piped",
  }).spawn();
  if (!isWhole) await summarize(child.stdout);
  return (await child.status).code;
}

async function summarize(output: ReadableStream<Uint8Array>): Promise<void> {
  const lines = output
    .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .pipeThrough(new TextLineStream())
    .pipeThrough(new SummaryStream());
  for await (const line of lines) console.log(line);
}

/** The test files, and the examples in the docs of every entry point and of what those re-export. */
function everything(): string[] {
  return [
    "--doc",
    "--preload=tests/preload.ts",
    "tests/",
    "kqueue.ts",
    ...["kevent/", "loop/", "posix/", "streams/"],
    ...Object.values(config.exports),
  ];
}

async function namesFiles(args: string[]): Promise<boolean> {
  for (const arg of args) {
    if (!arg.startsWith("-") && await exists(arg)) return true;
  }
  return false;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

/** Where there is no compiler, or no Linux, says so and builds nothing. */
function darwinLibrary(): string | undefined {
  try {
    return buildLibrary();
  } catch (error) {
    if (
      error instanceof Deno.errors.NotSupported ||
      error instanceof Deno.errors.NotFound
    ) {
      console.log(`${error.message}: the tests over it are skipped.`);
      return undefined;
    }
    throw error;
  }
}
