import type { Graph } from "../nodes.js";
import { rewriteGraph } from "./rewrite.js";

/** Remove the softmax at the output: it keeps the order of the classes, and integer networks and losses want logits. */
export function stripSoftmax(graph: Graph): Graph {
  return rewriteGraph(graph, (node) =>
    node.kind === "softmax" && node.name === graph.output ? { nodes: [], value: node.input } : undefined,
  );
}
