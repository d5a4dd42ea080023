import { assertEquals, assertRejects } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { Tail } from "../../examples/tail.ts";
import { Loop } from "../../loop.ts";
import { soon } from "../async/support.ts";
import { lowestFree } from "../posix/support.ts"; // which opens the libraries
import { itMay, Program } from "./program.ts";

/** A file that is followed, in a directory of its own. */
class Followed implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "kqueue-tail-" });
  readonly path = `${this.#folder}/log`;
  readonly #loop = new Loop();
  readonly #tail: Tail;
  #text = "";
  #grew: () => void = () => {};

  constructor(text?: string) {
    if (text !== undefined) Deno.writeTextFileSync(this.path, text);
    this.#tail = new Tail(this.#loop, this.path, (text) => {
      this.#text += text;
      this.#grew();
    });
  }

  append(text: string, path: string = this.path): void {
    Deno.writeTextFileSync(path, text, { append: true });
  }

  /** Waits until it has printed as much, and checks that it is just that. */
  async prints(text: string): Promise<void> {
    while (this.#text.length < text.length) {
      await soon(new Promise<void>((resolve) => this.#grew = resolve));
    }
    assertEquals(this.#text, text);
    this.#text = "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tail[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

describe("examples/tail.ts", () => {
  itMay("prints what is appended, and nothing of what was there", async () => {
    await using file = new Followed("old\n");
    for (const line of ["one\n", "two\nthree\n", "four\n"]) {
      file.append(line);
      await file.prints(line);
    }
  });

  itMay("goes on with the new file when a log is rotated", async () => {
    await using file = new Followed("old\n");
    file.append("one\n");
    Deno.renameSync(file.path, `${file.path}.1`);
    file.append("two\n", `${file.path}.1`);
    await file.prints("one\ntwo\n");
    file.append("three\n", `${file.path}.1`);
    await file.prints("three\n");
    file.append("four\n");
    await file.prints("four\n");
    file.append("not this\n", `${file.path}.1`);
    file.append("five\n");
    await file.prints("five\n");
  });

  itMay(
    "goes on with the file that an editor has put in its place",
    async () => {
      await using file = new Followed("old\n");
      for (const text of ["first\n", "second\n", "third\n"]) {
        Deno.writeTextFileSync(`${file.path}~`, text);
        Deno.renameSync(`${file.path}~`, file.path);
        await file.prints(text);
        file.append("more\n");
        await file.prints("more\n");
      }
    },
  );

  itMay("goes on when the file is deleted and made anew", async () => {
    await using file = new Followed("old\n");
    Deno.removeSync(file.path);
    file.append("new\n");
    await file.prints("new\n");
  });

  itMay("waits for a file that is not there", async () => {
    await using file = new Followed();
    file.append("first\n");
    await file.prints("first\n");
  });

  itMay("reads a file that is cut short from its start", async () => {
    await using file = new Followed("a long line\n");
    Deno.truncateSync(file.path);
    file.append("short\n");
    await file.prints("short\n");
  });

  itMay("does not print again what has one name less", async () => {
    await using file = new Followed();
    file.append("first\n");
    await file.prints("first\n");
    Deno.linkSync(file.path, `${file.path}.link`);
    Deno.removeSync(`${file.path}.link`);
    file.append("second\n");
    await file.prints("second\n");
  });

  itMay("puts characters together that come in parts", async () => {
    await using file = new Followed("");
    const bytes = new TextEncoder().encode("für\n");
    Deno.writeFileSync(file.path, bytes.subarray(0, 2), { append: true });
    await file.prints("f");
    Deno.writeFileSync(file.path, bytes.subarray(2), { append: true });
    await file.prints("ür\n");
  });

  itMay("leaves no descriptor open", async () => {
    const before = lowestFree();
    {
      await using file = new Followed("");
      for (let i = 0; i < 5; i++) {
        Deno.renameSync(file.path, `${file.path}.1`);
        file.append(`${i}\n`);
        await file.prints(`${i}\n`);
      }
    }
    assertEquals(lowestFree(), before);
  });

  itMay("is a program, too", async () => {
    const path = Deno.makeTempFileSync({ prefix: "kqueue-tail-" });
    await using program = new Program("tail.ts", [path], ["--allow-read"]);
    // It may not be there yet, so lines are appended until it prints one.
    const timer = setInterval(() => {
      Deno.writeTextFileSync(path, "line\n", { append: true });
    }, 20);
    try {
      await program.says(/^line\n/);
    } finally {
      clearInterval(timer);
      Deno.removeSync(path);
    }
  });

  itMay("says how it is used", async () => {
    await using program = new Program("tail.ts", []);
    assertEquals(await program.exitCode(), 2);
    await assertRejects(() => program.says(/./), Error, "Usage: tail.ts");
  });
});
