/**
 * Prints which tests check each rule of the semantics: `deno run --allow-read tests/rules.ts [--counts]`. Exits with 1
 * when a rule has none.
 *
 * A test says which rule it checks by its name, `R12 EV_ONESHOT delivers once and is gone`. Names are counted as they
 * stand in the source: one in a loop counts once. A plus marks those that run over the C library of Darwin's ABI as well:
 * their suite is registered by `describeKernels`, and they are not left out for the stand-in.
 */

const RULES: Readonly<Record<string, string>> = {
  R1: "one watcher for each (ident, filter); what a change gives it",
  R2: "filters that are none, or cannot be used",
  R3: "EV_DELETE over EV_ADD, EV_DISABLE over EV_ENABLE",
  R4: "ENOENT without EV_ADD",
  R5: "EBADF for a descriptor that is not open",
  R6: "changes in order, before events",
  R7: "failures and receipts in the event list",
  R8: "one memory for both lists",
  R9: "closing a descriptor removes its watchers",
  R10: "bad queues and bad timeouts",
  R11: "a level",
  R12: "EV_ONESHOT",
  R13: "EV_CLEAR",
  R14: "EV_DISPATCH",
  R15: "disabled watchers",
  R16: "what comes back",
  R17: "several happenings, one event",
  R18: "room for fewer than are ready",
  R19: "nevents 0, and timeouts",
  R20: "EV_UDATA_SPECIFIC, EV_VANISHED",
  R21: "kevent64's flags",
  R22: "a queue in another",
  R30: "READ of a listening socket",
  R31: "READ of sockets",
  R32: "READ when the peer has closed",
  R33: "WRITE of sockets and regular files",
  R34: "a refused connect",
  R35: "NOTE_LOWAT",
  R36: "pipes",
  R37: "READ of a regular file",
  R38: "READ and WRITE are two watchers",
  R39: "EXCEPT, out-of-band data",
  R40: "terminals",
  R50: "TIMER, units",
  R51: "TIMER, periods",
  R52: "NOTE_ABSOLUTE",
  R53: "TIMER, no period",
  R54: "TIMER, added again",
  R55: "TIMER, never early",
  R56: "TIMER, hints",
  R60: "USER, triggering",
  R61: "USER, fflags and data",
  R62: "USER wakes a wait",
  R70: "SIGNAL",
  R80: "PROC, which processes",
  R81: "NOTE_EXIT",
  R82: "NOTE_EXITSTATUS",
  R83: "PROC's other notes",
  R90: "VNODE, what is asked for",
  R91: "VNODE, what is reported",
  R92: "VNODE, EV_CLEAR or not",
  R93: "VNODE follows the file",
  R100: "nothing is lost between calls",
  R101: "any number of watchers",
  R102: "out of descriptors or memory",
};

/** A test as it stands in the source. */
interface Test {
  readonly file: string;
  readonly name: string;
  readonly rules: readonly string[];
  readonly runsOverLibrary: boolean;
}

const FOLDER = new URL("./semantics/", import.meta.url);

const tests = (await sources(FOLDER)).flatMap(([file, source]) =>
  testsIn(file, source)
);
const known = new Set(Object.keys(RULES));
const unknown = tests.filter(({ rules }) => !rules.every((r) => known.has(r)));
console.log(`${"rule".padEnd(68)}  tests  over +`);
const untested = Object.entries(RULES).filter(([rule, about]) => {
  const mine = tests.filter(({ rules }) => rules.includes(rule));
  print(rule, about, mine);
  return mine.length === 0;
});

const over = tests.filter(({ runsOverLibrary }) => runsOverLibrary).length;
console.log(
  `\n${known.size} rules, ${tests.length} tests, ${over} of them also over the C library`,
);
for (const { file, name } of unknown) {
  console.error(`${file}: "${name}" names a rule that is none`);
}
for (const [rule, about] of untested) {
  console.error(`${rule} (${about}) has no test`);
}
Deno.exit(untested.length + unknown.length > 0 ? 1 : 0);

function print(rule: string, about: string, mine: readonly Test[]): void {
  const over = mine.filter(({ runsOverLibrary }) => runsOverLibrary).length;
  const counts = [mine.length, over].map((count) => `${count}`.padStart(7));
  console.log(`${rule.padEnd(5)} ${about.padEnd(62)}${counts.join("")}`);
  if (Deno.args.includes("--counts")) return;
  for (const { file, name, runsOverLibrary } of mine) {
    console.log(`    ${runsOverLibrary ? "+" : " "} ${file}: ${name}`);
  }
}

/** Every TypeScript file of a folder and those in it, with its path from the first one. */
async function sources(folder: URL): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const url = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) found.push(...await sources(url));
    else if (name.endsWith(".ts")) {
      const path = url.href.slice(FOLDER.href.length);
      found.push([path, await Deno.readTextFile(url)]);
    }
  }
  return found.sort(([a], [b]) => a < b ? -1 : 1);
}

/** The tests that stand in a file. */
function testsIn(file: string, source: string): Test[] {
  const names = /\bit\(\s*(["'`])(R\d[\s\S]*?)\1\s*,(?=([^]{0,200}))/g;
  return Array.from(source.matchAll(names), ({ index, 2: name, 3: rest }) => ({
    file,
    name: name.replace(/\s+/g, " "),
    rules: rulesOf(name),
    runsOverLibrary: isForKernels(source, index) && !isForSystem(rest),
  }));
}

/** The rules that a name begins with: "R12 …", "R11, R12 …" or "R1–R19 …". */
function rulesOf(name: string): string[] {
  const [list] = name.match(/^R\d+(?:(?:, | and |–|-)R\d+)*/) ?? [""];
  return list.split(/, | and /).flatMap((part) => {
    const [first, last = first] = part.split(/[–-]/);
    if (first === last) return [first];
    const [from, to] = [first, last].map((rule) => Number(rule.slice(1)));
    return Object.keys(RULES).filter((rule) => {
      const number = Number(rule.slice(1));
      return from <= number && number <= to;
    });
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
