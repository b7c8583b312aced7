import type { PackedError, ProgressEvent } from "../core/index.js";
import type { EpochRecord } from "./checkpoint.js";
import type { TrainRequest, TrainResult } from "./trainer.js";

/** A training as it travels to a worker: no functions. */
export type WorkerTrainRequest = Omit<TrainRequest, "onProgress" | "onEpoch">;

/** What a worker sends back. */
export type WorkerMessage =
  | { readonly kind: "progress"; readonly event: ProgressEvent }
  | { readonly kind: "epoch"; readonly record: EpochRecord }
  | { readonly kind: "done"; readonly result: TrainResult }
  | { readonly kind: "failed"; readonly error: PackedError };
