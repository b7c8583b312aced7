import { join } from "node:path";
import {
  mapLayers,
  mappedPriced,
  measuredTotalPj,
  measureEnergy,
  readCellLibrary,
  readTechnology,
  structuralAssumptions,
  structuralPriced,
} from "../src/cost/index.js";
import { defaultCacheFolder } from "../src/data/index.js";
import { emitVerilog, type FrontEnd, layerDesign } from "../src/hw/index.js";
import { layerStimuli } from "../src/sim/index.js";
import { loadPhotos } from "./mobilenet.js";
import { sharedPath } from "./photos.js";
import type { BenchRow } from "./table.js";

const PHOTOS = 16;
/** The same windows for both netlists of a layer. */
const SAMPLE = { windows: 24, cycles: 4, seed: 1 };

/**
 * Energy of each layer of a front a frame, memory macros and leakage not included, by its own netlist and a technology table, beside that of
 * its netlist mapped to the library, both simulated with delays on the same windows of the same photos.
 *
 * @param label the network's name, for progress
 * @returns rows named after the layers
 */
export async function energyRows(front: FrontEnd, label: string): Promise<readonly BenchRow[]> {
  const technology = readTechnology("sky130hd");
  const library = readCellLibrary([sharedPath("tech", "sky130hd_tt.lib.gz")]);
  const { network } = front;
  const layers = front.layers.map(({ node, name, stats }) => ({
    node: node.name,
    module: name,
    cyclesPerFrame: stats.cyclesPerFrame,
  }));
  const images = await loadPhotos(network, PHOTOS);
  const stimuli = layerStimuli(layers, { network, images, count: PHOTOS });
  const mapped = await mapLayers(
    layers.map(({ node, module }) => ({ name: node, module })),
    emitVerilog(front),
    { library, technology, cacheFolder: join(defaultCacheFolder(), "mapping") },
  );
  const rows: BenchRow[] = [];
  const options = {
    frontCycles: front.cyclesPerFrame,
    clockTreeFactor: structuralAssumptions.clockTreeFactor.nominal,
  };
  for (const layer of front.layers) {
    const { name } = layer.node;
    const found = mapped.get(layer.node.name)!;
    if (found.kind === "failed") {
      process.stderr.write(`${label} ${name}: not mapped: ${found.message}\n`);
      continue;
    }
    const stimulus = stimuli.get(layer.node.name)!();
    const own = measureEnergy(structuralPriced(layerDesign(layer), technology), stimulus, SAMPLE);
    const other = measureEnergy(mappedPriced(found.netlist(), library, technology), stimulus, SAMPLE);
    const beside = (metric: string, unit: string, value: number, peer: number): void => {
      rows.push({
        name,
        metric,
        value,
        unit,
        peer: { name: "synthesized", value: peer },
        ratio: value / peer,
      });
      process.stderr.write(
        `${label} ${name}: ${metric} ${value.toPrecision(4)} / ${peer.toPrecision(4)} ${unit}\n`,
      );
    };
    beside("energyPj", "pJ", measuredTotalPj(own, options).totalPj, measuredTotalPj(other, options).totalPj);
    beside(
      "energyPj.nets",
      "pJ",
      measuredTotalPj(own, options).netsPj,
      measuredTotalPj(other, options).netsPj,
    );
    beside("glitchFactor", "×", own.totalGlitchFactor, other.totalGlitchFactor);
    rows.push({ name, metric: "standardError", value: own.relativeError, unit: "of energyPj" });
    rows.push({ name, metric: "events", value: other.events / other.timedSeconds, unit: "transitions/s" });
  }
  return rows;
}
