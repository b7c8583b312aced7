import { assertNever, invariant } from "../../core/index.js";
import type { QuantNode, QuantType } from "../nodes.js";
import { addKernel } from "./add.js";
import { conv2dKernel } from "./conv2d.js";
import { denseKernel } from "./dense.js";
import { depthwiseConv2dKernel } from "./depthwise.js";
import type { LayerKernel } from "./kernel.js";
import { averagePool2dKernel, globalAveragePool2dKernel, maxPool2dKernel } from "./pool.js";

/** Prepare the plain form of a layer: the definition. A reshape changes no value, so it has nothing to compute. */
export function plainLayer(
  node: Exclude<QuantNode, { kind: "input" | "reshape" }>,
  inputs: readonly QuantType[],
): LayerKernel {
  const [first, second] = inputs;
  invariant(first !== undefined, `layer ${node.name} has no input`);
  switch (node.kind) {
    case "conv2d":
      return conv2dKernel(node, first);
    case "depthwiseConv2d":
      return depthwiseConv2dKernel(node, first);
    case "dense":
      return denseKernel(node, first);
    case "maxPool2d":
      return maxPool2dKernel(node, first);
    case "averagePool2d":
      return averagePool2dKernel(node, first);
    case "globalAveragePool2d":
      return globalAveragePool2dKernel(node, first);
    case "add":
      invariant(second !== undefined, `layer ${node.name} has one input only`);
      return addKernel(node, [first, second]);
    default:
      return assertNever(node);
  }
}
