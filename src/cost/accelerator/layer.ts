import { inputsOfQuantNode, type QuantNode } from "../../quant/index.js";
import type { AcceleratorLayer } from "./types.js";

type LoopsOfLayer = Pick<AcceleratorLayer, "kind" | "kernel" | "stride" | "pooling">;

function loopsOf(node: QuantNode): LoopsOfLayer {
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d":
      return {
        kind: node.kind,
        kernel: [node.weights.shape[0]!, node.weights.shape[1]!],
        stride: [node.stride.height, node.stride.width],
      };
    case "maxPool2d":
    case "averagePool2d":
      return {
        kind: "pool",
        kernel: [node.window.height, node.window.width],
        stride: [node.stride.height, node.stride.width],
        pooling: node.kind === "maxPool2d" ? "maximum" : "average",
      };
    case "globalAveragePool2d":
      return { kind: "pool", pooling: "average" };
    case "dense":
    case "add":
      return { kind: node.kind };
    default:
      return { kind: "other" };
  }
}

/**
 * Describe a layer of an integer network as a programmable accelerator runs it.
 *
 * @param macs dense multiply-accumulates a frame, padding excluded
 */
export function acceleratorLayerOf(
  node: QuantNode,
  inputShape: readonly number[],
  macs: number,
): AcceleratorLayer {
  const weighted = node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "dense";
  return {
    name: node.name,
    ...loopsOf(node),
    inputShape,
    outputShape: node.output.shape,
    macs,
    weightBytes: weighted ? node.weights.data.length : 0,
    inputs: inputsOfQuantNode(node),
  };
}
