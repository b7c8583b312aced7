import { Worker } from "node:worker_threads";
import { unpackError, workerUrl } from "../core/index.js";
import type { LayerReply, LayerRequest } from "./layer.worker.js";
import type { LayerRun, LayerRunResult } from "./layer-run.js";

/** Runs modules in worker threads, as many at a time as it has threads. */
export class LayerPool {
  readonly #idle: Worker[];
  readonly #all: readonly Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  #next = 0;

  constructor(threads: number) {
    const url = workerUrl(import.meta.url, "./layer.worker.js");
    this.#all = Array.from({ length: threads }, () => new Worker(url));
    for (const worker of this.#all) worker.setMaxListeners(0);
    this.#idle = [...this.#all];
  }

  async run(run: LayerRun): Promise<LayerRunResult> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    try {
      return await this.#runOn(worker, { id: this.#next++, run });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(worker);
      else next(worker);
    }
  }

  #runOn(worker: Worker, request: LayerRequest): Promise<LayerRunResult> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        worker.off("message", onMessage);
        worker.off("error", onError);
        worker.off("exit", onExit);
      };
      const onMessage = (reply: LayerReply): void => {
        if (reply.id !== request.id) return;
        finish();
        if (reply.kind === "done") resolve(reply.result);
        else reject(unpackError(reply.error));
      };
      const onError = (error: Error): void => {
        finish();
        reject(error);
      };
      const onExit = (): void => onError(new Error("simulation worker stopped"));
      worker.on("message", onMessage);
      worker.on("error", onError);
      worker.on("exit", onExit);
      worker.postMessage(request);
    });
  }

  /** End the threads, at once. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }
}
