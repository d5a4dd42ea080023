import { assert, assertEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  accept,
  bind,
  connect,
  creat,
  getpid,
  kill,
  link,
  listen,
  mkdir,
  open,
  pipe,
  recv,
  rename,
  rmdir,
  send,
  socketpair,
  spawn,
  SystemError,
  unlink,
  waitpid,
} from "../../posix.ts";
import { cleanUp, kept, temporaryPath } from "./support.ts";
import { told } from "../ffi/errno.ts";

/** Calls a function as one does who has guessed its arguments. */
function guess(call: unknown, ...args: unknown[]): string {
  const error = assertThrows(() =>
    (call as (...args: unknown[]) => void)(
      ...args,
    ), TypeError);
  return error.message;
}

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("options", () => {
    it("must be an object, and the message shows one", () => {
      const [a] = kept(socketpair());
      const byte = new Uint8Array(1);
      const must = "options must be an object such as";
      for (
        const [message, expected] of [
          [guess(listen, 8080), `${must} { port: 8080 }, got 8080`],
          [guess(connect, 8080), `${must} { port: 8080 }, got 8080`],
          [guess(connect), `${must} { port: 8080 }, got undefined`],
          [guess(connect, "/tmp/x"), `${must} { port: 8080 }, got "/tmp/x"`],
          [guess(bind, 53), `${must} { port: 8080 }, got 53`],
          [guess(open, "/", "r"), `${must} { read: true }, got "r"`],
          [guess(pipe, true), `${must} { nonblocking: true }, got true`],
          [
            guess(socketpair, "stream", 1),
            `${must} { nonblocking: true }, got 1`,
          ],
          [guess(accept, a, true), `${must} { nonblocking: true }, got true`],
          [guess(recv, a, byte, 2), `${must} { peek: true }, got 2`],
          [guess(send, a, byte, 1), `${must} { outOfBand: true }, got 1`],
          [guess(waitpid, 1, 1), `${must} { noHang: true }, got 1`],
          [
            guess(spawn, ["true"], []),
            `${must} { env: [object Object] }, got an empty array`,
          ],
        ]
      ) {
        assertEquals(message, expected);
      }
    });

    it("must have no key that is none, and the message has those that are", () => {
      const [a] = kept(socketpair());
      const byte = new Uint8Array(1);
      const no = "options must have no";
      for (
        const [message, expected] of [
          [
            guess(listen, { hostname: "0.0.0.0" }),
            `${no} "hostname", only port, address, path, backlog, reusePort`,
          ],
          [
            guess(connect, { port: 1, hostname: "::" }),
            `${no} "hostname", only port, address, path, type, wait, nonblocking, fd`,
          ],
          [
            guess(bind, { reuse: true }),
            `${no} "reuse", only port, address, nonblocking`,
          ],
          [
            guess(open, "/", { create: true }),
            `${no} "create", only read, write, append, truncate, nonblocking`,
          ],
          [
            guess(pipe, { nonBlocking: true }),
            `${no} "nonBlocking", only nonblocking`,
          ],
          [
            guess(recv, a, byte, { waitAll: true }),
            `${no} "waitAll", only peek, outOfBand`,
          ],
          [
            guess(send, a, byte, { peek: true }),
            `${no} "peek", only outOfBand`,
          ],
          [
            guess(waitpid, 1, { nohang: true }),
            `${no} "nohang", only noHang`,
          ],
          [
            guess(spawn, ["true"], { cwd: "/" }),
            `${no} "cwd", only env`,
          ],
        ]
      ) {
        assertEquals(message, expected);
      }
    });
  });

  it("spawn() says that it takes an array", () => {
    const must =
      'argv must be a program and its arguments, such as ["ls", "-l"]';
    assertEquals(guess(spawn, "ls"), `${must}, got "ls"`);
    assertEquals(guess(spawn, []), `${must}, got an empty array`);
    assertEquals(guess(spawn), `${must}, got undefined`);
  });

  it("kill() says what is no signal, and whom it could not signal", () => {
    const must = "signal must be a signal's name or number";
    assertEquals(guess(kill, getpid(), "FOO"), `${must}, got "FOO"`);
    assertEquals(guess(kill, getpid()), `${must}, got undefined`);
    const none = assertThrows(() => kill(getpid(), 1000), SystemError);
    assert(none.message.endsWith(` - signal 1000 to ${getpid()}`));
    const pid = spawn(["true"]);
    waitpid(BigInt(pid));
    const gone = assertThrows(() => kill(BigInt(pid), "SIGTERM"), SystemError);
    assertEquals(gone.code, "ESRCH");
    assert(gone.message.endsWith(` - signal SIGTERM to ${pid}`), gone.message);
  });

  it("a failure names the path", () => {
    const path = `${temporaryPath()}/nowhere`;
    const [from, to] = [path, `${path}-else`];
    const calls: [call: () => unknown, detail: string][] = [
      [() => open(path), path],
      [() => creat(path), path],
      [() => unlink(path), path],
      [() => mkdir(path), path],
      [() => rmdir(path), path],
      [() => rename(from, to), `${from} -> ${to}`],
      [() => link(from, to), `${from} -> ${to}`],
    ];
    for (const [call, detail] of calls) {
      const error = assertThrows(call, SystemError);
      assertEquals(
        error.message,
        `${error.syscall} failed: ${told("ENOENT")} - ${detail}`,
      );
    }
  });

  it("a failure names the address", () => {
    const { fd, port } = listen();
    kept(fd);
    const where = ` - 127.0.0.1:${port}`;
    const taken = assertThrows(() => listen({ port }), SystemError);
    assert(taken.message.endsWith(where), taken.message);
    const elsewhere = assertThrows(
      () => listen({ address: "2001:db8::1", port: 80 }),
      SystemError,
    );
    assert(
      elsewhere.syscall === "socket" ||
        elsewhere.message.endsWith(" - [2001:db8::1]:80"),
      elsewhere.message,
    );
  });
});
