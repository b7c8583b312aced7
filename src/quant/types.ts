import { FixynnError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import { elementCount } from "../tensor/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode, type QuantType } from "./nodes.js";

/** Integers of one layer, channels last, image after image; the array's type follows from the layer's `QuantType`. */
export type QuantValues = Uint8Array | Int8Array | Uint16Array | Int16Array | Int32Array;

/** An inclusive range of integers. */
export type IntegerRange = { readonly low: number; readonly high: number };

/** Return all integers that `bits` can hold: two's complement when signed. */
export function typeRange(type: Pick<QuantType, "bits" | "signed">): IntegerRange {
  return type.signed
    ? { low: -(2 ** (type.bits - 1)), high: 2 ** (type.bits - 1) - 1 }
    : { low: 0, high: 2 ** type.bits - 1 };
}

/** Allocate zeroed storage for `count` integers of a type: 8, 16 or 32 bits wide, whichever fits. */
export function allocateValues(type: Pick<QuantType, "bits" | "signed">, count: number): QuantValues {
  if (type.bits <= 8) return type.signed ? new Int8Array(count) : new Uint8Array(count);
  if (type.bits <= 16) return type.signed ? new Int16Array(count) : new Uint16Array(count);
  return new Int32Array(count);
}

/** Convert integers to the reals they stand for: scale · (integer − zeroPoint). */
export function dequantize(values: QuantValues, type: Pick<QuantType, "scale" | "zeroPoint">): Float32Array {
  const reals = new Float32Array(values.length);
  for (let i = 0; i < reals.length; i++) reals[i] = type.scale * (values[i]! - type.zeroPoint);
  return reals;
}

/**
 * Find a layer by its name.
 *
 * @throws FixynnError FX4001 when the network has no such layer
 */
export function findQuantNode(network: QuantNetwork, name: NodeName): QuantNode {
  const node = network.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) {
    const names = network.nodes.map((candidate) => candidate.name).join(", ");
    throw new FixynnError("FX4001", `no layer "${name}"`, {
      place: `integer network ${network.name}`,
      hint: `its layers are ${names}`,
    });
  }
  return node;
}

/** Return the network's input layer. */
export function quantInput(network: QuantNetwork): Extract<QuantNode, { kind: "input" }> {
  const input = network.nodes[0];
  if (input?.kind !== "input") {
    throw new FixynnError("FX4002", "the first layer must be the input", {
      place: `integer network ${network.name}`,
    });
  }
  return input;
}

/** Return the number of values of one image in a layer's output. */
export function valuesPerImage(node: QuantNode): number {
  return elementCount(node.output.shape);
}

/** Keep only what a layer's output depends on; that layer becomes the network's output. */
export function truncateQuantNetwork(network: QuantNetwork, output: NodeName): QuantNetwork {
  findQuantNode(network, output);
  const needed = new Set<NodeName>([output]);
  for (const node of [...network.nodes].reverse()) {
    if (needed.has(node.name)) for (const name of inputsOfQuantNode(node)) needed.add(name);
  }
  const nodes = network.nodes.filter((node) => needed.has(node.name) || node.kind === "input");
  return { ...network, nodes, output };
}
