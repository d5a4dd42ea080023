import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { itUnless, lacks, soon } from "../async/support.ts";

/** A program of `examples/` that is running, and what it prints. */
class Example implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #printed = "";

  constructor(name: string, ...args: string[]) {
    const path = new URL(`../../examples/${name}`, import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-ffi", path, ...args],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#reader = this.#child.stdout
      .pipeThrough(new TextDecoderStream())
      .getReader();
  }

  /** Waits until it has printed something, and forgets what it has printed up to there. */
  async prints(text: string): Promise<void> {
    for (;;) {
      const at = this.#printed.indexOf(text);
      if (at !== -1) {
        this.#printed = this.#printed.slice(at + text.length);
        return;
      }
      const { done, value } = await soon(this.#reader.read());
      if (done) throw new Error(`it ended without "${text}"`);
      this.#printed += value;
    }
  }

  /** Sends a signal, and waits for the end: what it has printed since, and whether it ended well. */
  async end(signal: Deno.Signal): Promise<{ rest: string; success: boolean }> {
    this.#child.kill(signal);
    for (;;) {
      const { done, value } = await soon(this.#reader.read());
      if (done) break;
      this.#printed += value;
    }
    const { success } = await this.#child.status;
    return { rest: this.#printed, success };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#reader.cancel();
    await this.#child.status;
  }

  get pid(): number {
    return this.#child.pid;
  }
}

const missing = lacks({ name: "run" }) ?? lacks({ name: "read" }) ??
  lacks({ name: "write" });

describe("examples/watch.ts", () => {
  itUnless(missing, "ends well by Ctrl-C, and removes its file", async () => {
    await using example = new Example("watch.ts");
    await example.prints("timer: 1 s");
    const { rest, success } = await example.end("SIGINT");
    assertStringIncludes(rest, "SIGINT");
    assertEquals(success, true);
    assertEquals(exists(`/tmp/watch-${example.pid}`), false);
  });
});

describe("examples/watch_file.ts", () => {
  itUnless(
    missing,
    "follows a name as editors save, delete and make it",
    async () => {
      const directory = await Deno.makeTempDir();
      const path = `${directory}/file`;
      const append = (text: string) =>
        Deno.writeTextFileSync(path, text, { append: true });
      try {
        append("one");
        await using example = new Example("watch_file.ts", path);
        await example.prints("Watching");
        await appears(example, append);
        // As an editor saves.
        await Deno.writeTextFile(`${path}~`, "three");
        await Deno.rename(`${path}~`, path);
        await example.prints("a name deleted");
        await appears(example, append);
        // Another name of the file goes, which is not the end of it.
        await Deno.link(path, `${path}.too`);
        await example.prints("links changed");
        await Deno.remove(`${path}.too`);
        await example.prints("links changed");
        await appears(example, append);
        await Deno.remove(path);
        await example.prints("gone");
        append("four");
        await example.prints("there again");
        await appears(example, append);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  );
});

/** Writes until that is seen: the file may have been written before it was watched. */
async function appears(
  example: Example,
  append: (text: string) => void,
): Promise<void> {
  const interval = setInterval(() => append("more"), 20);
  try {
    await example.prints("written");
  } finally {
    clearInterval(interval);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
