import { cpus } from "node:os";
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
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd, emitVerilog, type FrontEnd, layerDesign } from "../src/hw/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { truncateQuantNetwork } from "../src/quant/index.js";
import { layerStimuli } from "../src/sim/index.js";
import { loadMobileNet, loadPhotos } from "./mobilenet.js";
import { sharedPath } from "./photos.js";
import type { BenchRow, BenchTable } from "./table.js";

const PHOTOS = 16;
/** The same windows for both netlists of a layer. */
const SAMPLE = { windows: 24, cycles: 4, seed: 1 };

/**
 * Energy of each layer of a front a frame, memory macros and leakage not included, by its own netlist and a technology table, beside that of
 * its netlist mapped to the library, both simulated with delays on the same windows of the same photos.
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
    { library, cacheFolder: join(defaultCacheFolder(), "mapping") },
  );
  const rows: BenchRow[] = [];
  const options = {
    frontCycles: front.cyclesPerFrame,
    clockTreeFactor: structuralAssumptions.clockTreeFactor.nominal,
  };
  for (const layer of front.layers) {
    const name = `${label} ${layer.node.name}`;
    const found = mapped.get(layer.node.name)!;
    if (found.kind === "failed") {
      process.stderr.write(`${name}: not mapped: ${found.message}\n`);
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
      process.stderr.write(`${name}: ${metric} ${value.toPrecision(4)} / ${peer.toPrecision(4)} ${unit}\n`);
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

/**
 * Energy of the structural tier against synthesis, layer by layer: ResNet-8 up to its average pool and the first seven blocks of the
 * quantized MobileNetV1-0.25, folded automatically, in sky130; photos scaled to each network's input.
 */
export async function run(): Promise<BenchTable> {
  const resnet = importTfliteFile(sharedPath("models", "resnet8_cifar10", "pretrainedResnet_quant.tflite"));
  const rows: BenchRow[] = [];
  for (const [label, whole, point] of [
    ["mobilenet", loadMobileNet().network, "Conv2d_6_pointwise"],
    ["resnet8", resnet, "average_pooling2d"],
  ] as const) {
    const freezePoint = nodeName(point);
    const front = compileFrontEnd(truncateQuantNetwork(whole, freezePoint), freezePoint, {
      folding: { kind: "auto" },
    });
    rows.push(...(await energyRows(front, label)));
  }
  return { bench: "energy", machine: cpus()[0]?.model ?? "unknown", rows };
}
