import {
  assert,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { kevRead, Kqueue } from "../mod.ts";
import * as posix from "../posix.ts";
import { packSockaddr, unpackSockaddr } from "../posix/address.ts";
import { DARWIN, LINUX } from "../posix/platform.ts";
import exported from "./data/exports.json" with { type: "json" };

const {
  accept,
  close,
  connect,
  creat,
  dup,
  dup2,
  fchmod,
  ftruncate,
  getpid,
  getsockname,
  kill,
  link,
  listen,
  lseek,
  mkdir,
  open,
  pipe,
  read,
  recv,
  rename,
  rmdir,
  send,
  setLinger,
  setNoDelay,
  setReceiveBufferSize,
  setReceiveLowWater,
  setSendBufferSize,
  shutdown,
  socketpair,
  spawn,
  SystemError,
  unlink,
  waitpid,
  write,
} = posix;

const PATIENCE_MS = 10_000;
/** A descriptor that no test ever opens. */
const NOT_OPEN = 999_999;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// The libraries stay open for good: opened here, they are no leak of the test that comes first.
getpid();
new Kqueue().close();

const openFds = new Set<number>();
const cleanups: (() => void)[] = [];
let paths = 0;

/** Has descriptors closed after the test. */
function kept<T extends number | number[]>(fds: T): T {
  for (const fd of [fds].flat()) openFds.add(fd);
  return fds;
}

/** Closes a descriptor before the test is over. */
function closeNow(fd: number): void {
  openFds.delete(fd);
  close(fd);
}

/** A path that nothing has; what the test puts there is removed after it. */
function temporaryPath(): string {
  const path = `/tmp/kqueue-posix-test-${getpid()}-${paths++}`;
  cleanups.push(() => unlink(path));
  return path;
}

function temporaryFile(text = ""): { path: string; fd: number } {
  const path = temporaryPath();
  const fd = kept(creat(path));
  write(fd, encoder.encode(text));
  return { path, fd };
}

function readText(fd: number): string {
  const buffer = new Uint8Array(4096);
  return decoder.decode(buffer.subarray(0, read(fd, buffer) ?? 0));
}

/** Waits until there is something to read, or a connection to accept. */
function awaitReadable(fd: number): void {
  using kq = new Kqueue();
  kq.apply(kevRead(fd));
  assertEquals(kq.wait(PATIENCE_MS).length, 1, `nothing came to ${fd}`);
}

function acceptOne(fd: number): number {
  awaitReadable(fd);
  const accepted = accept(fd);
  assert(accepted !== null);
  return kept(accepted);
}

function tcpPair(address = "127.0.0.1"): [client: number, server: number] {
  const listener = listen({ address });
  kept(listener.fd);
  const client = kept(connect({ address, port: listener.port }));
  return [client, acceptOne(listener.fd)];
}

/** The exit code of a program that ran to its end. */
function run(argv: string[], env?: Record<string, string>): number {
  const ended = waitpid(spawn(argv, env === undefined ? {} : { env }));
  assertEquals(ended && ended.status & 0x7f, 0, `${argv} was killed`);
  return ended === null ? -1 : ended.status >> 8;
}

/** The lowest descriptor that is free: the same before and after what leaks none. */
function lowestFree(): number {
  const fd = dup(1);
  close(fd);
  return fd;
}

function assertFails(
  call: () => unknown,
  syscall: string,
  ...codes: string[]
): void {
  const error = assertThrows(call, SystemError);
  assertEquals(error.syscall, syscall);
  assert(
    codes.includes(error.code),
    `${error.message}: not ${codes.join(" or ")}`,
  );
}

/** Closes what is {@linkcode kept} and removes what is at a {@linkcode temporaryPath}. */
function cleanUp(): void {
  for (const fd of openFds) close(fd);
  openFds.clear();
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      cleanup();
    } catch (error) {
      // The test removed it itself.
      if (!(error instanceof SystemError && error.code === "ENOENT")) {
        throw error;
      }
    }
  }
}

