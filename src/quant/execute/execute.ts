import { assertNever, FixynnError, invariant } from "../../core/index.js";
import type { NodeName } from "../../graph/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode, type QuantType } from "../nodes.js";
import { allocateValues, findQuantNode, type QuantValues, quantInput, valuesPerImage } from "../types.js";
import { addKernel } from "./add.js";
import { conv2dKernel } from "./conv2d.js";
import { denseKernel } from "./dense.js";
import { depthwiseConv2dKernel } from "./depthwise.js";
import type { LayerKernel } from "./kernel.js";
import { averagePool2dKernel, globalAveragePool2dKernel, maxPool2dKernel } from "./pool.js";

/** Prepare one layer; the input layer has nothing to compute. */
function layerKernel(node: Exclude<QuantNode, { kind: "input" }>, inputs: readonly QuantType[]): LayerKernel {
  const [first, second] = inputs;
  invariant(first !== undefined, `layer ${node.name} has no input`);
  switch (node.kind) {
    case "conv2d":
      return conv2dKernel(node, first);
    case "depthwiseConv2d":
      return depthwiseConv2dKernel(node, first);
    case "dense":
      return denseKernel(node, first);
    case "maxPool2d":
      return maxPool2dKernel(node, first);
    case "averagePool2d":
      return averagePool2dKernel(node, first);
    case "globalAveragePool2d":
      return globalAveragePool2dKernel(node, first);
    case "add":
      invariant(second !== undefined, `layer ${node.name} has one input only`);
      return addKernel(node, [first, second]);
    case "reshape":
      return ([source], output) => output.set(source!);
    default:
      return assertNever(node);
  }
}

/** Which layers to compute and where to start. */
export type ExecuteOptions = {
  /** Layers whose values are wanted; default the network's output. */
  readonly outputs?: readonly NodeName[];
  /** Start behind this layer, on these values of its output, instead of on images. */
  readonly from?: { readonly node: NodeName; readonly values: QuantValues };
};

function expectValues(network: QuantNetwork, node: QuantNode, values: QuantValues, count: number): void {
  const perImage = valuesPerImage(node);
  if (!Number.isInteger(count) || count < 0 || values.length !== count * perImage) {
    throw new FixynnError("FX4003", `${values.length} values are not ${count} images`, {
      place: `layer ${node.name} of integer network ${network.name}`,
      hint: `each image has ${node.output.shape.join(" x ")} values`,
    });
  }
}

/**
 * Run an integer network: the definition that the hardware is checked against. Image after image, in integers only.
 * The network must have passed `verifyQuantNetwork`, which proves that no accumulator overflows.
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
  const start = options.from?.node ?? quantInput(network).name;
  const startNode = findQuantNode(network, start);
  const startValues: QuantValues = options.from?.values ?? images;
  expectValues(network, startNode, startValues, count);
  const wanted = [...new Set(options.outputs ?? [network.output])];

  const needed = new Set<NodeName>(wanted.filter((name) => name !== start));
  for (const node of [...network.nodes].reverse()) {
    if (!needed.has(node.name)) continue;
    for (const name of inputsOfQuantNode(node)) if (name !== start) needed.add(name);
  }
  for (const name of wanted) findQuantNode(network, name);

  const buffers = new Map<NodeName, QuantValues>();
  const steps: { inputs: QuantValues[]; output: QuantValues; kernel: LayerKernel }[] = [];
  const startSize = valuesPerImage(startNode);
  buffers.set(start, allocateValues(startNode.output, startSize));
  for (const node of network.nodes) {
    if (!needed.has(node.name)) continue;
    if (node.kind === "input") {
      throw new FixynnError("FX4001", `the wanted layers do not follow from "${start}" alone`, {
        place: `integer network ${network.name}`,
        hint: "start at a layer that every path to the wanted layers goes through",
      });
    }
    const sources = inputsOfQuantNode(node);
    const types = sources.map((name) => findQuantNode(network, name).output);
    const output = allocateValues(node.output, valuesPerImage(node));
    const inputs = sources.map((name) => {
      const buffer = buffers.get(name);
      invariant(buffer !== undefined, `layer ${node.name} comes before its input ${name}`);
      return buffer;
    });
    buffers.set(node.name, output);
    steps.push({ inputs, output, kernel: layerKernel(node, types) });
  }

  const results = new Map<NodeName, QuantValues>();
  for (const name of wanted) {
    const node = findQuantNode(network, name);
    results.set(name, allocateValues(node.output, count * valuesPerImage(node)));
  }
  const startBuffer = buffers.get(start)!;
  for (let image = 0; image < count; image++) {
    startBuffer.set(startValues.subarray(image * startSize, (image + 1) * startSize));
    for (const step of steps) step.kernel(step.inputs, step.output);
    for (const [name, values] of results) {
      const buffer = buffers.get(name)!;
      values.set(buffer, image * buffer.length);
    }
  }
  return results;
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
  node: Exclude<QuantNode, { kind: "input" }>,
  inputTypes: readonly QuantType[],
  inputs: readonly QuantValues[],
  count: number,
): QuantValues {
  const kernel = layerKernel(node, inputTypes);
  const size = valuesPerImage(node);
  const output = allocateValues(node.output, count * size);
  for (let image = 0; image < count; image++) {
    const sources = inputs.map((values) => {
      const perImage = values.length / count;
      return values.subarray(image * perImage, (image + 1) * perImage);
    });
    kernel(sources, output.subarray(image * size, (image + 1) * size));
  }
  return output;
}
