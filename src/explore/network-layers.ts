import type { AcceleratorLayer } from "../cost/index.js";
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

function kindOf(node: QuantNode): AcceleratorLayer["kind"] {
  switch (node.kind) {
    case "conv2d":
    case "depthwiseConv2d":
    case "dense":
    case "add":
      return node.kind;
    case "maxPool2d":
    case "averagePool2d":
    case "globalAveragePool2d":
      return "pool";
    default:
      return "other";
  }
}

/** Describe an integer network's layers as a programmable accelerator runs them; its input is none. */
export function acceleratorLayersOf(network: QuantNetwork): readonly AcceleratorLayer[] {
  const shapes = new Map(network.nodes.map((node) => [node.name, node.output.shape]));
  return network.nodes.flatMap((node): AcceleratorLayer[] => {
    if (node.kind === "input") return [];
    const inputShape = shapes.get(inputsOfQuantNode(node)[0]!)!;
    const weights = "weights" in node ? node.weights : undefined;
    const isWindow = node.kind === "conv2d" || node.kind === "depthwiseConv2d";
    return [
      {
        ...{ name: node.name, kind: kindOf(node), inputShape, outputShape: node.output.shape },
        macs: macsOfQuantNode(node, inputShape),
        weightBytes: weights?.data.length ?? 0,
        ...(isWindow ? { kernel: [weights!.shape[0]!, weights!.shape[1]!] as const } : {}),
      },
    ];
  });
}
