import { parentPort } from "node:worker_threads";
import { type PackedError, packError } from "../core/index.js";
import { type LayerRun, type LayerRunResult, runLayer } from "./layer-run.js";

export type LayerRequest = { readonly id: number; readonly run: LayerRun };
export type LayerReply =
  | { readonly id: number; readonly kind: "done"; readonly result: LayerRunResult }
  | { readonly id: number; readonly kind: "failed"; readonly error: PackedError };

parentPort!.on("message", ({ id, run }: LayerRequest) => {
  try {
    parentPort!.postMessage({ id, kind: "done", result: runLayer(run) } satisfies LayerReply);
  } catch (error) {
    parentPort!.postMessage({ id, kind: "failed", error: packError(error) } satisfies LayerReply);
  }
});
