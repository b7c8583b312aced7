import { parentPort, Worker } from "node:worker_threads";
import { type PackedError, packError, unpackError } from "./packed-error.js";

type Request<Job> = { readonly id: number; readonly job: Job };
type Reply<Result> =
  | { readonly id: number; readonly kind: "done"; readonly result: Result }
  | { readonly id: number; readonly kind: "failed"; readonly error: PackedError };

/** Answer the jobs of a {@link WorkerPool} in this thread. */
export function serveJobs<Job, Result>(handle: (job: Job) => Result): void {
  parentPort!.on("message", ({ id, job }: Request<Job>) => {
    let reply: Reply<Result>;
    try {
      reply = { id, kind: "done", result: handle(job) };
    } catch (error) {
      reply = { id, kind: "failed", error: packError(error) };
    }
    parentPort!.postMessage(reply);
  });
}

/** Runs jobs in threads of one script that calls {@link serveJobs}, as many at a time as it has threads. */
export class WorkerPool<Job, Result> {
  readonly #idle: Worker[];
  readonly #all: readonly Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  #next = 0;

  constructor(script: URL, threads: number) {
    this.#all = Array.from({ length: threads }, () => new Worker(script));
    for (const worker of this.#all) worker.setMaxListeners(0);
    this.#idle = [...this.#all];
  }

  /** @throws what the job threw, or an error when its thread stopped */
  async run(job: Job): Promise<Result> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    try {
      return await this.#runOn(worker, { id: this.#next++, job });
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(worker);
      else next(worker);
    }
  }

  #runOn(worker: Worker, request: Request<Job>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        worker.off("message", onMessage);
        worker.off("error", onError);
        worker.off("exit", onExit);
      };
      const onMessage = (reply: Reply<Result>): void => {
        if (reply.id !== request.id) return;
        finish();
        if (reply.kind === "done") resolve(reply.result);
        else reject(unpackError(reply.error));
      };
      const onError = (error: Error): void => {
        finish();
        reject(error);
      };
      const onExit = (): void => onError(new Error("a worker thread stopped"));
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
