/**
 * How fcntl's variadic argument is passed: what posix.ts declares, against what clang makes of a variadic function, of its
 * caller and of its callee, for both architectures of macOS. variadic.c has them.
 */
import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { lacks } from "../async/support.ts";

/** The instructions of each function of variadic.c, by its name. */
type Assembly = ReadonlyMap<string, readonly string[]>;

const decoder = new TextDecoder();

/** What clang makes of variadic.c for a target, or why there is nothing to see. */
function assemble(target: string): Assembly | string {
  const missing = lacks({ name: "run" });
  if (missing !== undefined) return missing;
  const args = ["-S", "-O1", "-ffreestanding", "-o", "-", "variadic.c"];
  try {
    const { success, stdout, stderr } = new Deno.Command("clang", {
      args: [`--target=${target}`, ...args],
      cwd: import.meta.dirname ?? ".",
    }).outputSync();
    if (success) return functionsOf(decoder.decode(stdout));
    return `clang for ${target}: ${decoder.decode(stderr).split("\n")[0]}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no clang";
    throw error;
  }
}

function functionsOf(text: string): Assembly {
  const functions = new Map<string, string[]>();
  let instructions: string[] = [];
  for (const line of text.split("\n")) {
    const [code] = line.split(/;|##|\/\/|# /);
    const label = code.match(/^_?(\w+):/);
    if (label !== null) functions.set(label[1], instructions = []);
    else if (/^\s+[a-z]/.test(code)) {
      instructions.push(code.trim().replace(/\s+/g, " "));
    }
  }
  return functions;
}

/** Where arm64 code puts the third argument that came to it, as an offset from the stack's top; null for nowhere. */
function storedAt(assembly: Assembly, name: string): number | null {
  const match = /^str x2, \[sp(?:, #(\d+))?\]$/m.exec(codeOf(assembly, name));
  return match === null ? null : Number(match[1] ?? 0);
}

/** Where arm64 code has its result from, as an offset from the top of its caller's stack; null for nowhere. */
function takenAt(assembly: Assembly, name: string): number | null {
  const code = codeOf(assembly, name);
  const frame = /^sub sp, sp, #(\d+)$/m.exec(code);
  const match = /^ldr x0, \[sp(?:, #(\d+))?\]!?$/m.exec(code);
  return match === null
    ? null
    : Number(match[1] ?? 0) - Number(frame?.[1] ?? 0);
}

/**
 * A caller without the name of what it calls, and without the count of vector registers in %al: where that is left to
 * chance, an Intel callee saves registers that it does not look at.
 */
function callerOf(assembly: Assembly, name: string): string {
  return codeOf(assembly, name)
    .replace(/^xorl %eax, %eax\n/m, "")
    .replace(/^(bl|callq?) .*$/m, "$1");
}

function codeOf(assembly: Assembly, name: string): string {
  const code = assembly.get(name) ?? [];
  assertGreater(code.length, 0, name);
  return code.join("\n");
}

function itOn(
  target: string,
  name: string,
  test: (assembly: Assembly) => void,
): void {
  const assembly = assemble(target);
  if (typeof assembly === "string") it.skip(`${name} (${assembly})`, () => {});
  else it(name, () => test(assembly));
}

describe("the variadic argument of fcntl", () => {
  itOn("arm64-apple-macos", "is put where a ninth integer is", (assembly) => {
    assertEquals(storedAt(assembly, "call_on_stack"), 0);
    assertEquals(storedAt(assembly, "call_variadic"), 0);
    assertEquals(storedAt(assembly, "call_plain"), null);
  });

  itOn("arm64-apple-macos", "is had from where a ninth is", (assembly) => {
    assertEquals(takenAt(assembly, "take_on_stack"), 0);
    assertEquals(takenAt(assembly, "take_variadic"), 0);
  });

  for (const target of ["x86_64-apple-macos", "aarch64-linux-gnu"]) {
    itOn(target, `is a plain third one for ${target}`, (assembly) => {
      assertEquals(
        callerOf(assembly, "call_variadic"),
        callerOf(assembly, "call_plain"),
      );
    });
  }
});
