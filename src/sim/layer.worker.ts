import { parentPort } from "node:worker_threads";
import { CheckFailedError, FixynnError } from "../core/index.js";
import { type LayerRun, type LayerRunResult, runLayer } from "./layer-run.js";

export type LayerRequest = { readonly id: number; readonly run: LayerRun };
export type LayerReply =
  | { readonly id: number; readonly kind: "done"; readonly result: LayerRunResult }
  | {
      readonly id: number;
      readonly kind: "failed";
      /** Whether a check failed, not the input. */
      readonly check: boolean;
      readonly code: string | null;
      readonly message: string;
      readonly place: string | undefined;
      readonly hint: string | undefined;
    };

parentPort!.on("message", ({ id, run }: LayerRequest) => {
  try {
    parentPort!.postMessage({ id, kind: "done", result: runLayer(run) } satisfies LayerReply);
  } catch (error) {
    const known = error instanceof FixynnError ? error : null;
    parentPort!.postMessage({
      id,
      kind: "failed",
      check: error instanceof CheckFailedError,
      code: known?.code ?? null,
      message: error instanceof Error ? error.message : String(error),
      place: known?.place,
      hint: known?.hint,
    } satisfies LayerReply);
  }
});
