/** Others that do the same work: programs of their own, in whatever language, which wait for their turn. */
import type { Turn } from "./in_turn.ts";

/**
 * A program that does its work as often as a line of its input says, answers each line with one of its own, the
 * nanoseconds of CPU time that it took, and ends with its input.
 */
export class Peer {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;

  constructor([program, ...args]: readonly string[]) {
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout
      .pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Its turn: nanoseconds for each of `count` repetitions. */
  turn(count: number): Turn {
    const order = new TextEncoder().encode(`${count}\n`);
    return async () => {
      await this.#input.write(order);
      return Number(await this.#line()) / count;
    };
  }

  async #line(): Promise<string> {
    let line = "";
    while (!line.endsWith("\n")) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error("A peer ended before it had answered");
      line += value;
    }
    return line;
  }

  async end(): Promise<void> {
    await this.#input.close();
    await this.#output.cancel();
    await this.#child.status;
  }
}

/** Whether a command is there and succeeds. */
export function succeeds([program, ...args]: readonly string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The flags to compile with a library that is installed, PKG_CONFIG_PATH being looked at; undefined for none. */
export function pkgConfig(library: string): string[] | undefined {
  const args = ["--cflags", "--libs", library];
  if (!succeeds(["pkg-config", ...args])) return undefined;
  const { stdout } = new Deno.Command("pkg-config", { args }).outputSync();
  return new TextDecoder().decode(stdout).trim().split(/\s+/);
}

/**
 * Builds a C program with `cc`.
 *
 * @param source Its path.
 * @param flags What it needs besides.
 * @returns The program's path, in a folder that ends with this process; undefined where it cannot be built.
 */
export function buildC(
  source: string,
  flags: readonly string[] = [],
): string | undefined {
  folder ??= makeFolder();
  const program = `${folder}/${source.replaceAll("/", "-")}.out`;
  const command = ["cc", "-std=gnu11", "-O2", "-o", program, source, ...flags];
  return succeeds(command) ? program : undefined;
}

let folder: string | undefined;

function makeFolder(): string {
  const path = Deno.makeTempDirSync({ prefix: "kqueue-bench-" });
  globalThis.addEventListener(
    "unload",
    () => Deno.removeSync(path, { recursive: true }),
  );
  return path;
}
