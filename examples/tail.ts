/**
 * Prints what is appended to a file, whatever file has that name: `tail -F`.
 *
 * ```sh
 * deno run --allow-ffi --allow-read examples/tail.ts PATH
 * ```
 *
 * A log is rotated: renamed, and begun anew under its name. An editor saves a file: it writes another one and renames
 * that over it. Both are seen as they happen, without asking again and again: one watcher is on the file, for what is
 * written to it, and one on its directory, for what becomes of the name. A file that is cut short is read from its start,
 * and one that is not there yet is waited for.
 *
 * @module
 */
import { dirname } from "node:path";
import { kevVnode, Loop, type Watch } from "../mod.ts";
import { close, lseek, open, read, SystemError } from "../posix.ts";

/** A file that is open. */
interface Opened {
  readonly fd: number;
  /** Which file it is, whatever its name. */
  readonly id: string;
  readonly watch: Watch;
  readonly decoder: TextDecoder;
}

/** Follows the file that has a name, while the loop is open or until it is disposed of. */
export class Tail implements Disposable {
  readonly #loop: Loop;
  readonly #path: string;
  readonly #print: (text: string) => void;
  readonly #directory: number;
  readonly #directoryWatch: Watch;
  #file: Opened | undefined;

  /** @param print Called with what is appended from now on. */
  constructor(loop: Loop, path: string, print: (text: string) => void) {
    this.#loop = loop;
    this.#path = path;
    this.#print = print;
    this.#directory = open(dirname(path));
    this.#directoryWatch = loop.on(
      kevVnode(this.#directory),
      () => this.#look(),
    );
    this.#file = this.#open();
    if (this.#file !== undefined) lseek(this.#file.fd, 0, "end");
  }

  /** Something has happened to the file or in its directory. */
  #look(): void {
    this.#printNews();
    // While nothing has the name, the file that had it is followed still.
    for (
      let id;
      (id = idOf(this.#path)) !== undefined && id !== this.#file?.id;
    ) {
      const next = this.#open();
      if (next === undefined) return;
      this.#close();
      this.#file = next;
      this.#printNews();
    }
  }

  #open(): Opened | undefined {
    for (;;) {
      const id = idOf(this.#path);
      if (id === undefined) return undefined;
      let fd;
      try {
        fd = open(this.#path);
      } catch (error) {
        if (error instanceof SystemError && error.code === "ENOENT") continue;
        throw error;
      }
      if (idOf(this.#path) === id) {
        const watch = this.#loop.on(kevVnode(fd), () => this.#look());
        return { fd, id, watch, decoder: new TextDecoder() };
      }
      close(fd); // it may be either of the two
    }
  }

  #printNews(): void {
    if (this.#file === undefined) return;
    const { fd, decoder } = this.#file;
    if (lseek(fd, 0, "current") > sizeOf(fd)) lseek(fd, 0); // it was cut short
    const buffer = new Uint8Array(65536);
    for (let count; (count = read(fd, buffer) ?? 0) > 0;) {
      // A character of several bytes may come in two parts.
      const text = decoder.decode(buffer.subarray(0, count), { stream: true });
      if (text !== "") this.#print(text);
    }
  }

  #close(): void {
    if (this.#file === undefined) return;
    this.#file.watch.cancel();
    close(this.#file.fd);
    this.#file = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#directoryWatch.cancel();
    close(this.#directory);
  }
}

/** Which file has a name; undefined for none. */
function idOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev} ${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function sizeOf(fd: number): number {
  const offset = lseek(fd, 0, "current");
  const size = lseek(fd, 0, "end");
  lseek(fd, offset);
  return size;
}

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) {
    console.error("Usage: tail.ts PATH");
    Deno.exit(2);
  }
  const encoder = new TextEncoder();
  new Tail(new Loop(), path, (text) => {
    Deno.stdout.writeSync(encoder.encode(text));
  });
}
