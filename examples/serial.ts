/**
 * A serial line, or any terminal, line by line: what it says is printed, and what is typed goes to it.
 *
 * ```sh
 * stty -F /dev/ttyUSB0 115200 raw -echo      # on macOS: stty -f /dev/cu.usbserial 115200 raw -echo
 * deno run --allow-ffi examples/serial.ts /dev/ttyUSB0
 * ```
 *
 * Ctrl-D ends what is typed; the program goes on until the line hangs up or Ctrl-C.
 *
 * The line is opened in non-blocking mode: so opening it does not wait for a carrier, and writing does not wait for a
 * line that is slow. Standard input is left in the mode it has, which it shares with the shell: a stream reads it when
 * the kernel says that there is something.
 *
 * @module
 */
import { Loop } from "../mod.ts";
import { open, SystemError } from "../posix.ts";
import { readableStream, writableStream } from "../streams.ts";

const STANDARD_INPUT = 0;

/** Makes lines of text of any length. What follows the last newline is a line, too. */
class Lines extends TransformStream<string, string> {
  constructor() {
    let rest = "";
    super({
      transform(text, controller) {
        const lines = (rest + text).split(/\r?\n/);
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
      flush(controller) {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}

const [path] = Deno.args;
if (path === undefined) {
  console.error("Usage: serial.ts PATH");
  Deno.exit(2);
}

const fd = open(path, { read: true, write: true, nonblocking: true });
const loop = new Loop();

// It is not waited for: an end of what is typed is not the end.
readableStream(loop, STANDARD_INPUT)
  .pipeTo(writableStream(loop, fd))
  .catch((error) => console.error(`Cannot send: ${error.message}`));

const lines = readableStream(loop, fd)
  .pipeThrough(new TextDecoderStream())
  .pipeThrough(new Lines());
try {
  for await (const line of lines) {
    console.log(new Date().toISOString().slice(11, 23), line);
  }
} catch (error) {
  // What a terminal says when its other side is gone.
  if (!(error instanceof SystemError && error.code === "EIO")) throw error;
}
console.log(`${path} has hung up`);
Deno.exit();
