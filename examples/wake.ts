/**
 * Waking a queue: by EVFILT_USER from the thread that uses it, and from another thread.
 *
 * ```sh
 * deno run --allow-ffi examples/wake.ts
 * deno run --allow-ffi --allow-read=. examples/wake.ts
 * ```
 *
 * The first command leaves the other thread out: that is a Worker, whose module Deno reads when it starts, and this
 * takes `--allow-read`. A Worker has the permissions of the thread that starts it.
 *
 * On macOS the kernel keeps a queue, so every thread of the process may use its descriptor, and a Worker fires the
 * watcher. On Linux a queue belongs to the thread that made it, for its watchers are kept there. But descriptors belong
 * to the process: the queue watches one end of a pipe and the Worker writes to the other, which works on macOS too.
 *
 * @module
 */
import {
  type Kevent,
  kevRead,
  kevUser,
  Kqueue,
  NOTE_FFCOPY,
  NOTE_FFOR,
} from "../mod.ts";
import { close, pipe, read, write } from "../posix.ts";

/** Names of ours: the watcher's ident, and words for its events to bring. */
const WAKER = 1;
const FROM_HERE = 100;
const FROM_WORKER = 200;

/** What the Worker is told: a queue to wake by its watcher, or a pipe's end to write to. */
interface Task {
  queue?: number;
  writer?: number;
}

const isWorker = self.name === "waker";
if (isWorker) {
  self.addEventListener("message", (event) => {
    wake((event as MessageEvent<Task>).data);
    self.close();
  });
} else {
  wakeFromHere();
  if (canStartWorker()) wakeFromWorker();
  else console.log("with --allow-read=. a Worker wakes the queue as well");
}

function wakeFromHere(): void {
  using kq = new Kqueue();
  kq.apply(kevUser(WAKER));
  console.log("not fired:", kq.poll().length, "events");

  // Fired twice before anybody looks is one event. Its word and number are the last ones given; how the lower 24 bits of
  // fflags are combined is said with them.
  kq.trigger(WAKER, { udata: FROM_HERE, fflags: NOTE_FFCOPY | 0b01, data: 1 });
  kq.trigger(WAKER, { udata: FROM_HERE, fflags: NOTE_FFOR | 0b10, data: 2 });
  for (const event of kq.wait()) print("fired from here:", event);
  console.log("reported:", kq.poll().length, "events");
}

function wakeFromWorker(): void {
  using kq = new Kqueue();
  const [reader, writer] = pipe();
  const task = Deno.build.os === "darwin" ? { queue: kq.fd } : { writer };
  kq.apply([kevUser(WAKER), kevRead(reader, { udata: FROM_WORKER })]);
  const worker = new Worker(import.meta.url, { type: "module", name: "waker" });
  worker.postMessage(task);

  console.log("waiting for the Worker");
  const events = kq.wait(10_000);
  if (events.length === 0) throw new Error("The Worker did not wake the queue");
  for (const event of events) {
    print("fired from the Worker:", event);
    if (event.ident === BigInt(reader)) {
      // A level would be reported again until the pipe is empty.
      read(reader, new Uint8Array(Number(event.data)));
    }
  }
  close(reader);
  close(writer);
}

/** In the Worker. */
function wake({ queue, writer }: Task): void {
  if (queue !== undefined) {
    // A queue that is used by its number is not closed here.
    Kqueue.fromFd(queue).trigger(WAKER, { udata: FROM_WORKER });
  } else if (writer !== undefined) {
    write(writer, new Uint8Array(1));
  }
}

function print(what: string, { udata, fflags, data }: Kevent): void {
  console.log(what, `udata ${udata}, fflags ${fflags}, data ${data}`);
}

function canStartWorker(): boolean {
  const path = new URL("..", import.meta.url);
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
