import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { FixynnError, packageRoot } from "../src/core/index.js";
import { sharedPath } from "./photos.js";
import type { BenchTable } from "./table.js";

/** Reach of issue figures: gigabytes that a sweep of CIFAR-10 at 128×128 may take. */
const BOUND_GB = 4;
const POLL_MS = 200;

/** Peak resident memory of a running process, GB (Linux). */
function peakGb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1e6;
}

/**
 * Measure the peak memory of a sweep over all of CIFAR-10 at 128×128 on two threads: features of two freeze points, one epoch of the whole network and of
 * both tails. About ten minutes.
 *
 * @throws FixynnError FX9003 when the sweep fails or the system does not tell memory
 */
export async function run(): Promise<BenchTable> {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-bench-"));
  const config = join(folder, "config.json");
  const model = {
    path: sharedPath("models", "mobilenet_v1_025_224_keras", "mobilenet_v1_0.25_224.h5"),
    encoding: { scale: 1 / 127.5, offset: -1 },
    inputSide: 128,
  };
  const training = { epochs: 1, learningRate: 0.02 };
  writeFileSync(config, JSON.stringify({ model, freezePoints: ["conv_pw_3", "conv_pw_7"], training }));
  let peak = 0;
  try {
    const main = join(packageRoot, "dist", "src", "cli", "main.js");
    const child = spawn(process.execPath, [main, "sweep", "-c", config, "-o", join(folder, "run")], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    // A kill of this process must not leave a sweep behind.
    const stop = () => child.kill();
    process.once("exit", stop);
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
    const timer = setInterval(() => {
      try {
        peak = Math.max(peak, peakGb(child.pid!));
      } catch {
        // The process has just ended, or this is no Linux: seen below.
      }
    }, POLL_MS);
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    clearInterval(timer);
    process.removeListener("exit", stop);
    if (code !== 0 || peak === 0) {
      throw new FixynnError(
        "FX9003",
        code === 0 ? "this system does not tell a process's peak memory" : `the sweep ended with ${code}`,
        {
          place: config,
          hint: "run it on Linux; the sweep's own message is above",
        },
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const row = {
    ...{
      name: "sweep of CIFAR-10 at 128x128, 2 threads",
      metric: "peak resident memory",
      value: peak,
      unit: "GB",
    },
    ...{ peer: { name: "bound", value: BOUND_GB }, ratio: peak / BOUND_GB },
  };
  return { bench: "transfer-memory", machine: cpus()[0]?.model ?? "unknown", rows: [row] };
}
