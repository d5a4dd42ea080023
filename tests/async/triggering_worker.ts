/** A thread that triggers user events of another one's queue, for wake_thread_test.ts. */
import { Kqueue, openLibc, useLibc } from "../../mod.ts";
import { SystemError } from "../../posix.ts";

/** What the thread is to do: use a C library, or trigger a user event. */
export type Order =
  | { library: string | undefined }
  | { fd: number; ident: number; udata: number | bigint };

/** What came of it: nothing, or an error. */
export interface Answer {
  name?: string;
  code?: string;
  message?: string;
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Order>) => void) | null;
  postMessage(answer: Answer): void;
}

const scope = self as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  try {
    obey(data);
    scope.postMessage({});
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const { name, code, message } = error;
    scope.postMessage({ name, code, message });
  }
};

function obey(order: Order): void {
  if ("library" in order) {
    if (order.library !== undefined) useLibc(openLibc(order.library));
    return;
  }
  using kq = Kqueue.fromFd(order.fd);
  kq.trigger(order.ident, { udata: order.udata });
}
