/** Servers under test: child processes, each pinned to a core, and what they use up. */

/** How a server is started. */
export interface ServerProgram {
  readonly name: string;
  /** A command that succeeds where it can run, or can be built. */
  readonly test: readonly string[];
  /** The command that starts it. */
  command(port: number): readonly string[];
}

/** A server that runs, and answers. */
export class RunningServer {
  readonly name: string;
  readonly port: number;
  readonly #child: Deno.ChildProcess;

  private constructor(name: string, port: number, child: Deno.ChildProcess) {
    this.name = name;
    this.port = port;
    this.#child = child;
  }

  /** Starts one on certain cores, such as "0" or "0,1", and waits until it answers. */
  static async start(
    program: ServerProgram,
    port: number,
    cores: string,
  ): Promise<RunningServer> {
    // taskset becomes the program, so the process is the server's own.
    const child = new Deno.Command("taskset", {
      args: ["-c", cores, ...program.command(port)],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const server = new RunningServer(program.name, port, child);
    await server.#answers();
    return server;
  }

  async #answers(): Promise<void> {
    for (let tries = 0;; tries++) {
      try {
        const response = await fetch(`http://127.0.0.1:${this.port}/`);
        const text = await response.text();
        if (text === "Hello, World!") return;
        throw new Error(`${this.name} answers ${JSON.stringify(text)}`);
      } catch (error) {
        if (!(error instanceof TypeError) || tries === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** How long its threads have had a core, in seconds (proc(5): utime and stime, in hundredths). */
  cpuSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** What it has in memory, in MiB. */
  memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}
