import type { FoldedLayer } from "./begin.js";
import { compileSerialDepthwise } from "./depthwise.js";
import { type FoldedJob, isSerialDepthwise } from "./parts.js";
import { compileHeldWindow } from "./window.js";

/** Compile a weighted layer in the folded form that suits it. Ports and bytes are those of the parallel form. */
export function compileFoldedLayer(job: FoldedJob): FoldedLayer {
  return isSerialDepthwise(job) ? compileSerialDepthwise(job) : compileHeldWindow(job);
}
