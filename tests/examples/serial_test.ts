import { assertEquals } from "@std/assert";
import { describe } from "@std/testing/bdd";
import { Loop } from "../../loop.ts";
import { readableStream, writableStream } from "../../streams.ts";
import { soon } from "../async/support.ts";
import { encoder } from "../posix/support.ts"; // which opens the libraries
import { Terminal } from "../semantics/terminal.ts";
import { itMay, Program } from "./program.ts";

describe("examples/serial.ts", () => {
  itMay(
    "prints what a line says, and sends what is typed, until the line hangs up",
    async () => {
      await using loop = new Loop();
      using terminal = new Terminal();
      const { master, slave, path } = terminal;
      await using program = new Program("serial.ts", [path]);
      const device = readableStream(loop, master)
        .pipeThrough(
          new TextDecoderStream() as TransformStream<Uint8Array, string>,
        )
        .getReader();
      const writer = writableStream(loop, master).getWriter();

      await program.hears("are you there?\n");
      let text = "";
      while (!text.endsWith("\n")) text += (await soon(device.read())).value;
      assertEquals(text, "are you there?\r\n");

      await writer.write(encoder.encode("temperature 21\nhumid"));
      await program.says(/^\d\d:\d\d:\d\d.\d{3} temperature 21\n/);
      await writer.write(encoder.encode("ity 40\n"));
      await program.says(/^\d\d:\d\d:\d\d.\d{3} humidity 40\n/);

      await device.cancel();
      await writer.close();
      terminal.close(slave, master);
      await program.says(new RegExp(`^${path} has hung up\n`));
      assertEquals(await program.exitCode(), 0);
    },
  );

  itMay("says how it is used", async () => {
    await using program = new Program("serial.ts", []);
    assertEquals(await program.exitCode(), 2);
  });
});
