import { AdderGraphBuilder, type AdderNodeId, type Interval, interval, wordFormat } from "../arith/index.js";
import {
  accumulatorInterval,
  type ProgrammableRequantization,
  type QuantType,
  weightedSumInterval,
} from "../quant/index.js";
import { concat, ModuleBuilder, sliceOf } from "./builder.js";
import { addCellCounts, type CellCounts, countCells, NO_CELL_COUNTS } from "./cell-counts.js";
import { addCounts, type DatapathCounts, NO_CELLS } from "./datapath-plan.js";
import type { Requantizer } from "./fold/requantizer.js";
import {
  addWeightedSums,
  countWeights,
  DATAPATH_NAMES,
  type DatapathOptions,
  type DatapathPart,
  graphDatapath,
  type LayerDatapath,
  type Row,
  type WeightedNode,
  weightRows,
  windowInputs,
  zeroPointConstant,
} from "./layer-datapath.js";
import { counterWidth, type Module, type Signal } from "./netlist.js";
import { buildRegisterRequantizer } from "./register-requantizer.js";
import {
  addConfigurationPort,
  isAddressed,
  LAYER_PORT,
  offsetInterval,
  resultInterval,
  type WordRegisters,
  wordBits,
} from "./registers.js";
import { connectEnables, enablePorts } from "./stage-enables.js";

type ProgrammableNode = WeightedNode & { readonly requantization: ProgrammableRequantization };
type Source = { readonly type: QuantType; readonly range: Interval };

/** Hull of the accumulators of a programmable layer's channels, for any input and any registers. */
export function biasedHull(node: ProgrammableNode, { type, range }: Source): { low: number; high: number } {
  const bounds = { low: Number(range.low), high: Number(range.high) };
  const { low, high } = accumulatorInterval(node, { ...type, range: bounds });
  return { low: Math.min(...low), high: Math.max(...high) };
}

/** Hull of the weighted sums without biases. */
function sumHull(node: ProgrammableNode, { type, range }: Source): Interval {
  const bounds = { low: Number(range.low), high: Number(range.high) };
  const { low, high } = weightedSumInterval(node, { ...type, range: bounds });
  return interval(Math.min(...low), Math.max(...high));
}

/** The constant matrix of a layer by itself: sums without bias, all as wide as the widest. */
function sumsDatapath(
  name: string,
  node: WeightedNode,
  rows: readonly Row[],
  { type, range, sum }: Source & { readonly sum: Interval },
  options: DatapathOptions,
): LayerDatapath {
  const channels = type.shape.at(-1)!;
  const builder = new AdderGraphBuilder();
  const inputs = windowInputs(builder, rows, channels, range);
  const sums = addWeightedSums(builder, rows, {
    inputs,
    channels,
    isZero: () => false,
    constantOf: (r) => BigInt(zeroPointConstant(rows[r]!, type.zeroPoint)),
  });
  return graphDatapath(name, builder.build(name, sums), {
    ...options,
    module: `${name}_sums`,
    clamp: { low: Number(sum.low), high: Number(sum.high) },
    outputBits: wordFormat(sum).width,
    // A register follows.
    outputDelayPs: 0,
    inputBits: type.bits,
    inputChannels: channels,
    lastSum: Math.max(-1, ...sums) as AdderNodeId,
    doc: (registers) => [
      `Weighted sums of layer "${node.name}" (${node.kind}, weights ${node.weights.shape.join("x")}), without biases.`,
      `Full adders, many of them shared; a constant of each sum holds -${type.zeroPoint} times its weights' sum. ` +
        `${registers} pipeline register(s) in a row.`,
      DATAPATH_NAMES,
    ],
  });
}

/**
 * Make the datapath of a weighted layer whose normalization is programmable: the constant matrix, a register for each sum, and for each
 * output a small multiplier with its registers. Sums and shifts are constants; multipliers and offsets are written through the
 * configuration port. One module a shift serves all channels.
 */
