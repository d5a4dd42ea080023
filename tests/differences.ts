/**
 * Prints each line of the tests that asks which system or kernel it runs on, or that leaves a test out, with what allows
 * it: `deno run --allow-read tests/differences.ts`. Exits with 1 when a line has nothing that does.
 *
 * A difference is allowed by a rule of docs/rules.md, which the name of the test around it begins with or a comment
 * names, or by the reason that a comment gives: above the line, above the call that it is an argument of, or at its end.
 */

import { readRules, sources } from "./rules.ts";

/** A line that is not the same for each system, and what allows it. */
export interface Difference {
  readonly line: number;
  readonly text: string;
  /** Empty when nothing does. */
  readonly reason: string;
}

const TESTS = new URL("./", import.meta.url);
/** The stand-ins of packages and the tools, which are no tests. */
const TOOLS =
  /^(?:std\/|darwin\/|mutants|rules\.ts|(?:house\/)?differences|summary\.ts)/;
const ASKS =
  /\bIS_(?:LINUX|DARWIN)\b|\bis(?:StandIn|Engine)\b|\bhasUdataSpecific\b|Deno\.build\.os|\bit\.skip\b|describe\.skip\b|\bregister\.skip\b|\bignore:|\boutside Linux\b/;

const HANDED_ON =
  /^\s*(?:import\b|\*|\/\*|readonly\b|(?:export )?const IS_LINUX\b|const \{ IS_DARWIN\b|(?:is(?:Engine|StandIn)|hasUdataSpecific):|(?:export )?(?:async )?function\b|describeKernels\(.*\{ is)/;

if (import.meta.main) Deno.exit(await checkDifferences() ? 0 : 1);

async function checkDifferences(): Promise<boolean> {
  const rules = await readRules();
  const files = await sources(TESTS, /\.ts$/);
  const found = files
    .filter(([file]) => !TOOLS.test(file))
    .flatMap(([file, source]) =>
      differencesIn(source).map((difference) => ({ file, ...difference }))
    );
  for (const { file, line, text, reason } of found) {
    console.log(`tests/${file}:${line}\n    ${text}\n    ${titled(reason)}`);
  }
  const open = found.filter(({ reason }) => reason === "");
  console.log(`\n${found.length} differences, ${open.length} without a reason`);
  for (const { file, line } of open) {
    console.error(
      `tests/${file}:${line} differs by system, and nothing says why`,
    );
  }
  return open.length === 0;

  /** A rule alone, with its title. */
  function titled(reason: string): string {
    const title = rules.get(reason);
    return title === undefined ? reason : `${reason} ${title}`;
  }
}

/** The lines of a test file that ask for the system; not its imports, nor what only hands the answer on. */
export function differencesIn(source: string): Difference[] {
  const lines = source.split("\n");
  return lines.flatMap((text, index) => {
    const asks = ASKS.test(text) && !isHandedOn(text);
    if (!asks) return [];
    return [{
      line: index + 1,
      text: text.trim(),
      reason: reasonOf(lines, index),
    }];
  });
}

/** What is no question: an import, a comment, a declaration, a parameter. */
function isHandedOn(text: string): boolean {
  return !ASKS.test(text.replace(/\/\/.*$/, "")) || HANDED_ON.test(text);
}

function reasonOf(lines: readonly string[], index: number): string {
  const [, atTheEnd] = lines[index].match(/ \/\/ (.+)$/) ?? [];
  if (atTheEnd !== undefined) return atTheEnd;
  const [, said] = lines[index].match(/\.skip\([`"].*?(\(.+\))[`"]/) ?? [];
  if (said !== undefined) return `its name says so: ${said}`;
  // Outwards, by indentation: the line itself, the call that it is an argument of, the test around it.
  let indentation = Infinity;
  for (let i = index; i >= 0; i--) {
    const outwards = indentationOf(lines[i]);
    const isEnd = /^\s*[)\]}]/.test(lines[i]);
    if (outwards >= indentation || isEnd) continue;
    const rule = ruleAt(lines, i);
    if (rule !== undefined) return rule;
    const comment = commentAbove(lines, i);
    if (comment !== "") return comment;
    indentation = outwards;
  }
  return "";
}

/** The rule that a test's name begins with, where the test begins in this line. */
function ruleAt(lines: readonly string[], index: number): string | undefined {
  const name = /^[^\n]*\(\s*(?:\w+,\s*)?["'`](R\d+a?)\b/;
  return lines.slice(index, index + 3).join("\n").match(name)?.[1];
}

function indentationOf(line: string): number {
  const indentation = line.search(/\S/);
  return indentation === -1 ? Infinity : indentation;
}

/** The comment that stands directly above a line, as one line. */
function commentAbove(lines: readonly string[], index: number): string {
  const above: string[] = [];
  for (
    let i = index - 1;
    i >= 0 && /^\s*(?:\/\/|\/\*\*|\*)/.test(lines[i]);
    i--
  ) {
    above.unshift(
      lines[i].replace(/^\s*(?:\/\/|\/\*\*|\*\/|\*)|\*\/$/g, "").trim(),
    );
  }
  return above.join(" ").trim();
}
