import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { packSockaddr, unpackSockaddr } from "../../posix/address.ts";
import { DARWIN, LINUX } from "../../posix/platform.ts";
import { DARWIN_CALLS, LINUX_CALLS } from "../../posix/symbols.ts";
import exported from "../data/exports.json" with { type: "json" };

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
    DARWIN_CALLS,
  );
  const linux: [string, Deno.ForeignFunction][] = Object.entries(
    LINUX_CALLS,
  );

  it("are all exported by Darwin's library", () => {
    const missing = darwin.map(([key, { name }]) => name ?? key)
      .filter((name) => !known.has(name));
    assertEquals(missing, []);
  });

  it("have no variadic argument but that of fcntl", () => {
    const fixed: Record<string, number> = {
      open: 2,
      ioctl: 2,
      fcntl: 2,
      fcntlWith: 3,
      fcntlOnStack: 9,
    };
    for (const [key, { name = key, parameters }] of [...darwin, ...linux]) {
      if (variadic.includes(name)) {
        assertEquals(parameters.length, fixed[key], key);
      }
    }
  });

  it("pass the flags of fcntl in 64 bits, behind eight integers on Apple silicon", () => {
    const { fcntlWith, fcntlOnStack } = DARWIN_CALLS;
    assertEquals([...fcntlWith.parameters], ["i32", "i32", "i64"]);
    assertEquals(
      [...fcntlOnStack.parameters],
      [...Array(8).fill("i32"), "i64"],
    );
  });

  it("take a size_t for every count of bytes and return 32 bits", () => {
    for (const name of ["read", "write", "recv", "send"] as const) {
      const { parameters, result } = DARWIN_CALLS[name];
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
