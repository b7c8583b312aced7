import type { Shape } from "../../tensor/index.js";
import { inferShape } from "../infer.js";
import { type Graph, type GraphNode, inputsOf, type NodeName } from "../nodes.js";
import { verifyGraph } from "../verify.js";

/** What becomes of one node: other nodes in its place, and the name under which readers find its value from now on. */
export type Replacement = { readonly nodes: readonly GraphNode[]; readonly value: NodeName };

/** Read inputs under new names. */
function withInputs(node: GraphNode, rename: (name: NodeName) => NodeName): GraphNode {
  if (node.kind === "input") return node;
  if (node.kind === "add") {
    const [a, b] = node.inputs;
    return { ...node, inputs: [rename(a), rename(b)] };
  }
  return { ...node, input: rename(node.input) };
}

/**
 * Rebuild a graph node by node, in order. `visit` sees each node with its inputs already renamed; it returns undefined to keep it.
 * Nodes that nobody reads any more are dropped, shapes are inferred again, and the result is verified.
 */
export function rewriteGraph(graph: Graph, visit: (node: GraphNode) => Replacement | undefined): Graph {
  const renamed = new Map<NodeName, NodeName>();
  const rename = (name: NodeName): NodeName => renamed.get(name) ?? name;
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const current = withInputs(node, rename);
    const replacement = visit(current);
    nodes.push(...(replacement?.nodes ?? [current]));
    if (replacement !== undefined && replacement.value !== node.name) {
      renamed.set(node.name, rename(replacement.value));
    }
  }
  const output = rename(graph.output);
  const live = new Set<NodeName>([output]);
  for (const node of nodes.toReversed()) {
    if (live.has(node.name)) for (const name of inputsOf(node)) live.add(name);
  }
  const shapes = new Map<NodeName, Shape>();
  const kept = nodes
    .filter((node) => live.has(node.name) || node.kind === "input")
    .map((node): GraphNode => {
      const shape = inferShape(
        node,
        inputsOf(node).map((name) => shapes.get(name) ?? []),
      );
      shapes.set(node.name, shape);
      return { ...node, shape };
    });
  return verifyGraph({ ...graph, nodes: kept, output });
}

/** List, for every node, the nodes that read it. */
export function readersOf(graph: Graph): ReadonlyMap<NodeName, readonly GraphNode[]> {
  const readers = new Map<NodeName, GraphNode[]>(graph.nodes.map((node) => [node.name, []]));
  for (const node of graph.nodes) for (const name of inputsOf(node)) readers.get(name)?.push(node);
  return readers;
}

/** Make a name that no node of the graph bears. */
export function freshName(graph: Graph, wanted: string): NodeName {
  const taken = new Set<string>(graph.nodes.map((node) => node.name));
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  return name as NodeName;
}
