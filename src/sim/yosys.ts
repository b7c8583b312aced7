import { Worker } from "node:worker_threads";
import { workerUrl } from "../core/index.js";
import type { SimNetlist } from "./ir.js";
import { simNetlistFromJson } from "./json.js";
import { runNativeYosys, yosysFailed } from "./native-yosys.js";
import type { YosysReply } from "./yosys.worker.js";
import { fromYosysJson, type YosysJson } from "./yosys-json.js";

/** Verilog text to read, with the module to start from. */
export type YosysJob = { readonly top: string; readonly verilog: string };

const DEFAULT_TIMEOUT_SECONDS = 600;

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

async function readNative(job: YosysJob, options: YosysOptions): Promise<SimNetlist> {
  const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, signal } = options;
  const files = new Map([["in.sv", job.verilog]]);
  const run = { name: job.top, files, script: [readScript(job.top)], output: "out.json" };
  const json = JSON.parse(await runNativeYosys(run, { timeoutSeconds, signal })) as YosysJson;
  return { kind: "simNetlist", top: job.top, modules: new Map(fromYosysJson(json).map((m) => [m.name, m])) };
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
        else reject(yosysFailed(job.top, reply.code, reply.message));
      };
      const onError = (error: Error): void => {
        finish();
        reject(yosysFailed(job.top, "FX6021", error.message));
      };
      const onExit = (): void => onError(new Error("stopped"));
      const timer = setTimeout(() => {
        finish();
        void this.stop();
        reject(yosysFailed(job.top, "FX6022", `no result after ${timeoutSeconds} s`));
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
  const { engine = "wasm", threads = 2, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, signal, onJob } = options;
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
