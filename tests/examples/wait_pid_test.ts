import { assertEquals } from "@std/assert";
import { afterEach, describe } from "@std/testing/bdd";
import { kill, spawn, waitpid } from "../../posix.ts";
import { cleanUp, cleanups } from "../posix/support.ts";
import { itMay, Program } from "./program.ts";

/** A process that lasts until it is ended. */
function sleeper(): number {
  const pid = spawn(["sleep", "1000"]);
  cleanups.push(() => {
    kill(pid, "SIGKILL");
    waitpid(pid);
  });
  return pid;
}

describe("examples/wait_pid.ts", () => {
  afterEach(cleanUp);

  itMay("waits for a process that is not its child", async () => {
    const pid = spawn(["sleep", "1000"]);
    await using program = new Program("wait_pid.ts", [`${pid}`]);
    await program.says(new RegExp(`^Waiting for process ${pid}.\n`));
    kill(pid, "SIGKILL");
    await program.says(
      new RegExp(`^Process ${pid} has exited, after .* s of waiting.\n`),
    );
    assertEquals(await program.exitCode(), 0);
    waitpid(pid);
  });

  itMay("gives up when it is told to", async () => {
    const pid = sleeper();
    await using program = new Program("wait_pid.ts", [`${pid}`, "0.1"]);
    await program.says(
      new RegExp(`\nProcess ${pid} is still there after 0.1 s.\n`),
    );
    assertEquals(await program.exitCode(), 1);
  });

  itMay("tells of a process that is not there", async () => {
    const pid = spawn(["true"]);
    waitpid(pid);
    await using program = new Program("wait_pid.ts", [`${pid}`]);
    await program.says(new RegExp(`There is no process ${pid}.\n`));
    assertEquals(await program.exitCode(), 1);
  });

  itMay("says how it is used", async () => {
    await using program = new Program("wait_pid.ts", ["init"]);
    assertEquals(await program.exitCode(), 2);
  });
});
