import { assertEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  accept,
  close,
  connect,
  dup,
  dup2,
  fchmod,
  ftruncate,
  getsockname,
  listen,
  lseek,
  open,
  pipe,
  read,
  recv,
  send,
  setLinger,
  setNoDelay,
  setReceiveBufferSize,
  setReceiveLowWater,
  setSendBufferSize,
  shutdown,
  socketpair,
  write,
} from "../../posix.ts";
import { acceptOne, cleanUp, kept, run, temporaryFile } from "./support.ts";

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("every descriptor", () => {
    it("is close-on-exec", () => {
      const listener = listen();
      const client = connect(listener);
      const [number] = pipe();
      const { path, fd } = temporaryFile();
      const fds: Record<string, number> = {
        pipe: number,
        socketpair: socketpair()[0],
        listen: listener.fd,
        connect: client,
        accept: acceptOne(listener.fd),
        creat: fd,
        open: open(path),
        dup: dup(fd),
        dup2: dup2(fd, number + 100),
      };
      kept(Object.values(fds));
      assertEquals(run(["test", "-e", "/dev/fd/1"]), 0);
      for (const [call, fd] of Object.entries(fds)) {
        assertEquals(run(["test", "-e", `/dev/fd/${fd}`]), 1, call);
      }
    });

    it("must be an integer from 0 on", () => {
      const bytes = new Uint8Array(1);
      const calls: ((fd: number) => unknown)[] = [
        (fd) => read(fd, bytes),
        (fd) => write(fd, bytes),
        (fd) => recv(fd, bytes),
        (fd) => send(fd, bytes),
        (fd) => shutdown(fd, "both"),
        (fd) => dup2(fd, 1),
        (fd) => lseek(fd, 0),
        (fd) => ftruncate(fd, 0),
        (fd) => fchmod(fd, 0),
        (fd) => setSendBufferSize(fd, 1),
        (fd) => setReceiveBufferSize(fd, 1),
        (fd) => setReceiveLowWater(fd, 1),
        (fd) => setLinger(fd, 1),
        accept,
        close,
        dup,
        getsockname,
        setNoDelay,
      ];
      for (const call of calls) {
        for (const fd of [-1, 1.5, NaN, 2 ** 31]) {
          assertThrows(
            () => call(fd),
            RangeError,
            `fd must be an integer from 0 to 2147483647, got ${fd}`,
          );
        }
        assertThrows(
          () => call("3" as unknown as number),
          TypeError,
          'fd must be an integer from 0 to 2147483647, got "3"',
        );
      }
    });
  });

  it("refuses bytes that are no Uint8Array", () => {
    const [reader, writer] = kept(pipe());
    const text = "hello" as unknown as Uint8Array;
    for (const call of [write, send]) {
      assertThrows(
        () => call(writer, text),
        TypeError,
        'bytes must be a Uint8Array, got "hello"',
      );
    }
    for (const call of [read, recv]) {
      assertThrows(
        () => call(reader, text),
        TypeError,
        'buffer must be a Uint8Array, got "hello"',
      );
    }
  });
});
