import { csdDigitCount, type Interval } from "../../arith/index.js";
import { accumulatorInterval, type QuantType } from "../../quant/index.js";
import { formatShape } from "../../tensor/index.js";
import { concat, literal, ModuleBuilder, sliceOf } from "../builder.js";
import { addCellCounts, type CellCounts, countCells, NO_CELL_COUNTS } from "../cell-counts.js";
import { addController, addOutputBuffer, addWindow } from "../controller.js";
import { addCounts, type DatapathCounts, NO_CELLS } from "../datapath.js";
import type { LayerStats } from "../layer.js";
import { type WeightedNode, weightRows } from "../layer-datapath.js";
import {
  type Cell,
  counterWidth,
  type InstanceCell,
  type Module,
  type Signal,
  signalWidth,
} from "../netlist.js";
import { tapsInside, type WindowPlan } from "../window-plan.js";
import { foldedCyclesPerFrame } from "./cycles.js";
import { buildLane, constantBits, constantFormat, constantWord, type Lane, type LaneShape } from "./lane.js";
import { linearRequantization } from "./linear-requantization.js";
import { type FoldedSteps, type Folding, foldedSteps } from "./parallelism.js";
import { delayLine, selectOption, walkRom } from "./sequencer.js";
import { weightFormat, weightWords } from "./weight-words.js";

/** What {@link compileFoldedLayer} compiles. */
export type FoldedJob = {
  readonly name: string;
  readonly node: WeightedNode;
  readonly input: QuantType;
  /** Integers that the input can take, zero point included. */
  readonly inputRange: Interval;
  readonly plan: WindowPlan;
  readonly folding: Folding;
  readonly levelsPerStage: number;
};

/** A folded layer's modules, the layer's own last. */
export type FoldedLayer = { readonly modules: readonly Module[]; readonly stats: LayerStats };

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Taps that an output channel reads, as places in the window's word: tap · channels + channel. */
function tapPlaces(node: WeightedNode, channels: number): readonly (readonly number[])[] {
  return weightRows(node).map(({ weights, channels: [first, count] }) =>
    weights.map((_, k) => Math.floor(k / count) * channels + first + (k % count)),
  );
}

function laneShape(job: FoldedJob, slices: number): LaneShape {
  const { node, input, inputRange, folding } = job;
  const rows = weightRows(node).map(({ weights }) => weights);
  const bounds = { low: Number(inputRange.low), high: Number(inputRange.high) };
  const { low, high } = accumulatorInterval(node, { ...input, range: bounds });
  const format = weightFormat(rows);
  return {
    inputs: folding.inputs,
    inputBits: input.bits,
    inputRange,
    weightBits: format.bits,
    signedWeights: format.signed,
    slices,
    low: [...low],
    high: [...high],
    requantization: linearRequantization(
      node.requantization,
      { low, high },
      { zeroPoint: node.output.zeroPoint, clamp: node.clamp, place: node.name },
    ),
    clamp: node.clamp,
    outputBits: node.output.bits,
    levelsPerStage: job.levelsPerStage,
  };
}

/**
 * Compile a weighted layer to a folded pipeline: the window's operands are held while a counter walks through the weight ROM; lanes of
 * multipliers sum a slice of the taps of some output channels in each cycle; one requantization a lane; results are collected to a
 * pixel. Ports and bytes are those of the parallel form.
 */
