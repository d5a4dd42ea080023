/**
 * Random and cut-up requests: the HTTP example's parser beside Node's (llhttp, and node:http's rule of the Host field).
 *
 * `deno run --allow-run=node tests/examples/http_fuzz.ts [COUNT] [SEED]`
 *
 * Each case goes to ours in random pieces, and to Node's whole. Differences are counted by class, with an example of
 * each. The exit code is 1 where both take a request and read it in two ways.
 */
import { cases } from "./http_fuzz_cases.ts";
import { type Verdict, verdictOf } from "./http_verdict.ts";

const BATCH = 2000;
/** What ends a line, and a head. */
const END = [13, 10, 13, 10];
const decoder = new TextDecoder("latin1");

/** What Node's parser says: its requests, and the code of the error behind them, or "". */
interface NodeVerdict {
  readonly requests: string[];
  readonly code: string;
}

interface Class {
  count: number;
  readonly example: string;
}

const REASONS: readonly [string, RegExp][] = [
  [
    "another coding than chunked",
    /^transfer-encoding:(?![ \t]*chunked[ \t]*$)/im,
  ],
  ["two codings", /^transfer-encoding:[^]*^transfer-encoding:/im],
  ["two Host fields", /^host:[^]*^host:/im],
  ["two lengths", /^content-length:[^]*^content-length:/im],
  ["chunks in HTTP/1.0", /HTTP\/1\.0\r\n[^]*^transfer-encoding:/im],
  ["no Host", /^(?!host:)(?![^]*^host:)[^]*HTTP\/1\.1\r\n/im],
  ["no version", /^\S+ \S*(\r|$)/],
  ["LF alone", /(^|[^\r])\n/],
  ["CR alone", /\r(?!\n|$)/],
  ["a Host that is none", /^host:.*[^\w.:% \t\r-]/im],
  ["another expectation", /^expect:(?![ \t]*100-continue[ \t]*$)/im],
  ["a fragment in the target", /^\S+ [^ ]*#/],
  ["* without OPTIONS", /^(?!OPTIONS )\S+ \* /],
  ["a byte above ASCII in the target", /^\S+ [^ ]*[\x80-\xff]/],
  ["no target", /^\S+ (?!\/|http:\/\/)/i],
  ["a URL without a host", /^\S+ http:\/\/(\/| )/i],
  ["several spaces in the first line", /^\S+ (.* )? /],
];

const count = Number(Deno.args[0] ?? 100_000);
const seed = Number(Deno.args[1] ?? 1);
const classes = new Map<string, Class>();
let agreed = 0;
let conflicts = 0;
let accepted = 0;

const node = new Deno.Command("node", {
  args: [new URL("http_fuzz_node.cjs", import.meta.url).pathname],
  stdin: "piped",
  stdout: "piped",
}).spawn();
const writer = node.stdin.getWriter();
const lines = readLines(node.stdout);

const generator = cases(seed);
for (let done = 0; done < count; done += BATCH) {
  const batch = Array.from(
    { length: Math.min(BATCH, count - done) },
    () => generator.next().value,
  );
  const written = writer.write(frames(batch.map(({ bytes }) => bytes)));
  for (const { bytes, pieces } of batch) {
    const theirs: NodeVerdict = JSON.parse((await lines.next()).value ?? "");
    compare(bytes, verdictOf(pieces), theirs);
  }
  await written;
}
await writer.close();
await node.status;

console.log(
  `${count} cases, seed ${seed}: ${agreed} with the same verdict, ${accepted} of them with requests that were taken`,
);
for (
  const [name, { count, example }] of [...classes]
    .sort(([, a], [, b]) => b.count - a.count)
) {
  console.log(`${`${count}`.padStart(8)}  ${name}\n          ${example}`);
}
Deno.exit(conflicts > 0 ? 1 : 0);

function compare(bytes: Uint8Array, ours: Verdict, theirs: NodeVerdict): void {
  const common = Math.min(ours.requests.length, theirs.requests.length);
  for (let at = 0; at < common; at++) {
    if (ours.requests[at] === theirs.requests[at]) continue;
    conflicts++;
    note(
      `READ IN TWO WAYS: ${JSON.stringify(ours.requests[at])} and ${
        JSON.stringify(theirs.requests[at])
      }`.slice(0, 200),
      bytes,
    );
    return;
  }
  const isSame = ours.requests.length === theirs.requests.length &&
    (ours.status === 0) === (theirs.code === "");
  if (isSame) {
    agreed++;
    if (common > 0) accepted++;
    return;
  }
  const text = decoder.decode(bytes.subarray(ours.taken));
  if (ours.status !== 0) {
    const code = theirs.code === "" ? "takes it" : "refuses what comes later";
    note(`ours ${ours.status}, Node ${code}: ${reasonOf(text)}`, bytes);
  } else if (!ours.isIdle && verdictOf([bytes, END]).status !== 0) {
    note("ours waits for the line's end to refuse it, Node does not", bytes);
  } else if (ours.isLast) {
    note("ours closes the connection earlier than Node", bytes);
  } else note(`ours takes it, Node says ${theirs.code}`, bytes);
}

/** What refused a request, as far as its looks tell. */
function reasonOf(text: string): string {
  const head = text.slice(0, `${text}\r\n\r\n`.indexOf("\r\n\r\n"));
  for (const [reason, pattern] of REASONS) {
    if (pattern.test(head)) return reason;
  }
  return "something else";
}

function note(name: string, bytes: Uint8Array): void {
  const known = classes.get(name);
  if (known !== undefined) known.count++;
  else {
    const text = decoder.decode(bytes);
    classes.set(name, {
      count: 1,
      example: JSON.stringify(text).slice(0, 240),
    });
  }
}

function frames(inputs: readonly Uint8Array[]): Uint8Array {
  const size = inputs.reduce((sum, { length }) => sum + 4 + length, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const input of inputs) {
    view.setUint32(at, input.length, true);
    bytes.set(input, at + 4);
    at += 4 + input.length;
  }
  return bytes;
}

async function* readLines(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
