/** Whether the pages name files and functions that are there. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";

const ROOT = new URL("../../", import.meta.url);
const PAGES = [
  "CONTRIBUTING.md",
  "README.md",
  "SECURITY.md",
  "docs/darwin.md",
  "docs/inside.md",
  "docs/rules.md",
];
/** Folders whose paths a page may name from the root. */
const FOLDERS =
  /^(?:\.ci|\.github|bench|docs|examples|kevent|kqueue|linux|loop|posix|tests)\//;
/** What a page may name that is not there: it stands for something else, or is still to be written. */
const ABSENT = new Set(["linux/filters/NAME.ts"]);

describe("the pages", () => {
  const { state } = Deno.permissions.querySync({ name: "read", path: ROOT });
  if (state !== "granted") {
    it.skip("name what is there (needs --allow-read)", () => {});
    return;
  }
  const sources = readSources(ROOT);
  for (const page of PAGES) {
    const { names, targets } = readPage(page);

    it(`${page} names files that are there`, () => {
      const paths = names.filter((name) => isPath(name));
      assertEquals(
        [...paths, ...targets].filter((path) =>
          !exists(path) && !ABSENT.has(path)
        ),
        [],
      );
    });

    it(`${page} names members that their classes have`, () => {
      assertEquals(names.filter((name) => isMissing(name, sources)), []);
    });
  }
});

/** What stands in a page as code within a sentence or a diagram, and where its links lead within the repository. */
function readPage(page: string): { names: string[]; targets: string[] } {
  const text = Deno.readTextFileSync(new URL(page, ROOT));
  const words = text.matchAll(/(?<![\w@/.-])[\w.#][\w#./-]*/g);
  const links = text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g);
  const base = new URL(page, ROOT);
  return {
    names: Array.from(words, ([word]) => word.replace(/\.$/, "")),
    targets: Array.from(
      links,
      ([, target]) => new URL(target, base).href.slice(ROOT.href.length),
    ),
  };
}

function isPath(name: string): boolean {
  return FOLDERS.test(name) && /\/$|\.\w+$/.test(name);
}

/** `Class.member` or `Class.#member`, of a class of this repository that has none of that name. */
function isMissing(name: string, sources: readonly string[]): boolean {
  const [, type, member] = /^([A-Z]\w+)\.(#?\w+)$/.exec(name) ?? [];
  if (type === undefined) return false;
  const declaration = new RegExp(`\\b(?:class|interface) ${type}\\b`);
  const files = sources.filter((source) => declaration.test(source));
  const its = new RegExp(`^ {2}(?:[a-z]+ )*\\*?${member}(?!\\w)`, "m");
  return files.length > 0 && !files.some((source) => its.test(source));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

/** The texts of all of the module's files. */
function readSources(folder: URL): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const isForeign = name.startsWith(".") || name === "node_modules" ||
      name === "tests";
    if (isDirectory) {
      return isForeign ? [] : readSources(new URL(`${name}/`, folder));
    }
    const isSource = name.endsWith(".ts");
    return isSource ? [Deno.readTextFileSync(new URL(name, folder))] : [];
  });
}
