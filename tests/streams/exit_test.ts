import { assertEquals } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { itUnless, lacks, soon } from "../async/support.ts";

/** How long a program may take to start, wait and exit. */
const PATIENCE = 30_000;

const PRELUDE = ["posix", "streams"].map((name) =>
  `import * as ${name} from ${
    JSON.stringify(import.meta.resolve(`../../${name}.ts`))
  };`
).concat(
  `const loop = new streams.Loop();`,
  `const [a, b] = posix.socketpair();`,
  `const readable = streams.readableStream(loop, a);`,
  `const writable = streams.writableStream(loop, a);`,
  `const bytes = (count) => new Uint8Array(count);`,
);

/** Programs that have nothing to wait for after they have said "done". */
const EXITS: readonly [name: string, lines: readonly string[]][] = [
  ["streams that nobody uses", []],
  ["a stream that was read", [
    `const reader = readable.getReader();`,
    `const read = reader.read();`,
    `setTimeout(() => posix.send(b, bytes(1)), 20);`,
    `await read;`,
  ]],
  ["a stream that was read, while more comes in", [
    `const read = readable.getReader().read();`,
    `setTimeout(() => posix.send(b, bytes(1)), 20);`,
    `await read;`,
    `posix.send(b, bytes(1));`,
  ]],
  ["a stream that was written to", [
    `const written = writable.getWriter().write(bytes(1 << 20));`,
    `await streams.readableStream(loop, b).pipeTo(new WritableStream({`,
    `  write(chunk, controller) { this.count = (this.count ?? 0) + chunk.length;`,
    `    if (this.count === 1 << 20) controller.error(); } })).catch(() => {});`,
    `await written;`,
  ]],
  ["a stream that was cancelled while it was read", [
    `const reader = readable.getReader();`,
    `const read = reader.read();`,
    `await new Promise((resolve) => setTimeout(resolve, 20));`,
    `await reader.cancel();`,
    `await read;`,
  ]],
  ["a stream that was aborted while it was written to", [
    `const writer = writable.getWriter();`,
    `const written = writer.write(bytes(1 << 24)).catch(() => {});`,
    `await new Promise((resolve) => setTimeout(resolve, 20));`,
    `await writer.abort();`,
    `await written;`,
  ]],
];

/** Programs that have. */
const STAYS: readonly [name: string, lines: readonly string[]][] = [
  ["a pending read", [`readable.getReader().read();`]],
  ["a pending write", [`writable.getWriter().write(bytes(1 << 24));`]],
  ["a pending read beside a stream that was read", [
    `streams.readableStream(loop, b).getReader().read();`,
    `const reader = readable.getReader();`,
    `const read = reader.read();`,
    `setTimeout(() => posix.send(b, bytes(1)), 20);`,
    `await read;`,
  ]],
];

describe("a program with streams", () => {
  const mayNotRun = lacks({ name: "run" });
  for (const [name, lines] of EXITS) {
    itUnless(mayNotRun, `exits with ${name}`, async () => {
      await using program = start(lines);
      assertEquals(await program.said(), "done\n");
      assertEquals(await program.exitCode(), 0);
    });
  }
  for (const [name, lines] of STAYS) {
    itUnless(mayNotRun, `goes on with ${name}`, async () => {
      // Had it nothing to wait for, it would exit before its timer, which it does not wait for.
      const alarm = `Deno.unrefTimer(setTimeout(() => Deno.exit(7), 200));`;
      await using program = start([...lines, alarm]);
      assertEquals(await program.said(), "done\n");
      assertEquals(await program.exitCode(), 7);
    });
  }
});

interface Program extends AsyncDisposable {
  said(): Promise<string>;
  exitCode(): Promise<number>;
}

function start(lines: readonly string[]): Program {
  const code = [...PRELUDE, ...lines, `console.log("done");`].join("\n");
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--no-check", "--allow-ffi"],
      `data:text/javascript,${encodeURIComponent(code)}`,
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  return {
    said: () => soon(new Response(child.stdout).text(), PATIENCE),
    exitCode: async () => (await soon(child.status, PATIENCE)).code,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await child.status;
    },
  };
}
