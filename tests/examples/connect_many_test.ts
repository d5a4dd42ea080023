import { assertEquals, assertMatch } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { connectMany } from "../../examples/connect_many.ts";
import { close, listen } from "../../posix.ts";
import { cleanUp, kept, lowestFree } from "../posix/support.ts";
import { itMay } from "./program.ts";

const TIMEOUT_MS = 60_000;

/** A port where somebody listens, and one where nobody does. */
function ports(): [open: number, closed: number] {
  const closed = listen();
  const open = listen();
  close(closed.fd);
  kept(open.fd);
  return [open.port, closed.port];
}

describe("examples/connect_many.ts", () => {
  afterEach(cleanUp);

  it("tells those that answer from those that refuse", () => {
    const before = lowestFree();
    const [open, closed] = ports();
    const address = "127.0.0.1";
    const targets = Array.from({ length: 100 }, (_, i) => ({
      address,
      port: i % 3 === 0 ? closed : open,
    }));
    const outcomes = connectMany(targets, TIMEOUT_MS);
    for (const target of targets) {
      assertEquals(
        outcomes.get(target),
        target.port === open ? "connected" : "ECONNREFUSED",
      );
    }
    cleanUp();
    assertEquals(lowestFree(), before);
  });

  itMay("makes a thousand connects", () => {
    const { success, stdout } = example([]);
    assertEquals(success, true);
    assertMatch(stdout, /^1000 connects, \d+ ms: /);
    assertMatch(stdout, /667 connected/);
    assertMatch(stdout, /333 ECONNREFUSED/);
  });

  itMay("makes do with few descriptors", () => {
    const { success, stdout } = example([], "ulimit -n 64");
    assertEquals(success, true);
    assertMatch(stdout, /667 connected/);
    assertMatch(stdout, /333 ECONNREFUSED/);
  });

  itMay("takes addresses and ports", () => {
    const [open, closed] = ports();
    const { stdout } = example(["127.0.0.1", `${open}`, `${closed}`]);
    assertMatch(stdout, /^2 connects, /);
    assertMatch(stdout, new RegExp(`\n127.0.0.1 port ${open}\n$`));
  });
});

/** What the example prints, started by a shell after `setup`. */
function example(
  args: string[],
  setup = "true",
): { success: boolean; stdout: string } {
  const path = new URL("../../examples/connect_many.ts", import.meta.url);
  const { success, stdout } = new Deno.Command("sh", {
    args: [
      "-c",
      `${setup} && exec "$@"`,
      "sh",
      Deno.execPath(),
      ...["run", "--no-prompt", "--allow-ffi", path.pathname],
      ...args,
    ],
    stderr: "inherit",
    stdin: "null",
  }).outputSync();
  return { success, stdout: new TextDecoder().decode(stdout) };
}
