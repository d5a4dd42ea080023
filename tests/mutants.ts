/**
 * Tries the tests: `deno run -A tests/mutants.ts [--count N] [--seed S] [--jobs J] [FILES]` changes single tokens of the
 * module's source at random, one at a time, each in a copy of the repository, and runs the tests of its subject; where
 * those pass, the types are checked and all the others run. A line for each change says which test noticed it, or that it
 * survived. FILES are files and folders of the module; all of it if none is given.
 *
 * A change may send signals anywhere, so on Linux the tests run in a PID namespace of their own where that is allowed.
 * Left out are the tests in `tests/isolates/`, which look for chance damage for a minute.
 */

import { basename, join } from "node:path";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import config from "../deno.json" with { type: "json" };
import { buildLibrary } from "./darwin/build.ts";
import { DARWIN_LIBRARY_VARIABLE } from "./darwin/library.ts";
import { draw } from "./mutants/draw.ts";
import {
  describeMutation,
  mutate,
  type Mutation,
  mutationsOf,
} from "./mutants/mutations.ts";
import { firstFailure, run, runTests } from "./mutants/run.ts";

/** Which folders of `tests/` are about a file of the module: the first whose name the file's path begins with. */
const SUBJECTS: readonly (readonly [prefix: string, folders: string[]])[] = [
  ["constants.ts", ["kevent"]],
  ["darwin.ts", ["ffi", "semantics"]],
  ["ffi.ts", ["ffi", "semantics"]],
  ["kevent", ["kevent", "hostile"]],
  ["kqueue", ["ffi", "async", "semantics"]],
  ["library.ts", ["ffi"]],
  ["linux/", ["semantics"]],
  ["loop", ["loop"]],
  ["poll.ts", ["async"]],
  ["posix", ["posix"]],
  ["streams", ["streams"]],
  ["", ["hostile", "kevent", "ffi"]],
];

/** All folders that are run, the quick ones first. */
const FOLDERS = [
  "kevent",
  "hostile",
  "model",
  "ffi",
  "streams",
  "posix",
  "loop",
  "examples",
  "semantics",
  "async",
];

/** What is copied for each job. */
const NOT_COPIED = new Set([".git", "node_modules", "coverage"]);

/** What became of a change. */
interface Outcome {
  readonly verdict: "killed" | "mistyped" | "timed out" | "survived";
  readonly by: string;
}

const ROOT = join(import.meta.dirname ?? ".", "..");
const ENTRIES = Object.values(config.exports);
const BASELINE_MS = 600_000;
const CHECK_MS = 120_000;
/** For a file of tests or a few. */
const FILES_MS = 60_000;

const { values: options, positionals } = parseArgs({
  args: Deno.args,
  options: {
    count: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: `${3 * availableParallelism()}` },
  },
  allowPositionals: true,
});
const scratch = await Deno.makeTempDir({ prefix: "kqueue-mutants-" });
const library = buildLibrary();
const env = { [DARWIN_LIBRARY_VARIABLE]: library };
const limits = new Map<string, number>();

try {
  await tryTests();
} finally {
  await Deno.remove(scratch, { recursive: true });
  await Deno.remove(join(library, ".."), { recursive: true });
}

async function tryTests(): Promise<void> {
  const copies = await makeCopies(Number(options.jobs));
  const sound = await runUnchanged(copies);
  const sources = await readSources(positionals);
  const drawn = draw(
    [...sources].flatMap(([file, text]) => mutationsOf(file, text)),
    Number(options.count),
    Number(options.seed),
  );
  const counts = new Map<string, number>();
  await share(drawn, copies, async (mutation, copy) => {
    const source = sources.get(mutation.file) ?? "";
    const outcome = await tryMutation(mutation, source, copy, sound);
    counts.set(outcome.verdict, (counts.get(outcome.verdict) ?? 0) + 1);
    const what = describeMutation(source, mutation);
    console.log(`${outcome.verdict.padEnd(9)}  ${what}  ${outcome.by}`);
  });
  const summary = [...counts].map(([verdict, count]) => `${count} ${verdict}`);
  console.log(`\n${drawn.length} changes: ${summary.join(", ")}`);
}

async function makeCopies(count: number): Promise<string[]> {
  const copies = Array.from(
    { length: count },
    (_, index) => join(scratch, `${index}`),
  );
  for (const copy of copies) {
    await Deno.mkdir(copy);
    const names = (await Array.fromAsync(Deno.readDir(ROOT)))
      .map(({ name }) => name)
      .filter((name) => !NOT_COPIED.has(name));
    await new Deno.Command("cp", { args: ["-R", ...names, copy], cwd: ROOT })
      .output();
  }
  return copies;
}

