/**
 * One loop, four kinds of watches: a pipe, a timer, a signal and a file, beside Deno's own timers.
 *
 *     deno run --allow-ffi examples/watch.ts [PATH]
 *
 * It watches PATH, or else a file of its own that it writes to. Ctrl-C ends it, and so do five seconds.
 */
import {
  EV_EOF,
  kevRead,
  kevSignal,
  kevTimer,
  kevVnode,
  Loop,
  NOTE_SECONDS,
} from "../mod.ts";
import * as posix from "../posix.ts";

await using loop = new Loop();
const text = new TextDecoder();
const bytes = (line: string) => new TextEncoder().encode(line);

// A pipe: anything that has a descriptor would do, a C library's as well.
const [reader, writer] = posix.pipe();
const buffer = new Uint8Array(1024);
loop.on(kevRead(reader), (event, watch) => {
  const count = posix.read(reader, buffer) ?? 0;
  if (count > 0) {
    console.log("pipe:", text.decode(buffer.subarray(0, count)).trimEnd());
  }
  if ((event.flags & EV_EOF) === 0) return;
  console.log("pipe: its end");
  watch.cancel();
  posix.close(reader);
});

// A file, watched by its descriptor.
const path = Deno.args[0] ?? `/tmp/watch-${posix.getpid()}`;
const isOwn = Deno.args[0] === undefined;
const file = isOwn ? posix.creat(path) : posix.open(path);
loop.on(kevVnode(file), (event) => {
  console.log(`file: notes 0x${event.fflags.toString(16)}`);
});

// A timer of the kernel's, which counts the periods that ended while nobody looked.
let seconds = 0;
loop.on(kevTimer(1, 1, { fflags: NOTE_SECONDS }), (event) => {
  seconds += Number(event.data);
  console.log(`timer: ${seconds} s`);
  if (isOwn) posix.write(file, bytes("more\n"));
  if (seconds === 4) posix.close(writer);
});

// Deno's own event loop goes on all the while.
const interval = setInterval(() => {
  if (seconds < 4) posix.write(writer, bytes("hello from setInterval\n"));
}, 700);

// A signal, or the end of five seconds. On macOS a watched signal keeps its action, here to end the program, unless
// somebody listens to it.
const listen = () => {};
Deno.addSignalListener("SIGINT", listen);
try {
  const reason = await Promise.race([
    loop.once(kevSignal("SIGINT")).then(() => "SIGINT"),
    loop.once(kevTimer(2, 5000)).then(() => "five seconds are over"),
  ]);
  console.log(reason);
} finally {
  Deno.removeSignalListener("SIGINT", listen);
  clearInterval(interval);
  if (isOwn) posix.unlink(path);
  posix.close(file);
}