export function registerDatapath(
  name: string,
  node: ProgrammableNode,
  input: Source,
  options: DatapathOptions,
): LayerDatapath {
  const rows = weightRows(node);
  const { clamp, output, requantization } = node;
  const { multiplierBits, signed } = requantization;
  const sum = sumHull(node, input);
  const result = resultInterval(requantization, output, biasedHull(node, input));
  const offset = offsetInterval(requantization, output);
  const registers: WordRegisters = {
    kind: "words",
    multiplierBits,
    offsetBits: wordFormat(offset).width,
    addressBits: counterWidth(rows.length - 1),
    addresses: rows.map((_, c) => c),
  };
  const sums = sumsDatapath(name, node, rows, { ...input, sum }, options);
  const sumBits = wordFormat(sum).width;

  const inner: Module[] = [...sums.parts[0]!.inner, sums.parts[0]!.module];
  const byShift = new Map<number, Requantizer>();
  for (const shift of [...new Set(requantization.shifts)].sort((a, b) => a - b)) {
    const doc = [
      `Requantization of layer "${node.name}" with registers: (m * a + c) >> ${shift}, then the clamp to ${clamp.low}..${clamp.high}.`,
    ];
    const bounds = { sum, multiplierBits, signed, offset, result };
    const shape = { ...bounds, shift, mostLeft: 0, clamp, outputBits: output.bits, clock: options.clock };
    const made = buildRegisterRequantizer(`${name}_requantize${shift}`, doc, shape);
    byShift.set(shift, made);
    inner.push(made.module);
  }

  const b = new ModuleBuilder(`${name}_datapath`, [
    `Datapath of layer "${node.name}" with programmable normalization: constant weights, a multiplier and an offset of each output`,
    `in registers (address: the output's number; multiplier in the low ${multiplierBits} bits, offset above it).`,
  ]);
  b.clock("aclk");
  const enable = enablePorts(b);
  const words = rowsToWords(rows, input.type);
  const x = b.input("x", words * input.type.bits, `${words} integers of ${input.type.bits} bits, registered`);
  const port = addConfigurationPort(b, LAYER_PORT, { ...registers, dataBits: wordBits(registers) });
  const found = b.net("sums", rows.length * sumBits);
  const { module } = sums.parts[0]!;
  b.add({
    kind: "instance",
    name: `u_${module.name}`,
    module: module.name,
    inputs: [...connectEnables(module, enable), { port: "x", signal: x }],
    outputs: [{ port: "y", net: found }],
  });
  const doc = "weighted sums of this window";
  const held = b.register("held_sums", b.signal(found), {
    enable: enable(sums.latencyCycles),
    role: "datapath",
    doc,
  });
  const values = rows.map((_, c): Signal => {
    const write = isAddressed(b, `write${c}`, port, c);
    const scale = b.register(`scale${c}`, port.data, { enable: write, role: "configuration" });
    const y = b.net(`y${c}`, output.bits);
    const requantizer = byShift.get(requantization.shifts[c]!)!.module;
    b.add({
      kind: "instance",
      name: `u_requantize${c}`,
      module: requantizer.name,
      inputs: [
        ...connectEnables(requantizer, enable, sums.latencyCycles + 1),
        { port: "a", signal: sliceOf(held, c * sumBits, sumBits) },
        { port: "scale", signal: scale },
      ],
      outputs: [{ port: "y", net: y }],
    });
    return b.signal(y);
  });
  b.output("y", concat(values), `${rows.length} integers of ${output.bits} bits`);
  const made = b.build();

  const used = [...requantization.shifts].map((shift) => byShift.get(shift)!);
  const part: DatapathPart = {
    module: made,
    inner,
    inputChannels: [0, input.type.shape.at(-1)!],
    outputChannels: [0, rows.length],
    counts: sums.parts[0]!.counts,
    requantizationCounts: used.reduce<DatapathCounts>((n, { counts }) => addCounts(n, counts), NO_CELLS),
    // The decoder of the addresses is no control of the data.
    otherCells: [countCells(made.cells), ...used.map(({ otherCells }) => otherCells)].reduce<CellCounts>(
      addCellCounts,
      sums.parts[0]!.otherCells ?? NO_CELL_COUNTS,
    ),
  };
  const [first] = used;
  return {
    ...sums,
    ...countWeights(rows),
    parts: [part],
    latencyCycles: sums.latencyCycles + 1 + first!.latencyCycles,
    longestPath: Math.max(sums.longestPath, ...used.map(({ longestPath }) => longestPath)),
    registers,
  };
}

/** Words of a window. */
function rowsToWords(rows: readonly Row[], { shape }: QuantType): number {
  return (rows[0]!.weights.length / rows[0]!.channels[1]) * shape.at(-1)!;
}
