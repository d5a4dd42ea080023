/**
 * All benches in turn, or those that are named:
 *
 * `deno task bench [NAME…] [--quick] [--save]`
 *
 * A full run of all takes less than 15 minutes, one with `--quick` less than 2, with rougher figures. A full run of all
 * leaves its figures in `results.json`, as tables in `results.md` and as a chart each in `charts/`; with `--save`, so does
 * every other run, for the benches that it ran. `--draw` makes tables and charts of the figures that are there.
 */
import { parseArgs } from "node:util";
import { machine } from "./frame/machine.ts";
import { toMarkdown } from "./frame/markdown.ts";
import { succeeds } from "./frame/peers.ts";
import { goalsOf, type Result, type Results } from "./frame/result.ts";

const FOLDER = import.meta.dirname ?? ".";
const RESULTS = `${FOLDER}/results.json`;

/** The benches in their order: what core each is pinned to; undefined where it sees to that itself, or needs several. */
const BENCHES: ReadonlyMap<string, string | undefined> = new Map([
  ["call", "0"],
  ["engine", "0"],
  ["pairs", "0"],
  ["timers", "0"],
  ["async", undefined],
  ["streams", "0"],
  ["http", undefined],
  ["http_workers", undefined],
]);

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    draw: { type: "boolean", default: false },
  },
});
const unknown = named.filter((name) => !BENCHES.has(name));
if (unknown.length > 0) {
  console.error(
    `No bench: ${unknown.join(", ")}. There are ${
      [...BENCHES.keys()].join(", ")
    }.`,
  );
  Deno.exit(1);
}

if (options.draw) {
  await keep({});
} else {
  const names = named.length > 0 ? named : [...BENCHES.keys()];
  console.log(`${machine()}\n`);
  const results = await runAll(names);
  printGoals(results);
  const isWhole = named.length === 0 && !options.quick;
  if (isWhole || options.save) await keep(results);
}

async function runAll(names: readonly string[]): Promise<Results> {
  const canPin = succeeds(["taskset", "-c", "0", "true"]);
  if (!canPin) console.log("left out, as not installed: taskset, which pins\n");
  const results: Record<string, Results[string]> = {};
  for (const name of names) {
    console.log(`== ${name}\n`);
    const core = canPin ? BENCHES.get(name) : undefined;
    results[name] = {
      machine: machine(),
      isQuick: options.quick,
      ...await run(name, core),
    };
  }
  return results;
}

/** Runs one bench in a process of its own. */
async function run(name: string, core: string | undefined): Promise<Result> {
  const json = Deno.makeTempFileSync({ prefix: "kqueue-bench-" });
  const command = [
    ...core === undefined ? [] : ["taskset", "-c", core],
    ...[Deno.execPath(), "run", "--allow-all", `${FOLDER}/${name}.ts`],
    ...["--json", json],
    ...options.quick ? ["--quick"] : [],
  ];
  try {
    const { success } = await new Deno.Command(command[0], {
      args: command.slice(1),
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`The bench ${name} failed`);
    return JSON.parse(Deno.readTextFileSync(json));
  } finally {
    Deno.removeSync(json);
  }
}

function printGoals(results: Results): void {
  for (const { comparisons } of Object.values(results)) {
    for (const comparison of comparisons) {
      for (const line of goalsOf(comparison)) {
        console.log(`${line} (${comparison.title})`);
      }
    }
  }
}

/** Puts results among those that are kept, and makes tables and charts of them. */
async function keep(fresh: Results): Promise<void> {
  // Loaded here alone: a run that draws nothing needs no package.
  const { toChart } = await import("./frame/chart.ts");
  const all: Results = { ...kept(), ...fresh };
  Deno.writeTextFileSync(RESULTS, JSON.stringify(all, null, 1) + "\n");
  Deno.writeTextFileSync(`${FOLDER}/results.md`, toMarkdown(all));
  Deno.mkdirSync(`${FOLDER}/charts`, { recursive: true });
  for (const [name, result] of Object.entries(all)) {
    Deno.writeTextFileSync(`${FOLDER}/charts/${name}.svg`, toChart(result));
  }
}

function kept(): Results {
  try {
    return JSON.parse(Deno.readTextFileSync(RESULTS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}
