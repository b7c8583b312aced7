import type { ClockTarget } from "../arith/index.js";
import type { NodeName } from "../graph/index.js";
import { networkRanges, type QuantNetwork, type QuantType, quantInput } from "../quant/index.js";
import { chooseFolding } from "./fold/choose.js";
import { sizeJoins } from "./fold/joins.js";
import type { FrontFolding, LayerParallelism } from "./fold/parallelism.js";
import { type ScheduleStage, steadySchedule } from "./fold/schedule.js";
import { type FrontLayer, frontGraph } from "./front-graph.js";
import { compileLayer, type LayerHardware, type LayerOptions, moduleNameOf } from "./layer.js";
import { defaultClock } from "./layer-datapath.js";
import type { Design, Module } from "./netlist.js";
import type { RegisterMap } from "./registers.js";
import { buildTop, registerMapOf, TOP_MODULE } from "./top.js";
import { verifyDesign } from "./verify.js";

export { streamOf } from "./streams.js";
export { TOP_MODULE } from "./top.js";

/** Choices of {@link compileFrontEnd}. */
export type FrontEndOptions = Pick<LayerOptions, "clock" | "maxFullAddersPerModule"> & {
  /** Which layers are folded; default none. */
  readonly folding?: FrontFolding;
};

/** The frozen layers as hardware, connected in one top module. */
export type FrontEnd = {
  readonly kind: "frontEnd";
  readonly network: QuantNetwork;
  readonly freezePoint: NodeName;
  readonly input: QuantType;
  /** As it leaves, pixel by pixel; the values of a freeze point that is a reshape come in the same order. */
  readonly output: QuantType;
  /** In topological order, the one that makes the output last. */
  readonly layers: readonly LayerHardware[];
  /** For each stream that each layer reads the place of the layer that makes it; −1 is the input. */
  readonly sources: readonly (readonly number[])[];
  readonly top: Module;
  /** Registers of programmable normalization, if any layer has it. */
  readonly registers?: RegisterMap;
  /** Cycles between two frames, when nothing outside pauses. */
  readonly cyclesPerFrame: number;
  /** What registers were inserted for. */
  readonly clock: ClockTarget;
};

/**
 * Compile all layers up to and including the freeze point.
 *
 * @throws UnsupportedOpError FX5023 listing every layer that has no hardware
 * @throws FixynnError FX4001 when there is no such layer, FX5020 to FX5022 for a layer's geometry or requantization
 */
export function compileFrontEnd(
  network: QuantNetwork,
  freezePoint: NodeName,
  options: FrontEndOptions = {},
): FrontEnd {
  const graph = frontGraph(network, freezePoint);
  const { output: input } = quantInput(network);
  const ranges = networkRanges(network);
  const sourceName = (source: number): NodeName =>
    source < 0 ? quantInput(network).name : graph[source]!.node.name;
  const names = new Set<string>([TOP_MODULE]);
  const parallelisms = parallelismsOf(graph, options.folding);
  const compile = (
    { node, inputs, sources }: FrontLayer,
    moduleName: string,
    fifos?: readonly number[],
  ): LayerHardware => {
    const parallelism = parallelisms.get(node.name);
    return compileLayer(node, inputs, {
      ...options,
      moduleName,
      inputClamps: sources.map((source) => ranges.get(sourceName(source))!),
      ...(parallelism === undefined ? {} : { parallelism }),
      ...(fifos === undefined ? {} : { fifos }),
    });
  };
  const first = graph.map((layer) => {
    let moduleName = moduleNameOf(layer.node.name);
    for (let i = 1; names.has(moduleName); i++) moduleName = `${moduleNameOf(layer.node.name)}_${i}`;
    names.add(moduleName);
    return compile(layer, moduleName);
  });
  // The memories of joins follow from the control of everything before them.
  const joins = sizeJoins(first.map(({ timing }, i) => ({ timing, sources: graph[i]!.sources })));
  const layers = first.map((layer, i) => {
    const depths = joins.get(i)?.depths;
    return depths === undefined ? layer : compile(graph[i]!, layer.name, depths);
  });
  const sources = graph.map((layer) => layer.sources);
  const output = layers.at(-1)!.node.output;
  const registers = registerMapOf(layers);
  const front: FrontEnd = {
    kind: "frontEnd",
    network,
    freezePoint,
    input,
    output,
    layers,
    sources,
    top: buildTop(layers, graph, input, output),
    ...(registers === undefined ? {} : { registers }),
    cyclesPerFrame: cyclesPerFrameOf(layers, sources),
    clock: options.clock ?? defaultClock,
  };
  verifyDesign(frontEndDesign(front));
  return front;
}

/** Parallelism of the layers, as given or chosen. */
function parallelismsOf(
  graph: readonly FrontLayer[],
  folding: FrontFolding = { kind: "none" },
): ReadonlyMap<NodeName, LayerParallelism> {
  if (folding.kind === "none") return new Map();
  return folding.kind === "given" ? folding.layers : chooseFolding(graph, folding);
}

/** The control of a front, for {@link steadySchedule}. */
export function scheduleOf({
  layers,
  sources,
}: Pick<FrontEnd, "layers" | "sources">): readonly ScheduleStage[] {
  return layers.map(({ timing }, i) => ({ timing, sources: sources[i]! }));
}

/** Cycles between two frames: of the slowest layer, or of the whole schedule when layers wait for one another. */
function cyclesPerFrameOf(layers: readonly LayerHardware[], sources: FrontEnd["sources"]): number {
  const waits = layers.some(({ stats, inputs }) => stats.parallelism.kind === "folded" || inputs.length > 1);
  if (!waits) return Math.max(...layers.map(({ stats }) => stats.cyclesPerFrame));
  return steadySchedule(scheduleOf({ layers, sources }), 8).cyclesPerFrame;
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

/** Cycles from the last needed input beat to the output beat on the longest way through the front, nothing pausing. */
export function latencyCyclesOf({ layers, sources }: FrontEnd): number {
  const latest = [0];
  for (const [i, { stats }] of layers.entries())
    latest.push(stats.latencyCycles + Math.max(...sources[i]!.map((source) => latest[source + 1]!)));
  return latest.at(-1)!;
}
