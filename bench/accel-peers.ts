import type { EngineProgram } from "../src/accel/index.js";
import { atomUtilization } from "../src/cost/index.js";
import { findQuantNode, inputsOfQuantNode, type QuantNetwork } from "../src/quant/index.js";

/** Utilization of a 32×32 weight-stationary systolic array on MobileNet by SCALE-Sim v2 (FACTS.md). */
export const SYSTOLIC = {
  name: "32×32 systolic array (SCALE-Sim v2)",
  multipliers: 32 * 32,
  firstLayer: 0.84,
  depthwise: 0.03,
} as const;

/** Layers that a peer runs as the engine does: the others have no weights and pass beside its MACs. */
const KINDS = ["conv2d", "depthwiseConv2d", "dense"] as const;

/**
 * Tell which share of NVDLA's MACs some layers keep busy: the products over the cycles · MACs that whole atoms take. An upper bound: no memory, no start of
 * a layer. The atom is as the array of the engine, cPar × kPar: NVIDIA's own for 8×8 (nv_small) and 64×32 (nv_full).
 *
 * @returns undefined when no layer runs on its MACs
 */
export function nvdlaUtilization(
  network: QuantNetwork,
  layers: EngineProgram["layers"],
  array: { readonly cPar: number; readonly kPar: number },
): number | undefined {
  let [macs, taken] = [0, 0];
  for (const layer of layers) {
    const kind = KINDS.find((one) => one === layer.kind);
    if (kind === undefined) continue;
    const node = findQuantNode(network, layer.name);
    const source = findQuantNode(network, inputsOfQuantNode(node)[0]!);
    const share = atomUtilization(
      {
        name: layer.name,
        kind,
        inputShape: source.output.shape,
        outputShape: node.output.shape,
        macs: layer.macs,
        weightBytes: 0,
      },
      array.cPar * array.kPar,
    );
    macs += layer.macs;
    taken += layer.macs / share;
  }
  return taken === 0 ? undefined : macs / taken;
}
