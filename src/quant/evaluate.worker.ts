import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "../core/index.js";
import { runEvaluateJob } from "./evaluate.js";
import type { EvaluateJob, EvaluateMessage } from "./evaluate-protocol.js";
import type { QuantNetwork } from "./nodes.js";

const port = parentPort;
invariant(port !== null, "the evaluation worker runs in a worker thread");
const network = workerData as QuantNetwork;

port.on("message", (job: EvaluateJob) => {
  let message: EvaluateMessage;
  try {
    message = { kind: "done", first: job.first, classes: runEvaluateJob(network, job) };
  } catch (error) {
    message = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(message);
});
