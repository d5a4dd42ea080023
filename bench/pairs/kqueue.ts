/** The pairs on one `Kqueue`: `deno run --allow-ffi bench/pairs/kqueue.ts ACTIVE IDLE`. */
import { kevRead, Kqueue } from "../../mod.ts";
import { read, socketpair, write } from "../../posix.ts";
import { serve } from "../frame/peer.ts";

const [active, idle] = Deno.args.map(Number);
const MESSAGE = new Uint8Array(10);
const buffer = new Uint8Array(64);

const kq = new Kqueue({ capacity: 1024 });
const writers = Array.from({ length: active + idle }, () => {
  const [reader, writer] = socketpair();
  kq.apply(kevRead(reader));
  return writer;
}).slice(0, active);

serve((count) => {
  for (let call = 0; call < count; call++) {
    for (let index = 0; index < active; index++) write(writers[index], MESSAGE);
    for (let left = active; left > 0;) {
      const events = kq.wait();
      for (let index = 0; index < events.length; index++) {
        read(events.identNumber(index), buffer);
      }
      left -= events.length;
    }
  }
});
