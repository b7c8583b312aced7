import type { NodeName } from "../graph/index.js";
import type { QuantValues } from "./types.js";

/** A chunk of images for a worker; `values` are bytes of images, or integers of the layer `from`. */
export type EvaluateJob = {
  readonly first: number;
  readonly count: number;
  readonly values: QuantValues;
  readonly from?: NodeName;
};

/** What a worker answers. */
export type EvaluateMessage =
  | { readonly kind: "done"; readonly first: number; readonly classes: Uint16Array }
  | { readonly kind: "failed"; readonly message: string };
