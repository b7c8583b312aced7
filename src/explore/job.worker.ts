import { parentPort } from "node:worker_threads";
import { type PackedError, packError } from "../core/index.js";
import { type Job, type JobResults, runJob } from "./jobs.js";

/** Answer of a worker. */
export type JobReply =
  | { readonly kind: "done"; readonly result: JobResults[Job["kind"]] }
  | { readonly kind: "failed"; readonly error: PackedError };

parentPort!.on("message", (job: Job) => {
  let reply: JobReply;
  try {
    reply = { kind: "done", result: runJob(job) };
  } catch (error) {
    reply = { kind: "failed", error: packError(error) };
  }
  parentPort!.postMessage(reply);
});
