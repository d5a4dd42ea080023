/** The examples as programs of their own. */
import { itUnless, lacks, soon } from "../async/support.ts";

/** How long a program may take to say something. */
const PATIENCE = 30_000;

/** How long a test of one may take, in ms. */
const LIMIT = 300_000;

const missing = lacks({ name: "run" }) ?? lacks({ name: "read" }) ??
  lacks({ name: "write" });

/** Registers a test that starts an example or makes files for it, skipped where that is not allowed. */
export function itMay(name: string, body: () => void | Promise<void>): void {
  itUnless(missing, name, body, LIMIT);
}

/** An example that runs. It is ended with the block that it is used in. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #said = "";

  /** @param flags Permissions beside --allow-ffi. */
  constructor(name: string, args: readonly string[], flags: string[] = []) {
    const path = new URL(`../../examples/${name}`, import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-ffi", ...flags, path, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#output = this.#child.stdout
      .pipeThrough(
        new TextDecoderStream() as TransformStream<Uint8Array, string>,
      )
      .getReader();
    this.#errors = new Response(this.#child.stderr).text();
    this.#input = this.#child.stdin.getWriter();
  }

  /** Waits until it has said something that matches, and takes all until the end of that. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#said);
      if (match !== null) {
        this.#said = this.#said.slice(match.index + match[0].length);
        return match[0];
      }
      const { value, done } = await soon(this.#output.read(), PATIENCE);
      if (done) {
        const said = JSON.stringify(this.#said + await this.#errors);
        throw new Error(`no ${pattern} in ${said}`);
      }
      this.#said += value;
    }
  }

  /** Types something into it. */
  async hears(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Waits for its end. */
  async exitCode(): Promise<number> {
    return (await soon(this.#child.status, PATIENCE)).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await Promise.all([this.#output.cancel(), this.#errors]);
    await this.#input.abort().catch(() => {});
  }
}
