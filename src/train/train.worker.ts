import { parentPort, workerData } from "node:worker_threads";
import { invariant, packError } from "../core/index.js";
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
  send({ kind: "failed", error: packError(error) });
}
