import { cpus } from "node:os";
import { CheckFailedError } from "../src/core/index.js";
import type { NodeName } from "../src/graph/index.js";
import {
  compileFrontEnd,
  emitVerilog,
  type FrontEnd,
  type FrontFolding,
  type LayerStats,
} from "../src/hw/index.js";
import { isolateQuantLayer } from "../src/quant/index.js";
import { loadMobileNet } from "./mobilenet.js";
import type { BenchRow, BenchTable } from "./table.js";

const WEIGHTS = 207_600;

/** What a layer consists of, as counted from its netlist. `bits` are all bits that add: full adders and those of final adders. */
function sizesOf({ additions, datapath, requantization, registerBits, romBits }: LayerStats) {
  const fullAdders = datapath.fullAdders + requantization.fullAdders;
  const { datapath: inDatapath, window, control, buffer } = registerBits;
  return {
    adders: additions,
    bits: fullAdders + datapath.finalAdderBits + requantization.finalAdderBits,
    fullAdders,
    registers: inDatapath + window + control + buffer,
    romBits,
  };
}

const UNITS = {
  adders: "two-operand additions",
  bits: "adder bits",
  fullAdders: "cells",
  registers: "bits",
  romBits: "bits",
} as const;
type Size = keyof typeof UNITS;

const secondsSince = (started: number): number => (performance.now() - started) / 1000;

/** Compile each layer on its own, in the form that it has in the front: seconds a layer. */
function secondsOfLayers(front: FrontEnd): ReadonlyMap<NodeName, number> {
  return new Map(
    front.layers.map(({ node, stats }) => {
      const sole = isolateQuantLayer(front.network, node.name);
      const layers = new Map([[node.name, stats.parallelism]]);
      const started = performance.now();
      emitVerilog(compileFrontEnd(sole, node.name, { folding: { kind: "given", layers } }));
      return [node.name, secondsSince(started)];
    }),
  );
}

function measure(form: string, folding: FrontFolding): readonly BenchRow[] {
  const started = performance.now();
  const worked = process.cpuUsage();
  const { network, freezePoint } = loadMobileNet();
  const front = compileFrontEnd(network, freezePoint, { folding });
  const files = emitVerilog(front);
  const seconds = secondsSince(started);
  const { user, system } = process.cpuUsage(worked);
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const weights = front.layers.reduce((sum, { stats }) => sum + stats.weights, 0);
  if (weights !== WEIGHTS) throw new CheckFailedError("FX9005", `${weights} weights, not ${WEIGHTS}`);
  const rows: BenchRow[] = [];
  const sums: Record<Size, number> = { adders: 0, bits: 0, fullAdders: 0, registers: 0, romBits: 0 };
  const layerSeconds = secondsOfLayers(front);
  for (const { node, stats } of front.layers) {
    const name = `${node.name}, ${form}`;
    rows.push({ name, metric: "seconds", value: layerSeconds.get(node.name)!, unit: "s" });
    for (const [metric, value] of Object.entries(sizesOf(stats)) as [Size, number][]) {
      rows.push({ name, metric, value, unit: UNITS[metric] });
      sums[metric] += value;
    }
  }
  const name = `all ${front.layers.length} layers, ${form}`;
  const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  rows.push({ name, metric: "seconds", value: seconds, unit: "s" });
  // On a shared machine the processor's time says more than the clock's.
  rows.push({ name, metric: "cpuSeconds", value: (user + system) / 1e6, unit: "s" });
  rows.push({ name, metric: "peakMemory", value: peakMb, unit: "MB" });
  rows.push({ name, metric: "weights", value: weights, unit: "weights" });
  for (const metric of Object.keys(sums) as Size[])
    rows.push({ name, metric, value: sums[metric], unit: UNITS[metric] });
  rows.push({ name, metric: "verilog", value: bytes / 1e6, unit: "MB" });
  rows.push({ name, metric: "modules", value: files.size, unit: "files" });
  return rows;
}

/**
 * Compile the feature extractor of the published quantized MobileNetV1-0.25 (27 layers, 207,600 weights) from .tflite to Verilog text, folded and fully
 * parallel, in one thread: seconds and peak memory of the whole, then each layer on its own. The folded form, which is small, comes first, so that the
 * peak memory of each form is its own.
 */
export async function run(): Promise<BenchTable> {
  const rows = [...measure("folded", { kind: "auto" }), ...measure("parallel", { kind: "none" })];
  return { bench: "compile", machine: cpus()[0]?.model ?? "unknown", rows };
}
