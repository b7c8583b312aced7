import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import {
  AdderGraphBuilder,
  type AdderNodeId,
  csdDigitCount,
  interval,
  wordFormat,
} from "../src/arith/index.js";
import { FixynnError, invariant, packageRoot } from "../src/core/index.js";
import { readTechnology, type Technology } from "../src/cost/index.js";
import { type Dataset, gatherImages, loadDataset, type Split } from "../src/data/index.js";
import { simplify } from "../src/graph/index.js";
import { ModuleBuilder, sliceOf } from "../src/hw/builder.js";
import { type CellCounts, countCells } from "../src/hw/cell-counts.js";
import { clampWord } from "../src/hw/clamp.js";
import { lowerDatapath } from "../src/hw/datapath.js";
import { planDatapath } from "../src/hw/datapath-plan.js";
import { clampDelayPs, defaultClock } from "../src/hw/layer-datapath.js";
import {
  addPlannedRequantization,
  addRequantization,
  planOffset,
  planRequantization,
} from "../src/hw/requantize-graph.js";
import { importModel } from "../src/importers/index.js";
import {
  accumulatorInterval,
  type CalibrationImages,
  evaluateQuantNetwork,
  networkRanges,
  type QuantizeOptions,
  type QuantNetwork,
  type QuantNode,
  quantize,
} from "../src/quant/index.js";
import { sharedPath } from "./photos.js";
import type { BenchRow, BenchTable } from "./table.js";

const SIDE = 48;
const CALIBRATION = 256;
const TEST_IMAGES = 10_000;
/** Our own backbone. */
export const MODEL = join(packageRoot, "models", "mobilenet-v1-025-48-cifar100.json");

const MODES: readonly { readonly name: string; readonly options: Omit<QuantizeOptions, "calibration"> }[] = [
  { name: "tflite", options: { mode: "tflite" } },
  { name: "lean, 3 digits", options: { multiplierDigits: 3 } },
  { name: "lean, 2 digits", options: { multiplierDigits: 2 } },
  { name: "lean, 1 digit", options: { multiplierDigits: 1 } },
  { name: "shift, 8-bit weights", options: { mode: "shift", weightBits: 8 } },
  { name: "shift, 9-bit weights", options: { mode: "shift", weightBits: 9 } },
];

type Weighted = Extract<QuantNode, { kind: "conv2d" | "depthwiseConv2d" | "dense" }>;

/** Requantizations and clamps of one layer by themselves, as cells and register bits. */
type Hardware = { readonly cells: CellCounts; readonly registerBits: number; readonly digits: number };

/**
 * Build the requantizations of a layer without its sums: accumulators come from outside, words that wait for the next phase are
 * registered as in the layer's pipeline.
 */
function requantizationHardware(
  node: Weighted,
  low: Float64Array,
  high: Float64Array,
  searched: boolean,
): Hardware {
  const graph = new AdderGraphBuilder();
  let digits = 0;
  // A word of one bit more, shifted: as in a layer, accumulators are no inputs.
  const accumulator = (name: string, from: number, to: number): AdderNodeId =>
    graph.floorShift(graph.input(name, interval(2 * from, 2 * to + 1)), 1);
  const outputs = Array.from(node.bias.data, (_, channel): AdderNodeId => {
    const { requantization, clamp } = node;
    invariant(requantization.mode !== "programmable", "the requantization is a constant");
    const task = {
      name: `c${channel}`,
      requantization,
      channel,
      zeroPoint: node.output.zeroPoint,
      clamp,
      low: low[channel]!,
      high: high[channel]!,
    };
    if (!searched) {
      digits += csdDigitCount(
        requantization.multipliers[requantization.multipliers.length === 1 ? 0 : channel]!,
      );
      return addRequantization(graph, accumulator(`a${channel}`, task.low, task.high), task);
    }
    const plan = planRequantization(task);
    if (plan.kind === "scaled") digits += plan.terms.length;
    else if (plan.kind === "shifted") digits += 1;
    const offset = planOffset(plan);
    const always = plan.kind === "always";
    const acc = accumulator(
      `a${channel}`,
      (always ? 0 : task.low) + offset,
      (always ? 0 : task.high) + offset,
    );
    return addPlannedRequantization(graph, acc, plan, task);
  });
  const built = graph.build(node.name, outputs);
  const clock = defaultClock;
  const plan = planDatapath(built, clock, { outputDelayPs: clampDelayPs(clock) });
  const b = new ModuleBuilder("requantization", []);
  b.clock("aclk");
  const enable = b.input("advance", 1);
  const inputs = built.nodes.flatMap((n) =>
    n.kind === "input" ? [b.input(n.name, wordFormat(n.interval).width)] : [],
  );
  const words = lowerDatapath(b, plan, inputs, { enable: () => enable });
  for (const [c, word] of words.entries()) {
    const range = built.nodes[built.outputs[c]!]!.interval;
    const width = wordFormat(range).width;
    clampWord(b, `y${c}`, sliceOf(word, 0, width), { range, ...node.clamp, bits: node.output.bits });
  }
  const module = b.build();
  return {
    cells: countCells(module.cells),
    registerBits: b.registerBits().datapath,
    digits,
  };
}

