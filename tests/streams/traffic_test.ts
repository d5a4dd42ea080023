import { assert, assertEquals } from "@std/assert";
import { Loop } from "../../loop.ts";
import { readableStream, writableStream } from "../../streams.ts";
import { it, soon } from "../async/support.ts";
import { Descriptors } from "../semantics/descriptors.ts";
import { describeKernels } from "../semantics/kernels.ts";
import { LINES, Random } from "./support.ts";
import { sendInParts, stopAnywhere } from "./traffic.ts";

const MIB = 1 << 20;
const WHILE = 50_000;

describeKernels("bytes through streams", () => {
  for (const [index, line] of LINES.entries()) {
    const other = LINES[(index + 1) % LINES.length];
    it(`arrive, whatever is interrupted: ${line.name}, ${other.name}`, async () => {
      await using loop = new Loop();
      const random = new Random(index);
      const sent = sendInParts(loop, [line, other], 4 * MIB, 100, random);
      assert(await soon(sent, WHILE) > 10);
    });

    it(`are found when it is stopped anywhere: ${line.name}`, async () => {
      await using loop = new Loop();
      const random = new Random(index);
      for (let round = 0; round < 50; round++) {
        await soon(stopAnywhere(loop, line, random), WHILE);
      }
    });
  }

  it("of many streams at once do not get mixed up", async () => {
    await using loop = new Loop();
    const sent = Array.from({ length: 20 }, (_, index) => {
      const lines = [LINES[index % 4], LINES[index % 3]] as const;
      return sendInParts(loop, lines, MIB / 4, 10, new Random(index));
    });
    await soon(Promise.all(sent), WHILE);
  });

  it("make their way through a thousand connections of one loop", async () => {
    await using loop = new Loop();
    using fds = new Descriptors();
    const options = { close: true };
    const answers = Array.from({ length: 1000 }, async (_, index) => {
      const [a, b] = fds.socketpair();
      fds.forget(a, b);
      const echo = readableStream(loop, b, options)
        .pipeTo(writableStream(loop, b, options));
      const answer = new Response(readableStream(loop, a, options)).text();
      const writer = writableStream(loop, a, options).getWriter();
      const text = `connection ${index}`;
      await writer.write(new TextEncoder().encode(text));
      await writer.close();
      assertEquals(await answer, text);
      await echo;
    });
    assert(answers.length === 1000);
    await soon(Promise.all(answers), WHILE);
  });
});
