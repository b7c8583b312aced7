import { type Graph, type NodeName, splitGraph } from "../graph/index.js";
import { findQuantNode, type QuantNetwork } from "../quant/index.js";

/**
 * Cut the programmable tail off a network. It reads the bytes that the integer front gives at the freeze point: its encoding is
 * what these bytes stand for, so that it trains and runs on cached features as a whole network does on images.
 *
 * @param network with the classifier of the task
 * @param layer freeze point
 * @param front integer network that has this layer
 * @throws FixynnError FX1015 when the layer is no freeze point, FX4001 when the front has no such layer
 */
export function tailOf(network: Graph, layer: NodeName, front: QuantNetwork): Graph {
  const { scale, zeroPoint } = findQuantNode(front, layer).output;
  return { ...splitGraph(network, layer).tail, encoding: { scale, offset: -scale * zeroPoint } };
}

/** Put a trained tail back into the network that it was cut from: nodes of the same name take its parameters. */
export function joinTail(network: Graph, tail: Graph): Graph {
  const trained = new Map(
    tail.nodes.flatMap((node) => (node.kind === "input" ? [] : [[node.name, node] as const])),
  );
  return { ...network, nodes: network.nodes.map((node) => trained.get(node.name) ?? node) };
}
