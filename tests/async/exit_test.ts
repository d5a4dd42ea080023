import { assertEquals } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { kernelsOfPrograms } from "../system.ts";
import { itUnless, lacks, soon } from "./support.ts";

/** How long a program may take to start, wait and exit. */
const PATIENCE = 30_000;

const PRELUDE = ["mod", "loop", "posix"].map((name) =>
  `import * as ${name} from ${
    JSON.stringify(import.meta.resolve(`../../${name}.ts`))
  };`
);

interface Program {
  readonly name: string;
  readonly lines: readonly string[];
  /** Whether it needs a filter that the C library has not. */
  readonly isRich?: true;
}

/** Programs that have nothing more to wait for after they have said "done". */
const EXITS: readonly Program[] = [
  {
    name: "a program that made a queue, waited once and let go of it",
    lines: [
      `const kq = new mod.Kqueue();`,
      `kq.apply(mod.kevTimer(1, 20));`,
      `await kq.waitAsync();`,
    ],
  },
  {
    name: "a program whose queue has a timer that will fire, unawaited",
    lines: [`new mod.Kqueue().apply(mod.kevTimer(1, 1));`],
  },
  {
    name: "a program whose wait was aborted",
    lines: [
      `const kq = new mod.Kqueue();`,
      `await kq.waitAsync({ signal: AbortSignal.timeout(20) }).catch(() => {});`,
    ],
  },
  {
    name: "a program whose wait ran out of time",
    lines: [`await new mod.Kqueue().waitAsync({ timeoutMs: 20 });`],
  },
  {
    name: "a program that closed its queue during a wait",
    lines: [
      `const kq = new mod.Kqueue();`,
      `const waiting = kq.waitAsync().catch(() => {});`,
      `await new Promise((resolve) => setTimeout(resolve, 20));`,
      `kq.close();`,
      `await waiting;`,
    ],
  },
  {
    name: "a program whose first wait finds no descriptor left (R102)",
    lines: [
      `const kq = new mod.Kqueue();`,
      `const fds = [];`,
      `try { for (;;) fds.push(posix.dup(1)); } catch { /* EMFILE */ }`,
      `const { code } = await kq.waitAsync().catch((error) => error);`,
      `for (const fd of fds) posix.close(fd);`,
      `if (code !== "EMFILE") throw new Error(code);`,
    ],
  },
  {
    name: "a program that left its `for await`",
    lines: [
      `const kq = new mod.Kqueue();`,
      `kq.apply(mod.kevTimer(1, 20));`,
      `for await (const _ of kq) break;`,
    ],
  },
  {
    name: "a program that left its iterator while next() was pending",
    lines: [
      `const iterator = new mod.Kqueue()[Symbol.asyncIterator]();`,
      `const next = iterator.next();`,
      `await new Promise((resolve) => setTimeout(resolve, 20));`,
      `await iterator.return();`,
      `await next;`,
    ],
  },
  {
    name: "a program with a loop that never had a watch",
    lines: [`new loop.Loop();`],
  },
  {
    name: "a program whose loop's last watch is cancelled",
    lines: [
      `const own = new loop.Loop();`,
      `const watches = [1, 2].map((id) => own.on(mod.kevTimer(id, 10), () => {}));`,
      `await new Promise((resolve) => setTimeout(resolve, 50));`,
      `for (const watch of watches) watch.cancel();`,
    ],
  },
  {
    name: "a program whose loop's last watch is cancelled in its handler",
    lines: [
      `const own = new loop.Loop();`,
      `own.on(mod.kevTimer(1, 10), (_, watch) => watch.cancel());`,
    ],
  },
  {
    name: "a program whose loop's last watch has ended by itself",
    lines: [
      `const own = new loop.Loop();`,
      `const [reader, writer] = posix.pipe();`,
      `own.on(mod.kevRead(reader), () => {});`,
      `posix.close(writer);`,
    ],
  },
  {
    name: "a program whose events() were left",
    lines: [
      `const own = new loop.Loop();`,
      `for await (const _ of own.events(mod.kevTimer(1, 10))) break;`,
    ],
  },
  {
    name: "a program whose once() has resolved",
    lines: [
      `const own = new loop.Loop();`,
      `await own.once(mod.kevTimer(1, 10));`,
    ],
  },
  {
    name: "a program whose once() was aborted",
    lines: [
      `const signal = AbortSignal.timeout(20);`,
      `await new loop.Loop().once(mod.kevUser(1), { signal }).catch(() => {});`,
    ],
  },
  {
    name: "a program that closed its loop",
    lines: [
      `const own = new loop.Loop();`,
      `own.on(mod.kevUser(1), () => {});`,
      `await new Promise((resolve) => setTimeout(resolve, 20));`,
      `own.close();`,
    ],
  },
  {
    name: "a program whose loop's last watch, of a signal, is cancelled",
    isRich: true,
    lines: [
      `const own = new loop.Loop();`,
      `own.on(mod.kevSignal(28), (_, watch) => watch.cancel());`,
      `posix.kill(posix.getpid(), "SIGWINCH");`,
    ],
  },
  {
    name: "a program that waited for a process",
    isRich: true,
    lines: [
      `const pid = posix.spawn(["sleep", "1000"]);`,
      `const exited = new loop.Loop().once(mod.kevProc(pid));`,
      `posix.kill(pid, "SIGKILL");`,
      `await exited;`,
    ],
  },
];

