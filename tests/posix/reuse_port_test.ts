import { assertEquals } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { listen } from "../../posix.ts";
import { assertFails, cleanUp, kept } from "./support.ts";

describe("listen()", () => {
  afterEach(cleanUp);

  it("shares a port with those that say reusePort too, and with no others", () => {
    const first = listen({ reusePort: true });
    kept(first.fd);
    const second = listen({ port: first.port, reusePort: true });
    kept(second.fd);
    assertEquals(second.port, first.port);
    assertFails(() => listen({ port: first.port }), "bind", "EADDRINUSE");
  });
});