describe("the symbols of posix.ts", () => {
  const { libsystem_kernel: kernel, variadic, notes } = exported;
  const ofLibc = Object.keys(notes).find((names) => names.includes("creat"));
  const known = new Set([
    ...kernel,
    ...(ofLibc ?? "").split(", "),
    // In libsystem_platform, which libSystem.B.dylib exports again as well.
    "memmove",
  ]);
  const darwin: [string, Deno.ForeignFunction][] = Object.entries(
    posix.DARWIN_POSIX_SYMBOLS,
  );
  const linux: [string, Deno.ForeignFunction][] = Object.entries(
    posix.LINUX_POSIX_SYMBOLS,
  );

  it("are all exported by Darwin's library", () => {
    const missing = darwin.map(([key, { name }]) => name ?? key)
      .filter((name) => !known.has(name));
    assertEquals(missing, []);
  });

  it("have no variadic argument", () => {
    const fixed: Record<string, number> = { open: 2, ioctl: 2, fcntl: 2 };
    for (const [key, { name = key, parameters }] of [...darwin, ...linux]) {
      if (variadic.includes(name)) {
        assertEquals(parameters.length, fixed[name], name);
      }
    }
  });

  it("take a size_t for every count of bytes and return 32 bits", () => {
    for (const name of ["read", "write", "recv", "send"] as const) {
      const { parameters, result } = posix.DARWIN_POSIX_SYMBOLS[name];
      assertEquals([parameters[2], result], ["usize", "i32"], name);
    }
  });
});

describe("sockaddr", () => {
  const v4 = { address: "192.0.2.1", port: 0x1234 };
  const v6 = { address: "2001:db8::7", port: 0x1234 };
  const octets4 = [0x12, 0x34, 192, 0, 2, 1, ...Array(8).fill(0)];
  // deno-fmt-ignore
  const octets6 = [0x12, 0x34, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 7, 0, 0, 0, 0];

  for (
    const [system, platform, head4, head6] of [
      ["Darwin", DARWIN, [16, 2], [28, 30]],
      ["Linux", LINUX, [2, 0], [10, 0]],
    ] as const
  ) {
    it(`is laid out as ${system} has it`, () => {
      const packed4 = packSockaddr(v4, 0, platform);
      const packed6 = packSockaddr(v6, 0, platform);
      assertEquals([...packed4], [...head4, ...octets4]);
      assertEquals([...packed6], [...head6, ...octets6]);
      assertEquals(unpackSockaddr(packed4, platform), v4);
      assertEquals(unpackSockaddr(packed6, platform), v6);
    });
  }

  for (
    const [given, expected] of [
      ["0.0.0.0", "0.0.0.0"],
      ["255.255.255.255", "255.255.255.255"],
      ["::", "::"],
      ["::1", "::1"],
      ["0:0:0:0:0:0:0:1", "::1"],
      ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
      ["FE80::ABCD", "fe80::abcd"],
      ["1::", "1::"],
      ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
      ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ]
  ) {
    it(`takes ${given}`, () => {
      const packed = packSockaddr({ address: given, port: 1 });
      assertEquals(unpackSockaddr(packed), { address: expected, port: 1 });
    });
  }
});

