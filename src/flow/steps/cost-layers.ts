import { type AcceleratorLayer, acceleratorLayerOf, type PaperLayer } from "../../cost/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode } from "../../quant/index.js";

/** A layer of an integer network with its input's shape and its dense multiply-accumulates. */
export type ShapedLayer = {
  readonly node: QuantNode;
  readonly inputShape: readonly number[];
  readonly macs: number;
  /** Layers that it reads, seen through reshapes. */
  readonly inputs: readonly string[];
};

/** List the layers of a network in order, without inputs and reshapes; `macs` by layer name, 0 where absent. */
export function shapedLayers(
  network: QuantNetwork,
  macs: ReadonlyMap<string, number>,
): readonly ShapedLayer[] {
  const shapes = new Map(network.nodes.map((node) => [node.name, node.output.shape]));
  const reshaped = new Map<string, string>();
  const seenThrough = (name: string): string => reshaped.get(name) ?? name;
  return network.nodes.flatMap((node): ShapedLayer[] => {
    const read = inputsOfQuantNode(node);
    const inputs = read.map(seenThrough);
    if (node.kind === "reshape") reshaped.set(node.name, inputs[0]!);
    if (node.kind === "input" || node.kind === "reshape") return [];
    return [{ node, inputShape: shapes.get(read[0]!)!, macs: macs.get(node.name) ?? 0, inputs }];
  });
}

const isPool = (node: QuantNode): boolean =>
  node.kind === "maxPool2d" || node.kind === "averagePool2d" || node.kind === "globalAveragePool2d";

function kernelOf(node: QuantNode): readonly [number, number] {
  const weighted = "weights" in node && node.kind !== "dense";
  return weighted ? [node.weights.shape[0]!, node.weights.shape[1]!] : [1, 1];
}

/** Describe a layer as the programmable accelerator runs it. */
export const acceleratorLayer = ({ node, inputShape, macs, inputs }: ShapedLayer): AcceleratorLayer => ({
  ...acceleratorLayerOf(node, inputShape, macs),
  inputs,
});

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
