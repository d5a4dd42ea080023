/**
 * Prints which tests check each rule of docs/rules.md: `deno run --allow-read tests/rules.ts [--counts]`. Exits with 1
 * when a rule has none, and when a test, a comment or a page names a rule that the page does not have.
 *
 * A test says which rule it checks by its name, `R12 EV_ONESHOT delivers once and is gone`. Names are counted as they
 * stand in the source: one in a loop counts once. A plus marks those that surely run over the C library of Darwin's ABI as
 * well: their suite is registered by `describeKernels`, they by `it`, and they are not left out for the stand-in.
 */

/** A test as it stands in the source. */
interface Test {
  readonly file: string;
  readonly name: string;
  readonly rules: readonly string[];
  readonly runsOverLibrary: boolean;
}

const ROOT = new URL("../", import.meta.url);
const TESTS = new URL("./", import.meta.url);
const PAGE = new URL("../docs/rules.md", import.meta.url);

if (import.meta.main) Deno.exit(await checkRules() ? 0 : 1);

/** The files that have tests of a rule, from the root of the repository; none for what is no rule. */
export async function testFilesOf(rule: string): Promise<string[]> {
  const tests = await readTests(await readRules());
  const mine = tests.filter(({ rules }) => rules.includes(rule));
  return [...new Set(mine.map(({ file }) => `tests/${file}`))];
}

async function checkRules(): Promise<boolean> {
  const rules = await readRules();
  const tests = await readTests(rules);
  console.log(`${"rule".padEnd(68)}  tests  over +`);
  const untested = [...rules].filter(([rule, title]) => {
    const mine = tests.filter((test) => test.rules.includes(rule));
    print(rule, title, mine);
    return mine.length === 0;
  });
  const over = tests.filter(({ runsOverLibrary }) => runsOverLibrary).length;
  console.log(
    `\n${rules.size} rules, ${tests.length} tests, ${over} of them also over the C library`,
  );
  const unknown = await unknownNames(rules);
  for (const [rule, title] of untested) {
    console.error(`${rule} (${title}) has no test`);
  }
  for (const { place, name } of unknown) {
    console.error(`${place} names ${name}, which docs/rules.md does not have`);
  }
  return untested.length + unknown.length === 0;
}

/** The page's rules with their titles, in its order. */
export async function readRules(): Promise<Map<string, string>> {
  const page = await Deno.readTextFile(PAGE);
  const rules = new Map<string, string>();
  for (const [, rule, title] of page.matchAll(/^### (R\d+a?) (.+)$/gm)) {
    if (rules.has(rule)) throw new Error(`docs/rules.md has ${rule} twice`);
    rules.set(rule, title.replaceAll("`", ""));
  }
  return rules;
}

async function readTests(rules: ReadonlyMap<string, string>): Promise<Test[]> {
  const files = await sources(TESTS, /\.ts$/);
  return files.flatMap(([file, source]) => testsIn(file, source, rules));
}

function print(rule: string, title: string, mine: readonly Test[]): void {
  const over = mine.filter(({ runsOverLibrary }) => runsOverLibrary).length;
  const counts = [mine.length, over].map((count) => `${count}`.padStart(7));
  console.log(`${rule.padEnd(5)} ${title.padEnd(62)}${counts.join("")}`);
  if (Deno.args.includes("--counts")) return;
  for (const { file, name, runsOverLibrary } of mine) {
    console.log(`    ${runsOverLibrary ? "+" : " "} ${file}: ${name}`);
  }
}

/** Where the repository names rules that are none, in code or in prose. */
async function unknownNames(
  rules: ReadonlyMap<string, string>,
): Promise<{ place: string; name: string }[]> {
  const files = await sources(ROOT, /\.(?:ts|md)$/);
  return files.flatMap(([file, source]) =>
    Array.from(source.matchAll(/\bR\d+[a-z]?\b/g))
      .filter(([name]) => !rules.has(name))
      .map(({ 0: name, index }) => ({
        place: `${file}:${source.slice(0, index).split("\n").length}`,
        name,
      }))
  );
}

/** The files of a folder and those in it whose names fit, each with its path from the first one and its text. */
export async function sources(
  folder: URL,
  fit: RegExp,
): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const url of filesIn(folder)) {
    const path = url.href.slice(folder.href.length);
    if (fit.test(path)) found.push([path, await Deno.readTextFile(url)]);
  }
  return found.sort(([a], [b]) => a < b ? -1 : 1);
}

async function* filesIn(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const isForeign = name.startsWith(".") || name === "node_modules";
    if (isDirectory && !isForeign) yield* filesIn(new URL(`${name}/`, folder));
    else if (isFile) yield new URL(name, folder);
  }
}

/**
 * The tests that stand in a file: calls of `it`, or of a function that stands for it, whose first or second argument is
 * a name. One that is left out by `it.skip` is none.
 */
function testsIn(
  file: string,
  source: string,
  rules: ReadonlyMap<string, string>,
): Test[] {
  const names =
    /(?<![.\w])(\w+)\(\s*(?:\w+,\s*)?(["'`])(R\d[\s\S]*?)\2\s*,(?=([^]{0,200}))/g;
  return Array.from(
    source.matchAll(names),
    ({ index, 1: callee, 3: name, 4: rest }) => ({
      file,
      name: name.replace(/\s+/g, " "),
      rules: rulesOf(name, [...rules.keys()]),
      runsOverLibrary: callee === "it" && isForKernels(source, index) &&
        !isForSystem(rest),
    }),
  );
}

/** The rules that a name begins with: "R12 …", "R11, R12 …" or "R1–R19 …". */
function rulesOf(name: string, known: readonly string[]): string[] {
  const [list] = name.match(/^R\d+a?(?:(?:, | and |–|-)R\d+a?)*/) ?? [""];
  return list.split(/, | and /).flatMap((part) => {
    const [first, last = first] = part.split(/[–-]/);
    if (first === last) return [first];
    return known.slice(known.indexOf(first), known.indexOf(last) + 1);
  });
}

/** Whether the outermost suite around a place is registered for each kernel; in a function, whether all of the file are. */
function isForKernels(source: string, place: number): boolean {
  const outermost = /^(?:export )?(describeKernels|describe|function)\b/gm;
  const before = source.slice(0, place).matchAll(outermost);
  const around = Array.from(before, ([, name]) => name).at(-1);
  if (around !== "function") return around === "describeKernels";
  return !/^describe\(/m.test(source) && /^describeKernels\(/m.test(source);
}

/** Whether the options that follow a test's name leave it out for the stand-in. */
function isForSystem(rest: string): boolean {
  const options = rest.match(/^\s*\{([^}]*)\}\s*,/)?.[1] ?? "";
  return /isStandIn|isEngine|IS_LINUX/.test(options);
}
