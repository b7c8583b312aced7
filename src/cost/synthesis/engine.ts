import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { FixynnError, workerUrl } from "../../core/index.js";
import type { SynthesisReply, SynthesisRequest } from "./synthesis.worker.js";

/** A run of Yosys: files in, commands, one file out. */
export type SynthesisJob = {
  /** For messages. */
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
  readonly script: readonly string[];
  readonly output: string;
};

/** Limits of a run. */
export type SynthesisLimits = { readonly timeoutSeconds: number; readonly signal?: AbortSignal | undefined };

/** What runs Yosys. A run rejects with FX6021 (failed), FX6022 (too long) or FX9002 (no Yosys). */
export type SynthesisEngine = {
  /** Part of the cache's key. */
  readonly name: string;
  run(job: SynthesisJob, limits: SynthesisLimits): Promise<string>;
};

const failed = (job: SynthesisJob, code: string, message: string): FixynnError =>
  new FixynnError(code, `Yosys: ${message}`, { place: job.name });

const lastLines = (text: string): string => text.trim().split("\n").slice(-3).join(" ");

/** The native `yosys` of the PATH, in a process group of its own, so that a time-out ends ABC too. */
export const nativeEngine: SynthesisEngine = {
  name: "native",
  async run(job, { timeoutSeconds, signal }) {
    signal?.throwIfAborted();
    const folder = mkdtempSync(join(tmpdir(), "fixynn-map-"));
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
          () => kill(failed(job, "FX6022", `no result after ${timeoutSeconds} s`)),
          timeoutSeconds * 1000,
        );
        const abort = (): void => kill(failed(job, "FX6021", "stopped"));
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
          const hint = "install Yosys, or use the npm package";
          finish(
            error.code === "ENOENT"
              ? new FixynnError("FX9002", "yosys is not on the PATH", { place: job.name, hint })
              : failed(job, "FX6021", error.message),
          );
        });
        child.on("close", (code) => {
          if (ended !== undefined) finish(ended);
          else if (code === 0) finish();
          else finish(failed(job, "FX6021", lastLines(log) || `ended with ${code}`));
        });
      });
      return readFileSync(join(folder, job.output), "utf8");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** The npm package `@yowasp/yosys`, a worker thread for each run; a time-out ends it even inside WebAssembly. */
export const wasmEngine: SynthesisEngine = {
  name: "wasm",
  run(job, { timeoutSeconds, signal }) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(failed(job, "FX6021", "stopped"));
      const worker = new Worker(workerUrl(import.meta.url, "./synthesis.worker.js"));
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        void worker.terminate();
        settle();
      };
      const timer = setTimeout(
        () => finish(() => reject(failed(job, "FX6022", `no result after ${timeoutSeconds} s`))),
        timeoutSeconds * 1000,
      );
      const abort = (): void => finish(() => reject(failed(job, "FX6021", "stopped")));
      signal?.addEventListener("abort", abort);
      worker.once("message", (reply: SynthesisReply) =>
        finish(() =>
          reply.kind === "done" ? resolve(reply.text) : reject(failed(job, "FX6021", reply.message)),
        ),
      );
      worker.once("error", (error) => finish(() => reject(failed(job, "FX6021", error.message))));
      const request: SynthesisRequest = {
        files: Object.fromEntries(job.files),
        script: job.script,
        output: job.output,
      };
      worker.postMessage(request);
    });
  },
};

/** Whether a native Yosys with ABC is there. */
export const hasNativeYosys = (): boolean => spawnSync("yosys", ["-V"]).status === 0;

/** The native Yosys when present, else the npm package. */
export const defaultEngine = (): SynthesisEngine => (hasNativeYosys() ? nativeEngine : wasmEngine);