/** Programs that have something to wait for after they have said "done". */
const STAYS: readonly Program[] = [
  {
    name: "a program with a pending wait",
    lines: [`new mod.Kqueue().waitAsync();`],
  },
  {
    name: "a program with a pending `for await`",
    lines: [
      `const kq = new mod.Kqueue();`,
      `(async () => { for await (const _ of kq); })();`,
    ],
  },
  {
    name: "a program with a watch",
    lines: [`new loop.Loop().on(mod.kevUser(1), () => {});`],
  },
  {
    name: "a program with a watch left of two",
    lines: [
      `const own = new loop.Loop();`,
      `own.on(mod.kevUser(1), () => {});`,
      `own.on(mod.kevUser(2), () => {}).cancel();`,
    ],
  },
  {
    name: "a program with a pending once()",
    lines: [`new loop.Loop().once(mod.kevUser(1));`],
  },
];

const mayNotRun = lacks({ name: "run" });

for (const [kernel, ...libraries] of kernelsOfPrograms()) {
  const prelude = libraries.map((path) =>
    `mod.useLibc(mod.openLibc(${JSON.stringify(path)}));`
  );
  describe(`a program exits when it has let go, over ${kernel}:`, () => {
    for (const { name, lines, isRich } of EXITS) {
      const noFilter = isRich && libraries.length > 0
        ? "the C library has no such filter"
        : undefined;
      itUnless(mayNotRun ?? noFilter, name, async () => {
        await using program = new Running([...prelude, ...lines]);
        assertEquals(await program.nextLine(), "done");
        assertEquals(await program.exit(), { code: 0, errors: "" });
      });
    }
  });

  describe(`a program stays while it waits, over ${kernel}:`, () => {
    for (const { name, lines } of STAYS) {
      itUnless(mayNotRun, name, async () => {
        // Its own timer, which does not keep it alive, speaks once more if something else does.
        const alive =
          `Deno.unrefTimer(setTimeout(() => console.log("alive"), 300));`;
        await using program = new Running([...prelude, ...lines, alive]);
        assertEquals(await program.nextLine(), "done");
        assertEquals(await program.nextLine(), "alive");
      });
    }
  });
}

/** A program of its own, which says "done" at the end of its lines. */
class Running implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #text = "";

  constructor(lines: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-config",
        "--quiet",
        "--allow-ffi",
        "-",
      ],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdin, stdout, stderr } = this.#child;
    const source = [...PRELUDE, ...lines, `console.log("done");`].join("\n");
    ReadableStream.from([new TextEncoder().encode(source)]).pipeTo(stdin);
    this.#reader = stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(stderr).text();
  }

  /** The next line that it writes; "" at the end. */
  async nextLine(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { done, value } = await soon(this.#reader.read(), PATIENCE);
      if (done) return "";
      this.#text += value;
    }
    const [line, ...rest] = this.#text.split("\n");
    this.#text = rest.join("\n");
    return line;
  }

  /** Waits until it exits by itself. */
  async exit(): Promise<{ code: number; errors: string }> {
    const { code } = await soon(this.#child.status, PATIENCE);
    return { code, errors: await this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has exited.
    }
    await this.#reader.cancel();
    await this.#errors;
    await this.#child.status;
  }
}
