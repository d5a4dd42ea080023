import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { constants } from "node:os";

const { EPERM, ENOSYS, ENOPROTOOPT, EINVAL } = constants.errno;
const IS_ARM = Deno.build.arch === "aarch64";

/** System calls, by their numbers on x86-64 and arm64. */
const CALLS = {
  fcntl: [72, 25],
  getrlimit: [97, 163],
  getsockopt: [55, 209],
  inotify_init1: [294, 26],
  inotify_add_watch: [254, 27],
  ioctl: [16, 29],
  pidfd_open: [434, 434],
  prlimit64: [302, 261],
  readlink: [89, 78],
  statfs: [138, 44],
  statx: [332, 291],
  timerfd_create: [283, 85],
  timerfd_settime: [286, 86],
  epoll_pwait2: [441, 441],
} as const;

/** What each trial comes to where nothing is refused. */
const WORKING: Record<string, string> = {
  USER: "an event",
  TIMER: "an event",
  "a pipe's READ": "an event",
  "a pipe's WRITE": "an event",
  "a socket's READ": "an event",
  "a socket's WRITE": "an event",
  "a datagram socket's WRITE": "an event",
  "a listener's READ": "an event",
  "a file's READ": "an event",
  "a file's VNODE": "an event",
  PROC: "an event",
  "a wait of a fraction of a ms": "an event",
  "a closed number that lives on": "nothing",
};

const TIMERS = ["TIMER", "a wait of a fraction of a ms"];
const FILES = ["a file's READ", "a file's VNODE"];

interface Refusal {
  readonly call: keyof typeof CALLS;
  /** Only where an argument has a value. */
  readonly where?: readonly [argument: number, value: number];
  readonly what?: string;
  /** The errors it may be refused with, if not the usual two. */
  readonly errors?: readonly number[];
  /** The trials that end with the error; all others work. */
  readonly fail?: readonly string[];
}

const TCP_INFO = 11;
const SO_MEMINFO = 55;
const FIONREAD = 0x541b;
/** Where the engine would have its own numbers begin. */
const FIRST_OWN = 4096;

const REFUSALS: readonly Refusal[] = [
  { call: "epoll_pwait2" },
  {
    call: "getsockopt",
    where: [2, TCP_INFO],
    what: "TCP_INFO",
    errors: [EPERM, ENOSYS, 0],
  },
  {
    call: "getsockopt",
    where: [2, SO_MEMINFO],
    what: "SO_MEMINFO",
    errors: [EPERM, ENOPROTOOPT],
  },
  { call: "ioctl", where: [1, FIONREAD], what: "FIONREAD" },
  {
    call: "fcntl",
    where: [2, FIRST_OWN],
    what: "F_DUPFD_CLOEXEC of the engine's",
    errors: [EPERM, EINVAL],
  },
  { call: "prlimit64" },
  { call: "getrlimit" },
  { call: "readlink" },
  { call: "statfs" },
  { call: "statx", fail: FILES },
  { call: "inotify_init1", fail: FILES },
  { call: "inotify_add_watch", fail: FILES },
  { call: "pidfd_open", fail: ["PROC"] },
  { call: "timerfd_create", fail: TIMERS },
  { call: "timerfd_settime", fail: TIMERS },
];

// What refuses is seccomp, by a program in C.
describe("a kernel that refuses calls", { ignore: !mayRun() }, () => {
  let folder = "";
  let refuse = "";
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    refuse = `${folder}/refuse`;
    const source = `${import.meta.dirname}/refused/refuse.c`;
    const { success, stderr } = await new Deno.Command("cc", {
      args: ["-Wall", "-Wextra", "-o", refuse, source],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  });
  afterAll(async () => {
    await Deno.remove(folder, { recursive: true });
  });

  /** The trials' results where a call is refused. */
  async function run(
    { call, where }: Refusal,
    error: number,
  ): Promise<Record<string, string>> {
    const number = CALLS[call][IS_ARM ? 1 : 0];
    const { stdout, stderr } = await new Deno.Command(refuse, {
      args: [
        ...[number, error, ...(where ?? [])].map(String),
        ...["--", Deno.execPath(), "run", "--no-check", "--allow-ffi"],
        `${import.meta.dirname}/refused/program.ts`,
      ],
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (text === "") throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(text);
  }

  for (const refusal of REFUSALS) {
    const { call, what = "", errors = [ENOSYS, EPERM], fail = [] } = refusal;
    for (const error of errors) {
      const code = nameOf(error);
      it(`R102 ${call} ${what} refused with ${code} is done without, or said`, async () => {
        const expected = { ...WORKING };
        for (const trial of fail) expected[trial] = code;
        assertEquals(await run(refusal, error), expected);
      });
    }
  }
});

/** The error's name. With 0 the call seems to succeed, and does nothing. */
function nameOf(error: number): string {
  if (error === 0) return "success";
  const entries = Object.entries(constants.errno);
  return entries.find(([, number]) => number === error)?.[0] ?? `${error}`;
}

/** On Linux with a C compiler, where programs may be run. */
function mayRun(): boolean {
  if (Deno.build.os !== "linux") return false;
  const { state } = Deno.permissions.querySync({ name: "run" });
  if (state !== "granted") return false;
  try {
    return new Deno.Command("cc", { args: ["--version"], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
