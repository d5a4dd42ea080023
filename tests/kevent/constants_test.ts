import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import os from "node:os";
import * as constants from "../../constants.ts";
import data from "../data/event.json" with { type: "json" };

/** In the header, but no filter that a program can ask for. */
const NOT_PUBLIC = new Set(["EVFILT_SYSCOUNT", "EVFILT_THREADMARKER"]);

/** Darwin's errno names that `node:os` does not list: Darwin alone has them. */
const DARWIN_ONLY = new Set([
  "EPROCLIM",
  "EBADRPC",
  "ERPCMISMATCH",
  "EPROGUNAVAIL",
  "EPROGMISMATCH",
  "EPROCUNAVAIL",
  "EFTYPE",
  "EAUTH",
  "ENEEDAUTH",
  "EPWROFF",
  "EDEVERR",
  "EBADEXEC",
  "EBADARCH",
  "ESHLIBVERS",
  "EBADMACHO",
  "ENOATTR",
  "ENOPOLICY",
  "ELAST",
  "EQFULL",
]);

/** Names that Linux has as well, but that `node:os` lists nowhere. */
const UNLISTED = new Set([
  "ENOTBLK",
  "ESOCKTNOSUPPORT",
  "EPFNOSUPPORT",
  "ESHUTDOWN",
  "ETOOMANYREFS",
  "EHOSTDOWN",
  "EUSERS",
  "EREMOTE",
  "ENOTRECOVERABLE",
  "EOWNERDEAD",
]);

const exported: Record<string, unknown> = { ...constants };

/** What the header gives: its one negative mask as the unsigned number that an event holds. */
const expected = Object.fromEntries(
  Object.entries(data.constants)
    .filter(([name]) => !NOT_PUBLIC.has(name))
    .map(([name, value]) => [
      name,
      name.startsWith("EVFILT_") ? value : value >>> 0,
    ]),
);

describe("constants.ts", () => {
  for (const [name, value] of Object.entries(expected)) {
    it(`${name} is ${value}`, () => {
      assertEquals(exported[name], value);
    });
  }

  it("exports nothing that the header does not have", () => {
    const extra = Object.keys(exported).filter((name) => !(name in expected));
    assertEquals(extra, []);
  });

  it("exports integers that fit their field of the record", () => {
    for (const [name, value] of Object.entries(exported)) {
      assert(
        typeof value === "number" && Number.isInteger(value),
        `${name} is ${value}, not an integer`,
      );
      const [least, most] = range(name);
      assert(
        value >= least && value <= most,
        `${name} is ${value}, outside ${least} to ${most}`,
      );
    }
  });

  it("NOTE_PCTRLMASK is unsigned and complements NOTE_PDATAMASK", () => {
    assertEquals(constants.NOTE_PCTRLMASK, 0xfff00000);
    assertEquals(constants.NOTE_PCTRLMASK, ~constants.NOTE_PDATAMASK >>> 0);
  });

  documentationTest();
});

describe("errno names", () => {
  const numbers: Record<string, number | undefined> = {
    ...os.constants.errno,
  };

  it("node:os has every name of Darwin's that it can be asked for", () => {
    const missing = Object.keys(data.errno).filter((name) =>
      numbers[name] === undefined && !DARWIN_ONLY.has(name) &&
      !UNLISTED.has(name)
    );
    assertEquals(missing, []);
  });
});

/** The least and the greatest value of the field that a constant's prefix names. */
function range(name: string): [number, number] {
  if (name.startsWith("EVFILT_")) return [-0x8000, -1];
  if (name.startsWith("EV_")) return [0, 0xffff];
  return [0, 0xffffffff];
}

/** Reads the source, so it runs only where the test may read it. */
function documentationTest(): void {
  const name = "every constant has a doc comment";
  const source = new URL("../../constants.ts", import.meta.url);
  const { state } = Deno.permissions.querySync({ name: "read", path: source });
  if (state !== "granted") {
    it.skip(`${name} (needs --allow-read)`, () => {});
    return;
  }
  it(name, () => {
    const lines = Deno.readTextFileSync(source).split("\n");
    const bare = lines.filter((line, index) =>
      line.startsWith("export const ") && !lines[index - 1]?.endsWith("*/")
    );
    assertEquals(bare, []);
  });
}
