import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { FixynnError, workerUrl } from "../core/index.js";
import type { SimNetlist } from "./ir.js";
import { simNetlistFromJson } from "./json.js";
import type { YosysReply } from "./yosys.worker.js";
import { fromYosysJson, type YosysJson } from "./yosys-json.js";

/** Verilog text to read, with the module to start from. */
export type YosysJob = { readonly top: string; readonly verilog: string };

export type YosysOptions = {
  /** `wasm` is the npm package; `native` runs `yosys` from the PATH. Default `wasm`. */
  readonly engine?: "wasm" | "native";
  /** Jobs at the same time; default 2. */
  readonly threads?: number;
  /** For each job; default 600. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
  readonly onJob?: (done: number, total: number) => void;
};

/**
 * The commands that turn text into cells. `proc` and `opt_dff` make flip-flops with their enables and resets, `memory_dff` gives
 * memories their synchronous ports; nothing restructures logic, so a fault in the text stays one.
 */
export const readScript = (top: string): string =>
  [
    "read_verilog -sv in.sv",
    `hierarchy -check -top ${top}`,
    "proc -noopt",
    "opt_dff -simple-dffe",
    "opt_clean",
    "memory_dff",
    "memory_collect",
    "opt_clean",
    "write_json out.json",
  ].join("; ");

function failed(job: YosysJob, code: string, message: string): FixynnError {
  return new FixynnError(code, `Yosys: ${message}`, { place: job.top });
}

async function readNative(job: YosysJob, options: YosysOptions): Promise<SimNetlist> {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-yosys-"));
  try {
    writeFileSync(join(folder, "in.sv"), job.verilog);
    await new Promise<void>((resolve, reject) => {
      const args = ["-Q", "-T", "-q", "-p", readScript(job.top)];
      const limits = { cwd: folder, timeout: (options.timeoutSeconds ?? 600) * 1000, signal: options.signal };
      execFile("yosys", args, { ...limits, maxBuffer: 1 << 26 }, (error, _stdout, stderr) => {
        if (error === null) return resolve();
        if (error.code === "ENOENT") {
          const hint = "install Yosys, or use the npm package (engine wasm)";
          return reject(new FixynnError("FX9002", "yosys is not on the PATH", { place: job.top, hint }));
        }
        reject(failed(job, "FX6021", stderr.trim().split("\n").slice(-3).join(" ") || error.message));
      });
    });
    const json = JSON.parse(readFileSync(join(folder, "out.json"), "utf8")) as YosysJson;
    return {
      kind: "simNetlist",
      top: job.top,
      modules: new Map(fromYosysJson(json).map((m) => [m.name, m])),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How long a worker waits for its next job; compiling Yosys anew takes most of a second. */
const IDLE_MILLISECONDS = 20_000;

/** One worker thread that reads job after job; {@link stop} ends it even inside WebAssembly. */
class YosysWorker {
  static readonly #idle: YosysWorker[] = [];
  readonly #worker = new Worker(workerUrl(import.meta.url, "./yosys.worker.js"));
  #next = 0;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  /** Take a worker that is idle, or start one. */
  static take(): YosysWorker {
    const worker = YosysWorker.#idle.pop() ?? new YosysWorker();
    clearTimeout(worker.#timer);
    worker.#worker.ref();
    return worker;
  }

  /** Let a worker wait for a while; it does not keep the process alive. */
  release(): void {
    if (this.#stopped) return;
    this.#worker.unref();
    YosysWorker.#idle.push(this);
    this.#timer = setTimeout(() => {
      YosysWorker.#idle.splice(YosysWorker.#idle.indexOf(this), 1);
      void this.stop();
    }, IDLE_MILLISECONDS).unref();
  }

  read(job: YosysJob, timeoutSeconds: number): Promise<SimNetlist> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#worker.off("message", onMessage);
        this.#worker.off("error", onError);
        this.#worker.off("exit", onExit);
      };
      const onMessage = (reply: YosysReply): void => {
        if (reply.id !== id) return;
        finish();
        if (reply.kind === "done") resolve(simNetlistFromJson(reply.netlist));
        else reject(failed(job, reply.code, reply.message));
      };
      const onError = (error: Error): void => {
        finish();
        reject(failed(job, "FX6021", error.message));
      };
      const onExit = (): void => onError(new Error("stopped"));
      const timer = setTimeout(() => {
        finish();
        void this.stop();
        reject(failed(job, "FX6022", `no result after ${timeoutSeconds} s`));
      }, timeoutSeconds * 1000);
      this.#worker.on("message", onMessage);
      this.#worker.on("error", onError);
      this.#worker.on("exit", onExit);
      this.#worker.postMessage({ id, top: job.top, verilog: job.verilog, script: readScript(job.top) });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker.terminate();
  }
}

/**
 * Read Verilog by Yosys into netlists, several jobs at a time, results in the order of the jobs.
 *
 * @throws FixynnError FX6001 for cells that cannot be simulated, FX6021 when Yosys fails, FX6022 when it takes too long,
 *   FX9002 without a native `yosys`; the signal's reason when aborted
 */
export async function readByYosys(
  jobs: readonly YosysJob[],
  options: YosysOptions = {},
): Promise<SimNetlist[]> {
  const { engine = "wasm", threads = 2, timeoutSeconds = 600, signal, onJob } = options;
  signal?.throwIfAborted();
  const results = new Array<SimNetlist>(jobs.length);
  let next = 0;
  let done = 0;
  const workers: YosysWorker[] = [];
  const stopAll = (): void => {
    for (const worker of workers) void worker.stop();
  };
  signal?.addEventListener("abort", stopAll);
  const lane = async (): Promise<void> => {
    let worker: YosysWorker | undefined;
    for (let i = next++; i < jobs.length; i = next++) {
      if (engine === "native") results[i] = await readNative(jobs[i]!, options);
      else {
        if (worker === undefined) {
          worker = YosysWorker.take();
          workers.push(worker);
        }
        results[i] = await worker.read(jobs[i]!, timeoutSeconds);
      }
      signal?.throwIfAborted();
      onJob?.(++done, jobs.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, lane));
    for (const worker of workers) worker.release();
  } catch (error) {
    stopAll();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stopAll);
  }
  return results;
}
