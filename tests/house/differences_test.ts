import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { differencesIn } from "../differences.ts";

function reasons(...lines: string[]): string[] {
  return differencesIn(lines.join("\n")).map(({ reason }) => reason);
}

describe("differencesIn()", () => {
  it("finds a line that asks for the system, and none that hands the answer on", () => {
    const source = [
      'import { IS_LINUX } from "../system.ts";',
      'const IS_LINUX = Deno.build.os === "linux";',
      'describeKernels("a", ({ isStandIn }) => {',
      "  const rooms = IS_LINUX ? 1 : 2;",
      "});",
    ];
    assertEquals(differencesIn(source.join("\n")), [
      { line: 4, text: "const rooms = IS_LINUX ? 1 : 2;", reason: "" },
    ]);
  });

  it("takes the rule of the test around a line", () => {
    assertEquals(
      reasons(
        '  it("R8 something", () => {});',
        '  it("R9 something", {',
        "    ignore: !mayRun(),",
        "  }, () => {",
        "    if (kernel.isEngine) return;",
        "  });",
      ),
      ["R9", "R9"],
    );
  });

  it("takes no rule of a test beside it", () => {
    assertEquals(
      reasons(
        '  it("R8 something", () => {',
        "    run();",
        "  });",
        '  it("something else", () => {',
        "    if (kernel.isEngine) return;",
        "  });",
        '  it("R9 something", () => {});',
      ),
      [""],
    );
  });

  it("takes a comment at its end, above it, or above what it is part of", () => {
    assertEquals(
      reasons(
        "if (kernel.isEngine) return; // R22",
        "// Why.",
        "const size = IS_LINUX ? 1 : 2;",
        "/** Why",
        " * it is so. */",
        "const SIZES = {",
        "  size: IS_LINUX ? 1 : 2,",
        "};",
      ),
      ["R22", "Why.", "Why it is so."],
    );
  });

  it("takes the reason that the name of a test left out has", () => {
    assertEquals(reasons("it.skip(`${name} (no compiler)`, () => {});"), [
      "its name says so: (no compiler)",
    ]);
  });
});
