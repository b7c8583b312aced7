import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "../core/index.js";
import { createClassifier } from "./evaluate.js";
import type { EvaluateJob, EvaluateMessage, EvaluateSetup } from "./evaluate-protocol.js";

const port = parentPort;
invariant(port !== null, "the evaluation worker runs in a worker thread");
const classifier = createClassifier(workerData as EvaluateSetup);

port.on("message", ({ first, count }: EvaluateJob) => {
  let message: EvaluateMessage;
  try {
    message = { kind: "done", first, classes: classifier.run(first, count) };
  } catch (error) {
    message = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(message);
});
