import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkOptions } from "../../options.ts";

const EXAMPLE = { port: 8080, address: "127.0.0.1" };

function refusal(value: unknown): string {
  return assertThrows(() => checkOptions("options", value, EXAMPLE), TypeError)
    .message;
}

describe("checkOptions()", () => {
  it("takes an object with any of the options, or none", () => {
    const bare = Object.assign(Object.create(null), { port: 1 });
    for (const value of [{}, { port: undefined }, EXAMPLE, bare]) {
      checkOptions("options", value, EXAMPLE);
    }
  });

  it("takes an instance of a class that has options", () => {
    class Options {
      get port(): number {
        return 1;
      }
    }
    checkOptions("options", new Options(), EXAMPLE);
  });

  for (
    const [value, shown] of [
      [8080, "8080"],
      ["r", '"r"'],
      [5n, "5n"],
      [true, "true"],
      [null, "null"],
      [undefined, "undefined"],
      [Symbol("s"), "Symbol(s)"],
      [() => {}, "a function"],
      [[8080], "an array"],
      [[], "an empty array"],
      [new Date(0), "[object Date]"],
      [new AbortController().signal, "[object AbortSignal]"],
    ] as const
  ) {
    it(`refuses ${shown}`, () => {
      assertEquals(
        refusal(value),
        `options must be an object such as { port: 8080 }, got ${shown}`,
      );
    });
  }

  it("names a key that is no option, and those that are", () => {
    const message = (key: string) =>
      `options must have no "${key}", only port, address`;
    assertEquals(refusal({ hostname: "x" }), message("hostname"));
    assertEquals(refusal({ port: 1, Port: 1 }), message("Port"));
    assertEquals(refusal({ toString: 1 }), message("toString"));
  });

  it("calls no getter", () => {
    checkOptions("options", {
      get port(): never {
        throw new Error("called");
      },
    }, EXAMPLE);
  });
});
