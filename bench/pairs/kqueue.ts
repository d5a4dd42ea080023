/** The pairs on one `Kqueue`: `deno run --allow-ffi bench/pairs/kqueue.ts [--lowat] ACTIVE IDLE`. */
import { kevRead, Kqueue, NOTE_LOWAT } from "../../mod.ts";
import { read, socketpair, write } from "../../posix.ts";
import { serve } from "../frame/peer.ts";

const isLowat = Deno.args[0] === "--lowat";
const [active, idle] = Deno.args.slice(isLowat ? 1 : 0).map(Number);
const options = isLowat ? { fflags: NOTE_LOWAT, data: 1 } : {};
const MESSAGE = new Uint8Array(10);
const buffer = new Uint8Array(64);

const kq = new Kqueue({ capacity: 1024 });
const writers = Array.from({ length: active + idle }, () => {
  const [reader, writer] = socketpair();
  kq.apply(kevRead(reader, options));
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