/** The folders whose tests pass without a change; how long they take then says how long they may take with one. */
async function runUnchanged(copies: string[]): Promise<Set<string>> {
  const sound = new Set<string>();
  await share(FOLDERS.toReversed(), copies, async (folder, copy) => {
    const run = await runTests(copy, [`tests/${folder}`], env, BASELINE_MS);
    limits.set(folder, 20_000 + 2 * run.ms);
    if (run.ended === "passed") sound.add(folder);
    else console.log(`tests/${folder} is left out: ${firstFailure(run)}`);
  });
  return sound;
}

async function readSources(chosen: string[]): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for (const file of await moduleFiles()) {
    const isChosen = chosen.length === 0 ||
      chosen.some((name) => file.startsWith(name));
    if (isChosen) sources.set(file, await Deno.readTextFile(join(ROOT, file)));
  }
  return sources;
}

/** The files that the entry points reach, by their paths from the root. */
async function moduleFiles(): Promise<string[]> {
  const files = new Set<string>();
  for (const entry of ENTRIES) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", entry],
      cwd: ROOT,
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout));
    const root = new URL("..", import.meta.url).href;
    for (const { specifier } of modules as { specifier: string }[]) {
      if (specifier.startsWith(root)) files.add(specifier.slice(root.length));
    }
  }
  return [...files].sort();
}

/** Hands each item to a copy that is free. */
async function share<T>(
  items: readonly T[],
  copies: readonly string[],
  work: (item: T, copy: string) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  await Promise.all(copies.map(async (copy) => {
    for (const item of rest) await work(item, copy);
  }));
}

async function tryMutation(
  mutation: Mutation,
  source: string,
  copy: string,
  sound: ReadonlySet<string>,
): Promise<Outcome> {
  const path = join(copy, mutation.file);
  await Deno.writeTextFile(path, mutate(source, mutation));
  try {
    return await runAgainst(mutation.file, copy, sound);
  } finally {
    await Deno.writeTextFile(path, source);
  }
}

async function runAgainst(
  file: string,
  copy: string,
  sound: ReadonlySet<string>,
): Promise<Outcome> {
  const subjects = subjectsOf(file).filter((folder) => sound.has(folder));
  const named = await namesakes(copy, file, subjects);
  if (named.length > 0) {
    const outcome = await outcomeOf(copy, named, FILES_MS);
    if (outcome !== undefined) return outcome;
  }
  for (const folder of subjects) {
    const outcome = await outcomeOf(
      copy,
      [`tests/${folder}`],
      limitOf(folder),
    );
    if (outcome !== undefined) return outcome;
  }
  const check = await run(copy, ["check", ...ENTRIES], env, CHECK_MS);
  if (check.ended !== "passed") return { verdict: "mistyped", by: "types" };
  for (const folder of FOLDERS) {
    if (subjects.includes(folder) || !sound.has(folder)) continue;
    const outcome = await outcomeOf(
      copy,
      [`tests/${folder}`],
      limitOf(folder),
    );
    if (outcome !== undefined) return outcome;
  }
  const docs = ["--doc", "--preload=tests/preload.ts", ...ENTRIES, "kqueue.ts"];
  return await outcomeOf(copy, docs, CHECK_MS) ??
    { verdict: "survived", by: "" };
}

function subjectsOf(file: string): string[] {
  return SUBJECTS.find(([prefix]) => file.startsWith(prefix))?.[1] ?? [];
}

/** The tests of those folders with the file's name in theirs: `timer_test.ts` for `timer.ts`. */
async function namesakes(
  copy: string,
  file: string,
  folders: string[],
): Promise<string[]> {
  const name = basename(file, ".ts");
  const found: string[] = [];
  for (const folder of folders) {
    for await (const entry of Deno.readDir(join(copy, "tests", folder))) {
      const isNamesake = entry.name.includes(name) &&
        entry.name.endsWith("_test.ts");
      if (isNamesake) found.push(`tests/${folder}/${entry.name}`);
    }
  }
  return found;
}

function limitOf(folder: string): number {
  return limits.get(folder) ?? BASELINE_MS;
}

/** Undefined where the tests notice nothing. What fails once may do so by chance: it must fail again. */
async function outcomeOf(
  copy: string,
  files: string[],
  limitMs: number,
): Promise<Outcome | undefined> {
  const where = files.length > 1 ? `${files[0]}, …` : files.join();
  let result = await runTests(copy, files, env, limitMs);
  if (result.ended === "failed") {
    const failed = result.output.match(/tests\/\w+\/\w+_test\.ts(?=:\d)/)?.[0];
    result = await runTests(copy, failed ? [failed] : files, env, limitMs);
  }
  if (result.ended === "passed") return undefined;
  if (result.ended === "timed out") return { verdict: "timed out", by: where };
  return { verdict: "killed", by: `${where}: ${firstFailure(result)}` };
}
