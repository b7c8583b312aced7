import { FixynnError } from "../../core/index.js";
import { type NodeName, nodeName } from "../../graph/index.js";
import { compileFrontEnd, emitVerilog, type FrontEnd, type LayerParallelism } from "../../hw/index.js";
import type { ReadDeliverable } from "../deliverable.js";

/**
 * Compile a deliverable's network again, in the form and for the clock that its manifest states: the front's own netlists, which the Verilog was printed from.
 *
 * @param place the deliverable's folder
 * @throws FixynnError FX7018 when this version compiles it to other Verilog, or the manifest does not say how it was compiled
 */
export function recompile({ manifest, network, files }: ReadDeliverable, place: string): FrontEnd {
  const refuse = (message: string): never => {
    throw new FixynnError("FX7018", message, { place, hint: "freeze the model again" });
  };
  const { clockPeriodNs, clockCells: cells, freezePoint } = manifest;
  if (clockPeriodNs === undefined || cells === undefined)
    return refuse("the manifest comes from an earlier version");
  const layers = new Map<NodeName, LayerParallelism>(
    manifest.layers.flatMap(({ layer, stats }) =>
      stats === undefined ? [] : [[nodeName(layer), stats.parallelism] as const],
    ),
  );
  const front = compileFrontEnd(network, nodeName(freezePoint), {
    clock: { periodPs: clockPeriodNs * 1000, cells },
    folding: { kind: "given", layers },
  });
  for (const [name, text] of emitVerilog(front))
    if (files.get(name) !== text) refuse(`this version compiles ${name} otherwise`);
  return front;
}
