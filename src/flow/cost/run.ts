import { existsSync } from "node:fs";
import { join } from "node:path";
import { FixynnError, type ProgressListener } from "../../core/index.js";
import {
  type CellLibrary,
  costFrontEnd,
  countsOf,
  defaultSample,
  type FrontEndCost,
  MAXIMUM_CELLS,
  type MapLayersOptions,
  type MappedNetlist,
  type MeasuredEnergy,
  mappedPriced,
  measuredLayers,
  measureEnergy,
  measureFront,
  readTechnology,
  type SynthesizedLayer,
  structuralLayers,
  synthesizeFront,
  type Technology,
} from "../../cost/index.js";
import { defaultCacheFolder } from "../../data/index.js";
import { type NodeName, nodeName } from "../../graph/index.js";
import { emittedRegisters, type LayerStats } from "../../hw/index.js";
import { layerStimuli, type SampleOptions } from "../../sim/index.js";
import { type Config, parseConfig } from "../config.js";
import { type ReadDeliverable, readDeliverable } from "../deliverable.js";
import { readResults } from "../read-results.js";
import { findRtlFolder } from "../rtl-folder.js";
import { type EnergyImages, findImages } from "./images.js";
import { recompile } from "./recompile.js";

/** What to price. */
export type DeliverableCostRequest = {
  /** What `fixynn freeze` wrote, or a run. */
  readonly folder: string;
  readonly through?: string | undefined;
  /** A shipped technology or a file; default the run's, or sky130hd. */
  readonly technology?: string | undefined;
  /** Default: the clock that the Verilog was made for. */
  readonly clockMhz?: number | undefined;
  /** Map to this library too. */
  readonly mapping?: { readonly library: CellLibrary } & Pick<MapLayersOptions, "engine" | "timeoutSeconds">;
  /** Absent: no energies. */
  readonly energy?: {
    readonly pictures?: string | undefined;
    readonly count: number;
    /** Default: the run's, or 16 windows of 3 cycles. */
    readonly windows?: number | undefined;
    readonly cycles?: number | undefined;
    readonly maximumCells?: number | undefined;
  };
  readonly threads: number;
  readonly onProgress: ProgressListener;
};

/** Energies of a front by one tier. */
export type TierEnergy = {
  readonly cost: FrontEndCost;
  /** Layers that this tier could not measure, and what stands in for them. */
  readonly notes: readonly string[];
};

/** Costs of a deliverable. */
export type DeliverableCost = {
  readonly folder: string;
  readonly technology: string;
  readonly clockMhz: number;
  readonly library?: readonly string[];
  readonly layers: readonly SynthesizedLayer[];
  readonly energy?: {
    /** Where the activity comes from. */
    readonly source: string;
    readonly structural: TierEnergy;
    readonly synthesized?: TierEnergy;
  };
};

type Layer = { readonly name: NodeName; readonly module: string; readonly stats: LayerStats };

/** The configuration of the run that a folder is, where it is one. */
function configOfRun(folder: string): Config | undefined {
  const path = join(folder, "results.json");
  return existsSync(path) ? parseConfig(readResults(path).config, path) : undefined;
}

/** Choose the windows: as asked, else the run's. */
function samplingOf(
  config: Config | undefined,
  asked: NonNullable<DeliverableCostRequest["energy"]>,
): { readonly sample: SampleOptions; readonly maximumCells: number } {
  const own = config?.cost.simulation;
  return {
    sample: {
      windows: asked.windows ?? own?.windows ?? defaultSample.windows,
      cycles: asked.cycles ?? own?.cycles ?? defaultSample.cycles,
      seed: config?.seed ?? defaultSample.seed,
    },
    maximumCells: asked.maximumCells ?? own?.maximumCells ?? MAXIMUM_CELLS,
  };
}

function layersOf({ manifest }: ReadDeliverable, place: string): readonly Layer[] {
  return manifest.layers.map(({ layer, module, stats }) => {
    if (stats?.memories !== undefined) return { name: nodeName(layer), module, stats };
    const hint = "freeze the model again";
    throw new FixynnError("FX7071", "the manifest comes from an earlier version", { place, hint });
  });
}