function areaOf(
  { cells, registerBits }: Hardware,
  technology: Technology,
): { logic: number; registers: number } {
  const logic = (Object.keys(cells) as (keyof CellCounts)[]).reduce(
    (sum, role) => sum + cells[role] * technology.cells[role].areaUm2,
    0,
  );
  return { logic, registers: registerBits * technology.cells.enableFlipFlop.areaUm2 };
}

/** Cost of all requantizations of a network, as defined and as searched. */
export function hardwareRows(name: string, network: QuantNetwork, technology: Technology): BenchRow[] {
  const ranges = networkRanges(network);
  const types = new Map(network.nodes.map((node) => [node.name, node.output]));
  const totals = [false, true].map(() => ({ logic: 0, registers: 0, adders: 0, digits: 0, seconds: 0 }));
  let channels = 0;
  let weightDigits = 0;
  for (const node of network.nodes) {
    if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d" && node.kind !== "dense") continue;
    channels += node.bias.data.length;
    for (const w of node.weights.data) weightDigits += csdDigitCount(w);
    const { low, high } = accumulatorInterval(node, {
      ...types.get(node.input)!,
      range: ranges.get(node.input)!,
    });
    for (const [i, total] of totals.entries()) {
      const started = performance.now();
      const hardware = requantizationHardware(node, low, high, i === 1);
      total.seconds += (performance.now() - started) / 1000;
      const area = areaOf(hardware, technology);
      total.logic += area.logic;
      total.registers += area.registers;
      total.adders += hardware.cells.fullAdder + hardware.cells.halfAdder / 2;
      total.digits += hardware.digits;
    }
  }
  const [defined, searched] = totals as [(typeof totals)[number], (typeof totals)[number]];
  const row = (metric: string, unit: string, value: number, before: number): BenchRow => ({
    name,
    metric,
    value,
    unit,
    peer: { name: "as defined", value: before },
    ratio: value / before,
  });
  return [
    row("digits", "a channel", searched.digits / channels, defined.digits / channels),
    row(
      "adders",
      "full adders (half adders as 1/2) a channel",
      searched.adders / channels,
      defined.adders / channels,
    ),
    row("logic", "um2 a channel, sky130", searched.logic / channels, defined.logic / channels),
    row("registers", "um2 a channel, sky130", searched.registers / channels, defined.registers / channels),
    row(
      "area",
      "um2 a channel, sky130",
      (searched.logic + searched.registers) / channels,
      (defined.logic + defined.registers) / channels,
    ),
    { name, metric: "seconds", value: searched.seconds, unit: `s, all ${channels} channels` },
    { name, metric: "weightDigits", value: weightDigits, unit: "signed digits of all weights" },
  ];
}

/** Read the packed CIFAR-100 at the backbone's input size. */
export async function readImages(): Promise<Dataset> {
  const tool = sharedPath("tools", "unpack-data.mjs");
  if (!existsSync(tool)) {
    throw new FixynnError("FX9002", "the benchmark's images are missing", {
      place: tool,
      hint: "set FIXYNN_SHARED to the folder of shared models and images",
    });
  }
  const folder = mkdtempSync(join(tmpdir(), "fixynn-bench-"));
  try {
    execFileSync(process.execPath, [tool, folder], { stdio: "ignore" });
    return await loadDataset({ kind: "cifar100", path: join(folder, "cifar-100-binary") }, { side: SIDE });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Images to calibrate on, evenly spread. */
export function calibrationImages(train: Split): CalibrationImages {
  const chosen = Uint32Array.from({ length: CALIBRATION }, (_, i) =>
    Math.floor((i * train.count) / CALIBRATION),
  );
  return { pixels: gatherImages(train, chosen), count: CALIBRATION };
}

/**
 * Measure the requantization modes on the default backbone: accuracy on the CIFAR-100 test images, and the silicon of all
 * requantizations with their clamps and registers, built as they are defined and in the cheapest exact form found.
 *
 * @throws FixynnError FX9002 when the shared images are absent
 */
export async function run(): Promise<BenchTable> {
  const { train, test } = await readImages();
  const graph = simplify(await importModel(MODEL));
  const technology = readTechnology("sky130hd");
  const calibration = calibrationImages(train);
  const rows: BenchRow[] = [];
  for (const { name, options } of MODES) {
    const network = await quantize(graph, { ...options, calibration });
    const { top1, count } = await evaluateQuantNetwork(network, test, { limit: TEST_IMAGES });
    rows.push({ name, metric: "top-1", value: 100 * top1, unit: `% of ${count} images` });
    rows.push(...hardwareRows(name, network, technology));
  }
  return { bench: "requantization", machine: cpus()[0]?.model ?? "unknown", rows };
}
