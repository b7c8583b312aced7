import type { Split } from "../data/index.js";
import type { NodeName } from "../graph/index.js";
import type { QuantNetwork } from "./nodes.js";

/** What a worker is started with. */
export type EvaluateSetup = {
  readonly network: QuantNetwork;
  readonly split: Split;
  readonly from: NodeName | undefined;
};

/** A chunk of images for a worker. */
export type EvaluateJob = { readonly first: number; readonly count: number };

/** What a worker answers. */
export type EvaluateMessage =
  | { readonly kind: "done"; readonly first: number; readonly classes: Uint16Array }
  | { readonly kind: "failed"; readonly message: string };
