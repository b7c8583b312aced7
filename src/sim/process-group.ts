import { spawn } from "node:child_process";

/** How a command ended: by itself with an exit code, by the time-out or the signal, or not begun because it is not on the PATH or cannot start. */
export type GroupOutcome = {
  readonly ended: "exit" | "timeout" | "aborted" | "missing" | "failed";
  readonly code: number | null;
  /** The last characters of what it printed, both streams. */
  readonly output: string;
  readonly seconds: number;
};

/** Limits and place of a command. */
export type GroupOptions = {
  readonly cwd: string;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
};

/** Characters of the output that are kept. */
const KEPT = 20_000;

/**
 * Run a command in a process group of its own, so that a time-out or an abort ends all that it has started (compilers below make, ABC below Yosys). It has
 * ended, whatever the outcome, when the promise is kept.
 */
export function runInGroup(
  command: string,
  args: readonly string[],
  { cwd, timeoutSeconds, signal }: GroupOptions,
): Promise<GroupOutcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, [...args], { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let ended: GroupOutcome["ended"] = "exit";
    const kill = (reason: GroupOutcome["ended"]): void => {
      if (ended === "exit") ended = reason;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    };
    const timer = setTimeout(() => kill("timeout"), timeoutSeconds * 1000);
    const abort = (): void => kill("aborted");
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    const keep = (bytes: Buffer): void => {
      output = (output + bytes.toString()).slice(-KEPT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const finish = (code: number | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      resolve({ ended, code, output, seconds: (performance.now() - started) / 1000 });
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      ended = error.code === "ENOENT" ? "missing" : "failed";
      output = error.message;
      finish(null);
    });
    // Also when pipes are closed that grandchildren held.
    child.on("close", finish);
  });
}
