/** The timers by setTimeout, in Deno and in Node: `deno run timeouts.mjs set|fire|cancel`. */
import process from "node:process";
import { createInterface } from "node:readline";
import { DUE, FAR } from "./delays.mjs";

const [measured] = process.argv.slice(2);
const ids = [];
let left = 0;
let done = () => {};

for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line);
  left = count;
  const all = new Promise((resolve) => done = resolve);
  const start = process.cpuUsage();
  set(count);
  const setting = timeSince(start);
  const middle = process.cpuUsage();
  if (measured === "fire") await all;
  else cancel();
  console.log(`${measured === "set" ? setting : timeSince(middle)}`);
}
process.exit();

function set(count) {
  const delayOf = measured === "fire" ? DUE : FAR;
  ids.length = 0;
  for (let index = 0; index < count; index++) {
    ids.push(setTimeout(fired, delayOf(index)));
  }
}

function fired() {
  if (--left === 0) done();
}

function cancel() {
  for (const id of ids) clearTimeout(id);
}

/** CPU time, in ns. */
function timeSince(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1e3;
}
