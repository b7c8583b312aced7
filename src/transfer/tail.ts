import { type Graph, type GraphNode, type NodeName, splitGraph, verifyGraph } from "../graph/index.js";
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

/**
 * Put a tail behind a front of its own, which may be other nodes than those it was cut from: the tail's input becomes the front's output.
 *
 * @throws FixynnError FX1011 when two layers have one name
 */
export function appendTail(front: Graph, tail: Graph): Graph {
  const entry = tail.nodes[0]!.name;
  const of = (name: NodeName): NodeName => (name === entry ? front.output : name);
  const moved = tail.nodes.slice(1).map((node): GraphNode => {
    if (node.kind === "input") return node;
    if (node.kind === "add") return { ...node, inputs: [of(node.inputs[0]), of(node.inputs[1])] };
    return { ...node, input: of(node.input) };
  });
  return verifyGraph({
    ...front,
    name: tail.name,
    nodes: [...front.nodes, ...moved],
    output: of(tail.output),
  });
}
