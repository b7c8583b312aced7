import { FixynnError, UnsupportedOpError } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import {
  findQuantNode,
  inputsOfQuantNode,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
  quantInput,
} from "../quant/index.js";
import { elementCount, formatShape } from "../tensor/index.js";
import { literal, ModuleBuilder } from "./builder.js";
import { chooseFolding } from "./fold/choose.js";
import type { FrontFolding, LayerParallelism } from "./fold/parallelism.js";
import { simulateSchedule } from "./fold/schedule.js";
import {
  compileLayer,
  type LayerHardware,
  type LayerOptions,
  moduleNameOf,
  unsupportedReason,
} from "./layer.js";
import { counterWidth, type Design, type Module, type Signal } from "./netlist.js";
import { verifyDesign } from "./verify.js";

/** Choices of {@link compileFrontEnd}. */
export type FrontEndOptions = Pick<LayerOptions, "levelsPerStage" | "maxFullAddersPerModule"> & {
  /** Which layers are folded; default none. */
  readonly folding?: FrontFolding;
};

/** The frozen layers as hardware, chained in one top module. */
export type FrontEnd = {
  readonly kind: "frontEnd";
  readonly network: QuantNetwork;
  readonly freezePoint: NodeName;
  readonly input: QuantType;
  readonly output: QuantType;
  /** In the order of the data. */
  readonly layers: readonly LayerHardware[];
  readonly top: Module;
  /** Cycles between two frames of the slowest layer, when nothing outside pauses. */
  readonly cyclesPerFrame: number;
};

/** Name of the top module. */
export const TOP_MODULE = "ffe_top";

/** List the layers from the input to the freeze point; they must form a chain. */
function frozenChain(network: QuantNetwork, freezePoint: NodeName): readonly QuantNode[] {
  const chain: QuantNode[] = [];
  const problems: { op: string; node: string; hint: string }[] = [];
  const seen = new Set<NodeName>();
  const pending: NodeName[] = [freezePoint];
  while (pending.length > 0) {
    const name = pending.pop()!;
    if (seen.has(name)) continue;
    seen.add(name);
    const node = findQuantNode(network, name);
    if (node.kind !== "input") chain.push(node);
    pending.push(...inputsOfQuantNode(node));
    const reason = node.kind === "input" && name !== freezePoint ? undefined : unsupportedReason(node);
    if (reason !== undefined) problems.push({ op: node.kind, node: node.name, hint: reason });
  }
  if (problems.length > 0) throw new UnsupportedOpError("FX5023", problems, { place: network.name });
  return chain.reverse();
}

/** Bounds that a layer's output keeps: its clamp, or for a pool the bounds of what it pools. */
function outputClamp(node: QuantNode, before: LayerOptions["inputClamp"]): LayerOptions["inputClamp"] {
  return "clamp" in node ? node.clamp : before;
}

/**
 * Compile all layers up to and including the freeze point.
 *
 * @throws UnsupportedOpError FX5023 listing every layer that has no hardware yet
 * @throws FixynnError FX4001 when there is no such layer, FX5020 to FX5022 for a layer's geometry or requantization
 */
export function compileFrontEnd(
  network: QuantNetwork,
  freezePoint: NodeName,
  options: FrontEndOptions = {},
): FrontEnd {
  const chain = frozenChain(network, freezePoint);
  const { output: input } = quantInput(network);
  const names = new Set<string>([TOP_MODULE]);
  const parallelisms = parallelismsOf(network, chain, options.folding);
  const layers: LayerHardware[] = [];
  let type = input;
  let clamp: LayerOptions["inputClamp"];
  for (const node of chain) {
    let moduleName = moduleNameOf(node.name);
    for (let i = 1; names.has(moduleName); i++) moduleName = `${moduleNameOf(node.name)}_${i}`;
    names.add(moduleName);
    const bounds = clamp === undefined ? {} : { inputClamp: clamp };
    const parallelism = parallelisms.get(node.name);
    const own = parallelism === undefined ? {} : { parallelism };
    const layer = compileLayer(node, type, { ...options, ...bounds, ...own, moduleName });
    layers.push(layer);
    clamp = outputClamp(node, clamp);
    type = node.output;
  }
  const front: FrontEnd = {
    kind: "frontEnd",
    network,
    freezePoint,
    input,
    output: type,
    layers,
    top: buildTop(layers, input, type),
    cyclesPerFrame: cyclesPerFrameOf(layers),
  };
  verifyDesign(frontEndDesign(front));
  return front;
}

