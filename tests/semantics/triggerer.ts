/** A thread that triggers user events of another one's queue, for threads_test.ts. */
import { kevTimer, Kqueue, openLibc, useLibc } from "../../mod.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
}

const scope = self as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  if ("library" in data) {
    if (data.library !== null) useLibc(openLibc(data.library));
    scope.postMessage("ready");
    return;
  }
  const { fd, ident, udata } = data;
  using moment = new Kqueue({ capacity: 1 });
  moment.apply(kevTimer(1, 20));
  moment.wait();
  using kq = Kqueue.fromFd(fd);
  kq.trigger(ident, { udata });
};
