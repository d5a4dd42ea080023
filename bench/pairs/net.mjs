/** The pairs as sockets of Node's `net`, connected over a Unix socket: `node net.mjs ACTIVE IDLE`. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";

const [active, idle] = process.argv.slice(2).map(Number);
const MESSAGE = Buffer.alloc(10);
const writers = [];
let left = 0;
let done = () => {};

await makePairs(active + idle);
writers.splice(active);

for await (const line of createInterface({ input: process.stdin })) {
  const start = process.cpuUsage();
  await work(Number(line));
  const { user, system } = process.cpuUsage(start);
  console.log(`${(user + system) * 1e3}`);
}
process.exit();

async function makePairs(count) {
  const folder = mkdtempSync(`${tmpdir()}/kqueue-bench-`);
  const server = createServer();
  server.listen(`${folder}/socket`);
  await once(server, "listening");
  for (let index = 0; index < count; index++) {
    const accepted = once(server, "connection");
    const near = connect(`${folder}/socket`);
    const [far] = await accepted;
    near.on("data", arrived);
    writers.push(far);
  }
  server.close();
  rmSync(folder, { recursive: true });
}

function arrived() {
  if (--left === 0) done();
}

async function work(count) {
  for (let call = 0; call < count; call++) {
    left = active;
    const all = new Promise((resolve) => done = resolve);
    for (const writer of writers) writer.write(MESSAGE);
    await all;
  }
}