export function compileFoldedLayer(job: FoldedJob): FoldedLayer {
  const { name, node, input, plan, folding } = job;
  const channels = input.shape.at(-1)!;
  const outputs = node.output.shape.at(-1)!;
  const rows = weightRows(node).map(({ weights }) => weights);
  const steps = foldedSteps(folding, outputs, rows[0]!.length);
  const { groups, slices } = steps;
  const { lanes } = folding;
  const shape = laneShape(job, slices);
  const lane = buildLane(
    `${name}_lane`,
    [
      `One lane of folded layer "${node.name}": ${folding.inputs} multipliers, an accumulator, a requantization. x and w come with ROM ` +
        `word and operands; the constants of an output channel come one cycle behind the sum's last slice.`,
    ],
    shape,
  );
  const b = new ModuleBuilder(name, [
    `Layer "${node.name}": ${node.kind} ${plan.kernel.height}x${plan.kernel.width}, stride ${plan.stride.height}x${plan.stride.width}, padding top ` +
      `${plan.padding.top} bottom ${plan.padding.bottom} left ${plan.padding.left} right ${plan.padding.right}; folded.`,
    `Input ${formatShape(input.shape)} of ${input.signed ? "signed" : "unsigned"} ${input.bits} bits, output ` +
      `${formatShape(node.output.shape)} of ${node.output.signed ? "signed" : "unsigned"} ${node.output.bits} bits.`,
    `${lanes} lane(s) of ${folding.inputs} multipliers; a window takes ${groups} group(s) of channels x ${slices} slice(s) of taps = ` +
      `${steps.steps} cycles.`,
    "One beat is one pixel, channel 0 lowest; raster order, frames back to back.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const pixel = b.input("s_axis_tdata", channels * input.bits);
  const valid = b.input("s_axis_tvalid", 1);
  const outReady = b.input("m_axis_tready", 1);
  const skidValid = b.net("skid_valid", 1, "the second result entry is full");
  const advance = b.not("advance", b.signal(skidValid));
  const primed = b.register("primed", literal(1, 1), {
    resetN,
    role: "control",
    doc: "the ROMs show their first words",
  });

  const held = b.net("held", 1, "the operands are at work");
  const work = b.logic("and", "work", [b.signal(held), advance], "a word of weights is used");
  const weights = walkRom(b, "weights", weightWords(rows, folding, steps), {
    move: work,
    primed,
    resetN,
    doc: "weights, lane by lane in bit planes",
  });
  const finish = b.logic("and", "finish", [work, weights.last], "the last word for these operands");
  const free = b.logic("or", "operands_free", [b.not("idle", b.signal(held)), finish]);
  const control = addController(b, plan, {
    advance: (complete) =>
      complete[0]?.kind === "constant"
        ? free
        : b.logic("or", "may_step", [free, b.not("incomplete", complete)]),
    valid,
    resetN,
  });
  const window = addWindow(b, plan, control, pixel, {
    channels,
    bits: input.bits,
    padValue: input.zeroPoint,
  });
  const operands = b.register("operands", concat(window), {
    enable: control.fire,
    role: "datapath",
    doc: "the window at work",
  });
  const stay = b.logic("and", "stay", [b.signal(held), b.not("unfinished", finish)]);
  b.registerInto(held, "held", b.logic("or", "held_next", [control.fire, stay]), { resetN, role: "control" });

  // Which slice: a counter of its own where there are groups too.
  let slice: Signal = [];
  let lastSlice: Signal = literal(1, 1);
  if (slices > 1) {
    if (groups === 1) {
      slice = weights.index;
      lastSlice = weights.last;
    } else {
      const bits = counterWidth(slices - 1);
      const net = b.net("slice", bits, `counts 0 to ${slices - 1}: slice of the taps at work`);
      slice = b.signal(net);
      lastSlice = b.compare("equal", "slice_last", slice, literal(slices - 1, bits));
      const plus = b.arithmetic("add", "slice_plus_1", slice, literal(1, bits));
      const next = b.mux("slice_next", lastSlice, literal(0, bits), plus);
      b.registerInto(net, "slice", next, { enable: work, resetN, role: "control" });
    }
  }
  const firstSlice =
    slices > 1 ? b.compare("equal", "slice_first", slice, literal(0, signalWidth(slice))) : literal(1, 1);
  const timing = { enable: advance, resetN };
  const k = lane.sumLatency;
  const summed = delayLine(b, "summed", work, k, timing);
  const lastSummed = slices > 1 ? delayLine(b, "last_summed", lastSlice, k, timing) : lastSlice;
  const firstSummed = slices > 1 ? delayLine(b, "first_summed", firstSlice, k, timing) : firstSlice;
  const accumulate = b.logic("and", "accumulate", [advance, summed]);
  const done =
    slices > 1 ? b.logic("and", "done", [accumulate, lastSummed], "accumulators are complete") : accumulate;

  const format = constantFormat(shape);
  const constantWords = range(groups).map((group) => {
    let word = "";
    for (const l of range(lanes)) {
      const before = ((group + groups - 1) % groups) * lanes + l;
      const bias =
        outputs > group * lanes + l ? biasOf(node, rows, group * lanes + l, input.zeroPoint) : undefined;
      word = constantWord(shape, bias, before < outputs ? before : undefined) + word;
    }
    return word;
  });
  const constants = walkRom(b, "constants", constantWords, {
    move: done,
    primed,
    resetN,
    doc: "biases of this group of channels, requantization of the one before",
  });

  const places = tapPlaces(node, channels);
  const zero = literal(0, input.bits);
  const tap = (channel: number, k2: number): Signal => {
    const place = places[channel]?.[k2];
    return place === undefined ? zero : sliceOf(operands, place * input.bits, input.bits);
  };
  const depthwise = node.kind === "depthwiseConv2d";
  const results = range(lanes).map((l) => {
    const optionOf = (group: number, s: number): Signal =>
      concat(range(folding.inputs).map((p) => tap(group * lanes + l, s * folding.inputs + p)));
    const x = depthwise
      ? selectOption(
          b,
          `x${l}`,
          groups * slices > 1 ? weights.index : [],
          range(groups).flatMap((group) => range(slices).map((s) => optionOf(group, s))),
        )
      : selectOption(
          b,
          `x${l}`,
          slice,
          range(slices).map((s) => optionOf(0, s)),
        );
    const y = b.net(`y${l}`, node.output.bits);
    const laneWidth = folding.inputs * shape.weightBits;
    const inputs: InstanceCell["inputs"] = [
      { port: "advance", signal: advance },
      { port: "x", signal: x },
      { port: "w", signal: sliceOf(weights.data, l * laneWidth, laneWidth) },
      { port: "constants", signal: sliceOf(constants.data, l * constantBits(format), constantBits(format)) },
      ...(slices > 1 ? [{ port: "first", signal: firstSummed }] : []),
      { port: "accumulate", signal: accumulate },
    ];
    const outputPins = [{ port: "y", net: y }];
    b.add({ kind: "instance", name: `u_lane${l}`, module: lane.module.name, inputs, outputs: outputPins });
    return b.signal(y);
  });
  const accumulated = b.register("accumulated", done, { enable: advance, resetN, role: "control" });
  const resultValid = delayLine(b, "scaled_valid", accumulated, lane.requantizationLatency, timing);
  const collector = addCollector(b, {
    skidValid,
    value: concat(results),
    valid: resultValid,
    outReady,
    advance,
    resetN,
    groups,
  });
  b.output("s_axis_tready", control.ready);
  b.output("m_axis_tdata", sliceOf(collector.data, 0, outputs * node.output.bits));
  b.output("m_axis_tvalid", collector.valid);
  const latency = steps.steps + k + 1 + lane.requantizationLatency + (groups > 1 ? 2 : 1);
  const top = b.build();
  return { modules: [lane.module, top], stats: statsOf(job, { lane, top, steps, latency }) };
}

function statsOf(
  { node, input, plan, folding, levelsPerStage }: FoldedJob,
  {
    lane,
    top,
    steps,
    latency,
  }: {
    readonly lane: Lane;
    readonly top: Module;
    readonly steps: FoldedSteps;
    readonly latency: number;
  },
): LayerStats {
  const rows = weightRows(node).map(({ weights }) => weights);
  const flat = rows.flat();
  const { lanes, inputs } = folding;
  const windows = plan.output.height * plan.output.width;
  const registerBits = { datapath: 0, window: 0, control: 0, buffer: 0 };
  let [sramBits, romBits, romAccessed] = [0, 0, 0];
  for (const [cells, copies] of [[lane.module.cells, lanes] as const, [top.cells, 1] as const]) {
    for (const cell of cells) {
      if (cell.kind === "register") registerBits[cell.role] += copies * signalWidth(cell.d);
      if (cell.kind === "ram") sramBits += cell.depth * signalWidth(cell.writeData);
      if (cell.kind !== "rom") continue;
      const width = cell.contents[0]!.length;
      romBits += cell.depth * width;
      // Each word is read once a window; the word read is a register of logic and of macros alike.
      romAccessed += cell.depth * width * windows;
      registerBits.datapath += width;
    }
  }
  const isOperand = (cell: Cell): boolean => cell.kind === "mux" && /^x\d+_\d+_\d+(_\d+)?$/.test(cell.name);
  const lineBits = (plan.kernel.height - 1) * input.shape.at(-1)! * input.bits;
  const times = (counts: DatapathCounts): DatapathCounts =>
    range(lanes).reduce((sum) => addCounts(sum, counts), NO_CELLS);
  const timesCells = (counts: CellCounts): CellCounts =>
    range(lanes).reduce((sum) => addCellCounts(sum, counts), NO_CELL_COUNTS);
  return {
    kind: node.kind,
    inputShape: input.shape,
    outputShape: node.output.shape,
    macs: (tapsInside(plan) * flat.length) / (plan.kernel.height * plan.kernel.width),
    weights: flat.length,
    zeroWeights: flat.filter((w) => w === 0).length,
    csdDigits: flat.reduce((sum, w) => sum + csdDigitCount(w), 0),
    additions: 0,
    datapath: times(lane.sums),
    requantization: times(lane.requantization),
    clampCells: timesCells(lane.clampCells),
    controlCells: countCells(top.cells.filter((cell) => !isOperand(cell))),
    registerBits,
    sramBits,
    sramAccessedBitsPerFrame: 2 * lineBits * plan.steps,
    latencyCycles: latency,
    cyclesPerFrame: foldedCyclesPerFrame(plan, steps.steps),
    activeCyclesPerFrame: windows * steps.steps,
    longestAdderPath: Math.max(levelsPerStage, lane.longestAdder),
    parallelism: { kind: "folded", lanes, inputs },
    romBits,
    romAccessedBitsPerFrame: romAccessed,
    selectionCells: addCellCounts(timesCells(lane.selectionCells), countCells(top.cells.filter(isOperand))),
  };
}

/** Bias of an output channel with the input's zero point taken out. */
function biasOf(
  node: WeightedNode,
  rows: readonly (readonly number[])[],
  o: number,
  zeroPoint: number,
): number {
  return node.bias.data[o]! - zeroPoint * rows[o]!.reduce((sum, w) => sum + w, 0);
}

/**
 * Collect the groups' results to a pixel: a buffer of two entries, so that the pipeline never waits for a collector that is just taken
 * over, then a shift register of a pixel that is the output's register too. `m_axis_tready` reaches this register only, no other layer.
 */
function addCollector(
  b: ModuleBuilder,
  {
    skidValid,
    value,
    valid,
    outReady,
    advance,
    resetN,
    groups,
  }: {
    readonly skidValid: Parameters<typeof addOutputBuffer>[1];
    readonly value: Signal;
    readonly valid: Signal;
    readonly outReady: Signal;
    readonly advance: Signal;
    readonly resetN: Signal;
    readonly groups: number;
  },
): { readonly data: Signal; readonly valid: Signal } {
  if (groups === 1) return addOutputBuffer(b, skidValid, { value, valid, ready: outReady, advance, resetN });
  const full = b.net("pixel_valid", 1, "the pixel is complete");
  const ready = b.logic("or", "collector_free", [b.not("pixel_open", b.signal(full)), outReady]);
  const entry = addOutputBuffer(b, skidValid, { value, valid, ready, advance, resetN });
  const take = b.logic("and", "collect", [entry.valid, ready]);
  const bits = counterWidth(groups - 1);
  const net = b.net("collected", bits, `counts 0 to ${groups - 1}: results of this pixel so far`);
  const count = b.signal(net);
  const last = b.compare("equal", "collected_last", count, literal(groups - 1, bits));
  const plus = b.arithmetic("add", "collected_plus_1", count, literal(1, bits));
  const next = b.mux("collected_next", last, literal(0, bits), plus);
  b.registerInto(net, "collected", next, { enable: take, resetN, role: "control" });
  const width = signalWidth(value);
  const pixel = b.net("pixel", groups * width, "results shift in from above");
  const shifted = concat([sliceOf(b.signal(pixel), width, (groups - 1) * width), entry.data]);
  b.registerInto(pixel, "pixel", shifted, { enable: take, role: "buffer" });
  const whole = b.logic("and", "pixel_whole", [take, last]);
  const kept = b.logic("and", "pixel_kept", [b.signal(full), b.not("not_taken", outReady)]);
  b.registerInto(full, "pixel_valid", b.logic("or", "pixel_next", [whole, kept]), {
    resetN,
    role: "control",
  });
  return { data: b.signal(pixel), valid: b.signal(full) };
}
