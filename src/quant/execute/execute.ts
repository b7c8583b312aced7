import { FixynnError } from "../../core/index.js";
import { type NodeName, nodeName } from "../../graph/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode, type QuantType } from "../nodes.js";
import { findQuantNode, type QuantValues, quantInput, valuesPerImage } from "../types.js";
import { type ExecuteForm, type ExecutionPlan, planExecution } from "./plan.js";

export type { ExecuteForm } from "./plan.js";

/** Which layers to compute and where to start. */
export type ExecuteOptions = {
  /** Layers whose values are wanted; default the network's output. */
  readonly outputs?: readonly NodeName[];
  /** Start behind this layer, on these values of its output, instead of on images. */
  readonly from?: { readonly node: NodeName; readonly values: QuantValues };
  /** Default `fast`; the bytes are the same. */
  readonly form?: ExecuteForm;
};

type ComputedNode = Exclude<QuantNode, { kind: "input" }>;

function expectValues(network: QuantNetwork, node: QuantNode, values: QuantValues, count: number): void {
  const perImage = valuesPerImage(node);
  if (!Number.isInteger(count) || count < 0 || values.length !== count * perImage) {
    throw new FixynnError("FX4003", `${values.length} values are not ${count} images`, {
      place: `layer ${node.name} of integer network ${network.name}`,
      hint: `each image has ${node.output.shape.join(" x ")} values`,
    });
  }
}

/** Layers that the wanted ones need when `start` is given, in topological order. */
function neededNodes(
  network: QuantNetwork,
  start: NodeName,
  wanted: readonly NodeName[],
): readonly ComputedNode[] {
  const needed = new Set<NodeName>(wanted.filter((name) => name !== start));
  for (const node of [...network.nodes].reverse()) {
    if (!needed.has(node.name)) continue;
    for (const name of inputsOfQuantNode(node)) if (name !== start) needed.add(name);
  }
  return network.nodes.filter((node): node is ComputedNode => {
    if (!needed.has(node.name)) return false;
    if (node.kind === "input") {
      throw new FixynnError("FX4001", `the wanted layers do not follow from "${start}" alone`, {
        place: `integer network ${network.name}`,
        hint: "start at a layer that every path to the wanted layers goes through",
      });
    }
    return true;
  });
}

/** The last plan in fast form of each network, so that a network that gets its images bit by bit is prepared once. */
const plans = new WeakMap<QuantNetwork, { readonly key: string; readonly plan: ExecutionPlan }>();

/**
 * Run an integer network: the definition that the hardware is checked against. Image after image, in integers only.
 * The network must have passed `verifyQuantNetwork`, which proves that no accumulator overflows. It is prepared once for
 * the same start and wanted layers, so it must not change afterwards.
 *
 * @param images count · height · width · channels bytes, as they come from the image file; unused (may be empty) with `from`
 * @returns for each wanted layer count · (elements of its shape) integers, image by image
 * @throws FixynnError FX4003 when the number of values is wrong, FX4001 when a wanted layer does not exist or does not
 *   follow from where the run starts
 */
export function executeQuantNetwork(
  network: QuantNetwork,
  images: Uint8Array,
  count: number,
  options: ExecuteOptions = {},
): Map<NodeName, QuantValues> {
  const { form = "fast" } = options;
  const start = options.from?.node ?? quantInput(network).name;
  const startNode = findQuantNode(network, start);
  const startValues: QuantValues = options.from?.values ?? images;
  expectValues(network, startNode, startValues, count);
  const wanted = [...new Set(options.outputs ?? [network.output])];
  for (const name of wanted) findQuantNode(network, name);

  const key = JSON.stringify([start, wanted]);
  const known = form === "fast" ? plans.get(network) : undefined;
  if (known?.key === key) return known.plan.run([startValues], count);
  const nodes = neededNodes(network, start, wanted);
  const plan = planExecution({ sources: [startNode], nodes, wanted, form });
  if (form === "fast") plans.set(network, { key, plan });
  return plan.run([startValues], count);
}

/**
 * Run the rest of a network behind a layer, on that layer's output integers: for instance on bytes from simulated hardware.
 *
 * @param activations count · (elements of the layer's shape) integers, image by image
 * @throws FixynnError as {@link executeQuantNetwork}
 */
export function executeFrom(
  network: QuantNetwork,
  afterNode: NodeName,
  activations: QuantValues,
  options: { readonly outputs?: readonly NodeName[] } = {},
): Map<NodeName, QuantValues> {
  const count = activations.length / valuesPerImage(findQuantNode(network, afterNode));
  const from = { node: afterNode, values: activations };
  return executeQuantNetwork(network, new Uint8Array(0), count, { ...options, from });
}

/**
 * Run one layer alone on given input integers.
 *
 * @param inputTypes type of each input, in the order of `inputsOfQuantNode`
 * @param inputs values of each input, `count` images each
 */
export function executeLayer(
  node: ComputedNode,
  inputTypes: readonly QuantType[],
  inputs: readonly QuantValues[],
  count: number,
  { form = "fast" }: Pick<ExecuteOptions, "form"> = {},
): QuantValues {
  // Both operands of a sum may bear one name and yet be given apart.
  const sources = inputTypes.map((output, i) => ({ name: nodeName(`operand ${i}`), output }));
  const [first, second] = sources.map(({ name }) => name) as [NodeName, NodeName];
  const alone =
    node.kind === "add" ? { ...node, inputs: [first, second] as const } : { ...node, input: first };
  const plan = planExecution({ sources, nodes: [alone], wanted: [node.name], form });
  return plan.run(inputs, count).get(node.name)!;
}
