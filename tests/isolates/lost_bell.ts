/**
 * A program in which somebody else closes the descriptor that calls the waiting thread back, and gives its number to another
 * file: `lost_bell.ts closed|quiet|readable|queue [LIBRARY]`. Prints what came of it as JSON.
 */
import { openSystemLibrary } from "../../library.ts";
import { kevTimer, kevUser, Kqueue, openLibc, useLibc } from "../../mod.ts";
import { close, dup, pipe, write } from "../../posix.ts";

/** What the number names from then on. */
export type Loss = "closed" | "quiet" | "readable" | "queue";

/** What the program prints. */
export interface Outcome {
  /** How many events each of the waits afterwards brought. */
  readonly waits: number[];
  /** How many events the other queue still has that came to the number, and which had one. */
  readonly kept: number;
}

/** Past the module, which would be told. */
const { symbols: behind } = openSystemLibrary({
  // int close(int fildes);
  close: { parameters: ["i32"], result: "i32" },
  // int dup2(int fildes, int fildes2);
  dup2: { parameters: ["i32", "i32"], result: "i32" },
});

async function run(loss: Loss): Promise<Outcome> {
  using kq = new Kqueue();
  await pause(50); // until Deno opens and closes nothing any more
  const bell = lowestFree();
  const waiting = kq.waitAsync();
  while (lowestFree() <= bell) await pause(5);
  await pause(20);
  using other = lose(bell, loss);
  const waits: number[] = [];
  for (let count = 0; count < 4; count++) {
    using joining = new Kqueue();
    joining.apply(kevTimer(1, 1));
    waits.push((await joining.waitAsync()).length);
    await pause(5);
  }
  const kept = other === undefined ? 1 : other.poll().length;
  kq.close();
  await waiting.catch(() => {});
  return { waits, kept };
}

/** What the next descriptor will be: the bell, when the first wait opens that. */
function lowestFree(): number {
  const fd = dup(1);
  close(fd);
  return fd;
}

function lose(bell: number, loss: Loss): Kqueue | undefined {
  if (loss === "closed" || loss === "queue") behind.close(bell);
  if (loss === "queue") {
    const kq = new Kqueue();
    if (kq.fd !== bell) throw new Error(`${kq.fd} is not ${bell}`);
    kq.apply(kevUser(0));
    kq.trigger(0);
    return kq;
  }
  if (loss === "closed") return undefined;
  const [reader, writer] = pipe();
  if (loss === "readable") write(writer, new Uint8Array(1));
  behind.dup2(reader, bell);
  return undefined;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

if (import.meta.main) {
  const [loss, library] = Deno.args;
  if (library !== undefined) useLibc(openLibc(library));
  console.log(JSON.stringify(await run(loss as Loss)));
}
