import { type AcceleratorLayer, acceleratorLayerOf } from "../cost/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode } from "../quant/index.js";
import type { Padding, Shape, Size2 } from "../tensor/index.js";

/** Count the (output, kernel) pairs along an axis whose input position lies inside the image. */
function pairsInside(
  { extent, outputs, window }: { readonly extent: number; readonly outputs: number; readonly window: number },
  stride: number,
  before: number,
): number {
  let pairs = 0;
  for (let o = 0; o < outputs; o++) {
    const first = o * stride - before;
    pairs += Math.max(0, Math.min(first + window, extent) - Math.max(first, 0));
  }
  return pairs;
}

function windowPairs(
  input: Shape,
  output: Shape,
  { kernel, stride, padding }: { readonly kernel: Size2; readonly stride: Size2; readonly padding: Padding },
): number {
  const vertical = { extent: input[0]!, outputs: output[0]!, window: kernel.height };
  const horizontal = { extent: input[1]!, outputs: output[1]!, window: kernel.width };
  return (
    pairsInside(vertical, stride.height, padding.top) * pairsInside(horizontal, stride.width, padding.left)
  );
}

/** Dense multiply-accumulates for one image: zero weights included, padding excluded. */
export function macsOfQuantNode(node: QuantNode, input: Shape): number {
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d": {
      const [height, width, channels, outputs] = node.weights.shape as [number, number, number, number];
      const pairs = windowPairs(input, node.output.shape, { ...node, kernel: { height, width } });
      return pairs * channels * outputs;
    }
    case "dense":
      return node.weights.data.length;
    default:
      return 0;
  }
}

/** Describe an integer network's layers as a programmable accelerator runs them; its input is none. */
export function acceleratorLayersOf(network: QuantNetwork): readonly AcceleratorLayer[] {
  const shapes = new Map(network.nodes.map((node) => [node.name, node.output.shape]));
  return network.nodes.flatMap((node): AcceleratorLayer[] => {
    if (node.kind === "input") return [];
    const inputShape = shapes.get(inputsOfQuantNode(node)[0]!)!;
    return [acceleratorLayerOf(node, inputShape, macsOfQuantNode(node, inputShape))];
  });
}