/** Parallelism of the layers, as given or chosen. */
function parallelismsOf(
  network: QuantNetwork,
  chain: readonly QuantNode[],
  folding: FrontFolding = { kind: "none" },
): ReadonlyMap<NodeName, LayerParallelism> {
  if (folding.kind === "none") return new Map();
  if (folding.kind === "given") return folding.layers;
  const layers = chain.map((node) => ({
    node,
    input: findQuantNode(network, inputsOfQuantNode(node)[0]!).output,
  }));
  return chooseFolding(layers, folding);
}

/** Cycles between two frames: of the slowest layer, or of the whole chain's schedule when folded layers wait for one another. */
function cyclesPerFrameOf(layers: readonly LayerHardware[]): number {
  if (layers.every(({ stats }) => stats.parallelism.kind === "parallel"))
    return Math.max(...layers.map(({ stats }) => stats.cyclesPerFrame));
  return simulateSchedule(
    layers.map(({ timing }) => timing),
    3,
  ).cyclesPerFrame;
}

/** All modules of a front, the top last. */
export function frontEndDesign(front: FrontEnd): Design {
  return { kind: "design", modules: [...front.layers.flatMap((layer) => layer.modules), front.top] };
}

/** One layer with its datapath modules as a design of its own. */
export function layerDesign(layer: LayerHardware): Design {
  return { kind: "design", modules: layer.modules };
}

/** Share of the front's cycles in which each layer's datapath takes new operands, at full speed. */
export function utilizations(front: FrontEnd): readonly number[] {
  return front.layers.map(({ stats }) => stats.activeCyclesPerFrame / front.cyclesPerFrame);
}

/** Sizes of a stream: integers of `bits` bits, `channels` a beat, `beats` a frame. */
export function streamOf(type: QuantType): {
  readonly channels: number;
  readonly beats: number;
  readonly bits: number;
} {
  const channels = type.shape.at(-1) ?? 1;
  return { channels, beats: elementCount(type.shape) / channels, bits: type.bits };
}

function buildTop(layers: readonly LayerHardware[], input: QuantType, output: QuantType): Module {
  const [inStream, outStream] = [streamOf(input), streamOf(output)];
  if (layers.length === 0) throw new FixynnError("FX5023", "no layer to freeze");
  const b = new ModuleBuilder(TOP_MODULE, [
    `Fixed feature extractor: ${layers.length} frozen layer(s), from "${layers[0]!.node.name}" to "${layers.at(-1)!.node.name}".`,
    `Input ${formatShape(input.shape)}, ${inStream.beats} beats a frame of ${inStream.channels} x ${input.bits} bits; output ` +
      `${formatShape(output.shape)}, ${outStream.beats} beats of ${outStream.channels} x ${output.bits} bits.`,
    "AXI4-Stream names and handshake; tlast marks the last beat of a frame.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  let data = b.input("s_axis_tdata", inStream.channels * input.bits);
  let valid = b.input("s_axis_tvalid", 1);
  const outReady = b.input("m_axis_tready", 1);
  const ready = layers.map((_, i) => b.net(`ready${i}`, 1));
  for (const [i, layer] of layers.entries()) {
    const { channels, bits } = streamOf(layer.node.output);
    const nextData = b.net(`data${i + 1}`, channels * bits, `out of ${layer.node.name}`);
    const nextValid = b.net(`valid${i + 1}`, 1);
    const after: Signal = i + 1 < layers.length ? b.signal(ready[i + 1]!) : outReady;
    b.add({
      kind: "instance",
      name: `u_${layer.name}`,
      module: layer.name,
      inputs: [
        { port: "aresetn", signal: resetN },
        { port: "s_axis_tdata", signal: data },
        { port: "s_axis_tvalid", signal: valid },
        { port: "m_axis_tready", signal: after },
      ],
      outputs: [
        { port: "s_axis_tready", net: ready[i]! },
        { port: "m_axis_tdata", net: nextData },
        { port: "m_axis_tvalid", net: nextValid },
      ],
    });
    data = b.signal(nextData);
    valid = b.signal(nextValid);
  }
  b.output("s_axis_tready", b.signal(ready[0]!));
  b.output("m_axis_tdata", data);
  b.output("m_axis_tvalid", valid);
  if (outStream.beats === 1) b.output("m_axis_tlast", literal(1, 1));
  else {
    const width = counterWidth(outStream.beats - 1);
    const net = b.net("beat", width, "output beats of this frame so far");
    const beat = b.signal(net);
    const last = b.compare(
      "equal",
      "last_beat",
      beat,
      b.constant("beats_less_1", outStream.beats - 1, width),
    );
    const plus = b.arithmetic("add", "beat_plus_1", beat, literal(1, width));
    const next = b.mux("next_beat", last, literal(0, width), plus);
    const enable = b.logic("and", "beat_taken", [valid, outReady]);
    b.registerInto(net, "beat", next, { enable, resetN, role: "control" });
    b.output("m_axis_tlast", last);
  }
  return b.build();
}
