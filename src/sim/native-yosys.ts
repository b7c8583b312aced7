import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FixynnError } from "../core/index.js";

/** A run of Yosys: files in, commands, one file out. */
export type YosysRun = {
  /** For messages. */
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
  readonly script: readonly string[];
  readonly output: string;
};

/** Limits of a run. */
export type YosysLimits = { readonly timeoutSeconds: number; readonly signal?: AbortSignal | undefined };

/** A run of Yosys that came to nothing. */
export const yosysFailed = (name: string, code: string, message: string): FixynnError =>
  new FixynnError(code, `Yosys: ${message}`, { place: name });

const lastLines = (text: string): string => text.trim().split("\n").slice(-3).join(" ");

/**
 * Run the native `yosys` of the PATH, in a process group of its own, so that a time-out ends ABC too.
 *
 * @returns the text of the run's output file
 * @throws FixynnError FX6021 when it fails, FX6022 when it takes too long, FX9002 when there is none
 */
export async function runNativeYosys(
  job: YosysRun,
  { timeoutSeconds, signal }: YosysLimits,
): Promise<string> {
  signal?.throwIfAborted();
  const folder = mkdtempSync(join(tmpdir(), "fixynn-yosys-"));
  try {
    for (const [name, text] of job.files) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, "run.ys"), `${job.script.join("\n")}\n`);
    await new Promise<void>((resolve, reject) => {
      const child = spawn("yosys", ["-Q", "-T", "-q", "-s", "run.ys"], {
        cwd: folder,
        detached: true,
        stdio: ["ignore", "ignore", "pipe"],
      });
      let log = "";
      let ended: FixynnError | undefined;
      const kill = (reason: FixynnError): void => {
        ended ??= reason;
        try {
          if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
        } catch {
          // It has ended by itself.
        }
      };
      const timer = setTimeout(
        () => kill(yosysFailed(job.name, "FX6022", `no result after ${timeoutSeconds} s`)),
        timeoutSeconds * 1000,
      );
      const abort = (): void => kill(yosysFailed(job.name, "FX6021", "stopped"));
      signal?.addEventListener("abort", abort);
      child.stderr.on("data", (bytes: Buffer) => {
        log = (log + bytes.toString()).slice(-4000);
      });
      const finish = (error?: FixynnError): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      child.on("error", (error: NodeJS.ErrnoException) => {
        const hint = "install Yosys, or use the npm package (engine wasm)";
        finish(
          error.code === "ENOENT"
            ? new FixynnError("FX9002", "yosys is not on the PATH", { place: job.name, hint })
            : yosysFailed(job.name, "FX6021", error.message),
        );
      });
      child.on("close", (code) => {
        if (ended !== undefined) finish(ended);
        else if (code === 0) finish();
        else finish(yosysFailed(job.name, "FX6021", lastLines(log) || `ended with ${code}`));
      });
    });
    return readFileSync(join(folder, job.output), "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a native Yosys is there. */
export const hasNativeYosys = (): boolean => spawnSync("yosys", ["-V"]).status === 0;
