import { FixynnError, UnsupportedOpError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import {
  findQuantNode,
  inputsOfQuantNode,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
  truncateQuantNetwork,
} from "../quant/index.js";
import { formatShape } from "../tensor/index.js";
import { type ComputedNode, streamOf, streamOfNode } from "./streams.js";

/** A layer of a front with the streams that it reads: their types, and the places of the layers that make them, −1 for the front's input. */
export type FrontLayer = {
  readonly node: ComputedNode;
  readonly inputs: readonly QuantType[];
  readonly sources: readonly number[];
};

/** Say why a layer has no hardware behind the given streams; `undefined` when it has. */
function unsupportedReason(node: QuantNode, streams: readonly QuantType[]): string | undefined {
  if (node.kind !== "add") return undefined;
  const [a, b] = streams.map(streamOf);
  if (a!.channels !== b!.channels || a!.beats !== b!.beats)
    return `its operands travel as ${streams.map(({ shape }) => formatShape(shape)).join(" and ")}: freeze up to a layer before it`;
  const { length } = node.requantization.multipliers;
  return length === 1 || length === a!.channels
    ? undefined
    : "its scales differ within a channel: freeze up to a layer before it";
}

/**
 * List the layers that the freeze point depends on, in topological order, the one that makes its output last. Reshapes are no layers: their
 * readers read the stream behind them.
 *
 * @throws UnsupportedOpError FX5023 listing every layer that has no hardware
 * @throws FixynnError FX4001 when there is no such layer
 */
export function frontGraph(network: QuantNetwork, freezePoint: NodeName): readonly FrontLayer[] {
  const needed = truncateQuantNetwork(network, freezePoint);
  const problems: { op: string; node: string; hint: string }[] = [];
  const places = new Map<NodeName, number>();
  const layers: FrontLayer[] = [];
  for (const node of needed.nodes) {
    const complain = (hint: string): void => void problems.push({ op: node.kind, node: node.name, hint });
    if (node.kind === "input") {
      places.set(node.name, -1);
      continue;
    }
    if (node.kind === "reshape") {
      const known = streamOfNode(needed, node.input) !== undefined;
      if (known && streamOfNode(needed, node.name) === undefined)
        complain("it mixes pixels and channels: freeze up to a layer before it");
      continue;
    }
    const streams = inputsOfQuantNode(node).flatMap((name) => streamOfNode(needed, name) ?? []);
    const sources = streams.flatMap(({ carrier }) => places.get(carrier) ?? []);
    const inputs = streams.map(({ type }) => type);
    places.set(node.name, layers.length);
    layers.push({ node, inputs, sources });
    if (inputs.length < inputsOfQuantNode(node).length) continue;
    const reason = unsupportedReason(node, inputs);
    if (reason !== undefined) complain(reason);
  }
  if (problems.length > 0) throw new UnsupportedOpError("FX5023", problems, { place: network.name });
  if (layers.length === 0)
    throw new FixynnError(
      "FX5023",
      `no layer to freeze before "${findQuantNode(network, freezePoint).name}"`,
      {
        place: network.name,
        hint: "freeze up to a layer behind the input",
      },
    );
  return layers;
}
