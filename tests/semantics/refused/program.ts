/** Tries each of the engine's filters, and writes what came of each as JSON: data, or the code of the error. */
import {
  EV_ADD,
  EV_ONESHOT,
  type KeventInit,
  kevProc,
  kevRead,
  kevTimer,
  kevUser,
  kevVnode,
  kevWrite,
  Kqueue,
  NOTE_TRIGGER,
  NOTE_USECONDS,
} from "../../../mod.ts";
import {
  close,
  connect,
  creat,
  getpid,
  listen,
  open,
  pipe,
  send,
  socketpair,
  spawn,
  SystemError,
  unlink,
  write,
} from "../../../posix.ts";

const PATIENCE = 2000;

/** What a change's first event says. */
function first(change: KeventInit, happen = () => {}): string {
  using kq = new Kqueue();
  kq.apply(change);
  happen();
  const [event] = kq.wait(PATIENCE);
  return event === undefined ? "nothing" : "an event";
}

function withFile(use: (fd: number) => string): string {
  const path = `/tmp/kqueue-refused-${getpid()}`;
  write(creat(path), new Uint8Array(8));
  try {
    return use(open(path, { read: true, write: true }));
  } finally {
    unlink(path);
  }
}

const TRIALS: Record<string, () => string> = {
  // First, as no report of another trial's timer is left anywhere.
  "a wait of a fraction of a ms"() {
    using kq = new Kqueue();
    kq.apply(kevTimer(1, 50_000, { fflags: NOTE_USECONDS }));
    const start = performance.now();
    const { length } = kq.wait(10 * PATIENCE + 0.5);
    const isLate = performance.now() - start > PATIENCE;
    return length === 0 ? "nothing" : isLate ? "an event, late" : "an event";
  },
  USER: () => first(kevUser(1, { flags: EV_ADD, fflags: NOTE_TRIGGER })),
  TIMER: () => first(kevTimer(1, 5, { flags: EV_ADD | EV_ONESHOT })),
  "a pipe's READ"() {
    const [reader, writer] = pipe();
    return first(kevRead(reader), () => write(writer, new Uint8Array(3)));
  },
  "a pipe's WRITE": () => first(kevWrite(pipe()[1])),
  "a socket's READ"() {
    const [a, b] = socketpair();
    return first(kevRead(a), () => send(b, new Uint8Array(3)));
  },
  "a socket's WRITE": () => first(kevWrite(socketpair()[0])),
  "a datagram socket's WRITE": () => first(kevWrite(socketpair("datagram")[0])),
  "a listener's READ"() {
    const listener = listen();
    return first(kevRead(listener.fd), () => connect(listener));
  },
  "a file's READ": () => withFile((fd) => first(kevRead(fd))),
  "a file's VNODE": () =>
    withFile((fd) => first(kevVnode(fd), () => write(fd, new Uint8Array(2)))),
  PROC() {
    const pid = spawn(["sleep", "0.05"]);
    return first(kevProc(pid));
  },
  "a closed number that lives on"() {
    using kq = new Kqueue();
    const [reader, writer] = pipe();
    kq.apply(kevRead(reader));
    write(writer, new Uint8Array(1));
    close(reader);
    return kq.poll().length === 0 ? "nothing" : "an event";
  },
};

const results: Record<string, string> = {};
for (const [name, trial] of Object.entries(TRIALS)) {
  try {
    results[name] = trial();
  } catch (error) {
    results[name] = error instanceof SystemError ? error.code : String(error);
  }
}
console.log(JSON.stringify(results));
