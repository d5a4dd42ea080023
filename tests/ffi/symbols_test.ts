import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DARWIN_SYMBOLS } from "../../ffi.ts";
import exported from "../data/exports.json" with { type: "json" };

describe("DARWIN_SYMBOLS", () => {
  const declared = Object.entries(DARWIN_SYMBOLS).map(([key, symbol]) => {
    if (!("parameters" in symbol)) throw new Error(`${key} is no function`);
    return { ...symbol, name: symbol.name ?? key };
  });
  /** How many parameters a variadic function has before the dots. */
  const fixed: Record<string, number> = {
    fcntl: 2,
    ioctl: 2,
    open: 2,
    openat: 3,
    syscall: 1,
  };

  it("has only names that Darwin's library exports", () => {
    // libSystem re-exports memmove from libsystem_platform, the rest from these two.
    const { libsystem_kernel, libsystem_malloc } = exported;
    const known = [...libsystem_kernel, ...libsystem_malloc, "memmove"];
    assertEquals(declared.filter(({ name }) => !known.includes(name)), []);
  });

  it("declares no variadic function with more than its fixed arguments", () => {
    assertEquals(Object.keys(fixed), exported.variadic);
    for (const { name, parameters } of declared) {
      if (name in fixed) assertEquals(parameters.length, fixed[name], name);
    }
  });

  it("has the parameters of the C prototypes", () => {
    const kevent64 = ["i32", "ptr", "i32", "ptr", "i32", "u32", "ptr"];
    const prototypes: Record<string, string[]> = {
      kqueue: [],
      kevent: ["i32", "ptr", "i32", "ptr", "i32", "ptr"],
      kevent64,
      close: ["i32"],
      ioctl: ["i32", "u64"],
      __error: [],
      poll: ["ptr", "u32", "i32"],
      malloc: ["usize"],
      free: ["ptr"],
      memmove: ["ptr", "ptr", "usize"],
    };
    const pointers: unknown[] = ["pointer", "buffer"];
    for (const { name, parameters } of declared) {
      const shapes = parameters.map((type) =>
        pointers.includes(type) ? "ptr" : type
      );
      assertEquals<unknown[]>(shapes, prototypes[name], name);
    }
  });

  it("returns int, or a pointer or nothing where C does", () => {
    const others: Record<string, Deno.NativeResultType> = {
      __error: "pointer",
      memmove: "pointer",
      malloc: "pointer",
      free: "void",
    };
    for (const { name, result } of declared) {
      assertEquals(result, others[name] ?? "i32", name);
    }
  });
});
