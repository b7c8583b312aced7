import { wordFormat } from "../../arith/index.js";
import { concat, literal, type ModuleBuilder, repeat, sliceOf } from "../builder.js";
import { addOutputBuffer } from "../controller.js";
import { counterWidth, type InstanceCell, type NetId, type Signal, signalWidth, toBits } from "../netlist.js";
import {
  addConfigurationPort,
  type ConfigurationPort,
  LAYER_PORT,
  type MemoryRegisters,
  wordBits,
} from "../registers.js";
import { connectEnables } from "../stage-enables.js";
import { type Lane, type LaneShape, resize } from "./lane.js";
import type { LinearRequantization } from "./linear-requantization.js";
import type { FoldedSteps, Folding } from "./parallelism.js";
import { registerAddressBits, walkRegisters } from "./register-walk.js";
import type { Requantizer } from "./requantizer.js";
import { delayLine, selectOption, walkRom } from "./sequencer.js";
import { type WeightRows, weightWords } from "./weight-words.js";

/** The parts of a folded layer and what its constants are. */
export type CoreParts = {
  readonly rows: WeightRows;
  /** Bias of each output channel with the input's zero point taken out. */
  readonly biases: readonly number[];
  readonly folding: Folding;
  readonly steps: FoldedSteps;
  readonly laneShape: LaneShape;
  readonly lane: Lane;
  readonly outputBits: number;
  /** Multiplier and offset of each output channel as bits, or the registers that hold them. */
  readonly scales:
    | {
        readonly kind: "constants";
        readonly words: readonly string[];
        readonly formula: LinearRequantization;
      }
    | {
        readonly kind: "registers";
        readonly registers: MemoryRegisters;
        /** By how much the multiplier of each channel is shifted left. */
        readonly leftShifts: readonly number[];
        readonly leftBits: number;
      };
  readonly requantizer: Requantizer;
};

/** Signals that every folded layer has. */
export type CoreSignals = {
  readonly skidValid: NetId;
  readonly advance: Signal;
  readonly primed: Signal;
  readonly resetN: Signal;
  readonly outReady: Signal;
};