/** Measures mapped netlists as they come. */
function mappedMeter(
  { network, files }: ReadDeliverable,
  layers: readonly Layer[],
  images: EnergyImages,
  options: {
    readonly library: CellLibrary;
    readonly technology: Technology;
    readonly sample: SampleOptions;
    readonly maximumCells: number;
    readonly onProgress: ProgressListener;
  },
) {
  const { library, technology, sample, maximumCells, onProgress } = options;
  const stimulated = layers.map(({ name, module, stats: { cyclesPerFrame } }) => ({
    node: name,
    module,
    cyclesPerFrame,
  }));
  const stimuli = layerStimuli(stimulated, { network, ...images, registers: emittedRegisters(files) });
  const measured = new Map<string, MeasuredEnergy>();
  let done = 0;
  const inspect = (name: string, netlist: MappedNetlist): void => {
    if (netlist.instances.length <= maximumCells) {
      const priced = mappedPriced(netlist, library, technology);
      measured.set(name, measureEnergy(priced, stimuli.get(nodeName(name))!(), sample));
    }
    const job = "simulate mapped netlists";
    onProgress({ job, done: ++done, total: layers.length, unit: "layers" });
  };
  return { measured, inspect };
}

/**
 * Price emitted Verilog layer by layer: area by counting, or by mapping to a library beside it, with timing; energy by simulation with delays on images, of
 * the front's own netlists and of the mapped ones, or by assumed activity where there are no images.
 *
 * @throws FixynnError FX7069 when there is no Verilog, FX7010, FX7012 and FX7018 when it is damaged or of another version, FX7071 when its manifest is, FX7013
 * for pictures that cannot be read, FX7042 for a clock that is none
 */
export async function costDeliverable(request: DeliverableCostRequest): Promise<DeliverableCost> {
  const { folder, mapping, energy, threads, onProgress } = request;
  const config = configOfRun(folder);
  const place = findRtlFolder(folder, request.through);
  const deliverable = readDeliverable(place);
  const { manifest } = deliverable;
  const technology = readTechnology(request.technology ?? config?.cost.technology ?? "sky130hd");
  const layers = layersOf(deliverable, place);
  const clockMhz = request.clockMhz ?? 1000 / (manifest.clockPeriodNs ?? 5);
  if (!(clockMhz > 0)) throw new FixynnError("FX7042", `not a clock: ${clockMhz} MHz`);
  const images = energy && (await findImages(deliverable, { ...energy, run: config && folder }));
  const sampling = energy && samplingOf(config, energy);
  const priced = (measured: ReadonlyMap<string, MeasuredEnergy>): FrontEndCost =>
    costFrontEnd({
      layers: layers.map(({ name, stats }) => countsOf(name, stats)),
      ...{ technology, clockMhz, measured, cyclesPerFrame: manifest.cyclesPerFrame },
    });

  const about = { folder: place, technology: technology.name, clockMhz };
  const own = async (): Promise<ReadonlyMap<string, MeasuredEnergy>> => {
    if (images === undefined || sampling === undefined) return new Map();
    const job = "simulate own netlists";
    onProgress({ job, done: 0, total: layers.length, unit: "layers" });
    const front = recompile(deliverable, place);
    const measured = await measureFront(front, technology, images, {
      ...{ ...sampling, threads },
      onLayer: (done, total) => onProgress({ job, done, total, unit: "layers" }),
    });
    return measuredLayers(measured);
  };
  const structural = await own();
  const source =
    images === undefined
      ? "activity assumed: there are no images"
      : `simulated with delays on ${images.source}`;
  const energies = energy && { source, structural: { cost: priced(structural), notes: [] } };
  if (mapping === undefined)
    return { ...about, layers: structuralLayers(layers, technology), ...(energies && { energy: energies }) };

  const { library } = mapping;
  const meter =
    images &&
    sampling &&
    mappedMeter(deliverable, layers, images, { library, technology, ...sampling, onProgress });
  const front = await synthesizeFront(layers, deliverable.files, {
    ...{ ...mapping, technology, clockMhz, threads, onProgress },
    ...(meter && { inspect: meter.inspect }),
    cacheFolder: join(defaultCacheFolder(), "mapping"),
  });
  const result = { ...about, library: front.library, layers: front.layers };
  if (energies === undefined || meter === undefined)
    return { ...result, ...(energies && { energy: energies }) };
  const missing = layers.filter(({ name }) => !meter.measured.has(name)).map(({ name }) => name);
  const notes =
    missing.length === 0
      ? []
      : [`not mapped, or too large to simulate: the structural tier stands for ${missing.join(", ")}`];
  const synthesized = { cost: priced(new Map([...structural, ...meter.measured])), notes };
  return { ...result, energy: { ...energies, synthesized } };
}
