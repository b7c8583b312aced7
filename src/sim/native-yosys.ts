import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FixynnError } from "../core/index.js";
import { runInGroup } from "./process-group.js";

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
    const args = ["-Q", "-T", "-q", "-s", "run.ys"];
    const { ended, code, output } = await runInGroup("yosys", args, { cwd: folder, timeoutSeconds, signal });
    if (ended === "missing")
      throw new FixynnError("FX9002", "yosys is not on the PATH", {
        place: job.name,
        hint: "install Yosys, or use the npm package (engine wasm)",
      });
    if (ended === "timeout") throw yosysFailed(job.name, "FX6022", `no result after ${timeoutSeconds} s`);
    if (ended === "aborted") throw yosysFailed(job.name, "FX6021", "stopped");
    if (code !== 0) throw yosysFailed(job.name, "FX6021", lastLines(output) || `ended with ${code}`);
    return readFileSync(join(folder, job.output), "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a native Yosys is there. */
export const hasNativeYosys = (): boolean => spawnSync("yosys", ["-V"]).status === 0;
