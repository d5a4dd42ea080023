import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { getpid, kill, spawn, waitpid } from "../../posix.ts";
import { assertFails, cleanUp, run } from "./support.ts";

describe("posix.ts", () => {
  afterEach(cleanUp);

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

    it("kill() takes every pid that an int holds", () => {
      const lowest = -0x8000_0000;
      assertFails(() => kill(lowest, 0), "kill", "ESRCH");
      assertThrows(() => kill(lowest - 1, 0), RangeError, "pid must be");
      assertFails(() => kill(0x7fff_ffff, 0), "kill", "ESRCH");
      assertThrows(() => kill(0x8000_0000, 0), RangeError, "pid must be");
    });

    it("kill() refuses what is no signal", () => {
      assertFails(() => kill(getpid(), 1000), "kill", "EINVAL");
      assertThrows(
        () => kill(getpid(), "SIGNONE" as "SIGTERM"),
        TypeError,
        'signal must be a signal\'s name, such as "SIGTERM", or its number, got "SIGNONE"',
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
});