describe("posix.ts", () => {
  afterEach(cleanUp);

  describe("pipe()", () => {
    it("moves bytes from its second descriptor to its first", () => {
      const [reader, writer] = kept(pipe());
      assertEquals(write(writer, encoder.encode("hello")), 5);
      assertEquals(readText(reader), "hello");
    });

    it("ends when its writer is closed", () => {
      const [reader, writer] = kept(pipe());
      closeNow(writer);
      assertEquals(read(reader, new Uint8Array(1)), 0);
    });

    it("fails with EPIPE when its reader is closed", () => {
      const [reader, writer] = kept(pipe());
      closeNow(reader);
      assertFails(() => write(writer, new Uint8Array(1)), "write", "EPIPE");
    });
  });

  describe("read() and write()", () => {
    it("keep to the view that they are given", () => {
      const [reader, writer] = kept(pipe());
      const whole = encoder.encode("0123456789");
      assertEquals(write(writer, whole.subarray(2, 6)), 4);
      const into = new Uint8Array(10);
      assertEquals(read(reader, into.subarray(1, 4)), 3);
      assertEquals([...into], [0, 50, 51, 52, 0, 0, 0, 0, 0, 0]);
      assertEquals(read(reader, into.subarray(9)), 1);
      assertEquals(into[9], 53);
    });

    it("take an empty view", () => {
      const [reader, writer] = kept(pipe());
      assertEquals(write(writer, new Uint8Array(0)), 0);
      assertEquals(read(reader, new Uint8Array(0)), 0);
    });

    it("take a view of shared memory", () => {
      const [reader, writer] = kept(pipe());
      const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
      assertEquals(write(writer, shared), 4);
      assertEquals(read(reader, shared.fill(0)), 4);
      assertEquals([...shared], [7, 7, 7, 7]);
    });

    it("move a mebibyte in pieces, every byte in its place", () => {
      const sent = Uint8Array.from(
        { length: 1 << 20 },
        (_, i) => i * 7 + (i >> 8),
      );
      const { path, fd } = temporaryFile();
      for (let at = 0; at < sent.length;) {
        at += write(fd, sent.subarray(at, at + 10_007)) ?? 0;
      }
      const file = kept(open(path));
      const received = new Uint8Array(sent.length);
      let at = 0;
      for (
        let count;
        (count = read(file, received.subarray(at, at + 9_973)));
      ) {
        at += count;
      }
      assertEquals(at, sent.length);
      assert(received.every((byte, i) => byte === sent[i]));
    });

    it("return null where a descriptor in non-blocking mode would wait", () => {
      const path = temporaryPath();
      assertEquals(run(["mkfifo", path]), 0);
      const reader = kept(open(path, { nonBlocking: true }));
      const writer = kept(open(path, { write: true, nonBlocking: true }));
      assertStrictEquals(read(reader, new Uint8Array(1)), null);
      const chunk = new Uint8Array(4096);
      let written = 0;
      for (let count; (count = write(writer, chunk)) !== null;) {
        written += count;
      }
      assertGreater(written, 0);
      let taken = 0;
      for (let count; (count = read(reader, chunk)) !== null;) taken += count;
      assertEquals(taken, written);
    });

    it("fail with the kernel's errno", () => {
      const bytes = new Uint8Array(1);
      assertFails(() => read(NOT_OPEN, bytes), "read", "EBADF");
      assertFails(() => write(NOT_OPEN, bytes), "write", "EBADF");
      assertFails(() => read(kept(open("/tmp")), bytes), "read", "EISDIR");
    });
  });

  describe("recv() and send()", () => {
    it("never wait", () => {
      const [a, b] = kept(socketpair());
      assertStrictEquals(recv(b, new Uint8Array(1)), null);
      const chunk = new Uint8Array(1 << 16).fill(7);
      let sent = 0;
      for (let count; (count = send(a, chunk)) !== null;) sent += count;
      assertGreater(sent, 0);
      let received = 0;
      for (let count; (count = recv(b, chunk)) !== null;) received += count;
      assertEquals(received, sent);
      assertEquals(send(a, chunk.subarray(0, 9)), 9);
    });

    it("never wait on TCP, and send() takes a part where not all fits", () => {
      const [client, server] = tcpPair();
      const sent = send(client, new Uint8Array(64 << 20));
      assert(sent !== null && sent > 0 && sent < 64 << 20, `${sent}`);
      awaitReadable(server);
      assertGreater(recv(server, new Uint8Array(1 << 16)) ?? 0, 0);
    });

    it("keep to the view that they are given", () => {
      const [a, b] = kept(socketpair());
      assertEquals(send(a, encoder.encode("0123").subarray(1, 3)), 2);
      const into = new Uint8Array(4);
      assertEquals(recv(b, into.subarray(2)), 2);
      assertEquals([...into], [0, 0, 49, 50]);
    });

    it("take an empty view", () => {
      const [a, b] = kept(socketpair("datagram"));
      assertEquals(send(a, new Uint8Array(0)), 0);
      assertEquals(recv(b, new Uint8Array(0)), 0);
    });

    it("keep datagrams apart, empty ones too", () => {
      const [a, b] = kept(socketpair("datagram"));
      for (const text of ["one", "", "three"]) send(a, encoder.encode(text));
      const buffer = new Uint8Array(4);
      assertEquals([3, 0, 4, null], [0, 1, 2, 3].map(() => recv(b, buffer)));
    });

    it("with peek leave the bytes where they are", () => {
      const [a, b] = kept(socketpair());
      send(a, encoder.encode("hello"));
      const buffer = new Uint8Array(3);
      assertEquals(recv(b, buffer, { peek: true }), 3);
      assertEquals(recv(b, buffer), 3);
      assertEquals(decoder.decode(buffer), "hel");
      assertEquals(recv(b, buffer), 2);
    });

    it("with outOfBand carry the last byte beside the others", () => {
      const [client, server] = tcpPair();
      assertEquals(send(client, encoder.encode("ab!"), { outOfBand: true }), 3);
      // In one piece: with "ab" the other byte has come, too.
      assertEquals(readText(server), "ab");
      const buffer = new Uint8Array(8);
      assertEquals(recv(server, buffer, { outOfBand: true }), 1);
      assertEquals(buffer[0], 33);
      assertEquals(send(client, encoder.encode("cd")), 2);
      assertEquals(readText(server), "cd");
    });

    it("tell the end", () => {
      const [a, b] = kept(socketpair());
      closeNow(a);
      assertEquals(recv(b, new Uint8Array(1)), 0);
      assertFails(() => send(b, new Uint8Array(1)), "send", "EPIPE");
    });

    it("fail with the kernel's errno", () => {
      const [reader, writer] = kept(pipe());
      const bytes = new Uint8Array(1);
      assertFails(() => recv(reader, bytes), "recv", "ENOTSOCK");
      assertFails(() => send(writer, bytes), "send", "ENOTSOCK");
      assertFails(() => recv(NOT_OPEN, bytes), "recv", "EBADF");
      assertFails(() => send(NOT_OPEN, bytes), "send", "EBADF");
      const [a] = kept(socketpair("datagram"));
      assertFails(() => send(a, new Uint8Array(16 << 20)), "send", "EMSGSIZE");
      const [, b] = kept(socketpair());
      assertFails(
        () => recv(b, bytes, { outOfBand: true }),
        "recv",
        "EINVAL",
        "ENOTSUP",
        "EOPNOTSUPP",
      );
    });
  });

  describe("socketpair()", () => {
    it("moves bytes both ways", () => {
      const [a, b] = kept(socketpair());
      write(a, encoder.encode("there"));
      assertEquals(readText(b), "there");
      write(b, encoder.encode("back"));
      assertEquals(readText(a), "back");
    });

    it("throws for a type that it does not know", () => {
      assertThrows(
        () => socketpair("raw" as "stream"),
        TypeError,
        'type must be "stream" or "datagram", got "raw"',
      );
    });
  });

  describe("listen(), connect() and accept()", () => {
    it("connect two sockets", () => {
      const [client, server] = tcpPair();
      assertNotEquals(client, server);
      write(client, encoder.encode("there"));
      assertEquals(readText(server), "there");
      write(server, encoder.encode("back"));
      assertEquals(readText(client), "back");
    });

    it("take IPv6 addresses", () => {
      try {
        kept(listen({ address: "::1" }).fd);
      } catch {
        return; // A machine without IPv6.
      }
      const [client, server] = tcpPair("0:0:0:0:0:0:0:1");
      assertEquals(getsockname(server).address, "::1");
      write(client, encoder.encode("six"));
      assertEquals(readText(server), "six");
    });

    it("give the address and the port that was found for port 0", () => {
      const { fd, address, port } = listen();
      kept(fd);
      assertEquals(address, "127.0.0.1");
      assert(Number.isInteger(port) && port > 0 && port < 65536);
      assertEquals(getsockname(fd), { address, port });
    });

    it("agree on the port", () => {
      const listener = listen();
      kept(listener.fd);
      const client = kept(connect(listener));
      assertEquals(getsockname(acceptOne(listener.fd)).port, listener.port);
      assertNotEquals(getsockname(client).port, listener.port);
    });

    it("accept() returns null when no connection waits", () => {
      const { fd, port } = listen();
      kept(fd);
      assertStrictEquals(accept(fd), null);
      kept(connect({ port }));
      acceptOne(fd);
      assertStrictEquals(accept(fd), null);
    });

    it("accept() takes the connections one by one", () => {
      const { fd, port } = listen({ backlog: 16 });
      kept(fd);
      const clients = Array.from({ length: 10 }, () => kept(connect({ port })));
      const servers = clients.map(() => acceptOne(fd));
      assertEquals(new Set([...clients, ...servers]).size, 20);
      const ports = clients.map((client) => getsockname(client).port);
      assertEquals(new Set(ports).size, 10);
    });

    it("accept() waits for nobody else than its own listener", () => {
      const first = listen();
      const second = listen();
      kept([first.fd, second.fd]);
      kept(connect({ port: second.port }));
      acceptOne(second.fd);
      assertStrictEquals(accept(first.fd), null);
    });

    it("accept() fails with the kernel's errno", () => {
      assertFails(() => accept(NOT_OPEN), "accept", "EBADF");
      assertFails(() => accept(temporaryFile().fd), "accept", "ENOTSOCK");
    });

    it("connect() fails with ECONNREFUSED, and leaves no descriptor", () => {
      const { fd, port } = listen();
      close(fd);
      const before = lowestFree();
      assertFails(() => connect({ port }), "connect", "ECONNREFUSED");
      assertEquals(lowestFree(), before);
    });

    it("listen() fails with EADDRINUSE, and leaves no descriptor", () => {
      const { fd, port } = listen();
      kept(fd);
      const before = lowestFree();
      assertFails(() => listen({ port }), "bind", "EADDRINUSE");
      assertEquals(lowestFree(), before);
    });

    it("listen() fails with EADDRNOTAVAIL for another machine's address", () => {
      const address = "192.0.2.1";
      assertFails(() => listen({ address }), "bind", "EADDRNOTAVAIL");
    });

    it("listen() takes a port again right after its server closed", () => {
      const listener = listen();
      const client = kept(connect(listener));
      const server = acceptOne(listener.fd);
      // The side that closes first keeps the connection in TIME_WAIT.
      closeNow(server);
      assertEquals(read(client, new Uint8Array(1)), 0);
      closeNow(client);
      close(listener.fd);
      const again = listen({ port: listener.port });
      kept(again.fd);
      assertEquals(again.port, listener.port);
    });

    for (
      const address of [
        "localhost",
        "",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "0x7f.0.0.1",
        "1.2.3.-4",
        "127.0.0.1 ",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "[::1]",
        "::1%lo0",
        "::1]:80/[",
      ]
    ) {
      it(`refuse the address ${JSON.stringify(address)}`, () => {
        const message = `address must be an IPv4 or IPv6 address, got ${
          JSON.stringify(address)
        }`;
        assertThrows(() => listen({ address }), TypeError, message);
        assertThrows(() => connect({ address, port: 1 }), TypeError, message);
      });
    }

    it("refuse what is no port", () => {
      for (const port of [-1, 65536, 1.5, NaN, Infinity]) {
        const message = `port must be an integer from 0 to 65535, got ${port}`;
        assertThrows(() => listen({ port }), RangeError, message);
      }
      for (const port of [0, -1, 65536]) {
        const message = `port must be an integer from 1 to 65535, got ${port}`;
        assertThrows(() => connect({ port }), RangeError, message);
      }
      assertThrows(
        () => listen({ port: "80" as unknown as number }),
        TypeError,
        'port must be an integer from 0 to 65535, got "80"',
      );
    });

    it("refuse what is no backlog", () => {
      for (const backlog of [-1, 0.5, 2 ** 31]) {
        assertThrows(() => listen({ backlog }), RangeError, "backlog must be");
      }
    });
  });

  describe("shutdown()", () => {
    it("of write lets the other side read the end, and go on sending", () => {
      const [a, b] = kept(socketpair());
      write(a, encoder.encode("last"));
      shutdown(a, "write");
      assertEquals(readText(b), "last");
      assertEquals(recv(b, new Uint8Array(1)), 0);
      assertFails(() => send(a, new Uint8Array(1)), "send", "EPIPE");
      write(b, encoder.encode("more"));
      assertEquals(readText(a), "more");
    });

    it("of read ends reading on this side", () => {
      const [a] = kept(socketpair());
      shutdown(a, "read");
      assertEquals(recv(a, new Uint8Array(1)), 0);
    });

    it("of both ends both", () => {
      const [a, b] = kept(socketpair());
      shutdown(a, "both");
      assertEquals(recv(a, new Uint8Array(1)), 0);
      assertEquals(recv(b, new Uint8Array(1)), 0);
      assertFails(() => send(a, new Uint8Array(1)), "send", "EPIPE");
    });

    it("fails with the kernel's errno", () => {
      const [reader] = kept(pipe());
      assertFails(() => shutdown(reader, "both"), "shutdown", "ENOTSOCK");
      assertFails(() => shutdown(NOT_OPEN, "both"), "shutdown", "EBADF");
    });

    it("throws for a direction that it does not know", () => {
      const [a] = kept(socketpair());
      assertThrows(
        () => shutdown(a, "rw" as "both"),
        TypeError,
        'how must be "read" or "write" or "both", got "rw"',
      );
    });
  });

  describe("options", () => {
    it("setNoDelay() is for TCP", () => {
      const [client] = tcpPair();
      setNoDelay(client);
      setNoDelay(client, false);
      const [reader] = kept(pipe());
      assertFails(() => setNoDelay(reader), "setsockopt", "ENOTSOCK");
    });

    it("setSendBufferSize() bounds what send() takes", () => {
      const [a, b] = kept(socketpair());
      setSendBufferSize(a, 1 << 16);
      setReceiveBufferSize(b, 1 << 16);
      let sent = 0;
      const chunk = new Uint8Array(4096);
      for (let count; (count = send(a, chunk)) !== null;) sent += count;
      assert(sent > 0 && sent <= 1 << 18, `${sent}`);
    });

    it("setReceiveLowWater() holds EVFILT_READ back (R31)", () => {
      const [client, server] = tcpPair();
      setReceiveLowWater(server, 4);
      using kq = new Kqueue();
      kq.apply(kevRead(server));
      send(client, encoder.encode("abc"));
      assertEquals(kq.poll().length, 0);
      send(client, encoder.encode("d"));
      const [event] = kq.wait(PATIENCE_MS);
      assertEquals(event.data, 4n);
    });

    it("setLinger() of 0 resets the connection", () => {
      const [client, server] = tcpPair();
      setLinger(client, null);
      setLinger(client, 0);
      closeNow(client);
      assertFails(() => read(server, new Uint8Array(1)), "read", "ECONNRESET");
    });

    it("refuse values that are none", () => {
      const [a] = kept(socketpair());
      for (const bytes of [0, -1, 1.5, 2 ** 31]) {
        for (
          const set of [
            setSendBufferSize,
            setReceiveBufferSize,
            setReceiveLowWater,
          ]
        ) {
          assertThrows(
            () => set(a, bytes),
            RangeError,
            `bytes must be an integer from 1 to 2147483647, got ${bytes}`,
          );
        }
      }
      assertThrows(() => setLinger(a, -1), RangeError, "seconds must be");
    });

    it("getsockname() fails for a socket of another family", () => {
      const [a] = kept(socketpair());
      assertFails(() => getsockname(a), "getsockname", "EAFNOSUPPORT");
      assertFails(() => getsockname(NOT_OPEN), "getsockname", "EBADF");
    });
  });

  describe("close()", () => {
    it("fails with EBADF the second time", () => {
      const [reader, writer] = pipe();
      close(writer);
      close(reader);
      assertFails(() => close(reader), "close", "EBADF");
    });
  });

  describe("open() and creat()", () => {
    it("open() reads unless told otherwise", () => {
      const fd = kept(open(temporaryFile("text").path));
      assertEquals(readText(fd), "text");
      assertFails(() => write(fd, new Uint8Array(1)), "write", "EBADF");
    });

    it("open() with write only writes, over what is there", () => {
      const { path } = temporaryFile("text");
      const fd = kept(open(path, { write: true }));
      assertEquals(write(fd, encoder.encode("NE")), 2);
      assertFails(() => read(fd, new Uint8Array(1)), "read", "EBADF");
      assertEquals(readText(kept(open(path))), "NExt");
    });

    it("open() with read and write does both", () => {
      const fd = kept(
        open(temporaryFile("text").path, { read: true, write: true }),
      );
      assertEquals(readText(fd), "text");
      assertEquals(write(fd, encoder.encode("s")), 1);
      lseek(fd, 0);
      assertEquals(readText(fd), "texts");
    });

    it("open() with append writes at the end", () => {
      const { path } = temporaryFile("one");
      const fd = kept(open(path, { append: true, read: true }));
      write(fd, encoder.encode("two"));
      lseek(fd, 0);
      write(fd, encoder.encode("three"));
      lseek(fd, 0);
      assertEquals(readText(fd), "onetwothree");
    });

    it("open() with truncate makes the file empty", () => {
      const { path } = temporaryFile("text");
      kept(open(path, { write: true, truncate: true }));
      assertEquals(readText(kept(open(path))), "");
    });

    it("open() takes a directory, and a name that is not ASCII", () => {
      kept(open("/tmp"));
      const path = `${temporaryPath()}-ü-日本`;
      cleanups.push(() => unlink(path));
      kept(creat(path));
      kept(open(path));
    });

    it("open() makes no file", () => {
      assertFails(
        () => open(temporaryPath(), { write: true }),
        "open",
        "ENOENT",
      );
    });

    it("open() refuses options that contradict each other", () => {
      assertThrows(() => open("/", { read: false }), TypeError, "open needs");
      assertThrows(
        () => open("/", { truncate: true }),
        TypeError,
        "open can truncate only with write or append",
      );
    });

    it("creat() makes a file that is 0o644", () => {
      const { path, fd } = temporaryFile("text");
      assertFails(() => read(fd, new Uint8Array(1)), "read", "EBADF");
      assertEquals(readText(kept(open(path))), "text");
      assertEquals(run(["test", "-x", path]), 1);
    });

    it("creat() gives the mode", () => {
      const path = temporaryPath();
      kept(creat(path, 0o755));
      assertEquals(run(["test", "-x", path]), 0);
    });

    it("creat() empties a file that is there", () => {
      const { path } = temporaryFile("text");
      kept(creat(path));
      assertEquals(readText(kept(open(path))), "");
    });

    it("fail with the kernel's errno", () => {
      const nowhere = `${temporaryPath()}/file`;
      assertFails(() => open(nowhere), "open", "ENOENT");
      assertFails(() => creat(nowhere), "creat", "ENOENT");
      assertFails(() => creat("/tmp"), "creat", "EISDIR");
      assertFails(() => open(""), "open", "ENOENT");
    });
  });

  describe("dup() and dup2()", () => {
    it("dup() gives the open file a second number", () => {
      const [reader, writer] = kept(pipe());
      const second = kept(dup(writer));
      assertNotEquals(second, writer);
      closeNow(writer);
      write(second, encoder.encode("hello"));
      assertEquals(readText(reader), "hello");
    });

    it("dup2() gives it the number asked for, in place of what had it", () => {
      const [reader, writer] = kept(pipe());
      const [otherReader, number] = kept(pipe());
      assertEquals(dup2(writer, number), number);
      assertEquals(read(otherReader, new Uint8Array(1)), 0);
      write(number, encoder.encode("hello"));
      assertEquals(readText(reader), "hello");
    });

    it("fail with the kernel's errno", () => {
      assertFails(() => dup(NOT_OPEN), "dup", "EBADF");
      assertFails(() => dup2(NOT_OPEN, NOT_OPEN), "dup2", "EBADF");
    });
  });

  describe("lseek() and ftruncate()", () => {
    it("lseek() moves from the start, from here and from the end", () => {
      const fd = kept(open(temporaryFile("0123456789").path));
      assertEquals(lseek(fd, 4), 4);
      assertEquals(lseek(fd, 2, "current"), 6);
      assertEquals(readText(fd), "6789");
      assertEquals(lseek(fd, -3, "end"), 7);
      assertEquals(lseek(fd, 2 ** 40), 2 ** 40);
    });

    it("lseek() fails with the kernel's errno", () => {
      const [reader] = kept(pipe());
      assertFails(() => lseek(reader, 0), "lseek", "ESPIPE");
      assertFails(() => lseek(temporaryFile().fd, -1), "lseek", "EINVAL");
      assertFails(() => lseek(NOT_OPEN, 0), "lseek", "EBADF");
    });

    it("lseek() refuses what is no offset or origin", () => {
      const { fd } = temporaryFile();
      assertThrows(() => lseek(fd, 0.5), RangeError, "offset must be");
      assertThrows(
        () => lseek(fd, 0, "here" as "current"),
        TypeError,
        'origin must be "start" or "current" or "end", got "here"',
      );
    });

    it("ftruncate() cuts and fills", () => {
      const { path, fd } = temporaryFile("0123456789");
      ftruncate(fd, 3);
      assertEquals(readText(kept(open(path))), "012");
      ftruncate(fd, 5);
      assertEquals(readText(kept(open(path))), "012\0\0");
    });

    it("ftruncate() fails with the kernel's errno", () => {
      const { path, fd } = temporaryFile();
      assertFails(
        () => ftruncate(kept(open(path)), 0),
        "ftruncate",
        "EINVAL",
        "EBADF",
      );
      assertFails(() => ftruncate(NOT_OPEN, 0), "ftruncate", "EBADF");
      assertThrows(() => ftruncate(fd, -1), RangeError, "length must be");
    });
  });

  describe("names in the file system", () => {
    it("unlink() removes a name, and leaves the open file", () => {
      const { path } = temporaryFile("text");
      const fd = kept(open(path));
      unlink(path);
      assertFails(() => open(path), "open", "ENOENT");
      assertEquals(readText(fd), "text");
    });

    it("rename() takes the place of what is there", () => {
      const { path } = temporaryFile("new");
      const { path: other } = temporaryFile("old");
      rename(path, other);
      assertFails(() => open(path), "open", "ENOENT");
      assertEquals(readText(kept(open(other))), "new");
    });

    it("link() gives a file a second name", () => {
      const { path } = temporaryFile("text");
      const other = temporaryPath();
      link(path, other);
      unlink(path);
      assertEquals(readText(kept(open(other))), "text");
    });

    it("mkdir() and rmdir() make and remove a directory", () => {
      const path = `${temporaryPath()}-directory`;
      mkdir(path);
      const file = `${path}/file`;
      kept(creat(file));
      assertFails(() => rmdir(path), "rmdir", "ENOTEMPTY");
      unlink(file);
      rmdir(path);
      assertFails(() => open(path), "open", "ENOENT");
    });

    it("fail with the kernel's errno", () => {
      const { path } = temporaryFile();
      const nowhere = temporaryPath();
      assertFails(() => unlink(nowhere), "unlink", "ENOENT");
      assertFails(() => rename(nowhere, path), "rename", "ENOENT");
      assertFails(() => link(path, path), "link", "EEXIST");
      assertFails(() => mkdir(path), "mkdir", "EEXIST");
      assertFails(() => rmdir(path), "rmdir", "ENOTDIR");
    });

    it("refuse a path that C would cut short", () => {
      const cut = "/tmp/a\0b";
      const message = 'must be a string without NUL, got "/tmp/a\\u0000b"';
      for (const call of [open, creat, unlink, mkdir, rmdir]) {
        assertThrows(() => call(cut), TypeError, `path ${message}`);
      }
      assertThrows(() => rename(cut, "/b"), TypeError, `oldPath ${message}`);
      assertThrows(() => rename("/a", cut), TypeError, `newPath ${message}`);
      assertThrows(() => link(cut, "/b"), TypeError, `path ${message}`);
      assertThrows(() => link("/a", cut), TypeError, `newPath ${message}`);
      assertThrows(
        () => open(7 as unknown as string),
        TypeError,
        "path must be a string without NUL, got 7",
      );
    });

    it("fchmod() changes the mode", () => {
      const { path, fd } = temporaryFile();
      fchmod(fd, 0o700);
      assertEquals(run(["test", "-x", path]), 0);
      fchmod(fd, 0o600);
      assertEquals(run(["test", "-x", path]), 1);
      assertFails(() => fchmod(NOT_OPEN, 0), "fchmod", "EBADF");
    });

    it("refuse what is no mode", () => {
      const { fd } = temporaryFile();
      for (const mode of [-1, 0o10000, 1.5]) {
        const message = `mode must be an integer from 0 to 4095, got ${mode}`;
        assertThrows(() => creat("/tmp", mode), RangeError, message);
        assertThrows(() => mkdir("/tmp", mode), RangeError, message);
        assertThrows(() => fchmod(fd, mode), RangeError, message);
      }
    });
  });

  describe("processes", () => {
    it("getpid() is Deno's", () => {
      assertEquals(getpid(), Deno.pid);
    });

    it("spawn() runs a program, and waitpid() gives its status", () => {
      const pid = spawn(["sh", "-c", "exit 3"]);
      assertEquals(waitpid(pid), { pid, status: 3 << 8 });
      assertFails(() => waitpid(pid), "waitpid", "ECHILD");
    });

    it("waitpid() takes any child", () => {
      const pid = spawn(["sh", "-c", "exit 4"]);
      assertEquals(waitpid(-1), { pid, status: 4 << 8 });
    });

    it("waitpid() with noHang does not wait", () => {
      const pid = spawn(["sleep", "60"]);
      assertStrictEquals(waitpid(pid, { noHang: true }), null);
      kill(pid, "SIGKILL");
      assertEquals(waitpid(pid), { pid, status: 9 });
    });

    it("kill() sends a signal by name and by number", () => {
      for (const signal of ["SIGTERM", 15] as const) {
        const pid = spawn(["sleep", "60"]);
        kill(pid, signal);
        assertEquals(waitpid(pid), { pid, status: 15 });
      }
    });

    it("kill() with 0 asks whether there is such a process", () => {
      kill(getpid(), 0);
      const pid = spawn(["true"]);
      waitpid(pid);
      assertFails(() => kill(pid, 0), "kill", "ESRCH");
    });

    it("kill() refuses what is no signal", () => {
      assertFails(() => kill(getpid(), 1000), "kill", "EINVAL");
      assertThrows(
        () => kill(getpid(), "SIGNONE" as "SIGTERM"),
        TypeError,
        'signal must be a signal\'s name or number, got "SIGNONE"',
      );
      assertThrows(() => kill(getpid(), -1), RangeError, "signal must be");
      assertThrows(() => kill(1.5, 0), RangeError, "pid must be");
    });

    it("spawn() hands over the arguments to the byte", () => {
      const words = ["", "two words", "$HOME", "ü-日本", "x".repeat(100_000)];
      const script = `[ $# = 5 ] && [ -z "$1" ] && [ "$2" = "two words" ] &&
        [ "$3" = '$HOME' ] && [ "$4" = "ü-日本" ] && [ \${#5} = 100000 ]`;
      assertEquals(run(["sh", "-c", script, "sh", ...words]), 0);
    });

    it("spawn() gives the environment asked for, and no other", () => {
      const script = '[ "$A" = "1 2" ] && [ "$B" = "" ] && [ -z "$HOME$C" ]';
      assertEquals(run(["sh", "-c", script], { A: "1 2", B: "" }), 0);
      assertEquals(run(["sh", "-c", '[ -z "$A$HOME" ]']), 0);
    });

    it("spawn() takes a program by its path", () => {
      assertEquals(run(["/bin/sh", "-c", "exit 5"]), 5);
    });

    it("spawn() fails for a program that is not there", () => {
      for (const program of ["/nowhere/program", "kqueue-no-program", ""]) {
        assertFails(() => spawn([program]), "posix_spawnp", "ENOENT");
      }
    });

    it("spawn() refuses what is no program", () => {
      assertThrows(() => spawn([]), TypeError, "argv must be");
      assertThrows(
        () => spawn(["sh", "a\0b"]),
        TypeError,
        "argv[1] must be a string without NUL",
      );
      assertThrows(
        () => spawn(["sh"], { env: { A: "a\0b" } }),
        TypeError,
        "env.A must be a string without NUL",
      );
    });
  });

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
