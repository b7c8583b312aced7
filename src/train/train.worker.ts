import { parentPort, workerData } from "node:worker_threads";
import { FixynnError, invariant } from "../core/index.js";
import { trainNetwork } from "./trainer.js";
import type { WorkerMessage, WorkerTrainRequest } from "./worker-protocol.js";

invariant(parentPort !== null, "this script runs in a worker");
const port = parentPort;
const send = (message: WorkerMessage): void => port.postMessage(message);

try {
  const result = await trainNetwork({
    ...(workerData as WorkerTrainRequest),
    onProgress: (event) => send({ kind: "progress", event }),
    onEpoch: (record) => send({ kind: "epoch", record }),
  });
  send({ kind: "done", result });
} catch (error) {
  const known = error instanceof FixynnError ? error : undefined;
  send({
    kind: "failed",
    message: error instanceof Error ? error.message : String(error),
    ...(known === undefined ? {} : { code: known.code }),
    ...(known?.place === undefined ? {} : { place: known.place }),
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
  });
}
