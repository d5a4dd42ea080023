/**
 * What every bench does alike. A bench is a program of its own, `bench/NAME.ts [--quick] [--json FILE]`: it prints its
 * figures, and writes them to a file for `bench/run.ts` to collect.
 */
import { parseArgs } from "node:util";
import { type Result, toText } from "./result.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

/** Whether to take the shortest time in which something can be seen. */
export const isQuick: boolean = values.quick;

/** The arguments that are no options. */
export const rest: readonly string[] = positionals;

/** The first in a full run, the second in a quick one. */
export function full<T>(usual: T, quick: T): T {
  return isQuick ? quick : usual;
}

/** Prints what was found, and writes it where the caller wants it. */
export function publish(result: Result): void {
  console.log(toText(result));
  if (values.json !== undefined) {
    Deno.writeTextFileSync(values.json, JSON.stringify(result));
  }
}
