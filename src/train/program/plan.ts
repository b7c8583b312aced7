import { FixynnError } from "../../core/index.js";
import { type Graph, type GraphNode, inputsOf, type NodeName, type NodeOf } from "../../graph/index.js";
import { elementCount, resolvePadding, type Shape, tensor } from "../../tensor/index.js";
import type { ParameterRole } from "./emit.js";

/** Where a parameter or statistic lies in its flat array. */
export type Slot<Role extends string> = {
  readonly node: NodeName;
  readonly role: Role;
  readonly shape: Shape;
  readonly offset: number;
  readonly length: number;
};

/** What a training program will contain. */
export type TrainingPlan = {
  /** Nodes of the program in topological order: those that a trainable parameter reaches. */
  readonly active: readonly GraphNode[];
  /** Values that the program reads: the image, or outputs of the frozen front. */
  readonly boundary: readonly GraphNode[];
  /** The node whose output are the logits. */
  readonly logits: GraphNode;
  readonly trainable: ReadonlySet<NodeName>;
  readonly parameters: readonly Slot<ParameterRole>[];
  readonly statistics: readonly Slot<"mean" | "variance">[];
};

/** List the trainable tensors of a node. */
function parameterRoles(node: GraphNode): readonly ParameterRole[] {
  if (node.kind === "batchNorm") return ["gamma", "beta"];
  if (node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "dense") {
    return node.bias === undefined ? ["weights"] : ["weights", "bias"];
  }
  return [];
}

/** Read a parameter of a node. */
export function parameterOf(node: GraphNode, role: ParameterRole): { shape: Shape; data: Float32Array } {
  const value = (node as Partial<Record<ParameterRole, { shape: Shape; data: Float32Array }>>)[role];
  if (value === undefined) throw new Error(`internal error: layer ${node.name} has no ${role}`);
  return value;
}

/** Merge zero padding into the convolution behind it: same result, one copy less. */
function mergePadding(nodes: readonly GraphNode[]): GraphNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const readers = new Map<NodeName, number>();
  for (const node of nodes)
    for (const name of inputsOf(node)) readers.set(name, (readers.get(name) ?? 0) + 1);
  const dropped = new Set<NodeName>();
  const merged = nodes.map((node) => {
    if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d") return node;
    const pad = byName.get(node.input);
    if (pad?.kind !== "zeroPad2d" || readers.get(pad.name) !== 1) return node;
    const own = resolvePadding(
      node.padding,
      { height: pad.shape[0]!, width: pad.shape[1]! },
      { height: node.weights.shape[0]!, width: node.weights.shape[1]! },
      node.stride,
    );
    const padding = {
      kind: "explicit",
      top: own.top + pad.padding.top,
      bottom: own.bottom + pad.padding.bottom,
      left: own.left + pad.padding.left,
      right: own.right + pad.padding.right,
    } as const;
    dropped.add(pad.name);
    return { ...node, input: pad.input, padding };
  });
  return merged.filter((node) => !dropped.has(node.name));
}

/**
 * Split a graph into a frozen front, which is only evaluated, and the part that training goes through.
 *
 * @param trainable names of the nodes whose parameters may change
 * @throws FixynnError FX3001 when nothing is trainable, FX3002 when the graph does not end in logits
 */
export function planTraining(graph: Graph, trainable: ReadonlySet<NodeName>): TrainingPlan {
  const last = graph.nodes.find((node) => node.name === graph.output)!;
  const logitsName = last.kind === "softmax" ? last.input : last.name;
  const needed = new Set<NodeName>([logitsName]);
  for (const node of graph.nodes.toReversed()) {
    if (needed.has(node.name)) for (const name of inputsOf(node)) needed.add(name);
  }
  const nodes = mergePadding(graph.nodes.filter((node) => needed.has(node.name)));
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const reached = new Set<NodeName>();
  const tuned = new Set<NodeName>();
  for (const node of nodes) {
    const own = trainable.has(node.name) && parameterRoles(node).length > 0;
    if (own) tuned.add(node.name);
    if (own || inputsOf(node).some((name) => reached.has(name))) reached.add(node.name);
  }
  const logits = byName.get(logitsName)!;
  if (tuned.size === 0) {
    throw new FixynnError("FX3001", "nothing to train: every layer with weights is frozen", {
      place: `graph ${graph.name}`,
      hint: "choose a freeze point before the last layer with weights",
    });
  }
  const active = nodes.filter((node) => reached.has(node.name));
  const misplaced = active.find((node) => node.kind === "softmax");
  if (misplaced !== undefined || elementCount(logits.shape) !== logits.shape.at(-1)) {
    const place = `layer ${(misplaced ?? logits).name}`;
    const hint = "a classifier ends in one value a class, perhaps with a softmax as its last layer";
    throw new FixynnError("FX3002", "training needs logits as the network's output", { place, hint });
  }
  const outside = new Set<NodeName>();
  for (const node of active) for (const name of inputsOf(node)) if (!reached.has(name)) outside.add(name);
  const boundary = graph.nodes.filter((node) => outside.has(node.name));
  let parameterEnd = 0;
  const parameters = active
    .filter((node) => tuned.has(node.name))
    .flatMap((node) =>
      parameterRoles(node).map((role): Slot<ParameterRole> => {
        const { shape } = parameterOf(node, role);
        const length = elementCount(shape);
        parameterEnd += length;
        return { node: node.name, role, shape, offset: parameterEnd - length, length };
      }),
    );
  let statisticsEnd = 0;
  const statistics = active
    .filter((node): node is NodeOf<"batchNorm"> => node.kind === "batchNorm" && tuned.has(node.name))
    .flatMap((node) =>
      (["mean", "variance"] as const).map((role) => {
        const { shape } = node[role];
        const length = elementCount(shape);
        statisticsEnd += length;
        return { node: node.name, role, shape, offset: statisticsEnd - length, length };
      }),
    );
  return { active, boundary, logits, trainable: tuned, parameters, statistics };
}

/** Sum of the lengths of slots. */
export const totalLength = (slots: readonly Slot<string>[]): number =>
  slots.reduce((sum, slot) => sum + slot.length, 0);

/** Read the flat arrays out of a graph. */
export function gatherSlots(graph: Graph, slots: readonly Slot<string>[]): Float32Array {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const flat = new Float32Array(totalLength(slots));
  for (const { node, role, offset } of slots) {
    const values = byName.get(node) as unknown as Record<string, { data: Float32Array }>;
    flat.set(values[role]!.data, offset);
  }
  return flat;
}

/** Write flat arrays back: a new graph with the trained values. */
export function scatterSlots(graph: Graph, slots: readonly Slot<string>[], flat: Float32Array): Graph {
  const changes = new Map<NodeName, Record<string, unknown>>();
  for (const { node, role, shape, offset, length } of slots) {
    const change = changes.get(node) ?? {};
    change[role] = tensor("float32", shape, flat.slice(offset, offset + length));
    changes.set(node, change);
  }
  const nodes = graph.nodes.map((node): GraphNode => {
    const change = changes.get(node.name);
    return change === undefined ? node : ({ ...node, ...change } as GraphNode);
  });
  return { ...graph, nodes };
}
