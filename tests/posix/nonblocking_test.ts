import {
  assert,
  assertEquals,
  assertGreater,
  assertStrictEquals,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import {
  accept,
  close,
  connect,
  dup,
  dup2,
  isNonblocking,
  listen,
  lseek,
  open,
  pipe,
  read,
  setNonblocking,
  socketpair,
  write,
} from "../../posix.ts";
import {
  acceptOne,
  assertFails,
  awaitReadable,
  cleanUp,
  closeNow,
  encoder,
  kept,
  NOT_OPEN,
  readText,
  temporaryFile,
} from "./support.ts";

const byte = new Uint8Array(1);

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("non-blocking mode", () => {
    it("is not that of a new descriptor, but of a listener", () => {
      const listener = listen();
      const client = connect(listener);
      const server = acceptOne(listener.fd);
      const fds = [...pipe(), ...socketpair(), client, open("/dev/null")];
      kept([listener.fd, ...fds]);
      for (const fd of [...fds, server]) assert(!isNonblocking(fd), `${fd}`);
      assert(isNonblocking(listener.fd));
    });

    it("is what pipes and sockets are made in where asked for", () => {
      const nonblocking = true;
      const listener = listen();
      const client = connect({ port: listener.port, nonblocking });
      kept([listener.fd, client]);
      awaitReadable(listener.fd);
      const server = accept(listener.fd, { nonblocking });
      assert(server !== null);
      const pairs = [
        pipe({ nonblocking }),
        socketpair("stream", { nonblocking }),
        socketpair("datagram", { nonblocking }),
        [client, server],
      ];
      kept(pairs.flat());
      for (const [a, b] of pairs) {
        assert(isNonblocking(a) && isNonblocking(b));
        assertStrictEquals(read(a, byte), null);
      }
    });

    it("can be set and set back, and no other flag is lost", () => {
      const [reader, writer] = kept(pipe());
      const { path } = temporaryFile("there");
      const file = kept(open(path, { append: true, read: true }));
      for (const fd of [reader, writer, file]) {
        for (const mode of [true, true, false, false, true]) {
          setNonblocking(fd, mode);
          assertStrictEquals(isNonblocking(fd), mode);
        }
      }
      assertStrictEquals(read(reader, byte), null);
      write(file, encoder.encode(" and here"));
      lseek(file, 0);
      assertEquals(readText(file), "there and here");
    });

    it("is shared by duplicates", () => {
      const [reader] = kept(pipe());
      const copy = kept(dup(reader));
      setNonblocking(copy, true);
      assert(isNonblocking(reader));
    });

    it("lets write() take what there is room for, then null", () => {
      const [reader, writer] = kept(pipe({ nonblocking: true }));
      const chunk = new Uint8Array(10_000).fill(7);
      let written = 0;
      for (let count; (count = write(writer, chunk)) !== null;) {
        written += count;
      }
      assertGreater(written, 0);
      let taken = 0;
      for (let count; (count = read(reader, chunk)) !== null;) taken += count;
      assertEquals(taken, written);
      closeNow(writer);
      assertEquals(read(reader, byte), 0);
    });

    it("fails with the kernel's errno", () => {
      assertFails(() => isNonblocking(NOT_OPEN), "fcntl", "EBADF");
      assertFails(() => setNonblocking(NOT_OPEN, true), "fcntl", "EBADF");
    });
  });

  describe("accept()", () => {
    it("does not wait at a listener in blocking mode either", () => {
      const { fd, port } = listen();
      kept(fd);
      assertStrictEquals(accept(fd), null);
      setNonblocking(fd, false);
      assertStrictEquals(accept(fd), null);
      kept(connect({ port }));
      acceptOne(fd);
      assertStrictEquals(accept(fd), null);
    });

    it("does not wait where a duplicate has set the mode back", () => {
      const { fd } = listen();
      kept(fd);
      assertStrictEquals(accept(fd), null);
      setNonblocking(kept(dup(fd)), false);
      assertStrictEquals(accept(fd), null);
    });

    it("does not wait where the number has come to name another listener", () => {
      const [first, second] = [listen(), listen()];
      kept(second.fd);
      setNonblocking(second.fd, false);
      assertStrictEquals(accept(first.fd), null);
      const blocking = dup(second.fd);
      kept(dup2(blocking, first.fd));
      assertStrictEquals(accept(first.fd), null);
      close(blocking);
    });

    it("gives sockets the mode that is asked for, not the listener's", () => {
      const { fd, port } = listen();
      kept(fd);
      for (const listening of [true, false]) {
        setNonblocking(fd, listening);
        for (const nonblocking of [true, false]) {
          kept(connect({ port }));
          awaitReadable(fd);
          const server = accept(fd, { nonblocking });
          assert(server !== null);
          assertStrictEquals(isNonblocking(kept(server)), nonblocking);
        }
      }
    });

    it("waits for bytes where the socket is in blocking mode", () => {
      const { fd, port } = listen();
      const client = connect({ port });
      kept([fd, client]);
      const server = acceptOne(fd);
      write(client, encoder.encode("there"));
      assertEquals(readText(server), "there");
    });
  });
});
