import { parentPort } from "node:worker_threads";
import { FixynnError } from "../core/index.js";
import { type Job, type JobResults, runJob } from "./jobs.js";

/** Answer of a worker. */
export type JobReply =
  | { readonly kind: "done"; readonly result: JobResults[Job["kind"]] }
  | {
      readonly kind: "failed";
      readonly code: string | undefined;
      readonly message: string;
      readonly place: string | undefined;
      readonly hint: string | undefined;
    };

parentPort!.on("message", (job: Job) => {
  let reply: JobReply;
  try {
    reply = { kind: "done", result: runJob(job) };
  } catch (error) {
    const known = error instanceof FixynnError ? error : undefined;
    reply = {
      kind: "failed",
      code: known?.code,
      message: error instanceof Error ? error.message : String(error),
      place: known?.place,
      hint: known?.hint,
    };
  }
  parentPort!.postMessage(reply);
});