/** Progress of the window at work. */
export type Walk = {
  /** A word of weights is used in this cycle. */
  readonly work: Signal;
  /** It is the window's last. */
  readonly finish: Signal;
  readonly weights: Signal;
  /** Number of the word, group · slices + slice; no bits if there is only one. */
  readonly index: Signal;
  readonly slice: Signal;
  readonly firstSlice: Signal;
  readonly lastSlice: Signal;
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Requantizers of a layer: as few as can take the lanes' accumulators before the next ones come. */
export function requantizersOf({ lanes }: Folding, { slices }: FoldedSteps): number {
  for (let count = 1; count < lanes; count++)
    if (lanes % count === 0 && lanes / count <= slices) return count;
  return lanes;
}

/** Add the counters and the weight ROM: one word a cycle while `held`. */
export function addWalk(
  b: ModuleBuilder,
  { rows, folding, steps }: Pick<CoreParts, "rows" | "folding" | "steps">,
  held: Signal,
  { advance, primed, resetN }: CoreSignals,
): Walk {
  const { groups, slices } = steps;
  const work = b.logic("and", "work", [held, advance], "a word of weights is used");
  const doc = "weights, lane by lane in bit planes";
  const words = weightWords(rows, folding, steps);
  const weights = walkRom(b, "weights", words, { move: work, primed, resetN, doc });
  const finish = b.logic("and", "finish", [work, weights.last], "the last word for these operands");
  let slice: Signal = [];
  let lastSlice: Signal = literal(1, 1);
  if (slices > 1 && groups === 1) {
    slice = weights.index;
    lastSlice = weights.last;
  } else if (slices > 1) {
    const bits = counterWidth(slices - 1);
    const net = b.net("slice", bits, `counts 0 to ${slices - 1}: slice of the taps at work`);
    slice = b.signal(net);
    lastSlice = b.compare("equal", "slice_last", slice, literal(slices - 1, bits));
    const plus = b.arithmetic("add", "slice_plus_1", slice, literal(1, bits));
    const next = b.mux("slice_next", lastSlice, literal(0, bits), plus);
    b.registerInto(net, "slice", next, { enable: work, resetN, role: "control" });
  }
  const firstSlice =
    slices > 1 ? b.compare("equal", "slice_first", slice, literal(0, signalWidth(slice))) : literal(1, 1);
  return { work, finish, weights: weights.data, index: weights.index, slice, firstSlice, lastSlice };
}

/**
 * Add lanes, requantization and the collection of a pixel behind a {@link Walk}.
 *
 * @param operands each lane's operands, in the cycle in which its weights are at work
 */
export function addCore(
  b: ModuleBuilder,
  parts: CoreParts,
  walk: Walk,
  signals: CoreSignals,
  operands: readonly Signal[],
): { readonly data: Signal; readonly valid: Signal } {
  const { folding, steps, lane, laneShape, requantizer } = parts;
  const { groups, slices } = steps;
  const { lanes } = folding;
  const { advance, resetN, primed } = signals;
  const timing = { enable: advance, resetN };
  const outputs = parts.rows.length;
  const k = lane.latencyCycles;
  const working = delayLine(b, "summed", walk.work, k, timing);
  const summed = working.at(-1)!;
  const lastSummed =
    slices > 1 ? delayLine(b, "last_summed", walk.lastSlice, k, timing).at(-1)! : walk.lastSlice;
  const firstSummed =
    slices > 1 ? delayLine(b, "first_summed", walk.firstSlice, k, timing).at(-1)! : walk.firstSlice;
  const accumulate = b.logic("and", "accumulate", [advance, summed]);
  const done =
    slices > 1
      ? b.logic("and", "done", [accumulate, lastSummed], "the accumulators are complete")
      : accumulate;
  const { width } = wordFormat(laneShape.accumulator);
  const ports = parts.scales.kind === "registers" ? addPorts(b, parts, parts.scales.registers) : undefined;
  const biases = addBiases(b, parts, ports?.biases, { primed, resetN, move: done });
  // A stage's registers are clocked only when something moves on through them.
  const laneMoves = stageMoves(b, "summed_moves", working, advance);
  const laneBits = folding.inputs * laneShape.weightBits;
  const sums = range(lanes).map((l) => {
    const a = b.net(`a${l}`, width);
    const inputs: InstanceCell["inputs"] = [
      ...connectEnables(lane.module, laneMoves),
      { port: "x", signal: operands[l]! },
      { port: "w", signal: sliceOf(walk.weights, l * laneBits, laneBits) },
      { port: "bias", signal: biases[l]! },
      ...(slices > 1 ? [{ port: "first", signal: firstSummed }] : []),
      { port: "accumulate", signal: accumulate },
    ];
    b.add({
      kind: "instance",
      name: `u_lane${l}`,
      module: lane.module.name,
      inputs,
      outputs: [{ port: "a", net: a }],
    });
    return b.signal(a);
  });
  const accumulated = b.register("accumulated", done, { enable: advance, resetN, role: "control" });

  const perResult = requantizersOf(folding, steps);
  const queue =
    perResult < lanes
      ? addQueue(b, sums, accumulated, { ...timing, perResult })
      : { words: sums, valid: accumulated };
  const results = (groups * lanes) / perResult;
  const scaled = b.logic("and", "scale_taken", [queue.valid, advance]);
  const memory = { outputs, perResult, results, port: ports?.scales };
  const scales = addScales(b, parts.scales, memory, { primed, resetN, move: scaled });
  const scaledAfter = delayLine(b, "scaled", queue.valid, requantizer.latencyCycles, timing);
  const valid = scaledAfter.at(-1)!;
  const requantizerMoves = stageMoves(b, "scaled_moves", scaledAfter, advance);
  const values = queue.words.map((word, l) => {
    const y = b.net(`y${l}`, parts.outputBits);
    const inputs: InstanceCell["inputs"] = [
      ...connectEnables(requantizer.module, requantizerMoves),
      { port: "a", signal: word },
      ...(scales === undefined ? [] : [{ port: "scale", signal: scales[l]! }]),
    ];
    const pins = [{ port: "y", net: y }];
    b.add({
      kind: "instance",
      name: `u_requantize${l}`,
      module: requantizer.module.name,
      inputs,
      outputs: pins,
    });
    return b.signal(y);
  });
  const collected = addCollector(b, {
    ...signals,
    value: concat(values),
    valid,
    groups: results,
    entries: folding.entries ?? 2,
  });
  return { ...collected, data: sliceOf(collected.data, 0, outputs * parts.outputBits) };
}

/** Stage by stage: what is there moves on. */
function stageMoves(
  b: ModuleBuilder,
  name: string,
  present: readonly Signal[],
  advance: Signal,
): (stage: number) => Signal {
  const stages = present.slice(0, -1);
  const moves =
    stages.length === 0 ? [] : b.logic("and", name, [repeat(advance, stages.length), concat(stages)]);
  return (stage) => sliceOf(moves, stage, 1);
}

/** Declare the configuration port of a layer and divide it: multipliers below, biases above. */
function addPorts(
  b: ModuleBuilder,
  { folding, steps }: CoreParts,
  registers: MemoryRegisters,
): { readonly scales: ConfigurationPort; readonly biases: ConfigurationPort } {
  const { addressBits, multiplierBits, biasBits } = registers;
  const port = addConfigurationPort(b, LAYER_PORT, { addressBits, dataBits: wordBits(registers) });
  const isBias = sliceOf(port.address, addressBits - 1, 1);
  const isScale = b.not("cfg_scale", isBias);
  const addressesOf = (columns: number): Signal =>
    sliceOf(port.address, 0, registerAddressBits(steps.groups * folding.lanes, columns));
  return {
    scales: {
      valid: b.logic("and", "cfg_scale_valid", [port.valid, isScale]),
      address: addressesOf(requantizersOf(folding, steps)),
      data: sliceOf(port.data, 0, multiplierBits),
    },
    biases: {
      valid: b.logic("and", "cfg_bias_valid", [port.valid, isBias]),
      address: addressesOf(folding.lanes),
      data: sliceOf(port.data, 0, biasBits),
    },
  };
}

type Moving = Pick<CoreSignals, "primed" | "resetN"> & { readonly move: Signal };

/** Add the memory of what the lanes' sums begin with, one word a lane. */
function addBiases(
  b: ModuleBuilder,
  { biases, folding: { lanes }, steps: { groups }, laneShape: { accumulator } }: CoreParts,
  port: ConfigurationPort | undefined,
  moving: Moving,
): readonly Signal[] {
  const { width } = wordFormat(accumulator);
  const options = { ...moving, doc: "what the sums of a group of channels begin with" };
  if (port !== undefined)
    return walkRegisters(b, "biases", { depth: groups, columns: lanes }, port, options).map((word) =>
      resize(word, width, true),
    );
  const words = range(groups).map((group) =>
    range(lanes)
      .map((l) => toBits(biases[group * lanes + l] ?? 0, width))
      .reverse()
      .join(""),
  );
  const { data } = walkRom(b, "biases", words, options);
  return range(lanes).map((l) => sliceOf(data, l * width, width));
}

/** Add the memory of multipliers and offsets: what it shows for each channel of a result; `undefined` where all channels are alike. */
function addScales(
  b: ModuleBuilder,
  scales: CoreParts["scales"],
  {
    outputs,
    perResult,
    results,
    port,
  }: {
    readonly outputs: number;
    readonly perResult: number;
    readonly results: number;
    readonly port: ConfigurationPort | undefined;
  },
  moving: Moving,
): readonly Signal[] | undefined {
  /** Walk through constants of the channels, as many a word as there are requantizers. */
  const walk = (name: string, constants: readonly string[], doc: string): readonly Signal[] | undefined => {
    const words = range(results).map((result) =>
      range(perResult)
        .map((l) => constants[Math.min(result * perResult + l, outputs - 1)]!)
        .reverse()
        .join(""),
    );
    const bits = words[0]!.length / perResult;
    if (bits === 0) return undefined;
    const { data } = walkRom(b, name, words, { ...moving, doc });
    return range(perResult).map((l) => sliceOf(data, l * bits, bits));
  };
  const doc = "requantization of the channels";
  if (scales.kind === "constants") return walk("scales", scales.words, doc);
  const { leftShifts, leftBits } = scales;
  const lefts = walk(
    "lefts",
    leftShifts.map((left) => toBits(left, leftBits)),
    "shifts of the multipliers",
  );
  const multipliers = walkRegisters(b, "scales", { depth: results, columns: perResult }, port!, {
    ...moving,
    doc,
  });
  return multipliers.map((word, l) => (lefts === undefined ? word : concat([word, lefts[l]!])));
}

/** Take the lanes' accumulators together and give them out some a cycle, lane 0 first. */
function addQueue(
  b: ModuleBuilder,
  sums: readonly Signal[],
  load: Signal,
  {
    enable: advance,
    resetN,
    perResult,
  }: { readonly enable: Signal; readonly resetN: Signal; readonly perResult: number },
): { readonly words: readonly Signal[]; readonly valid: Signal } {
  const one = signalWidth(sums[0]!);
  const width = one * perResult;
  const beats = sums.length / perResult;
  const bits = counterWidth(beats - 1);
  const busy = b.net("queue_busy", 1, "accumulators wait for the requantization");
  const net = b.net("queue_count", bits, `counts 0 to ${beats - 1}: beats of accumulators requantized`);
  const count = b.signal(net);
  const last = b.compare("equal", "queue_last", count, literal(beats - 1, bits));
  const move = b.logic("and", "queue_move", [b.signal(busy), advance]);
  const plus = b.arithmetic("add", "queue_plus_1", count, literal(1, bits));
  const next = b.mux("queue_next", last, literal(0, bits), plus);
  b.registerInto(net, "queue_count", next, { enable: move, resetN, role: "control" });
  const more = b.logic("and", "queue_more", [b.signal(busy), b.not("queue_not_last", last)]);
  const stays = b.logic("or", "queue_stays", [load, more]);
  b.registerInto(busy, "queue_busy", stays, { enable: advance, resetN, role: "control" });
  const queue = b.net("queue", beats * width, "accumulators, the next one lowest");
  const shifted = concat([
    sliceOf(b.signal(queue), width, (beats - 1) * width),
    sliceOf(b.signal(queue), (beats - 1) * width, width),
  ]);
  const d = b.mux("queue_d", load, concat(sums), shifted);
  const enable = b.logic("and", "queue_enable", [
    advance,
    b.logic("or", "queue_any", [load, b.signal(busy)]),
  ]);
  b.registerInto(queue, "queue", d, { enable, role: "datapath" });
  return {
    words: range(perResult).map((i) => sliceOf(b.signal(queue), i * one, one)),
    valid: b.signal(busy),
  };
}

/** Let results wait in order: each new one shifts the others on, and the oldest is chosen by their number. */
function addEntries(
  b: ModuleBuilder,
  {
    skidValid,
    value,
    valid,
    advance,
    resetN,
    entries,
  }: CoreSignals & { readonly value: Signal; readonly valid: Signal; readonly entries: number },
  take: NetId,
): { readonly data: Signal; readonly valid: Signal } {
  const bits = counterWidth(entries);
  const net = b.net("waiting", bits, `counts 0 to ${entries}: results that wait`);
  const count = b.signal(net);
  const push = b.logic("and", "entry_push", [advance, valid]);
  const shown = range(entries).reduce<Signal[]>((older) => {
    const d = older.at(-1) ?? value;
    const name = `entry${older.length}`;
    return [...older, b.register(name, d, { enable: push, role: "buffer" })];
  }, []);
  const index = b.arithmetic("sub", "waiting_less_1", count, literal(1, bits));
  const data = selectOption(b, "oldest", index, shown);
  const full = b.compare("equal", "entries_full", count, b.constant("entries", entries, bits));
  b.add({ kind: "assign", name: "skid_valid", a: full, y: skidValid });
  const some = b.not("entries_some", b.compare("equal", "entries_none", count, literal(0, bits)));
  const more = b.arithmetic("add", "waiting_plus_1", count, literal(1, bits));
  const changes = b.logic("xor", "waiting_changes", [push, b.signal(take)]);
  const next = b.mux("waiting_next", push, more, index);
  b.registerInto(net, "waiting", next, { enable: changes, resetN, role: "control" });
  return { data, valid: some };
}

/**
 * Collect results to a pixel: a few entries, so that the pipeline need not wait for a pixel that is being taken over, then a shift
 * register that is the output's register too. `m_axis_tready` reaches this register only, no other layer.
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
    primed,
    groups,
    entries,
  }: CoreSignals & {
    readonly value: Signal;
    readonly valid: Signal;
    readonly groups: number;
    readonly entries: number;
  },
): { readonly data: Signal; readonly valid: Signal } {
  if (groups === 1) return addOutputBuffer(b, skidValid, { value, valid, ready: outReady, advance, resetN });
  const full = b.net("pixel_valid", 1, "the pixel is complete");
  const ready = b.logic("or", "collector_free", [b.not("pixel_open", b.signal(full)), outReady]);
  const collect = b.net("collect", 1, "the collector takes a result");
  const signals = { skidValid, advance, resetN, primed, outReady };
  const entry = addEntries(b, { ...signals, value, valid, entries }, collect);
  b.add({ kind: "and", name: "collect", operands: [entry.valid, ready], y: collect });
  const take = b.signal(collect);
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
