/** The numbers and layouts that posix.ts knows, against what this system's headers say, where there is a compiler. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { packPath, packSockaddr } from "../../posix/address.ts";
import * as platform from "../../posix/platform.ts";
import { lacks } from "../async/support.ts";

const { IS_DARWIN, PLATFORM } = platform;

const HEADERS = [
  "fcntl.h",
  "limits.h",
  "netinet/in.h",
  "netinet/tcp.h",
  "poll.h",
  "stddef.h",
  "stdio.h",
  "sys/ioctl.h",
  "sys/socket.h",
  "sys/time.h",
  "sys/types.h",
  "sys/un.h",
  "sys/wait.h",
  "unistd.h",
];

/** What has another name in the header, or none. */
const NAMES: Readonly<Record<string, string>> = {
  SO_LINGER: IS_DARWIN ? "SO_LINGER_SEC" : "SO_LINGER",
  // The kernel's own on Darwin; Linux has none.
  MSG_NBIO: `${PLATFORM.MSG_NBIO}`,
};

/** Sizes and offsets, and what the code takes them for. */
const LAYOUT: Readonly<Record<string, number>> = {
  "sizeof(struct sockaddr_in)": packSockaddr({ address: "0.0.0.0", port: 1 })
    .length,
  "sizeof(struct sockaddr_in6)": packSockaddr({ address: "::", port: 1 })
    .length,
  "sizeof(((struct sockaddr_un *)0)->sun_path)": PLATFORM.sunPathSize,
  "offsetof(struct sockaddr_un, sun_path)": packPath("x").length - 2,
  "offsetof(struct sockaddr_in, sin_port)": 2,
  "offsetof(struct sockaddr_in, sin_addr)": 4,
  "offsetof(struct sockaddr_in6, sin6_port)": 2,
  "offsetof(struct sockaddr_in6, sin6_addr)": 8,
  "offsetof(struct sockaddr, sa_family)": IS_DARWIN ? 1 : 0,
  "sizeof(sa_family_t)": IS_DARWIN ? 1 : 2,
  "sizeof(socklen_t)": 4,
  "sizeof(struct pollfd)": 8,
  "offsetof(struct pollfd, events)": 4,
  "offsetof(struct pollfd, revents)": 6,
  "sizeof(struct linger)": 8,
  "offsetof(struct linger, l_linger)": 4,
  "sizeof(struct timeval)": 16,
  "sizeof(pid_t)": 4,
  "sizeof(off_t)": 8,
  "sizeof(size_t)": 8,
};

/** By the names of the headers, what posix/platform.ts says. */
function constants(): Record<string, number> {
  const shared = Object.entries(platform).filter(([name]) =>
    !["DARWIN", "LINUX", "PLATFORM", "IS_DARWIN"].includes(name)
  );
  const own = Object.entries(PLATFORM).filter(([name]) => /^[A-Z]/.test(name));
  return Object.fromEntries(
    [...shared, ...own].map(([name, value]) => [name, Number(value)]),
  );
}

function program(expressions: readonly string[]): string {
  return [
    "#define _GNU_SOURCE",
    ...HEADERS.map((header) => `#include <${header}>`),
    "#ifdef __APPLE__",
    "#include <sys/filio.h>",
    "#endif",
    // Flags that a system does not have are 0 to the code.
    ...["SOCK_CLOEXEC", "SOCK_NONBLOCK"].map((name) =>
      `#ifndef ${name}\n#define ${name} 0\n#endif`
    ),
    "int main(void) {",
    ...expressions.map((expression) =>
      `  printf("%llu\\n", (unsigned long long)(${expression}));`
    ),
    "  return 0;",
    "}",
    "",
  ].join("\n");
}

/** What a C program of the expressions prints, or why there is none. */
function evaluate(expressions: readonly string[]): number[] | string {
  const missing = lacks({ name: "run" }) ?? lacks({ name: "write" });
  if (missing !== undefined) return missing;
  const folder = Deno.makeTempDirSync({ prefix: "kqueue-headers-" });
  try {
    Deno.writeTextFileSync(`${folder}/headers.c`, program(expressions));
    run("cc", ["-o", "headers", "headers.c"], folder);
    return run(`${folder}/headers`, [], folder).trim().split("\n").map(Number);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no cc";
    throw error;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function run(command: string, args: string[], cwd: string): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args, cwd })
    .outputSync();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

function itAgrees(name: string, known: Readonly<Record<string, number>>): void {
  const names = Object.keys(known);
  const values = evaluate(names.map((name) => NAMES[name] ?? name));
  if (typeof values === "string") {
    it.skip(`${name} (${values})`, () => {});
    return;
  }
  it(name, () => {
    const found = names.map((name, i) => [name, values[i]]);
    assertEquals(known, Object.fromEntries(found));
  });
}

describe("posix/platform.ts", () => {
  itAgrees("has the numbers of this system's headers", constants());
  itAgrees("has the layouts of this system's headers", LAYOUT);

  it("has Apple's numbers, whatever the system", () => {
    // <sys/socket.h>, <sys/fcntl.h>, <sys/filio.h>, <sys/un.h> and <sys/syslimits.h> of xnu; MSG_NBIO is of <sys/socket_private.h>.
    assertEquals<platform.Platform>(platform.DARWIN, {
      sockaddrHasLength: true,
      sunPathSize: 104,
      AF_INET6: 30,
      SOCK_CLOEXEC: 0,
      SOCK_NONBLOCK: 0,
      SOL_SOCKET: 0xffff,
      SO_REUSEADDR: 0x4,
      SO_REUSEPORT: 0x200,
      SO_LINGER: 0x1080,
      SO_SNDBUF: 0x1001,
      SO_RCVBUF: 0x1002,
      SO_RCVLOWAT: 0x1004,
      SO_SNDTIMEO: 0x1005,
      SO_ERROR: 0x1007,
      SO_TYPE: 0x1008,
      MSG_DONTWAIT: 0x80,
      MSG_NOSIGNAL: 0x80000,
      MSG_NBIO: 0x20000,
      O_NONBLOCK: 0x4,
      O_APPEND: 0x8,
      O_TRUNC: 0x400,
      O_CLOEXEC: 0x100_0000,
      FIOCLEX: 0x2000_6601n,
      PIPE_BUF: 512,
    });
  });
});
