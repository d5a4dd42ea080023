import { assertEquals, assertLessOrEqual } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { itUnless, lacks, soon } from "../async/support.ts";
import { kernelsOfPrograms } from "../system.ts";
import type { Outcome as Lost } from "./lost_bell.ts";
import type { Outcome } from "./pool.ts";

const RESTARTS = 200;
/** How long a program may take, in ms. */
const PATIENCE = 300_000;

const mayNot = lacks({ name: "run" });

const KERNELS = kernelsOfPrograms();

/** Runs a program of its own, and gives its exit code and what it printed. */
async function run(
  ...args: string[]
): Promise<{ code: number; signal: string | null; text: string }> {
  const { code, signal, stdout, stderr } = await soon(
    new Deno.Command(Deno.execPath(), {
      args,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output(),
    PATIENCE,
  );
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) +
    (code === 0 ? "" : decoder.decode(stderr));
  return { code, signal, text };
}

const FLAGS = ["--no-config", "--quiet", "--no-prompt", "--no-check"];

function path(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

for (const [kernel, ...args] of KERNELS) {
  describe(`an isolate that ends while it waits, over ${kernel}`, () => {
    for (const end of ["terminate", "close", "throw"]) {
      itUnless(
        mayNot,
        `R103 harms nobody: a Worker's ${end}, ${RESTARTS} times`,
        async () => {
          const program = [path("./pool.ts"), end, `${RESTARTS}`, ...args];
          const { code, signal, text } = await run(
            "run",
            ...FLAGS,
            "--allow-all", // for /proc
            ...program,
          );
          assertEquals({ code, signal }, { code: 0, signal: null }, text);
          const outcome: Outcome = JSON.parse(text);
          assertEquals(outcome.restarts, RESTARTS);
          assertEquals(outcome.wrongBytes, 0);
          const [before, after] = outcome.threads;
          // Deno keeps idle threads for 10 s after their last call, and the pool's calls go round among them.
          assertLessOrEqual(after, before + 10);
        },
        PATIENCE,
      );
    }

    itUnless(mayNot, "R103 Deno.exit() ends the program at once", async () => {
      const source = [
        ...prelude(args),
        `for (let i = 0; i < 3; i++) new mod.Kqueue().waitAsync();`,
        `setTimeout(() => Deno.exit(7), 30);`,
      ];
      const { code, signal, text } = await evaluate(source);
      assertEquals({ code, signal }, { code: 7, signal: null }, text);
    });

    itUnless(
      mayNot,
      "R103 queues that nobody holds any more go on waiting, whatever is collected",
      async () => {
        const source = [
          ...prelude(args),
          `const waits = [];`,
          `for (let i = 0; i < 200; i++) {`,
          `  const kq = new mod.Kqueue({ capacity: 1 + i });`,
          `  kq.apply(mod.kevTimer(1, 20 + i % 50, { flags: mod.EV_ADD | mod.EV_ONESHOT, udata: i }));`,
          `  waits.push(kq.waitAsync().then((list) => Number(list.at(0).udata)));`,
          `}`,
          `const interval = setInterval(() => gc(), 5);`,
          `const seen = await Promise.all(waits);`,
          `clearInterval(interval);`,
          `console.log(seen.every((udata, i) => udata === i));`,
        ];
        const { code, signal, text } = await evaluate(source);
        assertEquals(
          { code, signal, text: text.trim() },
          { code: 0, signal: null, text: "true" },
        );
      },
    );
  });
}

for (const [kernel, ...args] of KERNELS) {
  describe(`the descriptor that calls the waiting thread back, over ${kernel}`, () => {
    for (const loss of ["closed", "quiet", "readable", "queue"]) {
      itUnless(
        mayNot,
        `R100 closed by somebody else, it is missed for a moment, and no event with it: ${loss}`,
        async () => {
          const { code, text } = await run(
            "run",
            ...FLAGS,
            "--allow-ffi",
            path("./lost_bell.ts"),
            loss,
            ...args,
          );
          assertEquals(code, 0, text);
          const expected: Lost = { waits: [1, 1, 1, 1], kept: 1 };
          assertEquals(JSON.parse(text), expected);
        },
      );
    }
  });
}

describe("a test file that ends while it waits", () => {
  itUnless(
    mayNot ?? lacks({ name: "write" }),
    "R103 harms no other",
    async () => {
      const folder = await Deno.makeTempDir({ prefix: "kqueue-" });
      try {
        const loop = JSON.stringify(import.meta.resolve("../../mod.ts"));
        for (let index = 0; index < 20; index++) {
          await Deno.writeTextFile(
            `${folder}/${index}_test.ts`,
            `import { kevTimer, Loop } from ${loop};
             Deno.test({
               name: "leaves a loop behind",
               sanitizeOps: false,
               sanitizeResources: false,
               fn: async () => {
                 new Loop().on(kevTimer(1, 1), () => {});
                 await new Promise((resolve) => setTimeout(resolve, 10));
               },
             });`,
          );
        }
        const { code, signal, text } = await run(
          "test",
          ...FLAGS,
          "--allow-ffi",
          folder,
        );
        assertEquals({ code, signal }, { code: 0, signal: null }, text);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
});

describe("Deno's sanitizer of operations", () => {
  itUnless(
    mayNot ?? lacks({ name: "write" }),
    "finds nothing when the last that waited has left",
    async () => {
      const folder = await Deno.makeTempDir({ prefix: "kqueue-" });
      try {
        const module = JSON.stringify(import.meta.resolve("../../mod.ts"));
        await Deno.writeTextFile(
          `${folder}/leaves_test.ts`,
          `import { errno, Kqueue } from ${module};
           errno(); // opens the library outside of the tests
           const kq = new Kqueue(); // stays open: closing it would end the call as well
           const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
           Deno.test({
             name: "an abort",
             sanitizeOps: true,
             fn: async () => {
               const controller = new AbortController();
               const { signal } = controller;
               const waiting = kq.waitAsync({ signal }).catch(() => {});
               await pause();
               controller.abort();
               await waiting;
             },
           });
           Deno.test({
             name: "a timeout",
             sanitizeOps: true,
             fn: async () => {
               await kq.waitAsync({ timeoutMs: 10 });
             },
           });`,
        );
        const { code, text } = await run(
          "test",
          ...FLAGS,
          "--allow-ffi",
          folder,
        );
        assertEquals(code, 0, text);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
});

/** What makes the module known as `mod`, over a library where one is named. */
function prelude([library]: readonly string[]): string[] {
  const url = JSON.stringify(import.meta.resolve("../../mod.ts"));
  const lines = [`const mod = await import(${url});`];
  if (library !== undefined) {
    lines.push(`mod.useLibc(mod.openLibc(${JSON.stringify(library)}));`);
  }
  return lines;
}

async function evaluate(
  source: readonly string[],
): ReturnType<typeof run> {
  return await run(
    "eval",
    "--no-config",
    "--quiet",
    "--v8-flags=--expose-gc",
    source.join("\n"),
  );
}
