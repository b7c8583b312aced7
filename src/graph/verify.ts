import { FixynnError } from "../core/index.js";
import { formatShape, type Shape, sameShape } from "../tensor/index.js";
import { inferShape } from "./infer.js";
import { type Graph, type GraphNode, inputsOf, type NodeName } from "./nodes.js";
import { weightsOf } from "./weights.js";

function structureError(graph: Graph, message: string, node?: GraphNode): FixynnError {
  const place = node === undefined ? `graph ${graph.name}` : `layer ${node.name}`;
  return new FixynnError("FX1011", message, { place });
}

function verifyWeights(node: GraphNode): void {
  for (const { role, value } of weightsOf(node)) {
    const at = value.data.findIndex((v) => !Number.isFinite(v));
    if (at >= 0) {
      throw new FixynnError("FX1012", `${role} contain ${value.data[at]} (element ${at})`, {
        place: `layer ${node.name}`,
        hint: "the training of this model diverged or the file is damaged; export it again from a good checkpoint",
      });
    }
  }
  if (node.kind === "batchNorm" && node.variance.data.some((v) => v + node.epsilon <= 0)) {
    throw new FixynnError("FX1012", "variance + epsilon is not positive", {
      place: `layer ${node.name}`,
      hint: "a variance cannot be negative; the file is damaged",
    });
  }
}

/**
 * Check a graph: one input, first; unique names; topological order; every node used; declared shapes equal to the
 * inferred ones; weight shapes; finite weights. Run after every pass and on everything that enters.
 *
 * @returns the graph itself
 * @throws FixynnError FX1010 (shapes), FX1011 (structure), FX1012 (NaN or infinite weights), with the layer's name
 */
export function verifyGraph(graph: Graph): Graph {
  const { scale, offset } = graph.encoding;
  if (!Number.isFinite(scale) || scale === 0 || !Number.isFinite(offset)) {
    throw structureError(graph, `the input encoding ${scale} * byte + ${offset} is not usable`);
  }
  const shapes = new Map<NodeName, Shape>();
  const unused = new Set<NodeName>();
  graph.nodes.forEach((node, index) => {
    if ((node.kind === "input") !== (index === 0)) {
      throw structureError(graph, "a graph has exactly one input node, the first", node);
    }
    if (node.name === "") throw structureError(graph, `layer ${index} has no name`);
    if (shapes.has(node.name)) throw structureError(graph, "two layers have this name", node);
    const inputs = inputsOf(node).map((name) => {
      const shape = shapes.get(name);
      if (shape === undefined) {
        throw structureError(graph, `reads "${name}", which no earlier layer computes`, node);
      }
      unused.delete(name);
      return shape;
    });
    const inferred = inferShape(node, inputs);
    if (!sameShape(inferred, node.shape)) {
      const declared = formatShape(node.shape);
      throw structureError(graph, `declares shape ${declared} but computes ${formatShape(inferred)}`, node);
    }
    verifyWeights(node);
    shapes.set(node.name, node.shape);
    unused.add(node.name);
  });
  if (!shapes.has(graph.output))
    throw structureError(graph, `its output "${graph.output}" is no layer of it`);
  unused.delete(graph.output);
  const [first] = unused;
  if (first !== undefined) throw structureError(graph, `nothing uses layer "${first}"`);
  return graph;
}
