import { parentPort, workerData } from "node:worker_threads";
import { FixynnError, invariant } from "../../core/index.js";
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
    const known = error instanceof FixynnError ? error : undefined;
    message = {
      kind: "failed",
      message: error instanceof Error ? error.message : String(error),
      ...(known && { code: known.code }),
      ...(known?.place !== undefined && { place: known.place }),
      ...(known?.hint !== undefined && { hint: known.hint }),
    };
  }
  port.postMessage(message);
});
