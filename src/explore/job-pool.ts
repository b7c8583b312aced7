import { Worker } from "node:worker_threads";
import { FixynnError, unpackError, workerUrl } from "../core/index.js";
import { digestOf } from "./digest.js";
import type { JobReply } from "./job.worker.js";
import type { Job, JobResults } from "./jobs.js";
import type { ResultStore } from "./store.js";

/** Choices of {@link JobPool}. */
export type JobPoolOptions = {
  readonly threads: number;
  readonly store: ResultStore;
  /** Identifies the code that computes: results of another version are never reused. */
  readonly codeVersion: string;
};

type Waiting = {
  readonly job: Job;
  readonly done: (result: unknown) => void;
  readonly failed: (error: Error) => void;
};

/** Does jobs in worker threads, in the order in which they are asked for; what was done before comes from the store. Workers start when they are needed. */
export class JobPool {
  readonly #options: JobPoolOptions;
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #queue: Waiting[] = [];
  readonly #running = new Map<Worker, Waiting>();
  readonly #known = new Map<string, Promise<unknown>>();
  /** Jobs that were computed, not found. */
  computed = 0;

  constructor(options: JobPoolOptions) {
    this.#options = options;
  }

  /** Return a job's result, from this run, the store, or a worker. Equal jobs are done once. */
  run<Kind extends Job["kind"]>(job: Extract<Job, { kind: Kind }>): Promise<JobResults[Kind]> {
    const { codeVersion, store } = this.#options;
    const key = digestOf({ codeVersion, job });
    let result = this.#known.get(key);
    if (result === undefined) {
      const stored = store.get(key);
      result = stored === undefined ? this.#compute(key, job) : Promise.resolve(stored);
      this.#known.set(key, result);
    }
    return result as Promise<JobResults[Kind]>;
  }

  async #compute(key: string, job: Job): Promise<unknown> {
    const result = await new Promise<unknown>((done, failed) => {
      this.#queue.push({ job, done, failed });
      this.#next();
    });
    this.computed++;
    this.#options.store.put(key, result);
    return result;
  }

  #next(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.pop() ?? this.#start();
      if (worker === undefined) return;
      const waiting = this.#queue.shift()!;
      this.#running.set(worker, waiting);
      worker.postMessage(waiting.job);
    }
  }

  #start(): Worker | undefined {
    if (this.#workers.length >= this.#options.threads) return undefined;
    const worker = new Worker(workerUrl(import.meta.url, "./job.worker.js"));
    this.#workers.push(worker);
    worker.on("message", (reply: JobReply) => this.#settle(worker, reply));
    worker.on("error", (error) => this.#lose(worker, error));
    worker.on("exit", () => this.#lose(worker, new Error("it stopped")));
    return worker;
  }

  #settle(worker: Worker, reply: JobReply): void {
    const waiting = this.#running.get(worker);
    this.#running.delete(worker);
    this.#idle.push(worker);
    if (reply.kind === "done") waiting?.done(reply.result);
    else waiting?.failed(unpackError(reply.error));
    this.#next();
  }

  /** A worker is gone; its job fails, the others go on. */
  #lose(worker: Worker, cause: Error): void {
    const place = this.#workers.indexOf(worker);
    if (place < 0) return;
    this.#workers.splice(place, 1);
    const idle = this.#idle.indexOf(worker);
    if (idle >= 0) this.#idle.splice(idle, 1);
    const waiting = this.#running.get(worker);
    this.#running.delete(worker);
    waiting?.failed(
      new FixynnError("FX7091", `a worker of the exploration failed: ${cause.message}`, {
        place: waiting.job.kind,
        hint: "give fewer threads where memory is short; what was finished is kept",
        cause,
      }),
    );
    this.#next();
  }

  /** End the workers. */
  async close(): Promise<void> {
    const workers = this.#workers.splice(0);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
