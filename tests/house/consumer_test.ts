/**
 * The module as a consumer has it: its published files alone, in a project of somebody else's with options stricter than
 * its own, as a path import and in a bundle.
 */
import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** What a project may ask of the files that it imports by path. */
const COMPILER_OPTIONS = {
  strict: true,
  erasableSyntaxOnly: true,
  exactOptionalPropertyTypes: true,
  isolatedDeclarations: true,
  noImplicitOverride: true,
  noUnusedLocals: true,
  verbatimModuleSyntax: true,
};

const PROGRAM = `
import { type Kevent64, kevRead, kevTimer, Kqueue, Loop } from "@kqueue/kqueue";
import { EVFILT_READ } from "@kqueue/kqueue/constants";
import { KeventList } from "@kqueue/kqueue/kevent";
import { errno, type SystemError } from "@kqueue/kqueue/ffi";
import { type Handler, Loop as LoopAlone } from "@kqueue/kqueue/loop";
import { close, pipe, write } from "@kqueue/kqueue/posix";

const [reader, writer] = pipe();
using kq = new Kqueue();
kq.apply(KeventList.from([kevRead(reader, { udata: 42 })]));
write(writer, new Uint8Array(5));
const event: Kevent64 | undefined = [...kq.wait(60_000)][0];
console.log(event?.udata, event?.data, event?.filter === EVFILT_READ);
for (const fd of [reader, writer]) close(fd);

const handler: Handler = () => {};
const failed: SystemError | undefined = undefined;
await using loop = new Loop();
const { data } = await loop.once(kevTimer(1, 1));
console.log(data > 0n, handler.length, failed, errno() >= 0, Loop === LoopAlone);
`;
const PRINTED = "42n 5n true\ntrue 0 undefined true true\n";

/** How a program ended, and what it printed. */
type Outcome = { readonly code: number; readonly text: string };

describe("the published files, in a project of somebody else's", () => {
  const lacks = missing();
  if (lacks !== undefined) {
    it.skip(`(${lacks})`, () => {});
    return;
  }
  const folder = Deno.makeTempDirSync({ prefix: "kqueue-consumer-" });
  beforeAll(() => makeProject(folder));
  afterAll(() => Deno.removeSync(folder, { recursive: true }));

  it("are what the entry points import, and no more than the module", () => {
    const files = publishedFiles();
    for (const path of Object.values(config.exports)) {
      assertEquals(files.includes(path.replace("./", "")), true, path);
    }
    const others = /^(?:tests|bench|examples|docs|\.ci|\.github)\//;
    assertEquals(files.filter((file) => others.test(file)), []);
  });

  it("have no type error under the project's options", () => {
    const { code, text } = deno(folder, "check", "main.ts");
    const errors = text.matchAll(
      /^(TS\d+ .*)$[^]*?at file:\S+\/module\/(\S+)/gm,
    );
    assertEquals(
      Array.from(errors, ([, what, where]) => `${where} ${what}`),
      [],
    );
    assertEquals(code, 0, text);
  });

  it("run as a path import", () => {
    const outcome = deno(folder, "run", "--allow-ffi", "main.ts");
    assertEquals(outcome, { code: 0, text: PRINTED });
  });

  const isBundler = deno(ROOT, "bundle", "--help").code === 0;
  // Deno has had a bundler again since 2.4.
  it("run in a bundle", { ignore: !isBundler }, () => {
    const bundled = deno(folder, "bundle", "-o", "bundle.js", "main.ts");
    assertEquals(bundled.code, 0, bundled.text);
    Deno.mkdirSync(`${folder}/elsewhere`);
    Deno.renameSync(`${folder}/bundle.js`, `${folder}/elsewhere/bundle.js`);
    const outcome = deno(
      `${folder}/elsewhere`,
      "run",
      "--no-config",
      "--allow-ffi",
      "bundle.js",
    );
    assertEquals(outcome, { code: 0, text: PRINTED });
  });
});

/** Why these tests cannot run; undefined where they can. */
function missing(): string | undefined {
  const names = ["read", "write", "run"] as const;
  const name = names.find((name) =>
    Deno.permissions.querySync({ name }).state !== "granted"
  );
  return name && `needs --allow-${name}`;
}

/** The published files in a folder of their own, and beside it a program that imports them by the module's names. */
function makeProject(folder: string): void {
  for (const file of publishedFiles()) {
    const target = `${folder}/module/${file}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), {
      recursive: true,
    });
    Deno.copyFileSync(new URL(file, ROOT), target);
  }
  const imports = Object.entries(config.exports).map(([name, path]) => [
    config.name + name.slice(1),
    path.replace("./", "./module/"),
  ]);
  const project = {
    compilerOptions: COMPILER_OPTIONS,
    imports: Object.fromEntries(imports),
    lock: false,
  };
  Deno.writeTextFileSync(`${folder}/deno.json`, JSON.stringify(project));
  Deno.writeTextFileSync(`${folder}/main.ts`, PROGRAM);
}

/** What `deno publish` would publish, by paths from the root. */
function publishedFiles(): string[] {
  const { code, text } = deno(
    ROOT,
    "publish",
    "--dry-run",
    "--allow-dirty",
    "--no-check",
  );
  assertEquals(code, 0, text);
  const files = text.matchAll(/^ +(file:\S+) \(.+\)$/gm);
  return Array.from(files, ([, url]) => url.slice(ROOT.href.length));
}

/** Runs Deno in a folder: how it ended, and what it printed, on stdout alone where all went well. */
function deno(cwd: string | URL, ...args: string[]): Outcome {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).outputSync();
  const decoder = new TextDecoder();
  const [output, errors] = [stdout, stderr].map((bytes) =>
    decoder.decode(bytes)
  );
  return {
    code,
    text: code === 0 && args[0] !== "publish" ? output : output + errors,
  };
}
