import { assert, assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { kevTimer, kevUser, Kqueue } from "../../mod.ts";
import { darwinLibrary } from "../darwin/library.ts";
import { only } from "./calls.ts";
import { describeKernels } from "./kernels.ts";

/** A worker that triggers user events of this thread's queue when it is told to. */
async function startTriggerer(library: string | null): Promise<Worker> {
  const worker = new Worker(new URL("./triggerer.ts", import.meta.url), {
    type: "module",
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.postMessage({ library });
  await ready;
  return worker;
}

describeKernels("threads", (kernel) => {
  const triggers = kernel.isEngine ? it.skip : it;
  const reason = kernel.isEngine
    ? " (*Linux*: a queue belongs to one isolate)"
    : "";

  triggers(`R62 a trigger of another thread ends a wait${reason}`, async () => {
    const library = kernel.isStandIn ? darwinLibrary() : null;
    assert(library === null || "path" in library);
    const worker = await startTriggerer(library && library.path);
    try {
      using kq = new Kqueue();
      kq.apply([kevUser(1), kevTimer(2, 10_000)]);
      for (let round = 1; round <= 5; round++) {
        // It waits a moment itself, so that this thread is asleep by then.
        worker.postMessage({ fd: kq.fd, ident: 1, udata: round });
        const { ident, udata } = only(kq.wait().toArray());
        assertEquals([ident, udata], [1n, BigInt(round)]);
        assertEquals(kq.poll().length, 0);
      }
    } finally {
      worker.terminate();
    }
  });
});
