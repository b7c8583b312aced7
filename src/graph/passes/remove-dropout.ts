import type { Graph } from "../nodes.js";
import { rewriteGraph } from "./rewrite.js";

/** Remove dropout layers, which do nothing at inference. */
export function removeDropout(graph: Graph): Graph {
  return rewriteGraph(graph, (node) =>
    node.kind === "dropout" ? { nodes: [], value: node.input } : undefined,
  );
}
