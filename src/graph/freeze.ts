import { FixynnError } from "../core/index.js";
import type { Shape } from "../tensor/index.js";
import { type Graph, type GraphNode, inputsOf, type NodeKind, type NodeName, nodeName } from "./nodes.js";
import { foldPadding } from "./passes/fold-padding.js";
import { readersOf } from "./passes/rewrite.js";
import { statistics } from "./statistics.js";
import { verifyGraph } from "./verify.js";

/** Where a network can be cut in a frozen front and a programmable tail. */
export type FreezePoint = {
  /** The last frozen layer, as a user names it. */
  readonly layer: NodeName;
  /** The node whose value crosses the cut: `layer`, or the last batch norm, activation or dropout that trails it. */
  readonly cut: NodeName;
  /** Shape of the value that crosses. */
  readonly shape: Shape;
  /** Frozen convolutions and dense layers. */
  readonly frozenLayers: number;
  /** Parameters of the front, as Keras counts. */
  readonly params: number;
  /** Multiply-accumulates of the front for one image, padding excluded. */
  readonly macs: number;
  /** Its share of the whole network's, 0 to 1. */
  readonly macsShare: number;
};

const TRAILING: ReadonlySet<NodeKind> = new Set(["batchNorm", "relu", "dropout"]);
const WEIGHTED: ReadonlySet<NodeKind> = new Set(["conv2d", "depthwiseConv2d", "dense"]);
const POINTS: ReadonlySet<NodeKind> = new Set([
  "conv2d",
  "depthwiseConv2d",
  "dense",
  "maxPool2d",
  "averagePool2d",
  "globalAveragePool2d",
  "add",
]);

type Front = { readonly cut: GraphNode; readonly names: ReadonlySet<NodeName> };

/** The front that ends with a layer, or undefined when more than one value would cross or nothing is left to train. */
function frontAt(graph: Graph, layer: GraphNode, readers: ReturnType<typeof readersOf>): Front | undefined {
  if (!POINTS.has(layer.kind)) return undefined;
  let cut = layer;
  for (;;) {
    const [reader, ...others] = readers.get(cut.name) ?? [];
    if (reader === undefined || others.length > 0 || cut.name === graph.output) break;
    if (!TRAILING.has(reader.kind)) break;
    cut = reader;
  }
  const names = new Set<NodeName>([cut.name]);
  for (const node of graph.nodes.toReversed()) {
    if (names.has(node.name)) for (const name of inputsOf(node)) names.add(name);
  }
  const clean = graph.nodes.every(
    (node) => names.has(node.name) || inputsOf(node).every((name) => name === cut.name || !names.has(name)),
  );
  const trainable = graph.nodes.some((node) => !names.has(node.name) && WEIGHTED.has(node.kind));
  return clean && trainable ? { cut, names } : undefined;
}

/**
 * List all possible freeze points, from the input to the output: the convolutions, dense layers, pools and residual sums
 * after which a single value crosses, with at least one weighted layer left to train behind it.
 */
export function freezePoints(graph: Graph): readonly FreezePoint[] {
  const readers = readersOf(graph);
  const { layers } = statistics(graph);
  const macs = new Map(statistics(foldPadding(graph)).layers.map((layer) => [layer.name, layer.macs]));
  const total = [...macs.values()].reduce((a, b) => a + b, 0);
  return graph.nodes.flatMap((node): FreezePoint[] => {
    const front = frontAt(graph, node, readers);
    if (front === undefined) return [];
    const frozen = layers.filter(({ name }) => front.names.has(name));
    const frontMacs = frozen.reduce((sum, { name }) => sum + (macs.get(name) ?? 0), 0);
    return [
      {
        layer: node.name,
        cut: front.cut.name,
        shape: front.cut.shape,
        frozenLayers: frozen.filter(({ kind }) => WEIGHTED.has(kind)).length,
        params: frozen.reduce((sum, { params }) => sum + params, 0),
        macs: frontMacs,
        macsShare: total === 0 ? 0 : frontMacs / total,
      },
    ];
  });
}

function requireFront(graph: Graph, layer: string): Front {
  const readers = readersOf(graph);
  const node = graph.nodes.find(({ name }) => name === layer);
  const front = node === undefined ? undefined : frontAt(graph, node, readers);
  if (front !== undefined) return front;
  const possible = graph.nodes.filter((candidate) => frontAt(graph, candidate, readers) !== undefined);
  const list = possible.map(({ name }) => name).join(", ");
  let message = "there is no such layer";
  if (node !== undefined) {
    message = POINTS.has(node.kind)
      ? "cannot freeze up to this layer: not exactly one value crosses the cut, or no layer is left to train"
      : `cannot freeze up to a ${node.kind} layer: name the layer that it belongs to`;
  }
  throw new FixynnError("FX1015", message, {
    place: `freeze point ${layer}`,
    hint: `possible freeze points: ${list === "" ? "none" : list}`,
  });
}

/**
 * Return the nodes of the front when frozen up to and including a layer, with its trailing batch norm, activation and
 * dropout. Works on the graph as imported and as simplified: layers keep their names.
 *
 * @throws FixynnError FX1015, listing the possible freeze points, when the layer is none
 */
export function frozenNodes(graph: Graph, layer: string): ReadonlySet<NodeName> {
  return requireFront(graph, layer).names;
}

/**
 * Cut a network in two at a freeze point. The tail's input node bears the name of the node that was cut and has its
 * shape; it reads real values (encoding scale 1, offset 0). Running front and then tail is running the graph.
 *
 * @throws FixynnError FX1015, listing the possible freeze points, when the layer is none
 */
export function splitGraph(graph: Graph, layer: string): { readonly front: Graph; readonly tail: Graph } {
  const { cut, names } = requireFront(graph, layer);
  const front = verifyGraph({
    ...graph,
    name: `${graph.name}/front`,
    nodes: graph.nodes.filter(({ name }) => names.has(name)),
    output: cut.name,
  });
  const entry: GraphNode = { kind: "input", name: nodeName(cut.name), shape: cut.shape };
  const tail = verifyGraph({
    ...graph,
    name: `${graph.name}/tail`,
    encoding: { scale: 1, offset: 0 },
    nodes: [entry, ...graph.nodes.filter(({ name }) => !names.has(name))],
  });
  return { front, tail };
}
