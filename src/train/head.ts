import { FixynnError, type Rng } from "../core/index.js";
import {
  frozenNodes,
  type Graph,
  GraphBuilder,
  type GraphNode,
  inputsOf,
  type NodeName,
  type NodeSpec,
  nodeName,
} from "../graph/index.js";
import { tensor } from "../tensor/index.js";
import { heNormal } from "./mobilenet.js";

/** The layer that makes the logits. */
export type Classifier = Extract<GraphNode, { readonly kind: "dense" | "conv2d" }>;

/**
 * Find the layer that makes the logits, walking back from the output over softmax, reshape and dropout.
 *
 * @throws FixynnError FX3007 when the network has no classifier at its end
 */
export function classifierOf(graph: Graph): Classifier {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  let node = byName.get(graph.output)!;
  while (node.kind === "softmax" || node.kind === "reshape" || node.kind === "dropout") {
    node = byName.get(node.input)!;
  }
  const isPoint = (shape: readonly number[]): boolean =>
    shape.length === 3 && shape[0] === 1 && shape[1] === 1;
  if (node.kind === "dense" || (node.kind === "conv2d" && isPoint(node.shape))) return node;
  throw new FixynnError("FX3007", `cannot find the classifier: the network ends in ${node.kind}`, {
    place: `layer ${node.name}`,
    hint: "a classifier is a dense layer, or a convolution on a 1x1 image, perhaps with a softmax behind it",
  });
}

/**
 * Give a network a new classifier: a dense layer (bias 0, He weights halved) on the features that the old one read. The
 * rest keeps its weights. What follows the old classifier (softmax, reshape) goes; the new output are logits. Reshapes
 * and pooling that keep 1×1 images, as in Keras's MobileNet, become a flat vector; dropout before the classifier stays.
 *
 * @param classes number of classes of the new task
 * @throws FixynnError FX3007 when the network has no classifier at its end
 */
export function replaceHead(graph: Graph, classes: number, rng: Rng): Graph {
  const old = classifierOf(graph);
  const needed = new Set<NodeName>([old.input]);
  for (const node of graph.nodes.toReversed()) {
    if (needed.has(node.name)) for (const name of inputsOf(node)) needed.add(name);
  }
  const builder = new GraphBuilder();
  for (const node of graph.nodes) if (needed.has(node.name)) builder.add(node as NodeSpec);
  let x = old.input;
  const fresh = (base: string): NodeName => {
    let name = base;
    for (let i = 1; builder.has(nodeName(name)); i++) name = `${base}_${i}`;
    return nodeName(name);
  };
  if (builder.shapeOf(x).length === 3) {
    const features = builder.shapeOf(x).reduce((product, extent) => product * extent, 1);
    x = builder.add({ kind: "reshape", name: fresh("flatten"), input: x, shape: [features] });
  }
  const features = builder.shapeOf(x)[0]!;
  x = builder.add({
    kind: "dense",
    name: fresh("predictions"),
    input: x,
    weights: heNormal(rng.fork("predictions"), [features, classes], 8 * features),
    bias: tensor("float32", [classes], new Float32Array(classes)),
  });
  return builder.build({ name: graph.name, output: x, encoding: graph.encoding });
}

/**
 * List the layers that stay trainable behind a freeze point; all of them without one.
 *
 * @param layer a freeze point as in `frozenNodes`, e.g. `conv_pw_3`
 * @throws FixynnError as `frozenNodes`
 */
export function trainableAfter(graph: Graph, layer: string | undefined): ReadonlySet<NodeName> {
  const frozen = layer === undefined ? new Set<NodeName>() : frozenNodes(graph, layer);
  return new Set(graph.nodes.map((node) => node.name).filter((name) => !frozen.has(name)));
}
