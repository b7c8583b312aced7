import { Worker } from "node:worker_threads";
import { assertNever, FixynnError, unpackError, workerUrl } from "../core/index.js";
import type { TrainRequest, TrainResult } from "./trainer.js";
import type { WorkerMessage, WorkerTrainRequest } from "./worker-protocol.js";

/** A training request whose `onEpoch` hears the records only: the network stays in the worker until the end. */
export type InWorkerRequest = WorkerTrainRequest &
  Pick<TrainRequest, "onProgress"> & {
    readonly onEpoch?: (record: TrainResult["history"][number]) => void;
  };

/**
 * Train in a worker thread, so that several trainings use several cores. Pixels in a SharedArrayBuffer are not copied.
 * The outcome is the same as that of `trainNetwork`.
 *
 * @throws FixynnError as `trainNetwork`; FX3009 when the worker dies
 */
export function trainInWorker(request: InWorkerRequest): Promise<TrainResult> {
  const { onProgress, onEpoch, ...data } = request;
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(import.meta.url, "./train.worker.js"), { workerData: data });
    worker.on("message", (message: WorkerMessage) => {
      switch (message.kind) {
        case "progress":
          onProgress?.(message.event);
          return;
        case "epoch":
          onEpoch?.(message.record);
          return;
        case "done":
          resolve(message.result);
          return;
        case "failed":
          reject(unpackError(message.error, "FX3009"));
          return;
        default:
          assertNever(message);
      }
    });
    worker.on("error", (cause) =>
      reject(new FixynnError("FX3009", `the training worker failed: ${cause}`, { cause })),
    );
    worker.on("exit", (code) =>
      reject(new FixynnError("FX3009", `the training worker ended with code ${code}`)),
    );
  });
}
