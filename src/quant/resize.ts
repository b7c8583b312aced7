import { FixynnError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import type { Shape } from "../tensor/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode } from "./nodes.js";
import { quantShape } from "./shapes.js";
import { verifyQuantNetwork } from "./verify.js";

/**
 * Give a network square images of another side: the same layers, weights and explicit paddings, shapes inferred anew. Where `same` padding
 * of the other side would differ (odd sides before a stride of 2), the paddings of the original stay.
 *
 * @throws FixynnError FX4002 when a layer does not fit the side, FX4011 for a layer whose constants depend on it (global average pool, reshape)
 */
export function resizeQuantNetwork(network: QuantNetwork, side: number): QuantNetwork {
  const shapes = new Map<NodeName, Shape>();
  const nodes = network.nodes.map((node): QuantNode => {
    const refuse = (code: string, message: string, hint?: string): never => {
      throw new FixynnError(code, message, {
        place: `layer ${node.name}`,
        ...(hint === undefined ? {} : { hint }),
      });
    };
    if (node.kind === "globalAveragePool2d" || node.kind === "reshape")
      refuse("FX4011", `a ${node.kind} cannot take another size`, "truncate the network before it");
    const inputs = inputsOfQuantNode(node).map((name) => shapes.get(name)!);
    const shape =
      node.kind === "input"
        ? [side, side, node.output.shape.at(-1) ?? 1]
        : quantShape(node, inputs, (message, hint) => refuse("FX4002", message, hint));
    shapes.set(node.name, shape);
    return { ...node, output: { ...node.output, shape } };
  });
  return verifyQuantNetwork({ ...network, name: `${network.name} at ${side}x${side}`, nodes });
}
