import { assert, assertEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { kevRead, Kqueue } from "../../mod.ts";
import {
  getsockname,
  pipe,
  read,
  send,
  setLinger,
  setNoDelay,
  setReceiveBufferSize,
  setReceiveLowWater,
  setSendBufferSize,
  socketpair,
} from "../../posix.ts";
import {
  assertFails,
  cleanUp,
  closeNow,
  encoder,
  kept,
  NOT_OPEN,
  PATIENCE_MS,
  tcpPair,
} from "./support.ts";

describe("posix.ts", () => {
  afterEach(cleanUp);

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

    it("setLinger() of null gives the end again", () => {
      const [client, server] = tcpPair();
      setLinger(client, 0);
      setLinger(client, null);
      closeNow(client);
      assertEquals(read(server, new Uint8Array(1)), 0);
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
});
