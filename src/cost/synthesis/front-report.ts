import type { LayerStats } from "../../hw/index.js";
import type { AreaParts } from "../structural/index.js";
import { countsOf, layerArea } from "../structural/index.js";
import { type Technology, wireCapacitanceFf } from "../technology.js";
import { failureOf, type LayerMapping, type MapLayersOptions, mapLayers } from "./map-layers.js";
import { mappedAreaUm2 } from "./mapped-area.js";
import type { MappedNetlist } from "./mapped-netlist.js";
import { memoryTiming } from "./memory-timing.js";
import { analyzeTiming, type TimingReport } from "./static-timing.js";

/** Areas of a layer's logic and registers, µm² of cells; memories excluded. */
export type LogicAreaUm2 = {
  readonly datapath: number;
  readonly requantization: number;
  /** Flip-flops with their clock gates. */
  readonly registers: number;
  readonly control: number;
  readonly total: number;
};

/** One layer by both tiers. */
export type SynthesizedLayer = {
  readonly name: string;
  readonly structural: LogicAreaUm2;
  /** `null` when the layer could not be mapped: then the structural figure stands for it. */
  readonly synthesized: LogicAreaUm2 | null;
  /** Structural over synthesized, less 1. */
  readonly error: { readonly datapath: number; readonly total: number } | null;
  readonly cells: number | null;
  readonly timing: TimingReport | null;
  /** Why there is no synthesized figure. */
  readonly failure: string | null;
  readonly seconds: number;
};

/** A front by both tiers. */
export type SynthesizedFront = {
  readonly kind: "synthesizedFront";
  readonly technology: string;
  readonly library: readonly string[];
  readonly clockMhz: number;
  readonly layers: readonly SynthesizedLayer[];
};

/** A layer of a front, as the manifest describes it. */
export type ReportedLayer = { readonly name: string; readonly module: string; readonly stats: LayerStats };

const logicOf = (area: AreaParts): LogicAreaUm2 => {
  const { datapath, requantization, registers, control } = area;
  return {
    datapath,
    requantization,
    registers,
    control,
    total: datapath + requantization + registers + control,
  };
};

/** A structural figure alone, for a layer that is not mapped. */
const unmapped = (name: string, structural: LogicAreaUm2, failure: string | null): SynthesizedLayer => ({
  name,
  structural,
  synthesized: null,
  error: null,
  cells: null,
  timing: null,
  failure,
  seconds: 0,
});

/** The structural tier's areas of a front, memories excluded. */
export function structuralLayers(
  layers: readonly ReportedLayer[],
  technology: Technology,
): readonly SynthesizedLayer[] {
  return layers.map(({ name, stats }) =>
    unmapped(name, logicOf(layerArea(countsOf(name, stats), technology).areaUm2), null),
  );
}

/**
 * Map a front layer by layer, add up its cells, time it, and put both tiers side by side. Layers that cannot be mapped keep the structural
 * figure and say why.
 *
 * @throws FixynnError FX7005 for a library that lacks a necessary cell; the signal's reason when aborted
 */
export async function synthesizeFront(
  layers: readonly ReportedLayer[],
  files: ReadonlyMap<string, string>,
  options: MapLayersOptions & {
    readonly technology: Technology;
    readonly clockMhz: number;
    /** Sees each mapped netlist, one after the other. */
    readonly inspect?: (layer: string, netlist: MappedNetlist) => void;
  },
): Promise<SynthesizedFront> {
  const { library, technology, clockMhz } = options;
  const structural = structuralLayers(layers, technology);
  const mapped = await mapLayers(layers, files, options);
  const periodPs = 1e6 / clockMhz;
  const timed = (
    mapping: Extract<LayerMapping, { kind: "mapped" }>,
    own: SynthesizedLayer,
  ): SynthesizedLayer => {
    const netlist = mapping.netlist();
    options.inspect?.(own.name, netlist);
    const { datapath, requantization, registers, control, clockGating, total } = mappedAreaUm2(
      netlist,
      library,
    );
    const synthesized = { datapath, requantization, registers: registers + clockGating, control, total };
    return {
      ...own,
      synthesized,
      error: {
        datapath: datapath > 0 ? own.structural.datapath / datapath - 1 : 0,
        total: own.structural.total / total - 1,
      },
      cells: netlist.instances.length,
      timing: analyzeTiming(netlist, library, {
        periodPs,
        wire: (fanOut) => wireCapacitanceFf(technology.wire, fanOut).nominal,
        memory: memoryTiming(technology),
        // As the constraints that are shipped with the Verilog say.
        inputArrivalPs: periodPs / 3,
        outputSetupPs: periodPs / 3,
      }),
      seconds: mapping.seconds,
    };
  };
  return {
    kind: "synthesizedFront",
    technology: technology.name,
    library: library.names,
    clockMhz,
    layers: structural.map((own) => {
      const mapping = mapped.get(own.name)!;
      if (mapping.kind === "failed") return { ...own, failure: mapping.message };
      try {
        return timed(mapping, own);
      } catch (error) {
        // A netlist that makes no sense costs its own layer alone.
        return { ...own, failure: failureOf(error).message };
      }
    }),
  };
}
