import { Worker } from "node:worker_threads";
import { workerUrl } from "../../core/index.js";
import {
  hasNativeYosys,
  runNativeYosys,
  type YosysLimits,
  type YosysRun,
  yosysFailed,
} from "../../sim/index.js";
import type { SynthesisReply, SynthesisRequest } from "./synthesis.worker.js";

/** What runs Yosys. A run rejects with FX6021 (failed), FX6022 (too long) or FX9002 (no Yosys). */
export type SynthesisEngine = {
  /** Part of the cache's key. */
  readonly name: string;
  run(job: YosysRun, limits: YosysLimits): Promise<string>;
};

/** The native `yosys` of the PATH. */
export const nativeEngine: SynthesisEngine = { name: "native", run: runNativeYosys };

/** The npm package `@yowasp/yosys`, a worker thread for each run; a time-out ends it even inside WebAssembly. */
export const wasmEngine: SynthesisEngine = {
  name: "wasm",
  run(job, { timeoutSeconds, signal }) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(yosysFailed(job.name, "FX6021", "stopped"));
      const worker = new Worker(workerUrl(import.meta.url, "./synthesis.worker.js"));
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        void worker.terminate();
        settle();
      };
      const timer = setTimeout(
        () => finish(() => reject(yosysFailed(job.name, "FX6022", `no result after ${timeoutSeconds} s`))),
        timeoutSeconds * 1000,
      );
      const abort = (): void => finish(() => reject(yosysFailed(job.name, "FX6021", "stopped")));
      signal?.addEventListener("abort", abort);
      worker.once("message", (reply: SynthesisReply) =>
        finish(() =>
          reply.kind === "done"
            ? resolve(reply.text)
            : reject(yosysFailed(job.name, "FX6021", reply.message)),
        ),
      );
      worker.once("error", (error) => finish(() => reject(yosysFailed(job.name, "FX6021", error.message))));
      const request: SynthesisRequest = {
        files: Object.fromEntries(job.files),
        script: job.script,
        output: job.output,
      };
      worker.postMessage(request);
    });
  },
};

/** The native Yosys when present, else the npm package. */
export const defaultEngine = (): SynthesisEngine => (hasNativeYosys() ? nativeEngine : wasmEngine);
