/** A thread that waits for a timer's events until it is ended, for pool.ts. */
import { kevTimer, Kqueue, openLibc, useLibc } from "../../mod.ts";

/** What the thread is told: which library to use, and how to end. */
export interface Order {
  readonly library: string | undefined;
  readonly end: "terminate" | "close" | "throw";
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

const scope = self as unknown as WorkerScope;

scope.onmessage = async ({ data: { library, end } }) => {
  if (library !== undefined) useLibc(openLibc(library));
  const kq = new Kqueue();
  kq.apply(kevTimer(1, 5));
  scope.postMessage("up");
  const delay = 5 + Math.random() * 20;
  if (end === "close") setTimeout(() => scope.close(), delay);
  if (end === "throw") {
    setTimeout(() => {
      throw new Error("an uncaught error, on purpose");
    }, delay);
  }
  for await (const _ of kq);
};
