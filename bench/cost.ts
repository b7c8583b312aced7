import { cpus } from "node:os";
import { join } from "node:path";
import { CheckFailedError } from "../src/core/index.js";
import {
  readCellLibrary,
  readTechnology,
  type SynthesizedLayer,
  synthesizeFront,
} from "../src/cost/index.js";
import { defaultCacheFolder } from "../src/data/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd, emitVerilog, type FrontFolding } from "../src/hw/index.js";
import { defaultClock } from "../src/hw/layer-datapath.js";
import { importTfliteFile } from "../src/importers/index.js";
import { truncateQuantNetwork } from "../src/quant/index.js";
import { energyRows } from "./energy.js";
import { sharedPath } from "./photos.js";
import type { BenchRow, BenchTable } from "./table.js";

/** How far the structural tier may be from the synthesized one. */
const MOST_ERROR = { total: 0.1, datapath: 0.05, energy: 0.2 } as const;

/** Networks that took no part in the calibration. */
const FRONTS = [
  {
    name: "ResNet-8",
    file: ["resnet8_cifar10", "pretrainedResnet_quant.tflite"],
    through: "dense",
  },
  {
    name: "MobileNetV1-0.25",
    file: ["mobilenet_v1_025_224_quant", "mobilenet_v1_0.25_224_quant.tflite"],
    through: "Conv2d_7_pointwise",
  },
] as const;

function rowsOf(layer: SynthesizedLayer, problems: string[]): BenchRow[] {
  const { name } = layer;
  const { structural, synthesized, error, timing } = layer;
  if (synthesized === null || error === null) {
    problems.push(`${name} is not mapped: ${layer.failure}`);
    return [{ name, metric: "areaUm2", value: structural.total, unit: "um2" }];
  }
  for (const part of ["total", "datapath"] as const) {
    const off = Math.abs(error[part]);
    if (off > MOST_ERROR[part]) problems.push(`${name}: ${part} is off by ${(100 * off).toFixed(1)} %`);
  }
  const beside = (metric: string, part: "total" | "datapath"): BenchRow => ({
    name,
    metric,
    value: structural[part],
    unit: "um2",
    peer: { name: "synthesized", value: synthesized[part] },
    ratio: synthesized[part] > 0 ? structural[part] / synthesized[part] : 1,
  });
  return [
    beside("areaUm2", "total"),
    beside("datapathAreaUm2", "datapath"),
    ...(timing === null ? [] : [{ name, metric: "slackPs", value: timing.slackPs, unit: "ps at 200 MHz" }]),
  ];
}

/** Energies of both tiers, by layer, with what is out of bounds. */
async function energyOf(
  { name, file, through }: (typeof FRONTS)[number],
  problems: string[],
): Promise<readonly BenchRow[]> {
  const freezePoint = nodeName(through);
  const network = truncateQuantNetwork(importTfliteFile(sharedPath("models", ...file)), freezePoint);
  const front = compileFrontEnd(network, freezePoint, { folding: { kind: "auto" } });
  const rows = await energyRows(front, name);
  for (const row of rows) {
    if (row.metric !== "energyPj") continue;
    const off = Math.abs((row.ratio ?? Number.NaN) - 1);
    if (!(off <= MOST_ERROR.energy))
      problems.push(`${row.name}: energy is off by ${(100 * off).toFixed(1)} %`);
  }
  return rows;
}

/**
 * Compare the structural tier with the synthesized one on every layer of networks that took no part in the calibration, in sky130, in the
 * form that `fixynn freeze` gives by default; memories excluded. Area of every layer, then its energy on the same windows of
 * the same photos.
 *
 * @throws CheckFailedError FX7072 when a layer is out of bounds or could not be mapped
 */
export async function run(): Promise<BenchTable> {
  const library = readCellLibrary([sharedPath("tech", "sky130hd_tt.lib.gz")]);
  const technology = readTechnology("sky130hd");
  const folding: FrontFolding = { kind: "auto" };
  const problems: string[] = [];
  const rows: BenchRow[] = [];
  for (const { file, through } of FRONTS) {
    const freezePoint = nodeName(through);
    const network = truncateQuantNetwork(importTfliteFile(sharedPath("models", ...file)), freezePoint);
    const front = compileFrontEnd(network, freezePoint, { folding });
    const layers = front.layers.map(({ node, name: module, stats }) => ({ name: node.name, module, stats }));
    const { layers: found } = await synthesizeFront(layers, emitVerilog(front), {
      library,
      technology,
      clockMhz: 1e6 / defaultClock.periodPs,
      cacheFolder: join(defaultCacheFolder(), "mapping"),
    });
    rows.push(...found.flatMap((layer) => rowsOf(layer, problems)));
  }
  for (const one of FRONTS) rows.push(...(await energyOf(one, problems)));
  for (const { name, metric, value, peer, ratio } of rows)
    if (problems.length > 0 && peer !== undefined)
      console.error(`${name} ${metric} ${value.toFixed(0)} ${peer.value.toFixed(0)} ${ratio?.toFixed(3)}`);
  if (problems.length > 0) {
    throw new CheckFailedError("FX7072", problems.join("; "), { place: "structural tier against synthesis" });
  }
  return { bench: "cost", machine: cpus()[0]?.model ?? "unknown", rows };
}
