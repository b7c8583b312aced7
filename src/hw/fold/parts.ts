import { type ClockTarget, type Interval, interval, wordFormat } from "../../arith/index.js";
import { FixynnError } from "../../core/index.js";
import {
  accumulatorInterval,
  biasRegisterRange,
  type ConstantRequantization,
  type ProgrammableRequantization,
  type QuantType,
} from "../../quant/index.js";
import { type WeightedNode, weightRows } from "../layer-datapath.js";
import { biasedHull } from "../register-datapath.js";
import { buildRegisterRequantizer, leftShiftBits } from "../register-requantizer.js";
import { type MemoryRegisters, resultInterval } from "../registers.js";
import type { WindowPlan } from "../window-plan.js";
import { type CoreParts, requantizersOf } from "./core.js";
import { buildLane, type LaneShape } from "./lane.js";
import { linearRequantization } from "./linear-requantization.js";
import { type FoldedSteps, type Folding, foldedSteps } from "./parallelism.js";
import { registerAddress, registerAddressBits } from "./register-walk.js";
import { accumulatorHull, buildRequantizer, type RequantizerShape, scaleWord } from "./requantizer.js";
import { weightFormat } from "./weight-words.js";

/** A layer to fold. */
export type FoldedJob = {
  readonly name: string;
  readonly node: WeightedNode;
  readonly input: QuantType;
  /** Integers that the input can take, zero point included. */
  readonly inputRange: Interval;
  readonly plan: WindowPlan;
  readonly folding: Folding;
  readonly clock: ClockTarget;
};

/** Tell whether a layer can keep its window in the memory: depthwise with one output a channel, one tap at a time, more taps than one. */
export function isSerialDepthwise({ node, plan, folding }: FoldedJob): boolean {
  const taps = plan.kernel.height * plan.kernel.width;
  return node.kind === "depthwiseConv2d" && node.weights.shape[3] === 1 && folding.inputs === 1 && taps > 1;
}

/** Refuse more lanes than output channels, or more inputs than each of them reads. */
function checkFolding(
  { lanes, inputs }: Folding,
  { outputs, taps }: { readonly outputs: number; readonly taps: number },
  place: string,
): void {
  if (lanes <= outputs && inputs <= taps) return;
  throw new FixynnError("FX5043", `${lanes} lanes of ${inputs} inputs are more than the layer has work for`, {
    place,
    hint: `at most ${outputs} lanes of ${taps} inputs`,
  });
}

/** Make what all folded forms of a layer have in common: the lane, the requantizer and their constants. */
export function foldedParts(job: FoldedJob): CoreParts {
  const { name, node, input, inputRange, folding, clock } = job;
  const rows = weightRows(node).map(({ weights }) => weights);
  checkFolding(folding, { outputs: rows.length, taps: rows[0]!.length }, node.name);
  const steps = foldedSteps(folding, rows.length, rows[0]!.length);
  const { bits, signed } = weightFormat(rows);
  const { requantization } = node;
  const constants = rows.map((row) => -input.zeroPoint * row.reduce((sum, w) => sum + w, 0));
  const { accumulator, ...requantizing } =
    requantization.mode === "programmable"
      ? registerParts(job, { ...node, requantization }, { steps, biasConstants: constants })
      : constantParts(job, { ...node, requantization });
  const laneShape: LaneShape = {
    inputs: folding.inputs,
    inputBits: input.bits,
    inputRange,
    weightBits: bits,
    signedWeights: signed,
    slices: steps.slices,
    // A tap comes from a memory and through the choice of the mask; other operands from a register.
    operandLevels: isSerialDepthwise(job) ? Math.ceil(Math.log2(steps.slices)) : 0,
    accumulator,
    clock,
  };
  const lane = buildLane(
    `${name}_lane`,
    [
      `One lane of folded layer "${node.name}": ${folding.inputs} multiplier(s) and an accumulator.`,
      "x and w belong to one cycle; bias, first and accumulate to the cycle in which their sum is there.",
    ],
    laneShape,
  );
  const biases = constants.map((constant, o) => node.bias.data[o]! + constant);
  return { rows, biases, folding, steps, laneShape, lane, outputBits: node.output.bits, ...requantizing };
}

