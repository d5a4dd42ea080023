/** Runs every check that needs no test: `deno task check`. */

import config from "../deno.json" with { type: "json" };
import { importMapFlags } from "./std/import_map.ts";

const CHECKS = [
  ["fmt", "--check"],
  ["lint"],
  ["check", ...await importMapFlags()],
  ["doc", "--lint", ...Object.values(config.exports)],
  ["publish", "--dry-run", "--allow-dirty"],
  ["run", "--allow-run", "tests/imports.ts"],
  ["run", "--allow-read", "tests/rules.ts", "--counts"],
  ["run", "--allow-read", "tests/differences.ts"],
];

const failed = CHECKS.filter((args) => {
  console.log(`\n$ deno ${args.join(" ")}`);
  return !succeeds(args);
});
for (const args of failed) console.error(`\ndeno ${args.join(" ")} failed.`);
Deno.exit(failed.length > 0 ? 1 : 0);

function succeeds(args: string[]): boolean {
  return new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("..", import.meta.url),
    stdout: "inherit",
    stderr: "inherit",
  }).outputSync().success;
}
