import { parentPort, workerData } from "node:worker_threads";
import { invariant, packError } from "../../core/index.js";
import { createExtractor, type Extractor } from "./extractor.js";
import type { ExtractJob, ExtractMessage, ExtractSetup } from "./protocol.js";

const port = parentPort;
invariant(port !== null, "the extraction worker runs in a worker thread");
let extractor: Extractor | undefined;

port.on("message", (job: ExtractJob) => {
  let message: ExtractMessage;
  try {
    extractor ??= createExtractor(workerData as ExtractSetup);
    extractor.run(job);
    message = { kind: "done", job };
  } catch (error) {
    message = { kind: "failed", error: packError(error) };
  }
  port.postMessage(message);
});