/** What differs between constant and programmable requantization. */
type Requantizing = Pick<CoreParts, "scales" | "requantizer"> & {
  readonly accumulator: Interval;
};

function constantParts(
  { name, input, inputRange, clock }: FoldedJob,
  node: WeightedNode & { readonly requantization: ConstantRequantization },
): Requantizing {
  const bounds = { low: Number(inputRange.low), high: Number(inputRange.high) };
  const { low, high } = accumulatorInterval(node, { ...input, range: bounds });
  const { zeroPoint } = node.output;
  const { clamp } = node;
  const shape: RequantizerShape = {
    low: [...low],
    high: [...high],
    formula: linearRequantization(node.requantization, { low, high }, { zeroPoint, clamp, place: node.name }),
    clamp,
    outputBits: node.output.bits,
    clock,
  };
  const doc = [
    `Requantization of folded layer "${node.name}": (m * a + c) >> ${shape.formula.shift}, then the clamp to ` +
      `${clamp.low}..${clamp.high}; equal to the network's for every accumulator that can come.`,
  ];
  return {
    scales: {
      kind: "constants",
      words: shape.low.map((_, channel) => scaleWord(shape, channel)),
      formula: shape.formula,
    },
    requantizer: buildRequantizer(`${name}_requantize`, doc, shape),
    accumulator: accumulatorHull(shape),
  };
}

function registerParts(
  { name, input, inputRange, folding, clock }: FoldedJob,
  node: WeightedNode & { readonly requantization: ProgrammableRequantization },
  { steps, biasConstants }: { readonly steps: FoldedSteps; readonly biasConstants: readonly number[] },
): Requantizing {
  const { clamp, output, requantization } = node;
  const { shifts, multiplierBits, signed } = requantization;
  const shift = Math.max(...shifts);
  const leftShifts = Array.from(shifts, (own) => shift - own);
  const mostLeft = Math.max(...leftShifts);
  const hull = biasedHull(node, { type: input, range: inputRange });
  const accumulator = interval(hull.low, hull.high);
  // Channels beyond the last have words too, which nobody needs.
  const channels = steps.groups * folding.lanes;
  const columns = requantizersOf(folding, steps);
  const region = Math.max(
    registerAddressBits(channels, columns),
    registerAddressBits(channels, folding.lanes),
  );
  const biases = biasRegisterRange(requantization);
  // Two's complement, even if the constants leave no negative sum.
  const least = Math.min(-1, biases.low + Math.min(...biasConstants));
  const registers: MemoryRegisters = {
    kind: "memories",
    multiplierBits,
    biasBits: wordFormat(interval(least, Math.max(0, biases.high + Math.max(...biasConstants)))).width,
    addressBits: region + 1,
    addresses: leftShifts.map((_, channel) => registerAddress(channel, columns)),
    biasAddresses: leftShifts.map((_, channel) => 2 ** region + registerAddress(channel, folding.lanes)),
    biasConstants,
  };
  const doc = [
    `Requantization of folded layer "${node.name}": (m * 2^left * a + c) >> ${shift} with m from a register, then the clamp to ` +
      `${clamp.low}..${clamp.high}.`,
  ];
  const rounding = (1n << BigInt(shift - 1)) + (BigInt(output.zeroPoint) << BigInt(shift));
  return {
    scales: { kind: "registers", registers, leftShifts, leftBits: leftShiftBits(mostLeft) },
    requantizer: buildRegisterRequantizer(`${name}_requantize`, doc, {
      ...{ sum: accumulator, multiplierBits, signed, offset: rounding, shift, mostLeft },
      result: resultInterval(requantization, output, hull),
      ...{ clamp, outputBits: output.bits, clock },
    }),
    accumulator,
  };
}
