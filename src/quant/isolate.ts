import { FixynnError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import { inputsOfQuantNode, type QuantNetwork } from "./nodes.js";
import { findQuantNode } from "./types.js";

/**
 * Cut one layer out of a network: a network of an input, of the type and name that the layer reads, and the layer.
 *
 * @throws FixynnError FX4001 when there is no such layer, FX4002 when it reads several
 */
export function isolateQuantLayer(network: QuantNetwork, name: NodeName): QuantNetwork {
  const node = findQuantNode(network, name);
  const [before, ...others] = inputsOfQuantNode(node);
  if (before === undefined || others.length > 0) {
    throw new FixynnError("FX4002", `"${name}" does not read one layer`, { place: network.name });
  }
  const { output } = findQuantNode(network, before);
  return { ...network, nodes: [{ kind: "input", name: before, output }, node], output: name };
}
