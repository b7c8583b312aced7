import { type AcceleratorLayer, acceleratorLayerOf, type PaperLayer } from "../../cost/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode } from "../../quant/index.js";

/** A layer of an integer network with its input's shape and its dense multiply-accumulates. */
export type ShapedLayer = {
  readonly node: QuantNode;
  readonly inputShape: readonly number[];
  readonly macs: number;
};

/** List the layers of a network in order, without inputs and reshapes; `macs` by layer name, 0 where absent. */
export function shapedLayers(
  network: QuantNetwork,
  macs: ReadonlyMap<string, number>,
): readonly ShapedLayer[] {
  const shapes = new Map(network.nodes.map((node) => [node.name, node.output.shape]));
  return network.nodes.flatMap((node): ShapedLayer[] => {
    if (node.kind === "input" || node.kind === "reshape") return [];
    return [{ node, inputShape: shapes.get(inputsOfQuantNode(node)[0]!)!, macs: macs.get(node.name) ?? 0 }];
  });
}

const isPool = (node: QuantNode): boolean =>
  node.kind === "maxPool2d" || node.kind === "averagePool2d" || node.kind === "globalAveragePool2d";

function kernelOf(node: QuantNode): readonly [number, number] {
  const weighted = "weights" in node && node.kind !== "dense";
  return weighted ? [node.weights.shape[0]!, node.weights.shape[1]!] : [1, 1];
}

/** Describe a layer as the programmable accelerator runs it. */
export const acceleratorLayer = ({ node, inputShape, macs }: ShapedLayer): AcceleratorLayer =>
  acceleratorLayerOf(node, inputShape, macs);

/** Describe a layer as DeepFreeze sees it. */
export function paperLayer({ node, inputShape }: ShapedLayer): PaperLayer {
  const weights = "weights" in node ? node.weights : undefined;
  return {
    name: node.name,
    kind: isPool(node)
      ? "pool"
      : node.kind === "add" || weights === undefined
        ? "other"
        : (node.kind as PaperLayer["kind"]),
    inputShape,
    outputShape: node.output.shape,
    kernel: kernelOf(node),
    weights: weights?.data.length ?? 0,
    nonZeroWeights: weights?.data.reduce((n: number, w: number) => n + (w === 0 ? 0 : 1), 0) ?? 0,
    activationBits: node.output.bits,
    weightBits: 8,
  };
}
