import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
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
  isNonblocking,
  listen,
  lseek,
  open,
  pipe,
  read,
  recv,
  recvFrom,
  send,
  sendTo,
  setLinger,
  setNoDelay,
  setNonblocking,
  setReceiveBufferSize,
  setReceiveLowWater,
  setSendBufferSize,
  shutdown,
  socketpair,
  takeError,
  write,
} from "../../posix.ts";
import {
  acceptOne,
  awaitReadable,
  cleanUp,
  kept,
  run,
  temporaryFile,
} from "./support.ts";

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
      const calls: ((fd: number | bigint) => unknown)[] = [
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
        (fd) => recvFrom(fd, bytes),
        (fd) => sendTo(fd, bytes, { address: "127.0.0.1", port: 1 }),
        (fd) => setNonblocking(fd, true),
        isNonblocking,
        takeError,
      ];
      for (const call of calls) {
        for (const fd of [-1, 1.5, NaN, 2 ** 31]) {
          assertThrows(
            () => call(fd),
            RangeError,
            `fd must be an integer from 0 to 2147483647, got ${fd}`,
          );
        }
        for (const fd of [-1n, 1n << 31n, 1n << 64n]) {
          assertThrows(
            () => call(fd),
            RangeError,
            `fd must be an integer from 0 to 2147483647, got ${fd}n`,
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

  it("takes descriptors as bigints, as events have them", () => {
    const { fd, port } = listen();
    const client = BigInt(kept(connect({ port })));
    const server = BigInt(acceptOne(kept(fd)));
    const buffer = new Uint8Array(4);
    assertEquals(write(client, buffer), 4);
    assertEquals(read(server, buffer), 4);
    assertEquals(send(client, buffer), 4);
    awaitReadable(Number(server));
    assertEquals(recv(server, buffer), 4);
    assertStrictEquals(accept(BigInt(fd)), null);
    setNoDelay(client);
    setSendBufferSize(client, 1 << 16);
    setLinger(client, null);
    setNonblocking(client, true);
    assert(isNonblocking(client));
    assertEquals(getsockname(server).port, port);
    assertStrictEquals(takeError(client), null);
    const copy = dup(client);
    assertEquals(dup2(server, BigInt(copy)), copy);
    close(BigInt(copy));
    shutdown(client, "write");
    awaitReadable(Number(server));
    assertEquals(recv(server, buffer), 0);
    const file = BigInt(temporaryFile().fd);
    ftruncate(file, 5);
    fchmod(file, 0o600);
    assertEquals(lseek(file, 0, "end"), 5);
  });

  it("takes -0 for 0", () => {
    assertEquals(isNonblocking(-0), isNonblocking(0));
    assertNotEquals(kept(dup(-0)), 0);
  });
});
