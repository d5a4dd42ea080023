import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { constants } from "node:os";
import { PATIENCE } from "./calls.ts";

// Where Deno may be started.
describe("a program with EVFILT_SIGNAL", { ignore: !mayRunDeno() }, () => {
  const prelude = `
    import { EV_DELETE, Kqueue, kevSignal } from "${
    import.meta.resolve("../../mod.ts")
  }";
    import { getpid, kill } from "${import.meta.resolve("../../posix.ts")}";
    const kq = new Kqueue();`;

  it("R70 is free to exit", async () => {
    const { success } = await run(`${prelude} kq.apply(kevSignal(15));`);
    assertEquals(success, true);
  });

  it("R70 ignores again what it ignored before, and is free to exit", async () => {
    const number = constants.signals.SIGUSR2;
    const { success, signal } = await run(
      `${prelude}
        for (let i = 0; i < 2; i++) {
          kq.apply(kevSignal(${number}));
          kill(getpid(), ${number});
          const events = await kq.waitAsync({ timeoutMs: ${PATIENCE} });
          if (events.length !== 1) throw new Error("no event");
          kq.apply(kevSignal(${number}, { flags: EV_DELETE }));
          kill(getpid(), ${number});
          await new Promise((resolve) => setTimeout(resolve, 50));
        }`,
      'trap "" USR2',
    );
    assertEquals([success, signal], [true, null]);
  });

  it("R70 dies of a signal again once its last watcher is gone", async () => {
    for (
      const end of [
        "kq.apply(kevSignal(15, { flags: EV_DELETE }))",
        "kq.close()",
      ]
    ) {
      const { signal } = await run(`${prelude}
        kq.apply(kevSignal(15));
        ${end};
        kill(getpid(), 15);
        setTimeout(() => {}, ${PATIENCE});`);
      assertEquals(signal, "SIGTERM", end);
    }
  });
});

/** Runs a module in a Deno of its own, with --allow-ffi alone, after some commands of a shell. */
async function run(
  source: string,
  commands = ":",
): Promise<Deno.CommandStatus> {
  const script = `${commands}; exec "$0" run --no-prompt --allow-ffi -`;
  const child = new Deno.Command("sh", {
    args: ["-c", script, Deno.execPath()],
    stdin: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  return await child.status;
}

function mayRunDeno(): boolean {
  return Deno.permissions.querySync({ name: "run" }).state === "granted";
}
