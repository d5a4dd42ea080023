import { assert, assertEquals } from "@std/assert";
import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { darwinLibrary } from "../darwin/library.ts";
import { only } from "./calls.ts";
import { describeKernels, type Kernel } from "./kernels.ts";

const TRIGGERER = new URL("./triggerer.ts", import.meta.url);

/** A worker that triggers user events of this thread's queue when it is told to. */
async function startTriggerer({ isStandIn }: Kernel): Promise<Worker> {
  const library = isStandIn ? darwinLibrary() : { path: null };
  assert("path" in library);
  const worker = new Worker(TRIGGERER, { type: "module" });
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.postMessage({ library: library.path });
  await ready;
  return worker;
}

/** Why a queue cannot be shared with another thread here; undefined where it can. */
function obstacle(kernel: Kernel): string | undefined {
  if (kernel.isEngine) return "*Linux*: a queue belongs to one isolate";
  const { state } = Deno.permissions.querySync({
    name: "read",
    path: TRIGGERER,
  });
  return state === "granted" ? undefined : "a worker needs --allow-read";
}

describeKernels("threads", (kernel) => {
  const why = obstacle(kernel);
  // R62, and its *Linux* clause.
  const test = why === undefined ? it : it.skip;
  const reason = why === undefined ? "" : ` (${why})`;

  let worker: Worker;
  beforeAll(async () => {
    if (why === undefined) worker = await startTriggerer(kernel);
  });
  afterAll(() => {
    worker?.terminate();
  });

  test(`R62 a trigger of another thread ends a wait${reason}`, () => {
    using kq = new Kqueue();
    kq.apply([kevUser(1), kevTimer(2, 10_000)]);
    for (let round = 1; round <= 5; round++) {
      // It waits a moment itself, so that this thread is asleep by then.
      worker.postMessage({ fd: kq.fd, ident: 1, udata: round });
      const { ident, udata } = only(kq.wait().toArray());
      assertEquals([ident, udata], [1n, BigInt(round)]);
      assertEquals(kq.poll().length, 0);
    }
  });
});
